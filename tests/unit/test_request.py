"""What a person may ask for: every bound has a code of its own and a sentence with the bound and the value."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from afterimage.contracts.generation import MAX_SEED
from afterimage.domain.errors import InvalidRequestError, UnknownPresetError
from afterimage.domain.job import ImageSpec
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.presets import preset_named, presets
from afterimage.domain.request import MAX_COUNT, MAX_PROMPT_CHARACTERS, ImageRequest, specify
from hypothesis import given
from hypothesis import strategies as st

SD15 = model_profiles()["sd15"]
ASKED = ImageRequest(prompt="a lighthouse")


def spec_of(**changes: Any) -> ImageSpec:
    return specify(dataclasses.replace(ASKED, **changes), SD15, lambda: 5)


def refusal(**changes: Any) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        spec_of(**changes)
    return caught.value


def test_what_is_left_out_comes_from_the_model() -> None:
    assert spec_of() == ImageSpec(
        prompt="a lighthouse",
        model_prompt="a lighthouse",
        negative_prompt="",
        preset=None,
        width=512,
        height=512,
        steps=30,
        guidance=7.5,
        scheduler=None,
        seeds=(5,),
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"prompt": ""}, "prompt_empty"),
        ({"prompt": " \t\n\u2003"}, "prompt_empty"),
        ({"prompt": "x" * (MAX_PROMPT_CHARACTERS + 1)}, "prompt_too_long"),
        ({"prompt": "a\x00b"}, "prompt_not_text"),
        ({"prompt": "a\x1b[31mb"}, "prompt_not_text"),
        ({"prompt": "a\x7fb"}, "prompt_not_text"),
        ({"prompt": "a\x85b"}, "prompt_not_text"),
        ({"prompt": "a\ud800b"}, "prompt_not_text"),
        ({"negative_prompt": "x" * (MAX_PROMPT_CHARACTERS + 1)}, "negative_prompt_too_long"),
        ({"negative_prompt": "a\x00b"}, "negative_prompt_not_text"),
        ({"count": 0}, "count_out_of_bounds"),
        ({"count": -1}, "count_out_of_bounds"),
        ({"count": MAX_COUNT + 1}, "count_out_of_bounds"),
        ({"width": 512}, "size_incomplete"),
        ({"height": 512}, "size_incomplete"),
        ({"width": 255, "height": 512}, "size_out_of_bounds"),
        ({"width": 248, "height": 512}, "size_out_of_bounds"),
        ({"width": 513, "height": 512}, "size_out_of_bounds"),
        ({"width": 512, "height": 1032}, "size_out_of_bounds"),
        ({"width": 1024, "height": 1024}, "size_out_of_bounds"),
        ({"width": 0, "height": 0}, "size_out_of_bounds"),
        ({"width": -512, "height": -512}, "size_out_of_bounds"),
        ({"steps": 0}, "steps_out_of_bounds"),
        ({"steps": 101}, "steps_out_of_bounds"),
        ({"guidance": -0.1}, "guidance_out_of_bounds"),
        ({"guidance": 30.1}, "guidance_out_of_bounds"),
        ({"guidance": math.nan}, "guidance_out_of_bounds"),
        ({"guidance": math.inf}, "guidance_out_of_bounds"),
        ({"seed": -1}, "seed_out_of_bounds"),
        ({"seed": MAX_SEED + 1}, "seed_out_of_bounds"),
        ({"scheduler": ""}, "invalid_scheduler"),
        ({"scheduler": "x" * 65}, "invalid_scheduler"),
        ({"scheduler": "Euler Discrete"}, "invalid_scheduler"),
        ({"scheduler": "../EulerDiscreteScheduler"}, "invalid_scheduler"),
        ({"scheduler": "DDIMScheduler\n"}, "invalid_scheduler"),
        ({"scheduler": "DDIM\u0660"}, "invalid_scheduler"),
        ({"preset": "no-such-style"}, "unknown_preset"),
    ],
)
def test_each_broken_bound_has_its_code(changes: dict[str, Any], code: str) -> None:
    assert refusal(**changes).code == code


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"count": 9}, ("1", "4", "9")),
        ({"steps": 101}, ("1", "100", "101")),
        ({"guidance": 31.0}, ("0", "30", "31")),
        ({"width": 513, "height": 512}, ("width", "8", "256", "1024", "513")),
        ({"width": 1024, "height": 1024}, ("589824", "1048576")),
        ({"prompt": "x" * 1001}, ("prompt", "1000", "1001")),
    ],
)
def test_a_sentence_names_the_bound_and_the_value(changes: dict[str, Any], words: tuple[str, ...]) -> None:
    sentence = refusal(**changes).sentence
    assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize(
    "changes",
    [{"prompt": "secret\x00words"}, {"prompt": "secret" * 400}, {"preset": "secret"}, {"scheduler": "secret!"}],
)
def test_no_sentence_repeats_what_the_person_wrote(changes: dict[str, Any]) -> None:
    assert "secret" not in refusal(**changes).sentence


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "x" * MAX_PROMPT_CHARACTERS},
        {"prompt": "🌋" * MAX_PROMPT_CHARACTERS},
        {"prompt": "منارة عند الغروب"},
        {"prompt": "מגדלור"},
        {"prompt": "灯台 👩‍👩‍👧‍👦 e\u0301"},
        {"count": MAX_COUNT},
        {"width": 256, "height": 1024},
        {"steps": 1},
        {"steps": 100},
        {"guidance": 0.0},
        {"guidance": 30.0},
        {"seed": 0},
        {"seed": MAX_SEED},
        {"scheduler": None},
        {"scheduler": "x"},
        {"scheduler": "DPMSolverMultistepScheduler"},
        {"scheduler": "x" * 64},
    ],
)
def test_the_bounds_themselves_are_permitted(changes: dict[str, Any]) -> None:
    spec = spec_of(**changes)
    for name, value in changes.items():
        if name not in ("count", "seed"):
            assert getattr(spec, name) == value
    assert len(spec.seeds) == changes.get("count", 1)
    assert spec.seeds[0] == changes.get("seed", 5)


def test_white_space_is_only_white_space() -> None:
    assert spec_of(prompt="  a\tlighthouse\r\n at \u2003 dusk ").prompt == "a lighthouse at dusk"


def test_seeds_follow_each_other_and_wrap() -> None:
    assert spec_of(seed=0, count=3).seeds == (0, 1, 2)
    assert spec_of(seed=MAX_SEED, count=3).seeds == (MAX_SEED, 0, 1)


def test_a_given_seed_asks_for_no_chance() -> None:
    def chance() -> int:
        raise AssertionError("drawn")

    assert specify(dataclasses.replace(ASKED, seed=9), SD15, chance).seeds == (9,)


def test_a_preset_frames_the_prompt_and_scales_the_models_own_defaults() -> None:
    poster = preset_named("movie-poster")
    spec = spec_of(preset="movie-poster", negative_prompt="rain")
    assert spec.prompt == "a lighthouse"
    assert spec.model_prompt == poster.frame.replace("{prompt}", "a lighthouse")
    assert spec.negative_prompt == f"rain, {poster.negative_prompt}"
    assert (spec.steps, spec.guidance) == (30, 8.25)
    assert spec.height > spec.width


def test_what_the_person_says_goes_before_the_preset() -> None:
    spec = spec_of(preset="movie-poster", width=512, height=512, steps=3, guidance=1.0)
    assert (spec.width, spec.height, spec.steps, spec.guidance) == (512, 512, 3, 1.0)


def test_braces_of_a_prompt_stay_braces() -> None:
    spec = spec_of(prompt="{prompt} {0} {__class__} %s", preset="icon")
    assert spec.model_prompt.startswith("{prompt} {0} {__class__} %s, flat icon")


def test_an_unknown_preset_is_an_invalid_request() -> None:
    assert issubclass(UnknownPresetError, InvalidRequestError)
    assert isinstance(refusal(preset=""), UnknownPresetError)


@given(
    prompt=st.text(max_size=60),
    preset=st.none() | st.sampled_from(sorted(presets())),
    profile=st.sampled_from(sorted(model_profiles())),
    count=st.integers(-1, 6),
    size=st.none() | st.tuples(st.integers(-8, 1600), st.integers(-8, 1600)),
    steps=st.none() | st.integers(-1, 200),
    guidance=st.none() | st.floats(),
    seed=st.none() | st.integers(-2, 2**33),
)
def test_any_request_is_complete_and_within_the_model_or_refused(
    prompt: str,
    preset: str | None,
    profile: str,
    count: int,
    size: tuple[int, int] | None,
    steps: int | None,
    guidance: float | None,
    seed: int | None,
) -> None:
    model = model_profiles()[profile]
    width, height = size or (None, None)
    asked = ImageRequest(
        prompt=prompt,
        preset=preset,
        count=count,
        width=width,
        height=height,
        steps=steps,
        guidance=guidance,
        seed=seed,
    )
    try:
        spec = specify(asked, model, lambda: 1)
    except InvalidRequestError as refused:
        assert refused.code != InvalidRequestError.code  # never without a code of its own
        return
    model.check_size(spec.width, spec.height)
    assert 1 <= spec.steps <= model.max_steps
    assert 0 <= spec.guidance <= model.max_guidance
    assert len(spec.seeds) == count
    assert all(0 <= each <= MAX_SEED for each in spec.seeds)
    assert spec.prompt
    assert spec.prompt in spec.model_prompt
