"""A person's picture as the network may see it: refused when it is hostile or no picture, else upright, plain and RGB.

Nothing but pixels leaves this file: no metadata, no profile, no palette, no second frame.
"""

from __future__ import annotations

import io
import re

from PIL import Image, ImageOps

from afterimage_model.errors import InputRefused, InvalidDocument

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_BYTES = 16 * 2**20
MOST_PIXELS = 32 * 10**6
"""Held against the header, before anything is unpacked: a bomb is small until then."""
LEAST_SIDE = 16
DEEP_GREYS = ("I", "I;16", "I;16B", "I;16L", "I;16N")
INPUT_KEY = re.compile(r"jobs/([A-Za-z0-9_-]{1,80})/[A-Za-z0-9_.-]{1,100}")


def check_input_key(key: str, job_id: str) -> None:
    """A job reads from its own folder and from no other. Raises InvalidDocument."""
    match = INPUT_KEY.fullmatch(key)
    if match is None or match.group(1) != job_id:
        raise InvalidDocument(f"input_key must lie directly below jobs/{job_id}/")


def read_input(body: bytes) -> Image.Image:
    """The picture in `body`: upright as its Exif says, transparency on white, 8 bits. Raises InputRefused."""
    if len(body) > MOST_BYTES:
        raise InputRefused(f"the input picture must have at most {MOST_BYTES} bytes")
    try:
        with Image.open(io.BytesIO(body), formats=FORMATS) as opened:
            _check_header(opened)
            opened.load()
            return _plain(ImageOps.exif_transpose(opened))
    except InputRefused:
        raise
    except Exception as exc:  # Pillow's decoders raise whatever a broken file makes them; none of it is our fault
        raise InputRefused(f"the input picture cannot be read as {', '.join(FORMATS)}") from exc


def fit_input(picture: Image.Image, width: int, height: int) -> tuple[Image.Image, bool]:
    """The picture in the size of the output, filled and cut at the longer side; True when something was cut."""
    cut = (
        abs(picture.width * height - picture.height * width) > max(picture.width * height, picture.height * width) / 50
    )
    return ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS), cut


def _check_header(opened: Image.Image) -> None:
    if getattr(opened, "n_frames", 1) != 1:
        raise InputRefused("the input picture must not be animated")
    if min(opened.size) < LEAST_SIDE or opened.width * opened.height > MOST_PIXELS:
        raise InputRefused(
            f"the input picture must have sides of {LEAST_SIDE} pixels or more and at most {MOST_PIXELS} pixels, "
            f"not {opened.width} x {opened.height}"
        )


def _plain(picture: Image.Image) -> Image.Image:
    if picture.mode in DEEP_GREYS:
        picture = picture.convert("I").point(lambda value: value / 257).convert("L")
    if picture.has_transparency_data:
        seen_through = picture.convert("RGBA")
        picture = Image.new("RGBA", picture.size, "white")
        picture.alpha_composite(seen_through)
    plain = Image.new("RGB", picture.size)
    plain.paste(picture.convert("RGB"))
    return plain
