"""Paints landscapes, from the sky forward."""

from functools import partial
from random import Random
from typing import Final

from world.outdoors import OUTDOORS
from world.palette import (
    CLOUD,
    COLOURS,
    CROWN,
    GROUNDS,
    LEAF,
    MOON,
    PEAK,
    RGB,
    ROCK,
    SKY,
    STAR,
    SUN,
    blend,
    darker,
    lit,
)
from world.pen import SIDE, Pen
from world.scenes import Landscape
from world.things import KINDS

OWN: Final[dict[str, RGB]] = {"tree": CROWN, "pine": CROWN, "cactus": LEAF}
"""Colours of things outdoors that are not of the palette."""
RADII: Final[dict[str, float]] = {
    "house": 31,
    "tree": 31,
    "pine": 32,
    "boat": 31,
    "car": 30,
    "flower": 27,
    "mushroom": 26,
    "balloon": 25,
    "rocket": 31,
    "lighthouse": 30,
    "snowman": 31,
    "cactus": 28,
    "umbrella": 28,
    "cat": 29,
    "robot": 28,
    "butterfly": 24,
    "apple": 25,
    "heart": 25,
    "fish": 26,
}
FEET: Final[dict[str, float]] = {"car": 0.68, "boat": 0.8, "rocket": 0.78, "mushroom": 0.9, "cat": 0.8, "robot": 0.84}
"""Where a thing touches the ground, in radii below its centre; 1 unless named."""

AIRBORNE: Final[dict[str, float]] = {"balloon": 26, "butterfly": 16, "heart": 10, "fish": 12}
"""Things that touch no ground: pixels above the horizon."""


def thing_colour(scene: Landscape) -> RGB:
    """The colour the scene's thing is painted in, before the light of the time."""
    return OWN.get(scene.thing or "", COLOURS[scene.colour or "white"])


def _sky(pen: Pen, scene: Landscape, rng: Random, horizon: float, light_x: float) -> None:
    pen.gradient(0, horizon + 8, SKY[scene.time])
    if scene.stars:
        for cell in rng.sample(range(24), 12):
            x, y = (cell % 8) * 16 + 8 + rng.uniform(-5, 5), (cell // 8) * 16 + 9 + rng.uniform(-5, 5)
            if scene.light is None or (x - light_x) ** 2 + (y - 27) ** 2 > 22**2:
                pen.disc(x, y, rng.choice((1.5, 1.9, 2.3)), STAR)
    if scene.light == "sun" and scene.time == "sunset":
        height = 32 if scene.mountains else horizon - 9
        pen.disc(light_x, height, 23, blend(SKY["sunset"][2], SUN["sunset"], 0.35))
        pen.disc(light_x, height, 17, SUN["sunset"])
    elif scene.light == "sun":
        pen.disc(light_x, 26, 17.5, blend(SKY["day"][1], SUN["day"], 0.35))
        pen.disc(light_x, 26, 13, SUN["day"])
    elif scene.light == "moon":
        pen.disc(light_x, 27, 17, blend(SKY["night"][1], MOON, 0.16))
        pen.disc(light_x, 27, 12.5, MOON)
        if not pen.ink:
            for dx, dy, r in ((-4, -3, 2.6), (4, 2, 3.2), (-2, 6, 1.9)):
                pen.disc(light_x + dx, 27 + dy, r, darker(MOON, 0.09))


def _clouds(pen: Pen, scene: Landscape, rng: Random, light_x: float) -> None:
    """One or two clouds, beside the sun rather than before it."""
    places = [x for x in (rng.uniform(20, 50), rng.uniform(78, 108)) if scene.light is None or abs(x - light_x) > 32]
    for x in places[: rng.choice((1, 2))] or [light_x - 40 if light_x > 64 else light_x + 40]:
        y, colour = rng.uniform(18, 36), CLOUD[scene.time]
        outline = [(-10, 1, 8, 7), (10, 1, 8, 6), (-2, -4, 9, 9), (5, -1, 8, 7)]
        for dx, dy, rx, ry in outline:
            pen.disc(x + dx, y + dy, rx, colour, ry)
        pen.box(x - 17, y + 1, x + 17, y + 8, colour, 3.4)


def _mountains(pen: Pen, scene: Landscape, rng: Random, horizon: float) -> None:
    rock = blend(lit(ROCK, scene.time), SKY[scene.time][2], 0.12)
    shade, peak = darker(rock, 0.13), lit(PEAK, scene.time)
    left = rng.random() < 0.5
    for middle, height in ((94 if left else 34, 30.0), (44 if left else 84, 47.0)):
        x = middle + rng.uniform(-8, 8)
        top, foot, half = horizon - height, horizon + 8, (height + 8) * 0.95
        pen.fill([(x, top), (x + half, foot), (x - half, foot)], rock)
        if not pen.ink:
            pen.fill([(x, top), (x + half, foot), (x + half * 0.1, foot), (x + 3, top + height * 0.5)], shade)
        cap, slope = height * 0.36, half / (height + 8)
        zigzag = [(cap * slope, cap), (cap * 0.35, cap * 0.76), (0, cap * 1.16), (-cap * 0.4, cap * 0.76)]
        pen.fill([(x, top), *((x + dx, top + dy) for dx, dy in zigzag), (x - cap * slope, top + cap)], peak)


def _sea(pen: Pen, scene: Landscape, rng: Random, horizon: float, light_x: float) -> None:
    base = lit(GROUNDS["sea"], scene.time)
    pen.gradient(horizon, SIDE, (blend(base, SKY[scene.time][2], 0.3), base, darker(base, 0.25)))
    if scene.light is not None and scene.time != "day":
        shine = blend(base, MOON if scene.time == "night" else SUN["sunset"], 0.7)
        for row, width in enumerate((13, 9, 13, 7)):
            y = horizon + 5 + row * 10
            pen.box(light_x - width, y, light_x + width, y + 3, shine, 1.4)
        return
    wave = blend(base, (255, 255, 255), 0.4)
    for row in range(3):
        x, y = rng.uniform(20, 108), horizon + 9 + row * 12
        pen.box(x - 12, y, x + 12, y + 3, wave, 1.4)


def _hills(pen: Pen, scene: Landscape, rng: Random, horizon: float) -> None:
    base, roll = lit(GROUNDS[scene.ground], scene.time), rng.uniform(-6, 6)
    pen.disc(64 + roll * 6, horizon + 84, 190, base, 88)
    if not pen.ink:
        pen.box(0, horizon + 16, SIDE, SIDE, base)
    pen.disc(64 - roll * 12, SIDE + 64, 160, darker(base, 0.1), 84)


def _thing(pen: Pen, scene: Landscape, x: float, horizon: float) -> None:
    thing = scene.thing or ""
    radius = RADII[thing]
    foot = horizon + (15 if scene.ground == "sea" else 23)
    y = foot - FEET.get(thing, 1.0) * radius
    if thing in AIRBORNE:
        y = horizon - AIRBORNE[thing]
    if thing == "lighthouse":
        rock = blend(lit(ROCK, scene.time), (0, 0, 0), 0.12)
        pen.fill([(x - 24, foot + 6), (x - 16, foot - 7), (x + 15, foot - 7), (x + 26, foot + 6)], rock)
        y -= 5
    light = partial(lit, time=scene.time)
    (KINDS | OUTDOORS)[thing](pen.at(x, y, radius, light), thing_colour(scene))


def draw_landscape(scene: Landscape) -> Pen:
    """The landscape on a pen's sheet."""
    rng = Random(scene.seed)
    pen = Pen(SKY[scene.time][0], ink=scene.look == "line art")
    horizon = rng.uniform(76, 84)
    thing_x = rng.uniform(36, 92)
    light_x = rng.uniform(88, 108) if thing_x < 64 else rng.uniform(20, 40)
    _sky(pen, scene, rng, horizon, light_x)
    if scene.mountains:
        _mountains(pen, scene, rng, horizon)
    if scene.clouds:
        _clouds(pen, scene, rng, light_x)
    if scene.ground == "sea":
        _sea(pen, scene, rng, horizon, light_x)
    else:
        _hills(pen, scene, rng, horizon)
    if scene.thing is not None:
        _thing(pen, scene, thing_x, horizon)
    return pen
