"""A campaign's folder in the bucket: files of any size, read and written a part at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.adapters.s3_erasing import delete, keys_below
from afterimage.domain.errors import CampaignNotFoundError, StoreUnavailableError

# S3 takes parts of 5 MiB and more, at most 10,000 of them: files up to 80 GB, with one part in memory.
PART_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 256 * 1024
_ERASED_AT_ONCE = 1000
# To whoever may not list the bucket S3 says of a missing object that it is forbidden; a HEAD has no body to say so in.
_MISSING = frozenset({"NoSuchKey", "404", "AccessDenied", "403"})


class S3CampaignFiles:
    """Implements `campaign_ports.CampaignFiles`."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self, key: str) -> Iterator[bytes]:
        """Yield an object from its beginning; the call itself tells whether it is there."""
        return self._chunks(self._body(key))

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return a part of an object."""
        if length == 0:
            return b""
        return b"".join(self._chunks(self._body(key, Range=f"bytes={start}-{start + length - 1}")))

    def size(self, key: str) -> int | None:
        """Return how many bytes an object has, None for none."""
        try:
            with unavailable_as(StoreUnavailableError):
                return int(self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"])
        except ClientError as exc:
            if error_code(exc) in _MISSING:
                return None
            raise

    def write(self, key: str, body: Iterable[bytes], content_type: str) -> None:
        """Store an object: in one call when it fits a part. Nothing is seen of it until all of it is there."""
        parts = _in_parts(body)
        first = next(parts, b"")
        second = next(parts, None)
        if second is None:
            with unavailable_as(StoreUnavailableError):
                self._client.put_object(Bucket=self._bucket, Key=key, Body=first, ContentType=content_type)
            return
        self._write_parts(key, [first, second], parts, content_type)

    def _write_parts(self, key: str, begun: list[bytes], rest: Iterator[bytes], content_type: str) -> None:
        place = {"Bucket": self._bucket, "Key": key}
        with unavailable_as(StoreUnavailableError):
            upload = self._client.create_multipart_upload(**place, ContentType=content_type)["UploadId"]
        sent: list[dict[str, Any]] = []
        try:
            while begun:
                self._send_part(place | {"UploadId": upload}, sent, begun.pop(0))
            for part in rest:
                self._send_part(place | {"UploadId": upload}, sent, part)
            with unavailable_as(StoreUnavailableError):
                self._client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": sent})
        except BaseException:
            # Parts of an upload that nobody ends are stored, and paid for, until the bucket's lifecycle ends it.
            with suppress(ClientError, StoreUnavailableError), unavailable_as(StoreUnavailableError):
                self._client.abort_multipart_upload(**place, UploadId=upload)
            raise

    def _send_part(self, upload: dict[str, Any], sent: list[dict[str, Any]], part: bytes) -> None:
        number = len(sent) + 1
        with unavailable_as(StoreUnavailableError):
            answer = self._client.upload_part(**upload, PartNumber=number, Body=part)
        sent.append({"PartNumber": number, "ETag": answer["ETag"]})

    def erase(self, prefix: str) -> None:
        """Delete everything under a prefix, a thousand at a time."""
        page: list[str] = []
        for key in keys_below(self._client, self._bucket, prefix):
            page.append(key)
            if len(page) == _ERASED_AT_ONCE:
                delete(self._client, self._bucket, page)
                page = []
        delete(self._client, self._bucket, page)

    def _body(self, key: str, **part: str) -> Any:
        try:
            with unavailable_as(StoreUnavailableError):
                return self._client.get_object(Bucket=self._bucket, Key=key, **part)["Body"]
        except ClientError as exc:
            if error_code(exc) in _MISSING:
                raise CampaignNotFoundError() from exc
            raise

    @staticmethod
    def _chunks(body: Any) -> Iterator[bytes]:
        with unavailable_as(StoreUnavailableError):
            yield from body.iter_chunks(_CHUNK_BYTES)


def _in_parts(body: Iterable[bytes]) -> Iterator[bytes]:
    """Gather pieces of any size into parts of `PART_BYTES`; the last is what is left."""
    gathered = bytearray()
    for piece in body:
        gathered += piece
        while len(gathered) >= PART_BYTES:
            yield bytes(gathered[:PART_BYTES])
            del gathered[:PART_BYTES]
    if gathered:
        yield bytes(gathered)
