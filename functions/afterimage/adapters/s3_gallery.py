"""Pictures in S3: copied out of quarantine with their tags, read for a mail, opened by a presigned URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from botocore.config import Config
from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.domain.errors import InvalidResultError, StoreUnavailableError

# boto3 still presigns with SigV2 in some regions. The regional host comes with `virtual` only, and without it the URL
# of a young bucket is redirected to a host that its signature does not name; an IP address keeps the path style.
PRESIGN_CONFIG = Config(
    signature_version="s3v4", s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
)
PRESIGNED_TTL_S = 300
# 403 is what HEAD says of a missing object to whoever may not list the bucket.
_GONE = frozenset({"NoSuchKey", "404", "403", "NotFound"})
# A tag takes few characters and 256 of them; one of the model's own name must not cost a picture that is made.
_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9 +\-=._:/@]")
_MAX_TAG_CHARACTERS = 256


class S3Gallery:
    """Implements `ports.Gallery`, and presigns for the HTTP functions."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def publish(self, quarantined_key: str, key: str, size_bytes: int | None, tags: Mapping[str, str]) -> None:
        """Copy an object with these tags; a second copy gives the same. Raises InvalidResultError for a wrong one."""
        source = {"Bucket": self._bucket, "Key": quarantined_key}
        tagging = urlencode({name: _NOT_IN_TAGS.sub("-", text)[:_MAX_TAG_CHARACTERS] for name, text in tags.items()})
        try:
            with unavailable_as(StoreUnavailableError):
                if size_bytes is not None and self._client.head_object(**source)["ContentLength"] != size_bytes:
                    raise InvalidResultError()
                self._client.copy_object(
                    Bucket=self._bucket, Key=key, CopySource=source, TaggingDirective="REPLACE", Tagging=tagging
                )
        except ClientError as exc:
            if error_code(exc) in _GONE:
                raise InvalidResultError() from exc
            raise

    def read_thumbnail(self, key: str) -> bytes:
        """Return a published thumbnail (JPEG, a few kilobytes)."""
        with unavailable_as(StoreUnavailableError):
            body: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return body

    def presign(self, key: str) -> str:
        """Return a URL that opens `key` for five minutes; it dies with this role's session, hence so short."""
        url: str = self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=PRESIGNED_TTL_S
        )
        return url
