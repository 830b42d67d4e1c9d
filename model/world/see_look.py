"""Reads from its pixels alone in which look a picture was made."""

import numpy as np
from PIL import Image

from world.drawing import BLOCK
from world.palette import PAPER
from world.pen import SIDE
from world.see_plain import Pixels, distance, pixels_of
from world.stencils import grown


def see_look(picture: Image.Image) -> str:
    """Watercolour, pixel art, line art, or flat if it is none of them."""
    pixels = pixels_of(picture)
    if _is_inked(pixels):
        return "line art"
    if _is_blocky(pixels):
        return "pixel art"
    return "watercolour" if _has_a_paper_rim(pixels) else "flat"


def _is_inked(pixels: Pixels) -> bool:
    """Thin dark lines on paper, and no colour."""
    grey = np.ptp(pixels, axis=-1) < 26
    dark = pixels.mean(-1) < 170
    thick = ~grown(~dark, 2)
    return bool(grey.mean() > 0.97 and (distance(pixels, PAPER) < 30).mean() > 0.6 and thick.mean() < 0.02)


def _is_blocky(pixels: Pixels) -> bool:
    """Nearly all differences between neighbours lie where one block ends."""
    across = np.abs(np.diff(pixels, axis=1)).mean((0, 2))
    down = np.abs(np.diff(pixels, axis=0)).mean((1, 2))
    steps = across + down
    at_ends = np.arange(1, SIDE) % BLOCK == 0
    return bool(steps[~at_ends].mean() < 0.3 * steps[at_ends].mean())


def _has_a_paper_rim(pixels: Pixels) -> bool:
    """Bare paper along the border and paint within."""
    rim = np.concatenate([pixels[:3].reshape(-1, 3), pixels[-3:].reshape(-1, 3)])
    inner = pixels[14:-14, 14:-14].reshape(-1, 3)
    ring = np.concatenate([pixels[13:17, 16:-16].reshape(-1, 3), pixels[-17:-13, 16:-16].reshape(-1, 3)])
    bare = (distance(rim, PAPER) < 26).mean()
    painted = (distance(ring, PAPER) > 26).mean()
    return bool(bare > 0.8 and painted > 0.5 and inner.std() > 2)
