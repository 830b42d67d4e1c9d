"""An invisible mark in the brightness of a picture that says one thing: a machine made this.

A tile of 64 × 64 pixels, a sum of waves whose phases are fixed for ever, is laid over the whole picture, one or two
levels of 255 strong. It has no place and no size of its own: whoever looks for it (`find_mark`) tries every shift, so a
crop does no harm, and many scales. No torch in here: `afterimage verify` looks for marks with numpy and Pillow alone.

Two things make it hold in the smallest pictures. The shift is free, so the picture gets the tile where it happens to
agree with it most. And it is tried: the weakest strength is taken that is still found at half size and JPEG quality 75.
"""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
from PIL import Image

MARK = "afterimage-1"
"""Names waves and phases: another one of either is another mark."""
TILE = 64
LEAST_WAVES, MOST_WAVES = 3, 10
"""Along a tile: fewer would be seen as clouds and drown in what is painted, more do not survive half size and JPEG."""
STRENGTHS = (0.85, 1.0, 1.2, 1.45, 1.75, 2.1, 2.5, 3.0, 3.6)
"""Root mean square, in levels of 255; small busy pictures take the last ones, and hide them best."""
TRIAL_QUALITY = 75
TRIAL_SIDE = 512
"""The trial is made on so much of the middle: what holds there holds in the whole."""
ENOUGH = 7.6
"""A score of the trial with which a crop or a rescale may follow; `find_mark.threshold` is between 6 and 7."""
GRID_TILE = TILE // 2
REACH, NEAR, ALIKE = 4, 2.5, 12.0
"""A pixel's surroundings: as far as REACH, weighted by distance (NEAR) and by likeness (ALIKE, in levels)."""

SURROUNDINGS = [
    (down, across)
    for down in range(-REACH, REACH + 1)
    for across in range(-REACH, REACH + 1)
    if down**2 + across**2 <= REACH**2 + 1
]

Array = np.ndarray[Any, np.dtype[Any]]


def _waves() -> tuple[Array, Array]:
    found = [
        (across, down)
        for down in range(MOST_WAVES + 1)
        for across in range(-MOST_WAVES, MOST_WAVES + 1)
        if LEAST_WAVES**2 <= across**2 + down**2 <= MOST_WAVES**2 and (down > 0 or across > 0)
    ]
    digests = (hashlib.sha256(f"{MARK} {across} {down}".encode()).digest() for across, down in found)
    turns = [int.from_bytes(digest[:8], "big") / 2**64 for digest in digests]
    return np.array(found), np.exp(2j * np.pi * np.array(turns))


WAVES, PHASES = _waves()
"""Half of the plane of frequencies, as (across, down) in waves along a tile; the other half mirrors it."""


def put_mark(picture: Image.Image) -> Image.Image:
    """The picture with the mark, in RGB: a function of its pixels alone."""
    pixels = np.asarray(picture.convert("RGB"), dtype=np.float64)
    _, shift = best_shift(spectrum(brightness(pixels), 1.0))
    wave = pattern(picture.width, picture.height, shift)[..., None]

    def marked(strength: float) -> Image.Image:
        return Image.fromarray(np.clip(np.rint(pixels + strength * wave), 0, 255).astype(np.uint8))

    weakest, tried, strongest = 0, 0, len(STRENGTHS) - 1  # the weakest does for most large pictures
    while weakest < strongest:
        if _holds(marked(STRENGTHS[tried])):
            strongest = tried
        else:
            weakest = tried + 1
        tried = (weakest + strongest) // 2
    return marked(STRENGTHS[weakest])


def _holds(marked: Image.Image) -> bool:
    """Whether the mark is still plain at half size and low quality, whole and cut: JPEG's blocks then lie elsewhere."""
    return all(_score_when_small(marked, cut) >= ENOUGH for cut in (False, True))


def _score_when_small(marked: Image.Image, cut: bool) -> float:
    middle = _without_edges(marked, *(max(0, side - TRIAL_SIDE) // 2 for side in marked.size))
    if cut:
        middle = _without_edges(middle, middle.width // 20, middle.height // 20)
    half = (max(1, middle.width // 2), max(1, middle.height // 2))
    buffer = io.BytesIO()
    middle.resize(half, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=TRIAL_QUALITY)
    with Image.open(buffer) as small:
        bright = brightness(np.asarray(small.convert("RGB"), dtype=np.float64))
    return best_shift(spectrum(bright, 0.5))[0]


def _without_edges(picture: Image.Image, left: int, top: int) -> Image.Image:
    return picture.crop((left, top, picture.width - left, picture.height - top))


def pattern(width: int, height: int, shift: tuple[int, int] = (0, 0)) -> Array:
    """The tile over a whole picture, moved by `shift` pixels to the right and down; its root mean square is 1."""
    across = np.exp(2j * np.pi * np.outer(WAVES[:, 0], np.arange(width) - shift[0] + 0.5) / TILE)
    down = np.exp(2j * np.pi * np.outer(np.arange(height) - shift[1] + 0.5, WAVES[:, 1]) / TILE)
    wave: Array = ((down * PHASES) @ across).real / np.sqrt(len(WAVES) / 2)
    return wave


def brightness(pixels: Array) -> Array:
    """Height × width between 0 and 255, as JPEG weighs the colours."""
    weighed: Array = pixels[..., :3] @ np.array([0.299, 0.587, 0.114])
    return weighed


def spectrum(bright: Array, scale: float, flat: dict[int, Array] | None = None) -> Array:
    """How strong each wave is and at which phase: down (0 to MOST_WAVES) × across (-MOST_WAVES to MOST_WAVES).

    `scale` is the picture's size over that in which it was marked. `flat` keeps what several scales have in common.
    """
    halves = max(0, round(2 * np.log2(TILE * scale / GRID_TILE)))
    flat = {} if flat is None else flat
    if halves not in flat:
        flat[halves] = _flattened(bright, halves)
    rest = flat[halves]
    height, width = (TILE * scale * small / large for small, large in zip(rest.shape, bright.shape, strict=True))
    most = MOST_WAVES
    across = np.exp(-2j * np.pi * np.outer((np.arange(rest.shape[1]) + 0.5) / width, np.arange(-most, most + 1)))
    down = np.exp(-2j * np.pi * np.outer(np.arange(most + 1), (np.arange(rest.shape[0]) + 0.5) / height))
    # Real times complex would copy the picture as complex numbers, which takes longer than the product.
    found: Array = down @ ((rest @ across.real) + 1j * (rest @ across.imag))
    return found


def _flattened(bright: Array, halves: int) -> Array:
    """What is left of a picture without what is painted on it, `halves` times smaller by the square root of two.

    The mark's waves are long, so nothing of it is lost. Each pixel loses the mean of those around it that look like it,
    which leaves the edges out, and then all places are made equally loud.
    """
    if halves:
        size = tuple(max(8, round(side / 2 ** (halves / 2))) for side in bright.shape[::-1])
        smaller = Image.fromarray(bright.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
        bright = np.asarray(smaller, dtype=np.float64)
    rest = bright - _mean_of_alike(bright.astype(np.float32))
    quiet: Array = rest / (np.sqrt(_box_mean(rest * rest)) + 1.0)
    return quiet


def _mean_of_alike(bright: Array) -> Array:
    height, width = bright.shape
    wide = np.pad(bright, REACH, mode="reflect")
    total, weights = np.zeros_like(bright), np.zeros_like(bright)
    for down, across in SURROUNDINGS:
        other = wide[REACH + down : REACH + down + height, REACH + across : REACH + across + width]
        weight = np.exp((other - bright) ** 2 * np.float32(-0.5 / ALIKE**2) - (across**2 + down**2) / (2 * NEAR**2))
        total += weight * other
        weights += weight
    return total / weights


def _box_mean(values: Array) -> Array:
    side = 2 * REACH + 1
    sums = np.pad(np.pad(values, REACH, mode="reflect").cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    boxes: Array = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.maximum(boxes, 0) / side**2


def best_shift(waves: Array) -> tuple[float, tuple[int, int]]:
    """The score of the shift at which the waves agree most with the mark's phases, and that shift in pixels.

    The score is in standard deviations of what a picture without the mark gives: whatever the waves' strengths, where
    their phases have nothing to do with ours P(score >= z) <= exp(-z² / 2) at each shift, because the mean of
    exp(t cos x) is at most exp(t² / 4). The square root keeps a few loud waves from deciding alone.
    """
    waves = waves[WAVES[:, 1], WAVES[:, 0] + MOST_WAVES]
    strength = np.maximum(np.abs(waves), 1e-12)
    agreeing = np.zeros((TILE, TILE), dtype=np.complex128)
    agreeing[WAVES[:, 1], WAVES[:, 0]] = waves / np.sqrt(strength) * PHASES.conj()
    scores = np.fft.ifft2(agreeing).real * TILE**2 / np.sqrt(strength.sum() / 2)
    down, across = np.unravel_index(np.argmax(scores), scores.shape)
    return float(scores[down, across]), (-int(across) % TILE, -int(down) % TILE)
