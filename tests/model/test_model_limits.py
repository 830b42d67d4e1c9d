"""A job is held against the model's limits before any work, and every blank is filled with a default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from afterimage.contracts.generation import GenerationJob
from afterimage_model.errors import InvalidDocument, ModelFolderError, ModeNotSupported, OutsideLimits
from afterimage_model.folder import ModelNotes
from afterimage_model.limits import DEFAULT_STRENGTH, NativeShape, make_plan, resolve_limits

NATIVE = NativeShape(side=512, multiple=8, train_steps=1000, xl=False, scheduler="PNDMScheduler", max_batch=1)
LIMITS = resolve_limits(ModelNotes(), NATIVE)


def job(**values: Any) -> GenerationJob:
    return GenerationJob(job_id="j-1", **{"prompt": "a cat", "seeds": (1,), **values})


def test_blanks_take_the_models_defaults() -> None:
    plan = make_plan(job(), LIMITS)
    assert (plan.width, plan.height, plan.steps, plan.guidance) == (512, 512, 30, 7.5)
    assert plan.scheduler == "PNDMScheduler"
    assert plan.warnings == ()


def test_notes_replace_what_the_networks_say() -> None:
    limits = resolve_limits(ModelNotes(default_width=640, default_steps=8, max_count=2, max_batch=16), NATIVE)
    assert (limits.default_width, limits.default_height, limits.default_steps) == (640, 512, 8)
    assert (limits.max_count, limits.max_batch, limits.max_side) == (2, 16, 1024)


@pytest.mark.parametrize(
    ("values", "limit", "value"),
    [
        ({"width": 2048}, "width must lie between 256 and 1024", "2048"),
        ({"height": 8}, "height must lie between 256 and 1024", "8"),
        ({"width": 1024, "height": 1024}, "589824 pixels", "1048576"),
        ({"steps": 101}, "steps must lie between 1 and 100", "101"),
        ({"steps": 0}, "steps must lie between 1 and 100", "0"),
        ({"guidance": 31.0}, "guidance must lie between 0 and 30.0", "31.0"),
        ({"guidance": float("nan")}, "guidance must lie between 0 and 30.0", "nan"),
        ({"seeds": tuple(range(9))}, "the number of seeds must lie between 1 and 8", "9"),
        ({"prompt": "x" * 2001}, "prompt must have at most 2000 characters", "2001"),
        ({"negative_prompt": "x" * 2001}, "negative_prompt must have at most 2000 characters", "2001"),
        ({"output_format": "gif"}, "one of png, jpeg, webp", "gif"),
    ],
)
def test_outside_a_limit_is_refused_naming_limit_and_value(values: dict[str, Any], limit: str, value: str) -> None:
    with pytest.raises(OutsideLimits) as caught:
        make_plan(job(**values), LIMITS)
    assert limit in str(caught.value)
    assert str(caught.value).endswith(value) or repr(value) in str(caught.value)
    assert caught.value.document().error.code == "outside_limits"
    assert caught.value.status == 400


def test_another_mode_is_refused() -> None:
    with pytest.raises(ModeNotSupported, match="inpaint"):
        make_plan(job(mode="inpaint"), LIMITS)


def test_img2img_needs_a_picture_and_a_strength_that_leaves_a_step() -> None:
    plan = make_plan(job(mode="img2img", input_key="jobs/j-1/input"), LIMITS)
    assert plan.strength == DEFAULT_STRENGTH
    with pytest.raises(InvalidDocument, match="input_key"):
        make_plan(job(mode="img2img"), LIMITS)
    for strength in (-0.1, 1.1, float("nan")):
        with pytest.raises(OutsideLimits, match="strength must lie between 0 and 1"):
            make_plan(job(mode="img2img", input_key="x", strength=strength), LIMITS)
    with pytest.raises(OutsideLimits, match="at least 1"):
        make_plan(job(mode="img2img", input_key="x", strength=0.2, steps=4), LIMITS)


def test_what_belongs_to_img2img_is_ignored_aloud_without_it() -> None:
    plan = make_plan(job(strength=0.5, input_key="jobs/j-1/input"), LIMITS)
    assert plan.strength is None
    assert [(one.code, one.detail) for one in plan.warnings] == [
        ("parameter_ignored", "strength"),
        ("parameter_ignored", "input_key"),
    ]


def test_half_a_character_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="surrogate"):
        make_plan(job(prompt="\ud83d"), LIMITS)


@pytest.mark.parametrize(("asked", "made"), [(515, 512), (516, 520), (513, 512), (1021, 1024), (257, 256)])
def test_a_size_between_multiples_is_rounded_with_a_warning(asked: int, made: int) -> None:
    plan = make_plan(job(width=asked), LIMITS)
    assert plan.width == made
    assert [(warning.code, warning.detail) for warning in plan.warnings] == [
        ("size_rounded", f"width {asked} -> {made}")
    ]


def test_rounding_never_leaves_the_limits() -> None:
    limits = replace(LIMITS, min_side=260, max_side=1020)
    assert make_plan(job(width=260), limits).width == 264
    assert make_plan(job(width=1020), limits).width == 1016


def test_a_size_on_a_multiple_draws_no_warning() -> None:
    assert make_plan(job(width=640, height=384), LIMITS).warnings == ()


@pytest.mark.parametrize(
    ("notes", "named"),
    [
        (ModelNotes(default_width=4096), "default_width"),
        (ModelNotes(default_height=515), "default_height"),
        (ModelNotes(default_steps=500), "default_steps"),
        (ModelNotes(max_count=0), "max_count"),
        (ModelNotes(max_guidance=2.0), "default_guidance"),
    ],
)
def test_notes_that_contradict_themselves_are_refused(notes: ModelNotes, named: str) -> None:
    with pytest.raises(ModelFolderError, match=named):
        resolve_limits(notes, NATIVE)
