"""Picture files say what made them; thumbnails are JPEG and large enough to look at."""

from __future__ import annotations

import io
import json

import pytest
from afterimage_model.images import EXIF_IFD, EXIF_USER_COMMENT, encode_picture, encode_thumbnail, picture_facts
from afterimage_model.limits import Plan
from PIL import Image

PLAN = Plan(
    job_id="j-1",
    prompt="a café at night, 夜の喫茶店",
    negative_prompt="",
    seeds=(7,),
    width=64,
    height=48,
    steps=5,
    guidance=7.5,
    scheduler="EulerDiscreteScheduler",
    output_format="png",
)
FACTS = picture_facts(PLAN, 7, {"model": "demo", "model_version": "1"})
PICTURE = Image.linear_gradient("L").resize((64, 48)).convert("RGB")


def test_a_png_carries_its_facts_as_text() -> None:
    file = encode_picture(PICTURE, "png", FACTS)
    opened = Image.open(io.BytesIO(file.body))
    assert opened.text == {
        "Software": "Afterimage",
        "job_id": "j-1",
        "prompt": "a café at night, 夜の喫茶店",
        "seed": "7",
        "steps": "5",
        "guidance": "7.5",
        "scheduler": "EulerDiscreteScheduler",
        "size": "64x48",
        "model": "demo 1",
    }
    assert opened.tobytes() == PICTURE.tobytes()
    assert (file.content_type, file.width, file.height) == ("image/png", 64, 48)


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
def test_jpeg_and_webp_carry_their_facts_in_exif(output_format: str) -> None:
    file = encode_picture(PICTURE, output_format, FACTS)
    opened = Image.open(io.BytesIO(file.body))
    comment = opened.getexif().get_ifd(EXIF_IFD)[EXIF_USER_COMMENT]
    assert comment.startswith(b"ASCII\0\0\0")
    assert json.loads(comment[8:]) == FACTS
    assert opened.format == output_format.upper()
    assert file.content_type == f"image/{output_format}"


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
def test_the_longest_permitted_prompts_fit_into_exif(output_format: str) -> None:
    longest = FACTS | {"prompt": "😀" * 2000, "negative_prompt": "😀" * 2000}
    file = encode_picture(PICTURE, output_format, longest)
    comment = Image.open(io.BytesIO(file.body)).getexif().get_ifd(EXIF_IFD)[EXIF_USER_COMMENT]
    assert json.loads(comment[8:]) == longest


def test_the_same_picture_and_facts_are_the_same_bytes() -> None:
    assert encode_picture(PICTURE, "png", FACTS) == encode_picture(PICTURE.copy(), "png", dict(FACTS))


@pytest.mark.parametrize(
    ("size", "thumbnail"), [((64, 48), (320, 240)), ((512, 1024), (160, 320)), ((320, 320), (320, 320))]
)
def test_a_thumbnail_is_a_jpeg_of_320_pixels_whatever_the_size(
    size: tuple[int, int], thumbnail: tuple[int, int]
) -> None:
    file = encode_thumbnail(PICTURE.resize(size))
    opened = Image.open(io.BytesIO(file.body))
    assert (opened.format, opened.size, file.content_type) == ("JPEG", thumbnail, "image/jpeg")
