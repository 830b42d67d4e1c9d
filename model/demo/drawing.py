"""Paints scenes with Pillow, at four times the size and then averaged down, so that edges are smooth."""

from collections.abc import Callable, Iterable
from math import cos, pi, sin
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from demo.palette import (
    CLOUD,
    COLOURS,
    CROWN,
    DOOR,
    GROUNDS,
    HULL,
    MOON,
    PEAK,
    RGB,
    ROCK,
    ROOF,
    SAIL,
    SKY,
    STAR,
    SUN,
    TRUNK,
    WINDOW,
    lit,
)
from demo.scenes import SIDE, Landscape, Scene, Shape

FINER = 4
Point = tuple[float, float]


class Canvas:
    """A picture to paint on with coordinates in final pixels."""

    def __init__(self, colour: RGB) -> None:
        self.image = Image.new("RGB", (SIDE * FINER, SIDE * FINER), colour)
        self.pen = ImageDraw.Draw(self.image)

    def polygon(self, points: Iterable[Point], colour: RGB) -> None:
        """Fills the polygon."""
        self.pen.polygon([(x * FINER, y * FINER) for x, y in points], fill=colour)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: RGB) -> None:
        """Fills the ellipse around (x, y)."""
        self.pen.ellipse(((x - rx) * FINER, (y - ry) * FINER, (x + rx) * FINER, (y + ry) * FINER), fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: RGB) -> None:
        """Fills the rectangle."""
        self.pen.rectangle((left * FINER, top * FINER, right * FINER - 1, bottom * FINER - 1), fill=colour)

    def gradient(self, top: float, bottom: float, stops: tuple[RGB, ...]) -> None:
        """Fills the rows from `top` to `bottom` with colours that run through the stops."""
        first, last = round(top * FINER), round(bottom * FINER)
        where = np.linspace(0, len(stops) - 1, last - first)
        rows = np.stack([np.interp(where, range(len(stops)), [s[c] for s in stops]) for c in range(3)], axis=-1)
        band = Image.fromarray(rows[:, None].round().astype(np.uint8)).resize((SIDE * FINER, last - first))
        self.image.paste(band, (0, first))

    def finished(self) -> Image.Image:
        """The picture at its final size."""
        return self.image.reduce(FINER)


def _outline(shape: str) -> list[Point]:
    """The shape's outline in a unit circle, y downwards."""
    if shape == "circle":
        return [(cos(a * pi / 32), sin(a * pi / 32)) for a in range(64)]
    if shape == "square":
        return [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)]
    if shape == "triangle":
        return [(0.0, -0.95), (1.0, 0.8), (-1.0, 0.8)]
    if shape == "star":
        radii = (1.08, 0.46)
        return [(radii[i % 2] * sin(i * pi / 5), 0.06 - radii[i % 2] * cos(i * pi / 5)) for i in range(10)]
    turns = [i * pi / 40 for i in range(80)]
    return [(sin(t) ** 3, -(13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t)) / 16) for t in turns]


OUTLINES = {shape: _outline(shape) for shape in ("circle", "square", "triangle", "star", "heart")}


def draw_shape(scene: Shape) -> Image.Image:
    """A shape on its background."""
    canvas = Canvas(COLOURS[scene.background])
    outline = OUTLINES[scene.shape]
    canvas.polygon(
        [(scene.x + scene.radius * x, scene.y + scene.radius * y) for x, y in outline], COLOURS[scene.colour]
    )
    return canvas.finished()


def _blend(a: RGB, b: RGB, share: float) -> RGB:
    red, green, blue = (round(p + (q - p) * share) for p, q in zip(a, b, strict=True))
    return red, green, blue


def _house(canvas: Canvas, scene: Landscape, x: float, foot: float) -> None:
    width, height = 11.0, 13.0
    walls = lit(COLOURS[scene.walls or "white"], scene.time)
    canvas.box(x - width, foot - height, x + width, foot, walls)
    canvas.polygon(
        [(x - width - 3, foot - height), (x, foot - height - 11), (x + width + 3, foot - height)], lit(ROOF, scene.time)
    )
    canvas.box(x - 2.5, foot - 8.5, x + 2.5, foot, lit(DOOR, scene.time))
    glass = WINDOW[scene.time]
    canvas.box(x + 4, foot - 9.5, x + 9, foot - 4.5, glass)
    canvas.box(x - 9, foot - 9.5, x - 4, foot - 4.5, glass)


def _tree(canvas: Canvas, scene: Landscape, x: float, foot: float) -> None:
    canvas.box(x - 2.2, foot - 11, x + 2.2, foot, lit(TRUNK, scene.time))
    crown = lit(CROWN, scene.time)
    if scene.ground == "snow":
        for lift, width in ((7, 10.5), (14, 8.5), (21, 6.5)):
            canvas.polygon([(x - width, foot - lift), (x, foot - lift - 11), (x + width, foot - lift)], crown)
        return
    for dx, dy, r in ((-5.5, -14, 6.5), (5.5, -14, 6.5), (0, -20, 8), (0, -14, 7)):
        canvas.ellipse(x + dx, foot + dy, r, r, crown)


def _boat(canvas: Canvas, scene: Landscape, x: float, foot: float) -> None:
    canvas.polygon(
        [(x - 12, foot - 5), (x + 13, foot - 5), (x + 8, foot + 1.5), (x - 8, foot + 1.5)], lit(HULL, scene.time)
    )
    canvas.box(x - 0.7, foot - 25, x + 0.7, foot - 5, lit(TRUNK, scene.time))
    sail = _blend(lit(SAIL, scene.time), SAIL, 0.4)
    canvas.polygon([(x + 1.5, foot - 24), (x + 11, foot - 7), (x + 1.5, foot - 7)], sail)
    canvas.polygon([(x - 1.5, foot - 20), (x - 9, foot - 7), (x - 1.5, foot - 7)], sail)


THINGS: dict[str, Callable[[Canvas, Landscape, float, float], None]] = {"house": _house, "tree": _tree, "boat": _boat}


def _sky(canvas: Canvas, scene: Landscape, rng: Random, horizon: float, light_x: float) -> None:
    canvas.gradient(0, horizon + 4, SKY[scene.time])
    if scene.stars:
        for cell in rng.sample(range(21), 9):
            x, y = (cell % 7) * 9 + 5 + rng.uniform(-2.5, 2.5), (cell // 7) * 9 + 5 + rng.uniform(-2.5, 2.5)
            canvas.ellipse(x, y, 1.3, 1.3, STAR)
    if scene.light == "sun" and scene.time == "sunset":
        height = 15 if scene.mountains else horizon - 5
        canvas.ellipse(light_x, height, 11.5, 11.5, _blend(SKY["sunset"][2], SUN["sunset"], 0.35))
        canvas.ellipse(light_x, height, 8.5, 8.5, SUN["sunset"])
    elif scene.light == "sun":
        canvas.ellipse(light_x, 13, 8.5, 8.5, _blend(SKY["day"][1], SUN["day"], 0.35))
        canvas.ellipse(light_x, 13, 6.5, 6.5, SUN["day"])
    elif scene.light == "moon":
        canvas.ellipse(light_x, 14, 8.5, 8.5, _blend(SKY["night"][1], MOON, 0.2))
        canvas.ellipse(light_x, 14, 6.5, 6.5, MOON)
    if scene.clouds:
        open_sky = [x for x in (rng.uniform(10, 26), rng.uniform(38, 54)) if abs(x - light_x) > 15 or not scene.light]
        for x in open_sky[: rng.choice((1, 2))]:
            y = rng.uniform(8, 20)
            for dx, dy, rx, ry in ((-5, 1, 5, 3), (5, 1, 5, 3), (0, -1, 6, 4.5)):
                canvas.ellipse(x + dx, y + dy, rx, ry, CLOUD[scene.time])


def _mountains(canvas: Canvas, scene: Landscape, rng: Random, horizon: float) -> None:
    rock = _blend(lit(ROCK, scene.time), SKY[scene.time][2], 0.12)
    peak = lit(PEAK, scene.time)
    left = rng.random() < 0.5
    for middle, height in ((46 if left else 18, 15.0), (22 if left else 42, 23.0)):
        x = middle + rng.uniform(-4, 4)
        top, foot, half = horizon - height, horizon + 3, (height + 3) * 0.95
        canvas.polygon([(x, top), (x + half, foot), (x - half, foot)], rock)
        cap = height * 0.36
        slope = half / (height + 3)
        canvas.polygon(
            [
                (x, top),
                (x + cap * slope, top + cap),
                (x + cap * slope * 0.35, top + cap * 0.75),
                (x, top + cap * 1.15),
                (x - cap * slope * 0.4, top + cap * 0.75),
                (x - cap * slope, top + cap),
            ],
            peak,
        )


def _ground(canvas: Canvas, scene: Landscape, rng: Random, horizon: float, light_x: float) -> None:
    base = lit(GROUNDS[scene.ground], scene.time)
    if scene.ground == "sea":
        glow = SKY[scene.time][2]
        canvas.gradient(horizon, SIDE, (_blend(base, glow, 0.3), base, _blend(base, (0, 0, 0), 0.25)))
        if scene.light is not None and scene.time != "day":
            shine = _blend(base, MOON if scene.time == "night" else SUN["sunset"], 0.7)
            for row, width in enumerate((6, 4.5, 6.5, 3.5)):
                y = horizon + 2 + row * 5
                canvas.box(light_x - width, y, light_x + width, y + 2, shine)
        else:
            wave = _blend(base, (255, 255, 255), 0.4)
            for row in range(3):
                x, y = rng.uniform(9, 55), horizon + 4 + row * 6
                canvas.box(x - 6, y, x + 6, y + 2, wave)
        return
    roll = rng.uniform(-3, 3)
    near = _blend(base, (0, 0, 0), 0.1)
    canvas.ellipse(32 + roll * 6, horizon + 42, 95, 44, base)
    canvas.box(0, horizon + 8, SIDE, SIDE, base)
    canvas.ellipse(32 - roll * 12, SIDE + 32, 80, 42, near)


def draw_landscape(scene: Landscape) -> Image.Image:
    """A landscape, from the sky forward."""
    rng = Random(scene.seed)
    canvas = Canvas(SKY[scene.time][0])
    horizon = rng.uniform(38, 42)
    thing_x = rng.uniform(17, 47)
    light_x = rng.uniform(40, 53) if thing_x < 32 else rng.uniform(11, 24)
    _sky(canvas, scene, rng, horizon, light_x)
    if scene.mountains:
        _mountains(canvas, scene, rng, horizon)
    _ground(canvas, scene, rng, horizon, light_x)
    if scene.thing is not None:
        THINGS[scene.thing](canvas, scene, thing_x, horizon + (9 if scene.ground == "sea" else 10))
    return canvas.finished()


def draw(scene: Scene) -> Image.Image:
    """The scene as an RGB picture of SIDE × SIDE pixels; the same scene gives the same pixels."""
    return draw_shape(scene) if isinstance(scene, Shape) else draw_landscape(scene)
