"""Reads what is in a picture from its pixels alone, to hold it against what was asked.

A shape is what differs from the border, named by the template it overlaps best. Things in a landscape are areas of
their own colour as the light of the time shows it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from demo.drawing import OUTLINES
from demo.palette import COLOURS, CROWN, GROUNDS, HULL, MOON, PEAK, RGB, ROCK, ROOF, SKY, SUN, lit
from demo.scenes import SIDE

Pixels = NDArray[np.float32]
Mask = NDArray[np.bool_]

CLEAN: Final = 0.75
"""Overlap (intersection over union) below which a shape is a smear of no kind."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one picture of a shape shows; `shape` is None where it is no clean shape."""

    background: str
    colour: str
    shape: str | None
    overlap: float


def _pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture.convert("RGB"), np.float32)


def _distance(pixels: Pixels, colour: RGB | Pixels) -> Pixels:
    apart: Pixels = np.linalg.norm(pixels - np.asarray(colour, np.float32), axis=-1).astype(np.float32)
    return apart


def _nearest(colour: Pixels, among: dict[str, RGB]) -> str:
    return min(among, key=lambda name: float(_distance(colour, among[name])))


def _piece(mask: Mask) -> Mask:
    """The connected piece of the mask that holds the pixel nearest its centre of mass."""
    rows, columns = np.nonzero(mask)
    nearest = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
    piece = np.zeros_like(mask)
    piece[rows[nearest], columns[nearest]] = True
    size = 0
    while size != (size := int(piece.sum())):
        for _ in range(8):
            spread = piece.copy()
            spread[1:] |= piece[:-1]
            spread[:-1] |= piece[1:]
            spread[:, 1:] |= piece[:, :-1]
            spread[:, :-1] |= piece[:, 1:]
            piece = spread & mask
    return piece


def _template(shape: str, box: tuple[int, int, int, int]) -> Mask:
    """The shape stretched to the box (left, top, right, bottom), as a mask of SIDE × SIDE pixels."""
    points = np.array(OUTLINES[shape])
    low, high = points.min(0), points.max(0)
    start, end = np.array(box[:2]), np.array(box[2:])
    finer = 4
    placed = ((points - low) / (high - low) * (end - start) + start) * finer
    sheet = Image.new("L", (SIDE * finer, SIDE * finer))
    ImageDraw.Draw(sheet).polygon([(float(x), float(y)) for x, y in placed], fill=255)
    return np.asarray(sheet.reduce(finer)) > 127


def see_shape(picture: Image.Image) -> Seen:
    """Background, colour and shape of a picture of SIDE × SIDE pixels."""
    pixels = _pixels(picture)
    border = np.concatenate(
        [
            pixels[:2].reshape(-1, 3),
            pixels[-2:].reshape(-1, 3),
            pixels[:, :2].reshape(-1, 3),
            pixels[:, -2:].reshape(-1, 3),
        ]
    )
    behind = np.median(border, axis=0)
    background = _nearest(behind, COLOURS)
    away = _distance(pixels, behind)
    mask = away > 45
    if mask.sum() < 40:
        return Seen(background, background, None, 0.0)
    ahead = np.median(pixels[away >= np.quantile(away[mask], 0.4)], axis=0)
    colour = _nearest(ahead, {name: value for name, value in COLOURS.items() if name != background})
    mask = _distance(pixels, ahead) < away
    if mask.sum() < 40:
        return Seen(background, colour, None, 0.0)
    piece = _piece(mask)
    rows, columns = np.nonzero(piece)
    box = int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
    overlaps = {}
    for shape in OUTLINES:
        template = _template(shape, box)
        overlaps[shape] = float((mask & template).sum() / (mask | template).sum())
    best = max(overlaps, key=lambda shape: overlaps[shape])
    return Seen(background, colour, best if overlaps[best] >= CLEAN else None, overlaps[best])


def _area(pixels: Pixels, colour: RGB, within: float) -> int:
    return int((_distance(pixels, colour) < within).sum())


def see_time(picture: Image.Image) -> str:
    """Day, sunset or night, by the top of the sky."""
    return _nearest(np.median(_pixels(picture)[:3].reshape(-1, 3), axis=0), {time: SKY[time][0] for time in SKY})


def see_landscape(picture: Image.Image) -> set[str]:
    """The names of what a landscape shows: its time, ground, light, and the things in it."""
    pixels = _pixels(picture)
    time = see_time(picture)
    seen = {time}
    bottom = np.median(pixels[-5:].reshape(-1, 3), axis=0)
    shade = {"sea": 0.79}
    seen.add(
        _nearest(
            bottom, {ground: _dim(lit(colour, time), shade.get(ground, 0.9)) for ground, colour in GROUNDS.items()}
        )
    )
    low, sky = pixels[20:], pixels[:44]
    reach = 16 if time == "night" else 30
    if _area(pixels, lit(CROWN, time), reach) >= 90:
        seen.add("tree")
    if _area(low, lit(HULL, time), reach) >= 45:
        seen.add("boat")
    if _area(low, lit(ROOF, time), reach * 0.9) >= 70:
        seen.add("house")
    if time != "night" and _area(low, _mixed(lit(ROCK, time), SKY[time][2]), reach) >= 60:
        seen.add("mountains")
    if time == "night" and _area(pixels[12:33], lit(PEAK, time), 22) >= 12:
        seen.add("mountains")
    if time == "night":
        core = ~_grown(_distance(sky, MOON) >= 45, 2)
        if core.sum() >= 12:
            seen.add("moon")
        light = sky[:18].mean(-1)
        dots = (light - np.median(light, axis=1, keepdims=True) > 26) & ~_grown(core, 7)[:18]
        if 6 <= dots.sum() <= 200:
            seen.add("stars")
    elif _area(sky, SUN[time], 32) >= 40:
        seen.add("sun")
    return seen


def _dim(colour: RGB, share: float) -> RGB:
    return round(colour[0] * share), round(colour[1] * share), round(colour[2] * share)


def _mixed(colour: RGB, sky: RGB) -> RGB:
    red, green, blue = (round(a + (b - a) * 0.12) for a, b in zip(colour, sky, strict=True))
    return red, green, blue


def _grown(mask: Mask, by: int) -> Mask:
    """The mask and everything within `by` rows or columns of it."""
    padded = np.pad(mask, by)
    rows, columns = mask.shape
    grown = np.zeros_like(mask)
    for top in range(2 * by + 1):
        for left in range(2 * by + 1):
            grown |= padded[top : top + rows, left : left + columns]
    return grown
