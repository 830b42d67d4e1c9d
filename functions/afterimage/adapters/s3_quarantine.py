"""Pictures in quarantine, and those that requests begin from, read for an admin. Nothing here presigns: no address of
such a picture ever exists."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.domain.errors import InvalidResultError, StoreUnavailableError
from afterimage.domain.job import JobId, input_key

# To whoever may not list the bucket, S3 says of a missing object that it is forbidden.
_MISSING = frozenset({"NoSuchKey", "404", "AccessDenied", "403"})
_PREFIX = "quarantine/"


class S3Quarantine:
    """Implements `ports.Quarantine`."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self, key: str) -> bytes:
        """Return an object below `quarantine/`, and no other."""
        if not key.startswith(_PREFIX):
            raise InvalidResultError()
        return self._read(key)

    def read_input(self, job_id: JobId, start: int, most_bytes: int) -> bytes:
        """Return a part of the job's copy of its input picture."""
        return self._read(input_key(job_id), Range=f"bytes={start}-{start + most_bytes - 1}")

    def _read(self, key: str, **part: str) -> bytes:
        try:
            with unavailable_as(StoreUnavailableError):
                body: bytes = self._client.get_object(Bucket=self._bucket, Key=key, **part)["Body"].read()
        except ClientError as exc:
            if error_code(exc) in _MISSING:
                raise InvalidResultError() from exc
            raise
        return body
