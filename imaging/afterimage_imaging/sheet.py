"""Draw one contact sheet: eight small pictures a line, six lines, the number of its row under each.

Light, so that it can be printed; quiet, so that the pictures are what is seen. A row without a picture has a pale
field with a word in it.
"""

from __future__ import annotations

import functools
import io
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

COLUMNS, LINES = 8, 6
TILE = 160
GAP, LABEL, LINE_GAP = 16, 24, 14
MARGIN, HEADER, FOOTER = 48, 96, 44
WIDTH = 2 * MARGIN + COLUMNS * TILE + (COLUMNS - 1) * GAP
# What a mail bears inline; a sheet of busy pictures is compressed harder until it fits.
MAX_BYTES = 400_000
_QUALITIES = (86, 80, 74, 66, 58, 48, 36, 24)
_MAX_THUMBNAIL_PIXELS = 2048 * 2048
_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
_PAPER, _FIELD, _RULE = "#ffffff", "#f3f4f6", "#e4e7ec"
_INK, _SOFT = "#1d2939", "#667085"
_MARKS = {"failed": "#b42318", "expired": "#b42318", "blocked": "#93590a"}
# A glyph that no font has: what it looks like tells which characters this one lacks.
_NOWHERE = "\U0010ffff"


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One field: a thumbnail in JPEG, or the word for why there is none."""

    label: str
    thumbnail_key: str | None = None
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Heading:
    """What stands above the pictures, and how many there are no sheets for."""

    title: str
    day: str
    sheet: int
    sheets: int
    left_out: int


def draw(heading: Heading, tiles: tuple[Tile, ...], read: Callable[[str], bytes | None]) -> bytes:
    """Return the sheet as a JPEG of at most MAX_BYTES. `read` gives a thumbnail, None for one that is gone."""
    lines = max(1, -(-len(tiles) // COLUMNS))
    height = HEADER + lines * (TILE + LABEL + LINE_GAP) + FOOTER
    page = Image.new("RGB", (WIDTH, height), _PAPER)
    pen = ImageDraw.Draw(page)
    _head(pen, heading)
    for number, tile in enumerate(tiles):
        left = MARGIN + number % COLUMNS * (TILE + GAP)
        top = HEADER + number // COLUMNS * (TILE + LABEL + LINE_GAP)
        _tile(page, pen, tile, (left, top), read)
    if heading.left_out and heading.sheet == heading.sheets:
        note = f"{heading.left_out:,} more are in the manifest; there are no sheets for them."
        pen.text((MARGIN, height - FOOTER + 8), note, font=_font(14), fill=_SOFT)
    return _compressed(page)


def _head(pen: ImageDraw.ImageDraw, heading: Heading) -> None:
    place = f"{heading.day}  ·  sheet {heading.sheet} of {heading.sheets}"
    base, right = 52, WIDTH - MARGIN
    pen.text((right, base), place, font=_font(15), fill=_SOFT, anchor="rs")
    room = right - MARGIN - pen.textlength(place, font=_font(15)) - 40
    pen.text((MARGIN, base), _fitted(pen, heading.title, room), font=_font(24), fill=_INK, anchor="ls")
    pen.line((MARGIN, 72, right, 72), fill=_RULE, width=1)


def _tile(
    page: Image.Image,
    pen: ImageDraw.ImageDraw,
    tile: Tile,
    at: tuple[int, int],
    read: Callable[[str], bytes | None],
) -> None:
    left, top = at
    body = read(tile.thumbnail_key) if tile.thumbnail_key else None
    picture = _picture(body) if body else None
    pen.rectangle((left, top, left + TILE - 1, top + TILE - 1), fill=_FIELD)
    if picture:
        page.paste(picture, (left + (TILE - picture.width) // 2, top + (TILE - picture.height) // 2))
    else:
        mark = tile.mark or ("unreadable" if body else "deleted")
        middle = left + TILE // 2, top + TILE // 2
        pen.text(middle, mark, font=_font(15), fill=_MARKS.get(mark, _SOFT), anchor="mm")
    pen.text((left + TILE // 2, top + TILE + 17), tile.label, font=_font(13), fill=_SOFT, anchor="ms")


def _picture(body: bytes) -> Image.Image | None:
    """Return a thumbnail fitted into a tile, None for what is no small JPEG."""
    try:
        with Image.open(io.BytesIO(body), formats=("JPEG",)) as opened:
            if opened.width * opened.height > _MAX_THUMBNAIL_PIXELS:
                return None
            picture = opened.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    scale = TILE / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _fitted(pen: ImageDraw.ImageDraw, title: str, room: float) -> str:
    """Return the title without what reorders or hides text or is not in the font, cut where the line ends."""
    lacks = bytes(_font(24).getmask(_NOWHERE))
    plain = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in title[:200])
    drawn = "".join(c for c in plain if c == " " or bytes(_font(24).getmask(c)) != lacks)
    text = " ".join(drawn.split()) or "Campaign"
    if pen.textlength(text, font=_font(24)) <= room:
        return text
    while text and pen.textlength(f"{text}…", font=_font(24)) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _compressed(page: Image.Image) -> bytes:
    body = b""
    for quality in _QUALITIES:
        out = io.BytesIO()
        page.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
        body = out.getvalue()
        if len(body) <= MAX_BYTES:
            break
    return body


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(_FONT), size, layout_engine=ImageFont.Layout.BASIC)
