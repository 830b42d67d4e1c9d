"""The everyday things: each is a function of a pen and the colour it comes in, and fills a circle of radius 1."""

from math import cos, pi, sin
from typing import Final

from world.palette import (
    COLOURS,
    CREAM,
    DOOR,
    FLAME,
    GLASS,
    HEADLIGHT,
    INK,
    LEAF,
    RGB,
    ROOF,
    ROSE,
    SAIL,
    STEEL,
    TYRE,
    WOOD,
    darker,
    is_dark,
    lighter,
)
from world.pen import Pen, oval
from world.shapes import SHAPES, Painter

WHITE: Final = COLOURS["white"]


def house(pen: Pen, colour: RGB) -> None:
    """A house with chimney, door and two windows; the walls have the colour."""
    pen.box(0.38, -0.95, 0.62, -0.3, darker(ROOF, 0.2))
    pen.box(-0.78, -0.2, 0.78, 0.95, colour)
    pen.fill([(-1.02, -0.14), (0, -0.98), (1.02, -0.14)], ROOF)
    pen.box(-0.19, 0.32, 0.19, 0.95, DOOR)
    for x in (-0.5, 0.5):
        pen.box(x - 0.18, 0.08, x + 0.18, 0.44, GLASS)


def tree(pen: Pen, colour: RGB) -> None:
    """A tree with a round crown of the colour."""
    pen.fill([(-0.15, 0.2), (0.15, 0.2), (0.2, 1.0), (-0.2, 1.0)], WOOD)
    for x, y, r in ((-0.46, 0.02, 0.42), (0.46, 0.02, 0.42), (0, -0.45, 0.53), (0, 0.02, 0.5)):
        pen.disc(x, y, r, colour)
    if not pen.ink:
        pen.disc(-0.14, -0.56, 0.26, lighter(colour, 0.14))


def boat(pen: Pen, colour: RGB) -> None:
    """A sailing boat; the hull has the colour."""
    pen.box(-0.06, -1.0, 0.06, 0.45, WOOD)
    pen.fill([(0.09, -0.95), (0.8, 0.32), (0.09, 0.32)], SAIL)
    pen.fill([(-0.09, -0.7), (-0.66, 0.32), (-0.09, 0.32)], darker(SAIL, 0.08))
    pen.fill([(-1.0, 0.42), (1.02, 0.42), (0.7, 0.95), (-0.66, 0.95)], colour)


def car(pen: Pen, colour: RGB) -> None:
    """A car seen from its side."""
    pen.fill([(-0.56, 0.0), (-0.36, -0.48), (0.3, -0.48), (0.6, 0.0)], colour)
    pen.box(-1.02, -0.06, 1.02, 0.42, colour, 0.16)
    pen.fill([(-0.42, -0.02), (-0.28, -0.36), (-0.06, -0.36), (-0.06, -0.02)], GLASS)
    pen.fill([(0.06, -0.36), (0.24, -0.36), (0.44, -0.02), (0.06, -0.02)], GLASS)
    pen.disc(0.9, 0.12, 0.12, HEADLIGHT)
    for x in (-0.55, 0.55):
        pen.disc(x, 0.42, 0.27, TYRE)
        pen.disc(x, 0.42, 0.12, STEEL)


def rocket(pen: Pen, colour: RGB) -> None:
    """A rocket that takes off; the body has the colour."""
    pen.fill([(-0.2, 0.5), (0.2, 0.5), (0, 1.08)], FLAME[0])
    pen.fill([(-0.1, 0.5), (0.1, 0.5), (0, 0.84)], FLAME[1])
    trim = (206, 56, 60) if sum(abs(a - b) for a, b in zip(colour, (206, 56, 60), strict=True)) > 120 else STEEL
    for side in (-1, 1):
        pen.fill([(side * 0.26, 0.0), (side * 0.66, 0.42), (side * 0.66, 0.72), (side * 0.24, 0.5)], trim)
    right = [(0.0, -1.05), (0.17, -0.82), (0.3, -0.5), (0.36, -0.1), (0.34, 0.2), (0.26, 0.54)]
    pen.fill(right + [(-x, y) for x, y in reversed(right)], colour)
    tip = right[:3]
    pen.fill(tip + [(-x, y) for x, y in reversed(tip)], trim)
    pen.disc(0, -0.16, 0.2, darker(STEEL, 0.3))
    pen.disc(0, -0.16, 0.14, GLASS)


def cat(pen: Pen, colour: RGB) -> None:
    """A cat's face."""
    dark = is_dark(colour)
    for side in (-1, 1):
        pen.fill([(side * 0.9, -0.98), (side * 0.16, -0.46), (side * 0.84, 0.14)], colour)
        pen.fill([(side * 0.77, -0.7), (side * 0.4, -0.42), (side * 0.7, -0.14)], ROSE)
    pen.disc(0, 0.18, 0.9, colour, 0.74)
    pen.disc(0, 0.44, 0.36, lighter(colour, 0.3 if dark else 0.55), 0.3)
    for side in (-1, 1):
        pen.disc(side * 0.38, 0.02, 0.15, (252, 214, 70) if dark else INK, 0.18)
        pen.disc(side * 0.38 + 0.04, -0.04, 0.055, INK if dark else WHITE, 0.14 if dark else None)
        for lift in (0.32, 0.46):
            whisker = [(side * 0.5, lift + 0.06), (side * 1.04, lift * 1.4 - 0.12)]
            pen.line(whisker, 0.06, lighter(colour, 0.8) if dark else INK)
    pen.fill([(-0.1, 0.28), (0.1, 0.28), (0, 0.39)], ROSE)
    pen.line([(0, 0.39), (0, 0.5)], 0.06, INK)
    pen.line(oval(0, 0.44, 0.17, 0.13, 20, 160), 0.06, INK)


def flower(pen: Pen, colour: RGB) -> None:
    """A flower with six petals of the colour."""
    pen.line([(0, -0.2), (0, 1.0)], 0.1, LEAF)
    for side in (-1, 1):
        pen.fill([(0, 0.88), (side * 0.2, 0.5), (side * 0.56, 0.42), (side * 0.42, 0.76)], LEAF)
    for turn in range(6):
        pen.disc(0.37 * sin(turn * pi / 3), -0.36 - 0.37 * cos(turn * pi / 3), 0.25, colour)
    yellow = sum(abs(a - b) for a, b in zip(colour, COLOURS["yellow"], strict=True)) < 150
    pen.disc(0, -0.36, 0.22, WOOD if yellow else COLOURS["yellow"])


def sun(pen: Pen, colour: RGB) -> None:
    """A sun with rays."""
    for ray in range(12):
        angle = ray * pi / 6
        base, tip = 0.66, 1.04
        foot = [(base * cos(angle + side), base * sin(angle + side)) for side in (-0.13, 0.13)]
        pen.fill([*foot, (tip * cos(angle), tip * sin(angle))], darker(colour, 0.06))
    pen.disc(0, 0, 0.62, colour)


def moon(pen: Pen, colour: RGB) -> None:
    """A crescent."""
    outer = oval(0, 0, 1, 1, 50, 310)
    inner = oval(0.46, 0, 0.784, 0.784, 282, 78)
    pen.fill(outer + inner, colour)


def fish(pen: Pen, colour: RGB) -> None:
    """A fish that swims to the left."""
    pen.fill([(0.4, 0), (1.02, -0.5), (0.88, 0), (1.02, 0.5)], darker(colour, 0.14))
    pen.fill([(-0.3, -0.38), (0.22, -0.76), (0.4, -0.26)], darker(colour, 0.14))
    pen.disc(-0.2, 0, 0.82, colour, 0.52)
    pen.fill([(0.0, 0.06), (0.36, 0.0), (0.3, 0.32)], darker(colour, 0.14))
    pen.disc(-0.62, -0.12, 0.13, WHITE)
    pen.disc(-0.64, -0.12, 0.07, INK)


def mushroom(pen: Pen, colour: RGB) -> None:
    """A mushroom with a dotted cap of the colour."""
    pen.fill([(-0.24, 0.0), (0.24, 0.0), (0.34, 0.95), (-0.34, 0.95)], CREAM)
    pen.fill(oval(0, 0.16, 1.0, 1.06, 180, 360), colour)
    dots = CREAM if sum(colour) > 690 or (colour[0] > 240 and colour[2] > 230) else WHITE
    for x, y, r in ((-0.5, -0.2, 0.15), (0.05, -0.5, 0.2), (0.55, -0.14, 0.15)):
        pen.disc(x, y, r, dots)


def balloon(pen: Pen, colour: RGB) -> None:
    """A balloon on its string."""
    pen.line([(0, 0.5), (0.06, 0.7), (-0.05, 0.88), (0.02, 1.06)], 0.05, INK)
    pen.fill([(0, 0.36), (0.13, 0.56), (-0.13, 0.56)], darker(colour, 0.14))
    pen.disc(0, -0.3, 0.64, colour, 0.76)
    if not pen.ink:
        pen.disc(-0.24, -0.58, 0.13, lighter(colour, 0.6), 0.18)


def apple(pen: Pen, colour: RGB) -> None:
    """An apple with stalk and leaf."""
    pen.line([(0, -0.2), (0.06, -0.92)], 0.1, WOOD)
    pen.fill([(0.03, -0.6), (0.28, -0.94), (0.72, -0.9), (0.5, -0.6)], LEAF)
    turns = [i * pi / 40 for i in range(80)]
    shape = [(0.9 * sin(t) * (1 + 0.08 * cos(t)), 0.2 - 0.74 * cos(t) + 0.26 * max(0.0, cos(t)) ** 8) for t in turns]
    pen.fill(shape, colour)
    if not pen.ink:
        pen.disc(-0.42, -0.12, 0.12, lighter(colour, 0.5), 0.2)


def umbrella(pen: Pen, colour: RGB) -> None:
    """An open umbrella with a bent handle."""
    pen.line([(0, -0.9), (0, 0.74)], 0.08, WOOD)
    pen.line(oval(0.16, 0.78, 0.16, 0.18, 180, 10), 0.08, WOOD)
    dome = oval(0, 0.06, 1.02, 0.9, 180, 360)
    scallops = [p for x in (0.68, 0.0, -0.68) for p in oval(x, 0.06, 0.34, 0.16, 360, 180)]
    pen.fill(dome + scallops, colour)
    middle = oval(0, 0.06, 0.34, 0.9, 180, 360) + oval(0, 0.06, 0.34, 0.16, 360, 180)
    pen.fill(middle, darker(colour, 0.14))


def robot(pen: Pen, colour: RGB) -> None:
    """A robot's head."""
    pen.line([(0, -0.6), (0, -0.86)], 0.08, darker(STEEL, 0.3))
    pen.disc(0, -0.92, 0.12, FLAME[0])
    for side in (-1, 1):
        pen.box(min(side * 0.8, side * 1.0), -0.14, max(side * 0.8, side * 1.0), 0.38, darker(STEEL, 0.3), 0.06)
    pen.box(-0.82, -0.62, 0.82, 0.92, colour, 0.16)
    for side in (-1, 1):
        pen.disc(side * 0.36, -0.06, 0.23, WHITE)
        pen.disc(side * 0.36, -0.06, 0.11, INK)
    pen.box(-0.46, 0.46, 0.46, 0.66, INK, 0.04)
    for x in (-0.23, 0.0, 0.23):
        pen.box(x - 0.025, 0.48, x + 0.025, 0.64, WHITE)


def butterfly(pen: Pen, colour: RGB) -> None:
    """A butterfly with four wings of the colour."""
    for side in (-1, 1):
        pen.line([(0, -0.44), (side * 0.12, -0.72), (side * 0.3, -0.88)], 0.05, INK)
        upper = [(0, -0.2), (side * 0.3, -0.66), (side * 0.72, -0.84), (side * 1.02, -0.62), (side * 0.94, -0.16)]
        pen.fill([*upper, (side * 0.6, 0.1), (0, 0.12)], colour)
        lower = [(0, 0.05), (side * 0.56, 0.12), (side * 0.84, 0.36), (side * 0.72, 0.74), (side * 0.4, 0.8)]
        pen.fill([*lower, (side * 0.14, 0.5)], darker(colour, 0.14))
        pen.disc(side * 0.66, -0.42, 0.15, lighter(colour, 0.55))
    pen.disc(0, 0, 0.1, INK, 0.52)


OBJECTS: Final[dict[str, Painter]] = {
    "house": house,
    "tree": tree,
    "boat": boat,
    "car": car,
    "rocket": rocket,
    "cat": cat,
    "flower": flower,
    "sun": sun,
    "moon": moon,
    "fish": fish,
    "mushroom": mushroom,
    "balloon": balloon,
    "apple": apple,
    "umbrella": umbrella,
    "robot": robot,
    "butterfly": butterfly,
}
KINDS: Final[dict[str, Painter]] = SHAPES | OBJECTS
"""What may stand on a plain background."""
