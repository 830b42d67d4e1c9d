"""What may be asked of one model, and the plan that a job becomes once it lies inside."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from afterimage.contracts.generation import IMG2IMG, TXT2IMG, GenerationJob, GenerationWarning

from afterimage_model.errors import InvalidDocument, ModelFolderError, ModeNotSupported, OutsideLimits
from afterimage_model.folder import ModelNotes

if TYPE_CHECKING:
    from PIL import Image

DEFAULT_STRENGTH = 0.6
OUTPUT_FORMATS = ("png", "jpeg", "webp")


@dataclass(frozen=True, kw_only=True)
class NativeShape:
    """What the networks and the device say: `side` in pixels they were trained at, `multiple` their sizes must keep.

    `max_batch` is how many pictures go through the network at once unless the notes name another number.
    """

    side: int
    multiple: int
    train_steps: int
    xl: bool
    scheduler: str
    max_batch: int


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits and defaults of one model. Sides are pixels; a picture holds at most `max_pixels`."""

    default_width: int
    default_height: int
    default_steps: int
    default_guidance: float
    default_scheduler: str
    min_side: int
    max_side: int
    max_pixels: int
    multiple: int
    max_steps: int
    max_guidance: float
    max_count: int
    max_batch: int
    max_prompt_chars: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A job with every blank filled in: exactly what will be made. `warnings` say what was changed.

    `input_picture`, its verdict `input_flagged` and `strength` belong to img2img; the picture has the plan's size.
    """

    job_id: str
    prompt: str
    negative_prompt: str
    seeds: tuple[int, ...]
    width: int
    height: int
    steps: int
    guidance: float
    scheduler: str
    output_format: str
    mode: str = TXT2IMG
    strength: float | None = None
    input_picture: Image.Image | None = field(default=None, compare=False, repr=False)
    input_flagged: bool | None = None
    adapter: str | None = None
    adapter_sha256: str | None = None
    warnings: tuple[GenerationWarning, ...] = ()


def resolve_limits(notes: ModelNotes, native: NativeShape) -> Limits:
    """Fill what the notes leave open: half to twice the native side, 9/4 of its pixels, steps the schedule has.

    Raises ModelFolderError when the notes contradict themselves or the networks.
    """
    multiple = math.lcm(native.multiple, notes.multiple or 1)
    smallest = max(multiple, native.side // 2 // multiple * multiple)
    values: dict[str, int | float | str] = {
        "default_width": native.side,
        "default_height": native.side,
        "default_steps": min(30, native.train_steps),
        "default_guidance": 5.0 if native.xl else 7.5,
        "default_scheduler": native.scheduler,
        "min_side": smallest,
        "max_side": 2 * native.side,
        "max_pixels": native.side * native.side * 9 // 4,
        "max_steps": min(100, native.train_steps),
        "max_guidance": 30.0,
        "max_count": 8,
        "max_batch": native.max_batch,
        "max_prompt_chars": 2000,
    }
    for name in values:
        if (noted := getattr(notes, name)) is not None:
            values[name] = noted
    limits = Limits(multiple=multiple, **values)  # type: ignore[arg-type]
    _check_limits(limits)
    return limits


def _check_limits(limits: Limits) -> None:
    for name in (limit.name for limit in fields(Limits)):
        value = getattr(limits, name)
        if not isinstance(value, str) and value <= 0 and name != "default_guidance":
            raise ModelFolderError(f"limits: {name} must be greater than 0, not {value}")
    for name, least, most in (
        ("default_width", limits.min_side, limits.max_side),
        ("default_height", limits.min_side, limits.max_side),
        ("default_steps", 1, limits.max_steps),
        ("default_guidance", 0, limits.max_guidance),
    ):
        if not least <= getattr(limits, name) <= most:
            raise ModelFolderError(f"limits: {name} must lie between {least} and {most}, not {getattr(limits, name)}")
    for name in ("default_width", "default_height"):
        if getattr(limits, name) % limits.multiple:
            raise ModelFolderError(f"limits: {name} must be a multiple of {limits.multiple}")


def make_plan(job: GenerationJob, limits: Limits) -> Plan:
    """Hold the job against the limits and fill its blanks.

    Raises ModeNotSupported, OutsideLimits or InvalidDocument; the sentence names the limit and the value. The
    scheduler's name is not judged here: see `schedulers.Schedulers.build`.
    """
    if job.mode not in (TXT2IMG, IMG2IMG):
        raise ModeNotSupported(f"mode {job.mode!r} is not supported; this container makes {TXT2IMG} and {IMG2IMG}")
    if job.output_format not in OUTPUT_FORMATS:
        raise OutsideLimits(f"output_format must be one of {', '.join(OUTPUT_FORMATS)}, not {job.output_format!r}")
    for name, text in (("prompt", job.prompt), ("negative_prompt", job.negative_prompt)):
        _check_text(name, text, limits.max_prompt_chars)
    _between("the number of seeds", len(job.seeds), 1, limits.max_count)
    steps = limits.default_steps if job.steps is None else job.steps
    _between("steps", steps, 1, limits.max_steps)
    guidance = limits.default_guidance if job.guidance is None else job.guidance
    _between("guidance", guidance, 0, limits.max_guidance)
    warnings: list[GenerationWarning] = []
    strength = _strength(job, steps, warnings.append)
    width = _side("width", job.width, limits.default_width, limits, warnings.append)
    height = _side("height", job.height, limits.default_height, limits, warnings.append)
    if width * height > limits.max_pixels:
        raise OutsideLimits(
            f"width times height must be at most {limits.max_pixels} pixels, not {width} x {height} = {width * height}"
        )
    return Plan(
        job_id=job.job_id,
        prompt=job.prompt,
        negative_prompt=job.negative_prompt,
        seeds=job.seeds,
        width=width,
        height=height,
        steps=steps,
        guidance=guidance,
        scheduler=limits.default_scheduler if job.scheduler is None else job.scheduler,
        output_format=job.output_format,
        mode=job.mode,
        strength=strength,
        adapter=job.adapter,
        adapter_sha256=job.adapter_sha256,
        warnings=tuple(warnings),
    )


def _strength(job: GenerationJob, steps: int, warn: Callable[[GenerationWarning], None]) -> float | None:
    if job.mode == TXT2IMG:
        for name in ("strength", "input_key"):
            if getattr(job, name) is not None:
                message = f"The {name} was ignored because {TXT2IMG} begins from no picture."
                warn(GenerationWarning(code="parameter_ignored", message=message, detail=name))
        return None
    if job.input_key is None:
        raise InvalidDocument(f"{IMG2IMG} needs an input_key")
    strength = DEFAULT_STRENGTH if job.strength is None else job.strength
    _between("strength", strength, 0, 1)
    if int(steps * strength) < 1:
        raise OutsideLimits(f"strength times steps must be at least 1, not {strength} x {steps}")
    return strength


def _between(what: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # false for NaN too
        raise OutsideLimits(f"{what} must lie between {least} and {most}, not {value}")


def _check_text(name: str, text: str, most: int) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise InvalidDocument(f"{name} holds half a character (a lone surrogate)") from exc
    if len(text) > most:
        raise OutsideLimits(f"{name} must have at most {most} characters, not {len(text)}")


def _side(name: str, asked: int | None, default: int, limits: Limits, warn: Callable[[GenerationWarning], None]) -> int:
    if asked is None:
        return default
    _between(name, asked, limits.min_side, limits.max_side)
    step = limits.multiple
    least, most = -(-limits.min_side // step) * step, limits.max_side // step * step
    side = min(max((asked + step // 2) // step * step, least), most)
    if side != asked:
        message = f"The {name} was rounded to {side}, a multiple of {step}."
        warn(GenerationWarning(code="size_rounded", message=message, detail=f"{name} {asked} -> {side}"))
    return side
