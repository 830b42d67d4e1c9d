"""A pen that paints polygons four times too large, so that the picture, averaged down, has smooth edges."""

from collections.abc import Callable, Iterable
from math import cos, pi, radians, sin

import numpy as np
from PIL import Image, ImageDraw

from world.palette import INK, PAPER, RGB

SIDE = 128
"""Width and height of a picture, in pixels."""
FINER = 4
LINE = 1.9
"""Width of a line of ink, in pixels."""
Point = tuple[float, float]


def oval(x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360) -> list[Point]:
    """Points on an ellipse around (x, y), from one angle to another, in degrees clockwise from the right."""
    count = max(4, round(56 * abs(end - start) / 360))
    angles = [radians(start + (end - start) * i / count) for i in range(count + 1)]
    return [(x + rx * cos(a), y + ry * sin(a)) for a in angles]


def star(points: int, outer: float, inner: float) -> list[Point]:
    """A star around (0, 0) with one point up."""
    radii = (outer, inner)
    return [(radii[i % 2] * sin(i * pi / points), -radii[i % 2] * cos(i * pi / points)) for i in range(2 * points)]


class Pen:
    """Paints on a shared sheet in coordinates of its own: the unit at (x, y) is `scale` pixels.

    `light` is what the time of day does to every colour. A pen with ink leaves fills as paper and draws outlines.
    """

    def __init__(self, colour: RGB, ink: bool = False) -> None:
        self.sheet = Image.new("RGB", (SIDE * FINER, SIDE * FINER), PAPER if ink else colour)
        self.draw = ImageDraw.Draw(self.sheet)
        self.x, self.y, self.scale = 0.0, 0.0, 1.0
        self.ink = ink
        self.light: Callable[[RGB], RGB] = lambda colour: colour

    def at(self, x: float, y: float, scale: float, light: Callable[[RGB], RGB] | None = None) -> "Pen":
        """The same sheet with another origin, unit and light, given in this pen's coordinates."""
        other = object.__new__(Pen)
        other.sheet, other.draw, other.ink = self.sheet, self.draw, self.ink
        other.x, other.y, other.scale = self.x + x * self.scale, self.y + y * self.scale, self.scale * scale
        other.light = light or self.light
        return other

    def _place(self, points: Iterable[Point]) -> list[Point]:
        return [((self.x + x * self.scale) * FINER, (self.y + y * self.scale) * FINER) for x, y in points]

    def fill(self, points: Iterable[Point], colour: RGB) -> None:
        """Fills the polygon."""
        placed = self._place(points)
        if self.ink:
            self.draw.polygon(placed, fill=PAPER)
            self.draw.line([*placed, *placed[:2]], fill=INK, width=round(LINE * FINER), joint="curve")
        else:
            self.draw.polygon(placed, fill=self.light(colour))

    def disc(self, x: float, y: float, rx: float, colour: RGB, ry: float | None = None) -> None:
        """Fills an ellipse around (x, y)."""
        self.fill(oval(x, y, rx, rx if ry is None else ry), colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: RGB, round_by: float = 0) -> None:
        """Fills a rectangle, its corners rounded by a radius."""
        if not round_by:
            self.fill([(left, top), (right, top), (right, bottom), (left, bottom)], colour)
            return
        r = round_by
        corners = ((right - r, top + r, 270), (right - r, bottom - r, 0), (left + r, bottom - r, 90))
        points = [point for x, y, start in corners for point in oval(x, y, r, r, start, start + 90)]
        self.fill([*points, *oval(left + r, top + r, r, r, 180, 270)], colour)

    def line(self, points: Iterable[Point], width: float, colour: RGB) -> None:
        """Draws a line with round joints, `width` units thick."""
        thick = LINE if self.ink else width * self.scale
        placed = self._place(points)
        colour = INK if self.ink else self.light(colour)
        self.draw.line(placed, fill=colour, width=max(1, round(thick * FINER)), joint="curve")
        for x, y in (placed[0], placed[-1]):
            r = thick * FINER / 2
            self.draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def gradient(self, top: float, bottom: float, stops: tuple[RGB, ...]) -> None:
        """Fills whole rows, in pixels from the top, with colours that run through the stops; ink leaves paper."""
        first, last = round(top * FINER), round(bottom * FINER)
        if self.ink:
            self.draw.rectangle((0, first, SIDE * FINER, last), fill=PAPER)
            if first > 0:
                self.draw.line([(0, first), (SIDE * FINER, first)], fill=INK, width=round(LINE * FINER))
            return
        where = np.linspace(0, len(stops) - 1, last - first)
        rows = np.stack([np.interp(where, range(len(stops)), [s[c] for s in stops]) for c in range(3)], axis=-1)
        band = Image.fromarray(rows[:, None].round().astype(np.uint8)).resize((SIDE * FINER, last - first))
        self.sheet.paste(band, (0, first))

    def finished(self) -> Image.Image:
        """The picture at its final size."""
        return self.sheet.reduce(FINER)
