"""The demo world: every picture the model learns from is one of these scenes.

A scene says what is in the picture; `demo.drawing` paints it and `demo.captions` words it. A scene is a pure function
of its seed, so a data set is a range of integers.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from demo.palette import COLOURS, WALLS

SIDE: Final = 64
"""Width and height of a picture, in pixels."""

SHAPES: Final = ("circle", "square", "triangle", "star", "heart")
SIZES: Final[dict[str, float]] = {"small": 11.0, "medium": 16.0, "big": 22.0}
"""Radius of each size, in pixels."""

HELD_OUT: Final = frozenset(
    {
        ("red", "star"),
        ("blue", "heart"),
        ("green", "square"),
        ("purple", "circle"),
        ("orange", "triangle"),
        ("white", "star"),
    }
)
"""(colour, shape) pairs that training never shows, kept to measure whether the model combines what it knows."""

TIMES: Final = ("day", "sunset", "night")


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape in the middle of a plain background; `x` and `y` are its centre in pixels."""

    shape: str
    colour: str
    background: str
    size: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Landscape:
    """A view with a sky and a ground; `seed` decides the incidental: where things stand, how the hills roll."""

    time: str
    ground: str
    thing: str | None
    walls: str | None
    mountains: bool
    light: str | None
    stars: bool
    clouds: bool
    seed: int


Scene = Shape | Landscape


def shape_scene(rng: Random, shape: str | None = None, colour: str | None = None) -> Shape:
    """A shape scene, of the given shape and colour if they are given (held-out pairs only then)."""
    while shape is None or colour is None:
        pair = (rng.choice(list(COLOURS)), rng.choice(SHAPES))
        if pair not in HELD_OUT:
            colour, shape = pair
    background = rng.choice([name for name in COLOURS if name != colour])
    size = rng.choices(list(SIZES), weights=(1, 2, 1))[0]
    radius = SIZES[size] * rng.uniform(0.94, 1.06)
    play = min(4.0, SIDE / 2 - 3 - radius)
    x, y = (SIDE / 2 + rng.uniform(-play, play) for _ in range(2))
    return Shape(shape, colour, background, size, x, y, radius)


def landscape_scene(rng: Random) -> Landscape:
    """A landscape whose parts go together: boats are on the sea, stars come at night."""
    time = rng.choices(TIMES, weights=(42, 28, 30))[0]
    ground = rng.choices(("grass", "sea", "snow", "sand"), weights=(38, 34, 18, 10))[0]
    if ground == "sea":
        thing = rng.choices(("boat", None), weights=(70, 30))[0]
    else:
        thing = rng.choices(("house", "tree", None), weights=(42, 36, 22))[0]
    walls = rng.choice(WALLS) if thing == "house" else None
    light = "moon" if time == "night" else "sun"
    return Landscape(
        time=time,
        ground=ground,
        thing=thing,
        walls=walls,
        mountains=rng.random() < (0.55 if thing is None else 0.22),
        light=light if rng.random() < 0.75 else None,
        stars=time == "night" and rng.random() < 0.6,
        clouds=time != "night" and rng.random() < 0.35,
        seed=rng.getrandbits(32),
    )


def scene_of(seed: int, shapes: float = 0.65) -> Scene:
    """The scene with that seed; `shapes` is the share of shape scenes among all."""
    rng = Random(seed)
    return shape_scene(rng) if rng.random() < shapes else landscape_scene(rng)
