"""Presets and model profiles as data: whatever is added to the files must keep to this."""

from __future__ import annotations

import re

import pytest
from afterimage.domain.errors import InvalidRequestError, UnknownPresetError
from afterimage.domain.model_profiles import ModelProfile, model_profiles
from afterimage.domain.moderation import Action, judge_prompt, packaged_policy
from afterimage.domain.presets import preset_named, presets
from afterimage.domain.request import ImageRequest, specify
from fakes.template import template
from hypothesis import given
from hypothesis import strategies as st

NAMES = list(presets())


def test_there_are_at_least_eight_and_the_movie_poster_is_one() -> None:
    assert len(NAMES) >= 8
    assert "movie-poster" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_complete_and_its_frame_holds_the_prompt_once_in_front(name: str) -> None:
    preset = presets()[name]
    assert re.fullmatch(r"[a-z][a-z0-9-]{1,63}", name)
    assert preset.frame.count("{prompt}") == 1
    assert preset.frame.startswith("{prompt}")
    assert len(preset.frame) > len("{prompt}")
    assert preset.title
    assert preset.description.endswith(".")
    assert len(preset.aspect) == 2
    assert all(side > 0 for side in preset.aspect)
    assert preset.steps_factor > 0
    assert preset.guidance_factor > 0


@pytest.mark.parametrize("name", NAMES)
def test_no_preset_is_blocked_by_our_own_policy(name: str) -> None:
    preset = presets()[name]
    decision = judge_prompt(preset.framed("a cat"), preset.negative_prompt, packaged_policy(), 0)
    assert decision.action is Action.ALLOW


@pytest.mark.parametrize("profile", list(model_profiles()))
@pytest.mark.parametrize("name", NAMES)
def test_every_model_takes_every_presets_defaults(name: str, profile: str) -> None:
    model = model_profiles()[profile]
    spec = specify(ImageRequest(prompt="a cat", preset=name), model, lambda: 1)
    model.check_size(spec.width, spec.height)
    assert 1 <= spec.steps <= model.max_steps
    assert 0 <= spec.guidance <= model.max_guidance


def test_an_unknown_preset_is_told_as_one() -> None:
    with pytest.raises(UnknownPresetError):
        preset_named("movie poster")


def test_every_profile_that_the_template_offers_exists() -> None:
    assert set(template()["Parameters"]["ModelProfile"]["AllowedValues"]) == set(model_profiles())


@pytest.mark.parametrize("name", list(model_profiles()))
def test_a_profile_agrees_with_itself(name: str) -> None:
    profile = model_profiles()[name]
    assert profile.min_side % profile.multiple == profile.max_side % profile.multiple == 0
    assert profile.min_side**2 <= profile.default_pixels <= profile.max_pixels
    assert 1 <= profile.default_steps <= profile.max_steps
    assert 0 <= profile.default_guidance <= profile.max_guidance


@given(profile=st.sampled_from(list(model_profiles().values())), aspect=st.tuples(*[st.integers(1, 10_000)] * 2))
def test_the_size_for_any_aspect_is_one_that_the_model_makes(profile: ModelProfile, aspect: tuple[int, int]) -> None:
    profile.check_size(*profile.size_for(aspect))


@pytest.mark.parametrize(("name", "side"), [("demo", 64), ("sd15", 512), ("sdxl", 1024)])
def test_a_square_without_a_size_is_the_models_own(name: str, side: int) -> None:
    assert model_profiles()[name].size_for((1, 1)) == (side, side)


@pytest.mark.parametrize("aspect", [(1, 1), (2, 3), (3, 2), (4, 3), (3, 4), (16, 9), (9, 16)])
def test_a_usual_aspect_is_kept_but_for_the_multiple(aspect: tuple[int, int]) -> None:
    width, height = model_profiles()["sdxl"].size_for(aspect)
    assert width / height == pytest.approx(aspect[0] / aspect[1], rel=0.02)


@given(width=st.integers(-10, 2000), height=st.integers(-10, 2000))
def test_a_size_is_taken_exactly_when_all_three_bounds_hold(width: int, height: int) -> None:
    profile = model_profiles()["sd15"]
    sound = all(256 <= side <= 1024 and side % 8 == 0 for side in (width, height)) and width * height <= 589_824
    try:
        profile.check_size(width, height)
    except InvalidRequestError:
        assert not sound
    else:
        assert sound
