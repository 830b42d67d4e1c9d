"""What the model behind the endpoint can do, as far as the door must know to refuse a request at once.

The container refuses again by its own limits; this table only spares the person the wait.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from pathlib import Path

from afterimage.contracts.codec import from_document
from afterimage.domain.errors import InvalidRequestError


@dataclass(frozen=True, kw_only=True)
class ModelProfile:
    """Bounds of one model family. Sides are pixels; `multiple` is what both sides must be divisible by.

    `max_pixels` bounds what may be asked for, `default_pixels` is what is made when nobody asks: the area the model was
    trained on, beyond which it begins to repeat its subject. `seconds_per_picture` is a rule of thumb for that size and
    the default steps on the template's default instance (demo: two processor cores), for estimates only. `img2img` and
    `adapters` say whether it begins from an input picture (changed by `default_strength`) and takes LoRA files.
    """

    title: str
    min_side: int
    max_side: int
    max_pixels: int
    default_pixels: int
    multiple: int
    default_steps: int
    max_steps: int
    default_guidance: float
    max_guidance: float
    seconds_per_picture: float
    img2img: bool
    default_strength: float
    adapters: bool

    def size_for(self, aspect: tuple[int, int]) -> tuple[int, int]:
        """Return (width, height) near `aspect` on the model's own area, each rounded down to its multiple."""
        across, down = aspect
        width = math.sqrt(self.default_pixels * across / down)
        return self._fit(width), self._fit(width * down / across)

    def _fit(self, side: float) -> int:
        clamped = max(self.min_side, min(self.max_side, side))
        return int(clamped // self.multiple * self.multiple)

    def check_size(self, width: int, height: int) -> None:
        """Raise InvalidRequestError, naming bound and value, for a size that the model does not make."""
        for name, side in (("width", width), ("height", height)):
            if not self.min_side <= side <= self.max_side or side % self.multiple:
                raise InvalidRequestError(
                    f"{name} must be a multiple of {self.multiple} "
                    f"from {self.min_side} to {self.max_side}, not {side}.",
                    code="size_out_of_bounds",
                )
        if width * height > self.max_pixels:
            raise InvalidRequestError(
                f"width × height must be at most {self.max_pixels} pixels, not {width * height}.",
                code="size_out_of_bounds",
            )


@functools.cache
def model_profiles() -> dict[str, ModelProfile]:
    """Return every known profile by its name, read once from the file beside this module."""
    document = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return {name: from_document(ModelProfile, entry) for name, entry in document.items()}
