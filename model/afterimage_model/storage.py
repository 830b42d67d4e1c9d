"""Where pictures go and where the tombstone of a cancelled job is looked for: one bucket of S3."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from afterimage_model.errors import InvalidDocument, OutsideLimits, StorageFailed

MOST_ADAPTER_BYTES = 512 * 2**20
PICTURE_PREFIX = "quarantine/"
JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
OUTPUT_PREFIX = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/((?:[A-Za-z0-9_=-][A-Za-z0-9_.=-]*/)+)")


class Storage(Protocol):
    """What generating a job needs of a store of objects."""

    def put(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        """Write one object, replacing what is there. Raises StorageFailed."""

    def exists(self, bucket: str, key: str) -> bool:
        """Whether the object is there. Raises StorageFailed when that cannot be told."""

    def get(self, bucket: str, key: str, most_bytes: int) -> bytes | None:
        """The object, or its first `most_bytes` and one more; None when it is not there. Raises StorageFailed."""


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A bucket and a key prefix that ends with a slash."""

    bucket: str
    prefix: str


def parse_destination(output_prefix: str, allowed_bucket: str | None) -> Destination:
    """Split `s3://bucket/prefix/`, and hold it to the server's bucket and to the quarantine.

    Pictures are unreviewed, so they may lie only where no presigning role can read. Raises OutsideLimits.
    """
    match = OUTPUT_PREFIX.fullmatch(output_prefix)
    if match is None:
        raise OutsideLimits("output_prefix must look like s3://bucket/quarantine/job/ and hold plain characters only")
    bucket, prefix = match.groups()
    if allowed_bucket is not None and bucket != allowed_bucket:
        raise OutsideLimits("output_prefix must lie in the bucket that this server writes to")
    if not prefix.startswith(PICTURE_PREFIX):
        raise OutsideLimits(f"output_prefix must begin with {PICTURE_PREFIX} inside its bucket")
    return Destination(bucket=bucket, prefix=prefix)


def adapter_files(place: str, storage: Storage) -> Callable[[str], bytes | None]:
    """What reads the file of an adapter's key below `place`, a folder or `s3://bucket/prefix/`."""
    if not place.startswith("s3://"):
        return lambda key: _file(Path(place), f"{key}.safetensors")
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return lambda key: storage.get(bucket, f"{prefix.rstrip('/')}/{key}.safetensors".lstrip("/"), MOST_ADAPTER_BYTES)


def _file(folder: Path, name: str) -> bytes | None:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return None
    return path.read_bytes()


def tombstone_key(job_id: str) -> str:
    """The key whose existence cancels the job. Raises InvalidDocument for an id that is no plain name."""
    if JOB_ID.fullmatch(job_id) is None:
        raise InvalidDocument("job_id must be 1 to 80 letters, digits, hyphens or underscores")
    return f"jobs/{job_id}/cancel"


class S3Storage:
    """S3 by boto3's default chain of credentials; AWS_ENDPOINT_URL names another endpoint, as everywhere.

    Needs s3:PutObject on `quarantine/*` and `jobs/*/progress.json`, and s3:GetObject on `jobs/*`. Without
    s3:ListBucket S3 answers 403 for a missing object; that too means "no tombstone".
    """

    @cached_property
    def _client(self) -> Any:
        import boto3  # a start without S3 (inline pictures only) needs neither region nor credentials
        from botocore.config import Config

        retries = {"mode": "standard", "max_attempts": 4}
        return boto3.Session().client("s3", config=Config(retries=retries, connect_timeout=5, read_timeout=30))

    def put(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        """Write one object. Raises StorageFailed, with boto3's reason as its cause."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)
        except (BotoCoreError, ClientError) as exc:
            raise StorageFailed(f"{key.rsplit('/', 1)[-1]} could not be stored") from exc

    def get(self, bucket: str, key: str, most_bytes: int) -> bytes | None:
        """Read with GetObject, never more than `most_bytes` and one. Raises StorageFailed, with its cause."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return bytes(self._client.get_object(Bucket=bucket, Key=key)["Body"].read(most_bytes + 1))
        except ClientError as exc:
            if exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in (403, 404):
                return None
            raise StorageFailed("an object could not be read") from exc
        except BotoCoreError as exc:
            raise StorageFailed("an object could not be read") from exc

    def exists(self, bucket: str, key: str) -> bool:
        """Ask with HeadObject. Raises StorageFailed, with boto3's reason as its cause."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.head_object(Bucket=bucket, Key=key)
        except ClientError as exc:
            if exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in (403, 404):
                return False
            raise StorageFailed("the tombstone could not be looked for") from exc
        except BotoCoreError as exc:
            raise StorageFailed("the tombstone could not be looked for") from exc
        return True
