"""A scene as a picture: painted by its things, then given its look."""

from random import Random

import numpy as np
from PIL import Image

from world.palette import COLOURS, PAPER
from world.pen import FINER, SIDE, Pen
from world.scenes import Plain, Scene
from world.things import KINDS
from world.views import draw_landscape

BLOCK = 4
"""Side of a pixel of pixel art, in pixels."""


def draw_plain(scene: Plain) -> Pen:
    """The plain scene on a pen's sheet."""
    pen = Pen(COLOURS[scene.background], ink=scene.look == "line art")
    for item in scene.items:
        KINDS[item.kind](pen.at(item.x, item.y, item.radius), COLOURS[item.colour])
    return pen


def pixel_art(sheet: Image.Image) -> Image.Image:
    """Few large pixels, each as the middle of what it covers, in colours that lie 16 steps apart."""
    middle = BLOCK * FINER // 2
    pixels = np.asarray(sheet)[middle :: BLOCK * FINER, middle :: BLOCK * FINER]
    few = (np.round(pixels / 16.0) * 16).clip(0, 255).astype(np.uint8)
    return Image.fromarray(few).resize((SIDE, SIDE), Image.Resampling.NEAREST)


def watercolour(picture: Image.Image, rng: Random) -> Image.Image:
    """Thin paint on paper: pale, darker along the edges, uneven like a wash, and with an unpainted rim."""
    paint = np.asarray(picture, np.float32)
    blotches = np.random.default_rng(rng.getrandbits(32)).normal(0, 1, (6, 6)).astype(np.float32)
    wash = np.asarray(Image.fromarray(blotches).resize((SIDE, SIDE), Image.Resampling.BICUBIC))[..., None]
    soft = np.asarray(picture.resize((SIDE // 2, SIDE // 2)).resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32)
    edge = np.abs(soft - paint).mean(-1, keepdims=True).clip(0, 30)
    strength = (0.68 + 0.07 * wash + 0.006 * edge).clip(0.42, 0.95)
    away = np.minimum(np.arange(SIDE), np.arange(SIDE)[::-1]) + 0.0
    ragged = 6.5 + 1.2 * wash[..., 0]
    rim = ((np.minimum(away[:, None], away[None]) - ragged) / 1.5).clip(0, 1)[..., None]
    paper = np.array(PAPER, np.float32)
    wet = paper + (paint - paper) * strength * rim
    return Image.fromarray(wet.clip(0, 255).astype(np.uint8))


def draw(scene: Scene) -> Image.Image:
    """The scene as an RGB picture of SIDE × SIDE pixels; the same scene gives the same pixels."""
    pen = draw_plain(scene) if isinstance(scene, Plain) else draw_landscape(scene)
    if scene.look == "pixel art":
        return pixel_art(pen.sheet)
    picture = pen.finished()
    if scene.look == "watercolour":
        return watercolour(picture, Random(repr(scene)))
    return picture
