"""Uploads: whose they are, how long they are good, what kind of picture a file says it is."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from afterimage.domain.errors import InvalidRequestError
from afterimage.domain.estimate import estimate
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.request import ImageRequest, specify
from afterimage.domain.uploads import UPLOAD_TTL_S, is_living_upload, kind_of, new_upload_id, upload_key
from fakes.outside import NOW_MS

DEMO = model_profiles()["demo"]
UPLOAD = new_upload_id(NOW_MS, b"0123456789")


def spec_of(profile: Any = DEMO, **asked: Any) -> Any:
    return specify(ImageRequest(prompt="a boat", **asked), profile, lambda: 1)


def refusal(profile: Any = DEMO, **asked: Any) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        spec_of(profile, **asked)
    return caught.value.code


def test_an_upload_lies_in_its_owners_folder_which_does_not_name_the_owner() -> None:
    mine, theirs = upload_key("user#ada", UPLOAD), upload_key("user#bob", UPLOAD)
    assert mine.startswith("uploads/")
    assert mine.endswith(f"/{UPLOAD}")
    assert mine.rpartition("/")[0] != theirs.rpartition("/")[0]
    assert "ada" not in mine


def test_an_upload_is_good_for_a_day() -> None:
    last_ms = NOW_MS + UPLOAD_TTL_S * 1000 - 1
    assert [is_living_upload(UPLOAD, at) for at in (NOW_MS, last_ms, last_ms + 1)] == [True, True, False]


@pytest.mark.parametrize("text", ["", "..", "a/b", UPLOAD.upper(), f"{UPLOAD}x", "z" * 26])
def test_what_is_no_id_of_ours_or_of_the_future_is_none(text: str) -> None:
    assert not is_living_upload(text, NOW_MS)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\r", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01", "image/jpeg"),
        (b"RIFF\x24\0\0\0WEBP", "image/webp"),
    ],
)
def test_the_beginning_tells_the_kind(head: bytes, kind: str) -> None:
    assert kind_of(head) == kind


@pytest.mark.parametrize(
    "head", [b"", b"GIF89a", b"%PDF-1.7", b"<svg xmlns=", b"RIFF\x24\0\0\0WAVE", b"\x89PNG", b"\0" * 12]
)
def test_no_picture_is_refused(head: bytes) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        kind_of(head)
    assert caught.value.code == "input_not_a_picture"


def test_without_an_upload_there_is_no_strength() -> None:
    assert spec_of().strength is None
    assert refusal(strength=0.5) == "strength_without_input"


def test_what_is_left_out_suits_the_model_and_changes_something() -> None:
    assert spec_of(upload=UPLOAD).strength == 0.6
    assert spec_of(upload=UPLOAD, steps=1).strength == 1.0


@pytest.mark.parametrize("strength", [0.0, 1.01, -0.5, float("nan"), 0.12])
def test_a_strength_that_changes_nothing_or_is_none_is_refused(strength: float) -> None:
    assert refusal(upload=UPLOAD, strength=strength, steps=8) == "strength_out_of_bounds"


def test_a_model_that_cannot_says_so_at_once() -> None:
    plain = dataclasses.replace(DEMO, img2img=False, adapters=False)
    assert refusal(plain, upload=UPLOAD) == "mode_not_supported"
    assert refusal(plain, adapter="oil") == "adapter_not_supported"


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "../secret", "a..b", "a/b", ".hidden", "oil\n", "\u00f6l"])
def test_an_adapter_goes_by_a_plain_name(name: str) -> None:
    assert refusal(adapter=name) == "invalid_adapter"


def test_an_adapter_of_a_plain_name_is_taken() -> None:
    assert [spec_of(adapter=name).adapter for name in ("oil", "Oil_2.1-b")] == ["oil", "Oil_2.1-b"]


def test_from_a_picture_only_the_steps_that_are_made_cost() -> None:
    whole, part = spec_of(steps=10), spec_of(steps=10, upload=UPLOAD, strength=0.5)
    assert estimate(part, DEMO, 3.6).seconds == estimate(whole, DEMO, 3.6).seconds / 2
