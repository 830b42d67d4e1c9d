"""Everything that lies in the bucket under one job: the tombstone that stops its work, and the erasing of the rest."""

from __future__ import annotations

from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.adapters.s3_erasing import delete, keys_below
from afterimage.domain.errors import StoreUnavailableError
from afterimage.domain.job import JobId

# What SageMaker wrote is found by its location; nothing else of the bucket may be named by one.
_INFERENCE = ("inference/output/", "inference/failure/")


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
            keys += keys_below(self._client, self._bucket, prefix)
        delete(self._client, self._bucket, [key for key in keys if key != _tombstone(job_id)])


def _tombstone(job_id: JobId) -> str:
    return f"jobs/{job_id}/cancel"
