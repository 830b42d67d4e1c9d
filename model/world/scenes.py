"""What can be in a picture. A scene is a pure function of its seed, so a data set is a range of integers.

`world.drawing` paints a scene and `world.captions` words it.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from world.palette import COLOURS
from world.pen import SIDE
from world.shapes import SHAPES
from world.things import KINDS

LOOKS: Final = ("flat", "watercolour", "pixel art", "line art")
SIZES: Final[dict[str, float]] = {"small": 24.0, "medium": 36.0, "big": 48.0}
"""Radius of each size of a single object, in pixels."""
RELATIONS: Final[dict[str, tuple[int, int]]] = {"left": (-1, 0), "right": (1, 0), "above": (0, -1), "below": (0, 1)}
"""Where the first of two objects is, seen from the second: across and down."""
COUNTS: Final = (2, 3, 4)

NATURAL: Final[dict[str, tuple[str, ...]]] = {
    "house": ("red", "white", "yellow", "blue", "orange"),
    "tree": ("green",),
    "boat": ("red", "blue", "white", "brown"),
    "car": ("red", "blue", "yellow", "green"),
    "rocket": ("white", "white", "grey", "red", "blue"),
    "cat": ("orange", "orange", "grey", "black", "white", "brown"),
    "flower": ("red", "pink", "purple", "yellow", "white", "orange"),
    "sun": ("yellow", "yellow", "orange"),
    "moon": ("yellow", "white"),
    "fish": ("orange", "orange", "yellow"),
    "mushroom": ("red", "red", "brown"),
    "balloon": ("red", "red", "blue", "pink", "green"),
    "apple": ("red", "red", "green"),
    "umbrella": ("red", "blue", "purple", "yellow"),
    "robot": ("grey", "blue", "green", "orange"),
    "butterfly": ("orange", "blue", "purple", "pink"),
    "heart": ("red",),
    "star": ("yellow", "yellow", "orange"),
    "lighthouse": ("red", "red", "blue"),
    "snowman": ("red", "blue", "green"),
    "cactus": ("green",),
    "pine": ("green",),
}
"""The colours a thing has when nobody says otherwise; shapes not named here come in any."""

CLASHES: Final[dict[str, tuple[str, ...]]] = {
    "tree": ("brown",),
    "boat": ("brown", "white"),
    "car": ("black",),
    "flower": ("green",),
    "mushroom": ("white",),
    "apple": ("green", "brown"),
    "umbrella": ("brown",),
    "house": ("brown", "black"),
    "balloon": ("black",),
    "butterfly": ("black",),
    "robot": ("grey", "orange"),
    "rocket": ("red", "orange"),
    "cat": ("black",),
}
"""Backgrounds that would swallow a part of the thing."""

HELD_OUT: Final = frozenset(
    {
        ("red", "star"),
        ("blue", "heart"),
        ("green", "square"),
        ("purple", "circle"),
        ("orange", "triangle"),
        ("white", "diamond"),
        ("green", "cat"),
        ("pink", "car"),
        ("yellow", "rocket"),
        ("black", "house"),
        ("blue", "apple"),
        ("red", "fish"),
    }
)
"""(colour, kind) pairs that training never shows, kept to measure whether the model combines what it knows."""

TIMES: Final = ("day", "sunset", "night")
STANDING: Final[dict[str, tuple[str | None, ...]]] = {
    "grass": (
        *("house", "house", "house", "tree", "tree", "tree", "car", "flower", "mushroom", "balloon", "rocket"),
        *("cat", "robot", "butterfly", "apple", "heart", None, None, None),
    ),
    "sea": ("boat", "boat", "boat", "boat", "lighthouse", "lighthouse", "balloon", "fish", None, None, None),
    "snow": ("house", "house", "pine", "pine", "pine", "snowman", "snowman", "car", "cat", "robot", None),
    "sand": ("cactus", "cactus", "cactus", "umbrella", "car", "rocket", "house", "robot", "cat", None),
}
"""What stands on each ground, as often as it is named."""


@dataclass(frozen=True, slots=True)
class Item:
    """An object of a plain scene; `x` and `y` are its centre in pixels."""

    kind: str
    colour: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Plain:
    """Objects on a plain background: one, several of a kind, or two of which the first is `relation` the second."""

    background: str
    items: tuple[Item, ...]
    size: str
    relation: str | None
    look: str


@dataclass(frozen=True, slots=True)
class Landscape:
    """A view with a sky and a ground; `seed` decides the incidental: where things stand, how the hills roll."""

    time: str
    ground: str
    thing: str | None
    colour: str | None
    mountains: bool
    light: str | None
    stars: bool
    clouds: bool
    look: str
    seed: int


Scene = Plain | Landscape


def _look(rng: Random) -> str:
    return rng.choices(LOOKS, weights=(64, 11, 14, 11))[0]


def kind_and_colour(rng: Random) -> tuple[str, str]:
    """A pair that training may show: things mostly in their natural colours."""
    while True:
        kind = rng.choice(list(SHAPES) if rng.random() < 0.42 else list(KINDS))
        natural = NATURAL.get(kind)
        colour = rng.choice(natural) if natural and rng.random() < 0.6 else rng.choice(list(COLOURS))
        if (colour, kind) not in HELD_OUT:
            return kind, colour


def _background(rng: Random, pairs: list[tuple[str, str]], look: str = "flat") -> str:
    taken = {"white", "grey"} if look == "watercolour" else set()  # there, they would look like bare paper
    taken |= {colour for _, colour in pairs} | {clash for kind, _ in pairs for clash in CLASHES.get(kind, ())}
    free = [name for name in COLOURS if name not in taken]
    return "white" if "white" in free and rng.random() < 0.15 else rng.choice(free)


def one_object(rng: Random, kind: str | None = None, colour: str | None = None, look: str | None = None) -> Plain:
    """One object, of the given kind and colour if they are given (held-out pairs only then)."""
    if kind is None or colour is None:
        kind, colour = kind_and_colour(rng)
    size = rng.choices(list(SIZES), weights=(1, 2.4, 1.6))[0]
    radius = SIZES[size] * rng.uniform(0.93, 1.07)
    play = min(6.0, SIDE / 2 - 6 - radius)
    x, y = (SIDE / 2 + rng.uniform(-play, play) for _ in range(2))
    look = look or _look(rng)
    background = _background(rng, [(kind, colour)], look)
    return Plain(background, (Item(kind, colour, x, y, radius),), size, None, look)


def some_alike(rng: Random) -> Plain:
    """Two, three or four of a kind."""
    kind, colour = kind_and_colour(rng)
    count = rng.choice(COUNTS)
    radius = {2: 24.0, 3: 17.0, 4: 20.0}[count] * rng.uniform(0.95, 1.03)
    places = {
        2: ((-32, 0), (32, 0)),
        3: ((-42, 0), (0, 0), (42, 0)) if rng.random() < 0.5 else ((0, -27), (-29, 25), (29, 25)),
        4: ((-28, -28), (28, -28), (-28, 28), (28, 28)),
    }[count]
    dx, dy = rng.uniform(-2, 2), rng.uniform(-3, 3)
    items = tuple(Item(kind, colour, SIDE / 2 + x + dx, SIDE / 2 + y + dy, radius) for x, y in places)
    return Plain(_background(rng, [(kind, colour)]), items, "medium", None, "flat")


def two_objects(rng: Random) -> Plain:
    """Two different objects, the first in some relation to the second."""
    first = kind_and_colour(rng)
    while (second := kind_and_colour(rng))[0] == first[0] or second[1] == first[1]:
        pass
    relation = rng.choice(list(RELATIONS))
    across, down = RELATIONS[relation]
    items = []
    for side, (kind, colour) in ((1, first), (-1, second)):
        x = SIDE / 2 + across * side * 32 + rng.uniform(-2, 2)
        y = SIDE / 2 + down * side * 32 + rng.uniform(-2, 2)
        items.append(Item(kind, colour, x, y, 24.0 * rng.uniform(0.94, 1.04)))
    return Plain(_background(rng, [first, second]), tuple(items), "medium", relation, "flat")


def landscape(rng: Random, look: str | None = None) -> Landscape:
    """A landscape whose parts go together: boats are on the sea, stars come at night."""
    look = look or _look(rng)
    time = rng.choices(TIMES, weights=(42, 28, 30))[0] if look != "line art" else "day"  # ink has no colours of light
    ground = rng.choices(list(STANDING), weights=(38, 30, 18, 14))[0]
    thing = rng.choice(STANDING[ground])
    light = "moon" if time == "night" else "sun"
    return Landscape(
        time=time,
        ground=ground,
        thing=thing,
        colour=rng.choice(NATURAL[thing]) if thing else None,
        mountains=rng.random() < (0.6 if thing is None else 0.25),
        light=light if rng.random() < 0.75 else None,
        stars=time == "night" and rng.random() < 0.6,
        clouds=time != "night" and rng.random() < 0.4,
        look=look,
        seed=rng.getrandbits(32),
    )


SHARES: Final = {"one": 0.44, "alike": 0.08, "two": 0.16, "landscape": 0.32}
"""How often each sort of scene comes."""


def scene_of(seed: int) -> Scene:
    """The scene with that seed."""
    rng = Random(seed)
    sort = rng.choices(list(SHARES), weights=list(SHARES.values()))[0]
    if sort == "landscape":
        return landscape(rng)
    return {"one": one_object, "alike": some_alike, "two": two_objects}[sort](rng)
