"""PNG files as chunks: what stands beside the pixels is written anew, the pixels' own bytes stay as they are."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CONTENT_TYPE = "image/png"
# What decides how the pixels look. Everything else goes: a chunk that nobody knows could say anything.
_KEPT = frozenset(
    {
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"IEND",
        b"tRNS",
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"iCCP",
        b"cICP",
        b"sBIT",
        b"bKGD",
        b"pHYs",
    }
)
_XMP = "XML:com.adobe.xmp"
_MAX_TEXT = 100_000  # characters of one text; a prompt has a few thousand


class NotPngError(ValueError):
    """Raised for bytes that are no whole PNG file."""


def read_text(body: bytes) -> dict[str, str]:
    """Return the texts of a PNG by name, its XMP not among them. Raises NotPngError."""
    texts = dict(_text(kind, data) for kind, data in chunks(body) if kind in (b"tEXt", b"zTXt", b"iTXt"))
    return {name: text for name, text in texts.items() if name != _XMP}


def rewritten(body: bytes, texts: Mapping[str, str], xmp: str) -> bytes:
    """Return the picture with these texts, this XMP packet and nothing else beside its pixels. Raises NotPngError."""
    written = [SIGNATURE]
    for kind, data in chunks(body):
        if kind in _KEPT:
            written.append(chunk(kind, data))
        if kind == b"IHDR":
            written.extend(_text_chunk(name, text) for name, text in texts.items())
            written.append(_international(_XMP, xmp))
    return b"".join(written)


def chunks(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and data of each chunk to the end of the picture. Raises NotPngError."""
    if not body.startswith(SIGNATURE + b"\0\0\0\rIHDR"):
        raise NotPngError()
    at, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        if at + 12 > len(body):
            raise NotPngError()
        length, kind = struct.unpack(">I4s", body[at : at + 8])
        data, checksum = body[at + 8 : at + 8 + length], body[at + 8 + length : at + 12 + length]
        if checksum != zlib.crc32(kind + data).to_bytes(4, "big"):  # a cut one has none
            raise NotPngError()
        yield kind, data
        at += 12 + length


def _text(kind: bytes, data: bytes) -> tuple[str, str]:
    """Return name and text of a chunk (PNG 1.2, 4.2.3)."""
    name, _, rest = data.partition(b"\0")
    if kind == b"tEXt":
        return name.decode("latin-1"), rest[:_MAX_TEXT].decode("latin-1")
    if kind == b"zTXt":
        return name.decode("latin-1"), _inflated(rest[1:]).decode("latin-1")
    is_compressed, rest = rest[:1] == b"\1", rest[2:]
    _language, _, rest = rest.partition(b"\0")
    _translated, _, rest = rest.partition(b"\0")
    text = _inflated(rest) if is_compressed else rest[: 4 * _MAX_TEXT]
    return name.decode("latin-1"), text.decode("utf-8", "replace")


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _MAX_TEXT)
    except zlib.error as exc:
        raise NotPngError() from exc


def _text_chunk(name: str, text: str) -> bytes:
    try:
        return chunk(b"tEXt", name.encode("latin-1") + b"\0" + text.encode("latin-1"))
    except UnicodeEncodeError:
        return _international(name, text)


def _international(name: str, text: str) -> bytes:
    return chunk(b"iTXt", name.encode("latin-1", "replace") + b"\0\0\0\0\0" + text.encode("utf-8", "replace"))


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
