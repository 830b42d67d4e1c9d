"""Reads a picture of objects on a plain background from its pixels alone."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from world.palette import COLOURS, RGB
from world.scenes import SIZES
from world.stencils import Mask, filled, pieces, stencil
from world.things import KINDS

Pixels = NDArray[np.float32]

CLEAN: Final = 0.8
"""Overlap (intersection over union) below which an outline is that of no thing."""
EVEN: Final = 0.75
"""Share of the coloured part that must have the colour."""
LEAST: Final = 120
"""Pixels below which something is a speck."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One object; `kind` is None where the outline is no clean outline of anything."""

    kind: str | None
    colour: str
    x: float
    y: float
    radius: float
    overlap: float

    @property
    def size(self) -> str:
        """The nearest of the named sizes."""
        return min(SIZES, key=lambda name: abs(SIZES[name] - self.radius))


@dataclass(frozen=True, slots=True)
class SeenPlain:
    """A background and what stands on it, from left to right."""

    background: str
    objects: tuple[Seen, ...]


def pixels_of(picture: Image.Image) -> Pixels:
    """(side, side, 3) in 0..255."""
    return np.asarray(picture.convert("RGB"), np.float32)


def distance(pixels: Pixels, colour: RGB | Pixels) -> Pixels:
    """How far each pixel is from the colour."""
    apart: Pixels = np.linalg.norm(pixels - np.asarray(colour, np.float32), axis=-1).astype(np.float32)
    return apart


def nearest(colour: Pixels, among: dict[str, RGB]) -> str:
    """The name of the nearest colour."""
    return min(among, key=lambda name: float(distance(colour, among[name])))


def _object(pixels: Pixels, piece: Mask, background: str) -> Seen:
    outline = filled(piece)
    rows, columns = np.nonzero(outline)
    top, left = int(rows.min()), int(columns.min())
    height, width = int(rows.max()) + 1 - top, int(columns.max()) + 1 - left
    cut = outline[top : top + height, left : left + width]
    overlaps = {}
    for kind in KINDS:
        whole, _ = stencil(kind).fitted(width, height)
        overlaps[kind] = float((cut & whole).sum() / (cut | whole).sum())
    kind = max(overlaps, key=lambda name: overlaps[name])
    _, coloured = stencil(kind).fitted(width, height)
    inside = pixels[top : top + height, left : left + width][coloured & cut]
    middle = np.median(inside, axis=0) if len(inside) else np.zeros(3, np.float32)
    colour = nearest(middle, {name: value for name, value in COLOURS.items() if name != background})
    even = float((distance(inside, COLOURS[colour]) < 60).mean()) if len(inside) else 0.0
    clean = overlaps[kind] >= CLEAN and even >= EVEN
    natural = stencil(kind).outline
    radius = 52 * 2 * (width / natural.width + height / natural.height) / 2
    return Seen(kind if clean else None, colour, left + width / 2, top + height / 2, radius, overlaps[kind])


def see_plain(picture: Image.Image) -> SeenPlain:
    """Background and objects of a picture."""
    pixels = pixels_of(picture)
    rim = np.concatenate([pixels[:2].reshape(-1, 3), pixels[-2:].reshape(-1, 3), pixels[:, :2].reshape(-1, 3)])
    behind = np.median(rim, axis=0)
    background = nearest(behind, COLOURS)
    found = pieces(distance(pixels, behind) > 36, gap=1, least=LEAST)
    objects = sorted((_object(pixels, piece, background) for piece in found[:6]), key=lambda seen: seen.x)
    return SeenPlain(background, tuple(objects))
