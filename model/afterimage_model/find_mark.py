"""Look for the mark in a picture of which nothing is known: cropped, scaled, mirrored, turned over, compressed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from PIL import Image

from afterimage_model.watermark import TILE, Array, best_shift, brightness, spectrum

LEAST_SIDE = 24
"""Below it there are fewer pixels than the mark needs, whatever is found."""
MOST_SIDE = 1024
"""Larger pictures are looked at in this size: the mark's waves are long."""
LEAST_SCALE, MOST_SCALE = 0.4, 2.0
USUAL_SCALES = (1.0, 0.5, 0.8, 0.75, 0.9, 2 / 3, 1.25, 1.5, 2.0)
USUAL_SIDES = (64, 128, 256, 512, 768, 1024)
FALSE_ALARMS = 0.001
"""At most so many of the pictures without a mark are said to have one, by the bound that best_shift gives. Neighbouring
shifts and scales say nearly the same, so far fewer are; docs/provenance.md has the count."""
SHARPER = 1.05
"""How much more another scale has to score to be believed: near the right one all score alike."""
ATTITUDES = ("upright", "mirrored", "upside down", "upside down and mirrored")


@dataclass(frozen=True, kw_only=True)
class Found:
    """The best place: `scale` is the picture's size over that in which it was marked."""

    score: float
    threshold: float
    scale: float
    attitude: str

    @property
    def is_marked(self) -> bool:
        """Whether chance is out of the question."""
        return self.score >= self.threshold


def find_mark(picture: Image.Image) -> Found | None:
    """What there is to say of the picture; None when it is too small to say anything."""
    if min(picture.size) < LEAST_SIDE:
        return None
    picture = picture.convert("RGB")
    reduced = min(1.0, MOST_SIDE / max(picture.size))
    if reduced < 1:
        size = (max(1, round(picture.width * reduced)), max(1, round(picture.height * reduced)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    bright = brightness(np.asarray(picture, dtype=np.float64))
    usual, every = _usual(max(picture.size), reduced), _every(max(picture.size))
    threshold = sqrt(2 * log((len(usual) + len(every)) * len(ATTITUDES) * TILE**2 / FALSE_ALARMS))
    flat: dict[int, Array] = {}

    def look(scale: float) -> Found:
        scores = [(best_shift(waves)[0], attitude) for attitude, waves in _attitudes(spectrum(bright, scale, flat))]
        score, attitude = max(scores)
        return Found(score=score, threshold=threshold, scale=scale / reduced, attitude=attitude)

    best = Found(score=0.0, threshold=threshold, scale=1.0, attitude=ATTITUDES[0])
    for scale in [*usual, *every]:
        best = max(best, look(scale), key=_score)
        if best.is_marked:
            beside = max((look(scale * (1 + step / 200)) for step in range(-12, 13)), key=_score)
            return beside if beside.score > SHARPER * best.score else best
    return best


def _score(found: Found) -> float:
    return found.score


def _usual(side: int, reduced: float) -> list[float]:
    scales = [scale * reduced for scale in USUAL_SCALES] + [side / usual for usual in USUAL_SIDES]
    return [scale for scale in scales if LEAST_SCALE <= scale <= MOST_SCALE]


def _every(side: int) -> list[float]:
    """Scales so close that between two of them the highest wave is never far from its place at the picture's edge."""
    scales = [LEAST_SCALE]
    while scales[-1] < MOST_SCALE:
        scales.append(scales[-1] * (1 + 4.5 * scales[-1] / side))
    return scales


def _attitudes(waves: Array) -> Iterator[tuple[str, Array]]:
    mirrored = waves[:, ::-1]
    yield from zip(ATTITUDES, (waves, mirrored, waves.conj(), mirrored.conj()), strict=True)
