"""Deleting by the thousand, for whoever erases a part of the bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.domain.errors import StoreUnavailableError

_AT_ONCE = 1000  # of DeleteObjects, and of a page of ListObjectsV2


def keys_below(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    """Yield every key under a prefix, a page in memory at a time. Raises StoreUnavailableError."""
    page: dict[str, Any] = {"IsTruncated": True}
    while page["IsTruncated"]:
        more = {"ContinuationToken": page["NextContinuationToken"]} if "NextContinuationToken" in page else {}
        with unavailable_as(StoreUnavailableError):
            page = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, **more)
        for entry in page.get("Contents", ()):
            yield entry["Key"]


def delete(s3: Any, bucket: str, keys: Sequence[str]) -> None:
    """Delete objects; one that is gone already is as good. Raises StoreUnavailableError, also for what S3 did not
    delete: it answers 200 and lists that."""
    for start in range(0, len(keys), _AT_ONCE):
        doomed = [{"Key": key} for key in keys[start : start + _AT_ONCE]]
        with unavailable_as(StoreUnavailableError):
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": doomed, "Quiet": True})
        if answer.get("Errors"):
            raise StoreUnavailableError()
