"""Everything that lies in the bucket under one job: the tombstone that stops its work, and the erasing of the rest."""

from __future__ import annotations

from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.domain.errors import StoreUnavailableError
from afterimage.domain.job import JobId

# What SageMaker wrote is found by its location; nothing else of the bucket may be named by one.
_INFERENCE = ("inference/output/", "inference/failure/")
_AT_ONCE = 1000  # of DeleteObjects


class S3JobObjects:
    """Implements `ports.JobObjects`."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put_tombstone(self, job_id: JobId) -> None:
        """Write the empty object that the container looks for before it begins and between its steps."""
        with unavailable_as(StoreUnavailableError):
            self._client.put_object(Bucket=self._bucket, Key=_tombstone(job_id), Body=b"")

    def erase(self, job_id: JobId, gallery: str, locations: tuple[str, ...]) -> None:
        """Delete everything under the job's prefixes but the tombstone, and its inferences' objects."""
        own = f"s3://{self._bucket}/"
        named = [location.removeprefix(own) for location in locations if location.startswith(own)]
        keys = [key for key in named if key.startswith(_INFERENCE)]
        for prefix in (f"jobs/{job_id}/", f"quarantine/{job_id}/", f"images/{gallery}/"):
            keys += self._keys_below(prefix)
        doomed = [key for key in keys if key != _tombstone(job_id)]
        for start in range(0, len(doomed), _AT_ONCE):
            self._delete(doomed[start : start + _AT_ONCE])

    def _keys_below(self, prefix: str) -> list[str]:
        found: list[str] = []
        page: dict[str, Any] = {"IsTruncated": True}
        while page["IsTruncated"]:
            more = {"ContinuationToken": page["NextContinuationToken"]} if found else {}
            with unavailable_as(StoreUnavailableError):
                page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **more)
            found += [entry["Key"] for entry in page.get("Contents", ())]
        return found

    def _delete(self, keys: list[str]) -> None:
        """Delete; S3 answers 200 and lists what it did not delete."""
        with unavailable_as(StoreUnavailableError):
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        if answer.get("Errors"):
            raise StoreUnavailableError()


def _tombstone(job_id: JobId) -> str:
    return f"jobs/{job_id}/cancel"
