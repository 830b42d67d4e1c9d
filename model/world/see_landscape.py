"""Reads from its pixels alone what a landscape shows."""

from dataclasses import dataclass
from functools import cache, partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from world.outdoors import OUTDOORS
from world.palette import CLOUD, COLOURS, GROUNDS, MOON, PEAK, RGB, ROCK, SKY, STAR, SUN, blend, darker, lit
from world.pen import SIDE, Pen
from world.scenes import NATURAL
from world.see_plain import Pixels, distance, nearest, pixels_of
from world.stencils import Mask, filled, grown, pieces
from world.things import KINDS
from world.views import AIRBORNE, FEET, OWN, RADII

CLEAN: Final = 0.8
"""Share of a thing's pixels that must have the colours they are painted in."""
REACH: Final = {"day": 50.0, "sunset": 46.0, "night": 34.0}
"""How far off a colour may be, by the light there is."""
STEPS: Final = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]


def time_of(pixels: Pixels) -> str:
    """Day, sunset or night, by the top of the sky."""
    return nearest(np.median(pixels[:5].reshape(-1, 3), axis=0), {time: SKY[time][0] for time in SKY})


def ground_of(pixels: Pixels, time: str) -> str:
    """What the bottom of the picture is made of."""
    shades = {name: darker(lit(colour, time), 0.24 if name == "sea" else 0.1) for name, colour in GROUNDS.items()}
    return nearest(np.median(pixels[-6:].reshape(-1, 3), axis=0), shades)


@dataclass(frozen=True, slots=True)
class Painted:
    """A thing's pixels, as rows and columns from its middle, with their colours, and the rim of pixels around it."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    colours: Pixels
    rim_rows: NDArray[np.intp]
    rim_columns: NDArray[np.intp]

    def match(self, pixels: Pixels, places: NDArray[np.intp], reach: float, every: int = 1) -> NDArray[np.float64]:
        """The share of its pixels, or of every so-manieth, that a picture has at each of the places (n, 2)."""
        rows = (places[:, :1] + self.rows[::every]).clip(0, SIDE - 1)
        columns = (places[:, 1:] + self.columns[::every]).clip(0, SIDE - 1)
        share: NDArray[np.float64] = (
            np.linalg.norm(pixels[rows, columns] - self.colours[::every], axis=-1) < reach
        ).mean(1)
        return share

    def stands_out(self, pixels: Pixels, place: NDArray[np.intp], reach: float) -> bool:
        """Whether what is around it there has mostly another colour; what has many colours proves itself."""
        own = np.median(self.colours, axis=0)
        if (distance(self.colours, own) < reach).mean() < 0.85:
            return True
        rim = pixels[(place[0] + self.rim_rows).clip(0, SIDE - 1), (place[1] + self.rim_columns).clip(0, SIDE - 1)]
        return bool((distance(rim, own) < reach).mean() < 0.6)


@cache
def painted(kind: str, colour: RGB, time: str) -> Painted:
    """The thing in that colour and light."""
    sheets = []
    for behind in ((0, 255, 0), (255, 0, 255)):
        pen = Pen(behind)
        (KINDS | OUTDOORS)[kind](pen.at(SIDE / 2, SIDE / 2, RADII[kind], partial(lit, time=time)), colour)
        sheets.append(pixels_of(pen.finished()))
    there = np.abs(sheets[0] - sheets[1]).sum(-1) < 6
    rows, columns = np.nonzero(there)
    rim_rows, rim_columns = np.nonzero(grown(there, 5) & ~grown(there, 2))
    middle = SIDE // 2
    return Painted(rows - middle, columns - middle, sheets[0][rows, columns], rim_rows - middle, rim_columns - middle)


def _stands(pixels: Pixels, kind: str, colour: RGB, time: str, ground: str) -> bool:
    """Whether the thing is in one of the places where it may stand."""
    thing, reach = painted(kind, colour, time), REACH[time]
    foot = (15 if ground == "sea" else 23) - (5 if kind == "lighthouse" else 0)
    lift = -AIRBORNE[kind] if kind in AIRBORNE else foot - FEET.get(kind, 1.0) * RADII[kind]
    rows = range(round(72 + lift), round(88 + lift) + 1, 2)
    places = np.array([(row, column) for row in rows for column in range(30, 99, 2)])
    likely = places[np.argsort(thing.match(pixels, places, reach, every=11))[-3:]]
    near = np.array([(row + down, column + right) for row, column in likely for down, right in STEPS])
    shares = thing.match(pixels, near, reach)
    return bool(shares.max() >= CLEAN) and thing.stands_out(pixels, near[int(shares.argmax())], reach)


def shows(picture: Image.Image, kind: str) -> bool:
    """Whether the thing stands in the landscape, in any of the colours it comes in."""
    pixels = pixels_of(picture)
    time = time_of(pixels)
    ground = ground_of(pixels, time)
    colours = [OWN[kind]] if kind in OWN else [COLOURS[name] for name in dict.fromkeys(NATURAL[kind])]
    return any(_stands(pixels, kind, colour, time, ground) for colour in colours)


def _mountains(pixels: Pixels, time: str) -> bool:
    rock = blend(lit(ROCK, time), SKY[time][2], 0.12)
    near = (distance(pixels, rock) < 20) | (distance(pixels, darker(rock, 0.13)) < 20)
    caps = distance(pixels[25:70], lit(PEAK, time)) < 24
    return int(near[25:95].sum()) >= 350 and int(caps.sum()) >= 12


def _lights(pixels: Pixels, colour: RGB, reach: float, rows: int = 92) -> list[Mask]:
    """Round patches of that colour in the upper rows."""
    found = pieces(filled(distance(pixels[:rows], colour) < reach), gap=3, least=150)
    return [piece for piece in found if _width(piece) < 44]


def _has_stars(pixels: Pixels, moons: list[Mask]) -> bool:
    """Several bright dots in the sky, away from the moon."""
    bright = distance(pixels[:58], STAR) < 110
    for moon in moons:
        bright &= ~grown(moon, 8)[:58]
    return len([piece for piece in pieces(bright, least=2) if piece.sum() < 45]) >= 4


def _width(piece: Mask) -> int:
    columns = np.nonzero(piece.any(0))[0]
    return int(columns[-1] - columns[0] + 1)


def see_landscape(picture: Image.Image) -> set[str]:
    """The names of what a landscape shows, its thing apart; more than one sun is no sun."""
    pixels = pixels_of(picture)
    time = time_of(pixels)
    seen = {time, ground_of(pixels, time)}
    if _mountains(pixels, time):
        seen.add("mountains")
    if time == "night":
        moons = _lights(pixels, MOON, 60)
        if len(moons) == 1:
            seen.add("moon")
        if _has_stars(pixels, moons):
            seen.add("stars")
    else:
        if len(_lights(pixels, SUN[time], 36, 45 if time == "day" else 92)) == 1:
            seen.add("sun")
        if int((distance(pixels[:48], CLOUD[time]) < (15 if time == "day" else 24)).sum()) >= 150:
            seen.add("clouds")
    return seen
