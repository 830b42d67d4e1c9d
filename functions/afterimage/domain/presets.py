"""Styles that a person picks by name: a frame around the prompt and inference parameters, kept as data."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from afterimage.contracts.codec import from_document
from afterimage.domain.errors import UnknownPresetError


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One style. `frame` holds `{prompt}` once, in front, because encoders cut at the end; `aspect` is width to height;
    the factors scale the model's own default steps and guidance, so a preset fits every model."""

    title: str
    description: str
    frame: str
    negative_prompt: str
    aspect: tuple[int, ...]
    steps_factor: float
    guidance_factor: float

    def framed(self, prompt: str) -> str:
        """Return the prompt inside the frame. `replace`, not `format`: a person's braces stay braces."""
        return self.frame.replace("{prompt}", prompt)


@functools.cache
def presets() -> dict[str, Preset]:
    """Return every preset by its name, in the order of the file beside this module."""
    document = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return {name: from_document(Preset, entry) for name, entry in document.items()}


def preset_named(name: str) -> Preset:
    """Return one preset. Raises UnknownPresetError."""
    try:
        return presets()[name]
    except KeyError:
        raise UnknownPresetError() from None
