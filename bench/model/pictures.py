"""Pictures to measure on that nobody has to fetch: drawn scenes, things like photographs, noise. Each has a number."""

from __future__ import annotations

from random import Random

import numpy as np
from demo.drawing import draw as draw_small
from demo.scenes import scene_of as small_scene
from PIL import Image, ImageFilter
from world.drawing import draw
from world.scenes import scene_of

KINDS = ("scene", "photograph", "noise")


def picture(kind: str, number: int, side: int) -> Image.Image:
    """Picture `number` of a kind, square."""
    if kind == "scene":
        return _scene(number, side)
    return _photograph(number, side) if kind == "photograph" else _noise(number, side)


def _scene(number: int, side: int) -> Image.Image:
    if side == 64:
        return draw_small(small_scene(number)).convert("RGB")
    scene = draw(scene_of(number)).convert("RGB")
    # Enlarged with clean edges and a little of the unevenness that a decoder leaves.
    if scene.width == side:
        return scene
    large = np.asarray(scene.resize((side, side), Image.Resampling.LANCZOS), dtype=float)
    return _picture(large + np.random.default_rng(number).normal(0, 1, large.shape))


def _photograph(number: int, side: int) -> Image.Image:
    """Things in front of each other, each with a colour, a texture and a shade, seen through a lens by a noisy sensor:
    the statistics of natural pictures (edges, 1/f) without a picture of anything."""
    numbers, dice = np.random.default_rng(number), Random(number)
    work = min(side, 512)
    canvas = np.zeros((work, work, 3))
    down, across = np.mgrid[0:work, 0:work] / work
    canvas[:] = numbers.uniform(0, 255, 3)
    for _ in range(dice.randint(12, 90)):
        radius = 0.5 * dice.random() ** 2.2 + 0.02
        x, y, flat = dice.random(), dice.random(), dice.uniform(0.4, 2.5)
        inside = (across - x) ** 2 + ((down - y) * flat) ** 2 < radius**2
        shade = dice.uniform(-90, 90) * (across - x) + dice.uniform(-90, 90) * (down - y)
        texture = dice.choice([0.0, 2.0, 6.0, 15.0]) * _cloud(numbers, work, dice.uniform(0.6, 1.6))
        canvas[inside] = (numbers.uniform(0, 255, 3) + (shade + texture)[..., None])[inside]
    seen = _picture(canvas).filter(ImageFilter.GaussianBlur(dice.uniform(0.3, 1.5)))
    if work != side:
        seen = seen.resize((side, side), Image.Resampling.BICUBIC)
    return _picture(np.asarray(seen, dtype=float) + numbers.normal(0, dice.uniform(0.5, 5), (side, side, 3)))


def _noise(number: int, side: int) -> Image.Image:
    numbers = np.random.default_rng(number)
    if number % 2:
        return Image.fromarray(numbers.integers(0, 256, (side, side, 3), dtype=np.uint8))
    return _picture(128 + 40 * _cloud(numbers, side, 1.0)[..., None] * np.ones(3))


def _cloud(numbers: np.random.Generator, side: int, power: float) -> np.ndarray:
    """Noise whose amplitude falls with the frequency to `power`; its root mean square is 1."""
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    falling = np.maximum(np.hypot(down, across), 1 / side) ** -power
    falling[0, 0] = 0
    waves = numbers.normal(size=falling.shape) + 1j * numbers.normal(size=falling.shape)
    cloud = np.fft.irfft2(waves * falling, (side, side))
    return cloud / cloud.std()


def _picture(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
