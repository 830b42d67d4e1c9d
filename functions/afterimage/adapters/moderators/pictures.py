"""A picture of our bucket, read for a moderator that wants its bytes; format and size come from the file itself."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.domain.errors import ModeratorUnavailableError

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_SEGMENT = 0xFF  # how each part of a JPEG begins
# Frames of a JPEG that hold its size; the numbers between them are tables.
_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    """`format` is png or jpeg, `sides` are width and height in pixels."""

    format: str
    sides: tuple[int, int]
    body: bytes


def picture_at(s3: Any, bucket: str, key: str, max_bytes: int) -> PictureFile | None:
    """Return a picture, None for one that is larger or neither PNG nor JPEG. Raises ModeratorUnavailableError."""
    with unavailable_as(ModeratorUnavailableError):
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read(max_bytes + 1)
    if len(body) > max_bytes:
        return None
    try:
        if body.startswith(_PNG):
            width, height = struct.unpack(">II", body[16:24])
            return PictureFile(format="png", sides=(width, height), body=body)
        if body.startswith(_JPEG):
            return PictureFile(format="jpeg", sides=_jpeg_sides(body), body=body)
    except (struct.error, IndexError):  # it ends before it says
        return None
    return None


def _jpeg_sides(body: bytes) -> tuple[int, int]:
    at = 2
    while True:
        begin, marker, length = struct.unpack(">BBH", body[at : at + 4])
        if begin != _SEGMENT:
            raise IndexError(at)
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", body[at + 5 : at + 9])
            return width, height
        at += 2 + length
