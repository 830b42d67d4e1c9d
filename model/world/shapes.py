"""The geometric shapes: functions of a pen and a colour that fill a circle of radius 1."""

from collections.abc import Callable
from math import cos, pi, sin
from typing import Final

from world.palette import RGB
from world.pen import Pen, star

Painter = Callable[[Pen, RGB], None]


def circle(pen: Pen, colour: RGB) -> None:
    """A disc."""
    pen.disc(0, 0, 1, colour)


def square(pen: Pen, colour: RGB) -> None:
    """A square."""
    pen.box(-0.87, -0.87, 0.87, 0.87, colour)


def triangle(pen: Pen, colour: RGB) -> None:
    """A triangle that stands on its base."""
    pen.fill([(0, -0.92), (1.0, 0.82), (-1.0, 0.82)], colour)


def five_points(pen: Pen, colour: RGB) -> None:
    """A star."""
    pen.at(0, 0.08, 1).fill(star(5, 1.1, 0.48), colour)


def heart(pen: Pen, colour: RGB) -> None:
    """A heart."""
    turns = [i * pi / 50 for i in range(100)]
    pen.fill(
        [(sin(t) ** 3, -(13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t)) / 16 - 0.1) for t in turns], colour
    )


def diamond(pen: Pen, colour: RGB) -> None:
    """A rhombus."""
    pen.fill([(0, -1.05), (0.74, 0), (0, 1.05), (-0.74, 0)], colour)


SHAPES: Final[dict[str, Painter]] = {
    "circle": circle,
    "square": square,
    "triangle": triangle,
    "star": five_points,
    "heart": heart,
    "diamond": diamond,
}
