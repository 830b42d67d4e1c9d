"""Things that stand in landscapes only, painted like the others: a function of a pen and a colour, in a unit circle."""

from typing import Final

from world.palette import COLOURS, CREAM, FLAME, INK, RGB, ROOF, TYRE, WOOD
from world.pen import Pen
from world.shapes import Painter


def pine(pen: Pen, colour: RGB) -> None:
    """A fir tree."""
    pen.box(-0.13, 0.6, 0.13, 1.0, WOOD)
    for top, foot, half in ((-0.05, 0.72, 0.74), (-0.5, 0.28, 0.6), (-1.0, -0.15, 0.45)):
        pen.fill([(0, top - 0.04), (half, foot), (-half, foot)], colour)


def lighthouse(pen: Pen, colour: RGB) -> None:
    """A lighthouse with bands of the colour."""

    def edge(y: float) -> float:
        return 0.24 + 0.16 * (y + 0.5) / 1.5

    for band in range(5):
        top, foot = -0.5 + band * 0.3, -0.5 + (band + 1) * 0.3
        corners = [(-edge(top), top), (edge(top), top), (edge(foot), foot), (-edge(foot), foot)]
        pen.fill(corners, colour if band % 2 == 0 else CREAM)
    pen.box(-0.34, -0.56, 0.34, -0.46, TYRE)
    pen.box(-0.2, -0.84, 0.2, -0.56, FLAME[1])
    pen.fill([(-0.28, -0.82), (0, -1.08), (0.28, -0.82)], ROOF)


def cactus(pen: Pen, colour: RGB) -> None:
    """A cactus with two arms."""
    pen.box(-0.2, -0.9, 0.2, 1.0, colour, 0.19)
    for side, low, high in ((-1, 0.3, -0.4), (1, 0.1, -0.62)):
        far = side * 0.62
        pen.box(min(0, far), low - 0.13, max(0, far), low + 0.13, colour, 0.12)
        pen.box(far - 0.13, high, far + 0.13, low + 0.13, colour, 0.12)


def snowman(pen: Pen, colour: RGB) -> None:
    """A snowman with a hat and a scarf of the colour."""
    snow, shade = (252, 253, 255), (214, 224, 240)
    pen.disc(0, 0.5, 0.56, shade, 0.5)
    pen.disc(-0.04, 0.47, 0.52, snow, 0.46)
    pen.disc(0, -0.28, 0.41, shade)
    pen.disc(-0.03, -0.3, 0.38, snow)
    pen.box(-0.44, -0.66, 0.44, -0.56, INK)
    pen.box(-0.27, -1.04, 0.27, -0.6, INK)
    for side in (-1, 1):
        pen.disc(side * 0.14, -0.36, 0.055, INK)
    pen.fill([(0, -0.28), (0.3, -0.2), (0, -0.17)], COLOURS["orange"])
    pen.box(-0.36, -0.04, 0.36, 0.1, colour, 0.06)
    pen.box(0.1, 0.04, 0.26, 0.4, colour, 0.05)
    for y in (0.34, 0.56):
        pen.disc(-0.04, y, 0.055, INK)


OUTDOORS: Final[dict[str, Painter]] = {
    "pine": pine,
    "lighthouse": lighthouse,
    "cactus": cactus,
    "snowman": snowman,
}
"""What stands in landscapes only."""
