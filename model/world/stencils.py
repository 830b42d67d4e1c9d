"""The outline of every thing and the part of it that has its colour: what the grader holds against a picture."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from world.pen import Pen
from world.things import KINDS

Mask = NDArray[np.bool_]
NOWHERE, ANY = (0, 255, 0), (255, 0, 255)
"""Two colours that no thing has."""


@dataclass(frozen=True, slots=True)
class Stencil:
    """Masks cut to the thing's bounding box: all of it without holes, and what of it has its colour."""

    outline: Image.Image
    coloured: Image.Image

    def fitted(self, width: int, height: int) -> tuple[Mask, Mask]:
        """Both masks stretched to that size."""
        outline, coloured = (
            np.asarray(mask.resize((width, height), Image.Resampling.BOX)) > 127
            for mask in (self.outline, self.coloured)
        )
        return outline, coloured


@cache
def stencil(kind: str) -> Stencil:
    """The stencil of a thing that stands on plain backgrounds."""
    pen = Pen(NOWHERE)
    KINDS[kind](pen.at(64, 64, 52), ANY)
    pixels = np.asarray(pen.sheet.reduce(2), np.int16)
    there = filled(np.abs(pixels - NOWHERE).sum(-1) > 110)
    rows, columns = np.nonzero(there)
    box = int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
    coloured = np.abs(pixels - ANY).sum(-1) < 30
    outline, inside = (Image.fromarray((mask * 255).astype(np.uint8)).crop(box) for mask in (there, coloured))
    return Stencil(outline, inside)


def filled(mask: Mask) -> Mask:
    """The mask with its holes: everything that cannot be reached from the picture's border."""
    outside = np.zeros_like(mask)
    outside[0], outside[-1], outside[:, 0], outside[:, -1] = ~mask[0], ~mask[-1], ~mask[:, 0], ~mask[:, -1]
    return ~reached(outside, ~mask)


def reached(start: Mask, ground: Mask) -> Mask:
    """What can be reached from `start` in straight steps on `ground`."""
    there, size = start & ground, -1
    while size != (size := int(there.sum())):
        for _ in range(8):
            wider = there.copy()
            wider[1:] |= there[:-1]
            wider[:-1] |= there[1:]
            wider[:, 1:] |= there[:, :-1]
            wider[:, :-1] |= there[:, 1:]
            there = wider & ground
    return there


def pieces(mask: Mask, gap: int = 0, least: int = 1) -> list[Mask]:
    """The connected pieces of a mask, largest first; parts up to 2 × `gap` pixels apart count as one."""
    joined = grown(mask, gap)
    left, found = joined.copy(), []
    while left.any():
        start = np.zeros_like(mask)
        start.flat[int(np.argmax(left))] = True
        piece = reached(start, joined)
        left &= ~piece
        found.append(piece & mask)
    return sorted((piece for piece in found if piece.sum() >= least), key=lambda piece: -int(piece.sum()))


def grown(mask: Mask, by: int) -> Mask:
    """The mask and everything within `by` rows or columns of it."""
    if by == 0:
        return mask
    padded = np.pad(mask, by)
    rows, columns = mask.shape
    wide = np.logical_or.reduce([padded[:, left : left + columns] for left in range(2 * by + 1)])
    return np.logical_or.reduce([wide[top : top + rows] for top in range(2 * by + 1)])
