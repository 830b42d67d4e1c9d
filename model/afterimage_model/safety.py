"""The safety checker of Stable Diffusion 1.x folders, asked for its verdict and kept away from the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image


def verdicts(
    checker: Any | None, feature_extractor: Any, images: Sequence[Image.Image], device: str
) -> list[bool | None]:
    """One verdict per picture: True means flagged, None that the model folder has no checker.

    Diffusers' checker paints what it flags black in the array it is given, and it errs; so it gets blanks to paint on
    and the real pictures only as features. What to do with a flagged picture is decided where it is reviewed.
    """
    if checker is None:
        return [None] * len(images)
    features = feature_extractor(list(images), return_tensors="pt").pixel_values
    blanks = [np.zeros((1, 1, 3)) for _ in images]
    with torch.inference_mode():
        _, flagged = checker(clip_input=features.to(device=device, dtype=checker.dtype), images=blanks)
    return [bool(verdict) for verdict in flagged]
