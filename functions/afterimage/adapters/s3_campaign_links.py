"""A campaign's folder as its owner reaches it: addresses that open it for five minutes, and what lies there."""

from __future__ import annotations

from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.adapters.s3_gallery import PRESIGNED_TTL_S
from afterimage.domain.errors import StoreUnavailableError

# Two hundred contact sheets hold more than anybody looks at.
_MOST_NAMES = 1000


class S3CampaignLinks:
    """Implements `campaign_ports.CampaignLinks`. The client needs `s3_gallery.PRESIGN_CONFIG`."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def upload(self, key: str, content_type: str, most_bytes: int) -> tuple[str, dict[str, str]]:
        """Return address and fields of a form. S3 itself refuses another key, another type and a larger file."""
        form = self._client.generate_presigned_post(
            Bucket=self._bucket,
            Key=key,
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, most_bytes]],
            ExpiresIn=PRESIGNED_TTL_S,
        )
        return str(form["url"]), dict(form["fields"])

    def download(self, key: str, name: str) -> str:
        """Return an address under which a browser saves the object and opens nothing of it."""
        url: str = self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ResponseContentDisposition": f'attachment; filename="{name}"',
            },
            ExpiresIn=PRESIGNED_TTL_S,
        )
        return url

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return names right under the prefix, without those in folders below it."""
        with unavailable_as(StoreUnavailableError):
            page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, Delimiter="/", MaxKeys=_MOST_NAMES)
        return tuple(entry["Key"].removeprefix(prefix) for entry in page.get("Contents", ()))
