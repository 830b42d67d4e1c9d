"""The watermark is found after what happens to pictures on their way, in no picture without it, and nobody sees it."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable

import numpy as np
import pytest
from afterimage.contracts.generation import GenerationJob
from afterimage_model.find_mark import find_mark
from afterimage_model.generate import generate
from afterimage_model.predictor import Predictor
from afterimage_model.storage import S3Storage
from afterimage_model.watermark import MARK, PHASES, STRENGTHS, TILE, WAVES, pattern, put_mark
from PIL import Image, ImageOps
from world.drawing import draw
from world.scenes import scene_of

SCENES = [draw(scene_of(number)) for number in range(6)]
MARKED = [put_mark(scene) for scene in SCENES]


def compressed(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def scaled(picture: Image.Image, by: float) -> Image.Image:
    return picture.resize((round(picture.width * by), round(picture.height * by)), Image.Resampling.BICUBIC)


def cut(picture: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = picture.size
    return picture.crop((int(left * width), int(top * height), int((1 - right) * width), int((1 - bottom) * height)))


WAYS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": lambda picture: picture,
    "jpeg 75": lambda picture: compressed(picture, 75),
    "half size": lambda picture: scaled(picture, 0.5),
    "a tenth off the left": lambda picture: cut(picture, 0.1, 0, 0, 0),
    "a tenth off the top": lambda picture: cut(picture, 0, 0.1, 0, 0),
    "a tenth off the right": lambda picture: cut(picture, 0, 0, 0.1, 0),
    "a tenth off the bottom": lambda picture: cut(picture, 0, 0, 0, 0.1),
    "a twentieth off each side": lambda picture: cut(picture, 0.05, 0.05, 0.05, 0.05),
    "half size, jpeg 75": lambda picture: compressed(scaled(picture, 0.5), 75),
    "a screenshot": lambda picture: scaled(picture, 0.8),
    "a palette": lambda picture: picture.convert("P", palette=Image.Palette.ADAPTIVE),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_survives_what_happens_to_pictures(way: str) -> None:
    found = [find_mark(WAYS[way](marked)) for marked in MARKED]
    assert all(one is not None and one.is_marked for one in found)


def test_it_says_how_the_picture_was_changed() -> None:
    found = find_mark(ImageOps.mirror(scaled(MARKED[0], 0.5)))
    assert found is not None
    assert (found.attitude, found.scale) == ("mirrored", 0.5)
    turned = find_mark(MARKED[0].transpose(Image.Transpose.ROTATE_180))
    assert turned is not None
    assert (turned.attitude, turned.is_marked) == ("upside down", True)


def test_a_part_in_an_odd_size_is_found_by_trying_every_scale() -> None:
    marked = put_mark(SCENES[1].resize((512, 512), Image.Resampling.LANCZOS))
    found = find_mark(scaled(cut(marked, 0.1, 0.05, 0.1, 0), 0.43))
    assert found is not None
    assert (found.is_marked, round(found.scale, 2)) == (True, 0.43)


def test_there_is_none_in_pictures_that_never_had_one() -> None:
    noise = np.random.default_rng(7).integers(0, 256, (20, 64, 64, 3), dtype=np.uint8)
    pictures = [draw(scene_of(number)) for number in range(100, 140)] + [Image.fromarray(one) for one in noise]
    pictures += [Image.new("RGB", (64, 64), colour) for colour in ("white", "black", "red")]
    found = [find_mark(picture) for picture in pictures]
    assert [one for one in found if one is None or one.is_marked] == []


@pytest.mark.parametrize("colour", ["white", "black", "#20a050"])
def test_a_picture_of_one_colour_carries_it_too(colour: str) -> None:
    found = find_mark(compressed(put_mark(Image.new("RGB", (128, 128), colour)), 75))
    assert found is not None
    assert found.is_marked


def test_pictures_are_changed_by_a_few_levels_only() -> None:
    for scene, marked in zip(SCENES, MARKED, strict=True):
        change = np.asarray(marked, dtype=float) - np.asarray(scene, dtype=float)
        assert 0 < np.abs(change).max() <= 5 * STRENGTHS[-1]
        assert 10 * np.log10(255**2 / (change**2).mean()) > 40


def test_the_same_picture_is_marked_alike() -> None:
    assert put_mark(SCENES[0]).tobytes() == MARKED[0].tobytes()


@pytest.mark.parametrize("size", [(64, 200), (8, 8), (1, 1), (520, 24)])
def test_any_size_and_mode_is_marked(size: tuple[int, int]) -> None:
    marked = put_mark(Image.new("L", size, 99))
    assert (marked.size, marked.mode) == (size, "RGB")


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "CMYK", "L"])
def test_it_is_looked_for_in_any_mode_and_size(mode: str) -> None:
    found = find_mark(MARKED[1].convert("RGB").convert(mode))
    large = find_mark(Image.new(mode, (1100, 30)))
    assert found is not None and large is not None
    assert (found.is_marked, large.is_marked) == (True, False)


def test_of_a_picture_that_is_too_small_nothing_is_said() -> None:
    assert find_mark(scaled(MARKED[0], 0.15)) is None


def test_a_large_picture_is_looked_at_in_a_smaller_size() -> None:
    scene = draw(scene_of(3)).resize((2100, 300), Image.Resampling.BICUBIC)
    found, none = find_mark(put_mark(scene)), find_mark(scene)
    assert found is not None and none is not None
    assert (found.is_marked, round(found.scale, 2), none.is_marked) == (True, 1.0, False)


def test_the_mark_is_what_it_was_when_the_first_picture_was_marked() -> None:
    """Another wave or phase would make every picture that is out there unmarked: take another name for another mark."""
    said = repr([(int(across), int(down)) for across, down in WAVES]) + repr(np.angle(PHASES).round(6).tolist())
    assert (MARK, TILE) == ("afterimage-1", 64)
    assert hashlib.sha256(said.encode()).hexdigest().startswith("9c513471")
    assert np.sqrt((pattern(TILE, TILE) ** 2).mean()) == pytest.approx(1)


def bodies(model: Predictor, *seeds: int, watermark: bool = True) -> list[bytes]:
    job = GenerationJob(job_id="j-1", prompt="cat", seeds=seeds, steps=2)
    made = generate(job, model, S3Storage(), watermark=watermark)
    assert made.versions.get("watermark") == (MARK if watermark else None)
    return [base64.b64decode(str(image.base64)) for image in made.images]


def test_a_seed_gives_the_same_marked_file_alone_and_among_others(predictor: Predictor) -> None:
    together = bodies(predictor, 1, 2, 3)
    assert together == [body for seed in (1, 2, 3) for body in bodies(predictor, seed)]
    assert Image.open(io.BytesIO(together[0])).text["watermark"] == MARK  # type: ignore[attr-defined]


def test_without_it_the_picture_is_what_the_network_made_and_says_nothing_of_a_watermark(predictor: Predictor) -> None:
    (body,) = bodies(predictor, 1, watermark=False)
    plain = Image.open(io.BytesIO(body))
    (picture,) = predictor.predict(GenerationJob(job_id="j-1", prompt="cat", seeds=(1,), steps=2)).pictures
    assert plain.tobytes() == picture.image.tobytes()
    assert "watermark" not in plain.text  # type: ignore[attr-defined]
    assert put_mark(picture.image).tobytes() == Image.open(io.BytesIO(bodies(predictor, 1)[0])).tobytes()
