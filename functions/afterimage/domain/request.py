"""From what a person asked to a complete specification, or a sentence that says what is wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from afterimage.contracts.generation import MAX_SEED
from afterimage.domain.errors import InvalidRequestError
from afterimage.domain.job import ImageSpec
from afterimage.domain.model_profiles import ModelProfile
from afterimage.domain.presets import Preset, preset_named
from afterimage.domain.uploads import strength_of

MAX_PROMPT_CHARACTERS = 1000
MAX_COUNT = 4
_SQUARE = (1, 1)
# Which of them a model offers, only the container knows; this is what a class name of diffusers can look like.
_SCHEDULER = re.compile(r"[A-Za-z0-9]{1,64}")
# Which of them an operator has published, only the container knows; this is a name that it looks for.
_ADAPTER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class ImageRequest:
    """What a person asked for; None means "as the preset or the model would have it"."""

    prompt: str
    negative_prompt: str | None = None
    preset: str | None = None
    count: int = 1
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    scheduler: str | None = None
    adapter: str | None = None
    upload: str | None = None
    strength: float | None = None
    email: str | None = None


def specify(request: ImageRequest, profile: ModelProfile, draw_seed: Callable[[], int]) -> ImageSpec:
    """Return the complete specification of `request` on `profile`; `draw_seed` is asked only when no seed was given.
    What the upload is, whoever can look at it adds.

    Raises InvalidRequestError (with a code of its own per rule) and UnknownPresetError.
    """
    preset = preset_named(request.preset) if request.preset is not None else None
    prompt = _checked_text("prompt", request.prompt)
    if not prompt:
        raise InvalidRequestError("prompt must say what to draw.", code="prompt_empty")
    negative = _checked_text("negative_prompt", request.negative_prompt or "")
    if not 1 <= request.count <= MAX_COUNT:
        raise InvalidRequestError(
            f"count must lie between 1 and {MAX_COUNT}, not {request.count}.", code="count_out_of_bounds"
        )
    width, height = _size(request, preset, profile)
    steps = _steps(request, preset, profile)
    return ImageSpec(
        prompt=prompt,
        model_prompt=preset.framed(prompt) if preset else prompt,
        negative_prompt=", ".join(part for part in (negative, preset.negative_prompt if preset else "") if part),
        preset=request.preset,
        width=width,
        height=height,
        steps=steps,
        guidance=_guidance(request, preset, profile),
        scheduler=_scheduler(request),
        seeds=_seeds(request, draw_seed),
        strength=strength_of(request.upload, request.strength, steps, profile),
        adapter=_adapter(request, profile),
    )


def _checked_text(name: str, text: str) -> str:
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise InvalidRequestError(
            f"{name} must be at most {MAX_PROMPT_CHARACTERS} characters, not {len(text)}.", code=f"{name}_too_long"
        )
    # Control characters would forge lines in a mail or a log; line breaks and tabs are only white space to a model.
    if any(unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\r\t" for character in text):
        raise InvalidRequestError(f"{name} must not hold control characters.", code=f"{name}_not_text")
    return " ".join(text.split())


def _size(request: ImageRequest, preset: Preset | None, profile: ModelProfile) -> tuple[int, int]:
    if (request.width is None) != (request.height is None):
        raise InvalidRequestError("width and height go together: give both or neither.", code="size_incomplete")
    if request.width is None or request.height is None:
        across, down = preset.aspect if preset else _SQUARE
        return profile.size_for((across, down))
    profile.check_size(request.width, request.height)
    return request.width, request.height


def _steps(request: ImageRequest, preset: Preset | None, profile: ModelProfile) -> int:
    if request.steps is None:
        return min(profile.max_steps, max(1, round(profile.default_steps * (preset.steps_factor if preset else 1.0))))
    if not 1 <= request.steps <= profile.max_steps:
        raise InvalidRequestError(
            f"steps must lie between 1 and {profile.max_steps}, not {request.steps}.", code="steps_out_of_bounds"
        )
    return request.steps


def _guidance(request: ImageRequest, preset: Preset | None, profile: ModelProfile) -> float:
    if request.guidance is None:
        return round(profile.default_guidance * (preset.guidance_factor if preset else 1.0), 2)
    if not 0.0 <= request.guidance <= profile.max_guidance:
        raise InvalidRequestError(
            f"guidance must lie between 0 and {profile.max_guidance:g}, not {request.guidance:g}.",
            code="guidance_out_of_bounds",
        )
    return request.guidance


def _scheduler(request: ImageRequest) -> str | None:
    if request.scheduler is not None and not _SCHEDULER.fullmatch(request.scheduler):
        raise InvalidRequestError(
            "scheduler must be a class name of diffusers: 1 to 64 letters and digits.", code="invalid_scheduler"
        )
    return request.scheduler


def _adapter(request: ImageRequest, profile: ModelProfile) -> str | None:
    if request.adapter is None:
        return None
    if not profile.adapters:
        raise InvalidRequestError("The model of this service takes no adapters.", code="adapter_not_supported")
    if not _ADAPTER.fullmatch(request.adapter) or ".." in request.adapter:
        raise InvalidRequestError(
            "adapter must be a name of 1 to 64 letters, digits, dots, hyphens and underscores.", code="invalid_adapter"
        )
    return request.adapter


def _seeds(request: ImageRequest, draw_seed: Callable[[], int]) -> tuple[int, ...]:
    if request.seed is not None and not 0 <= request.seed <= MAX_SEED:
        raise InvalidRequestError(f"seed must lie between 0 and {MAX_SEED}.", code="seed_out_of_bounds")
    first = draw_seed() if request.seed is None else request.seed
    return tuple((first + offset) % (MAX_SEED + 1) for offset in range(request.count))
