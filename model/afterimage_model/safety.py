"""The safety checker of Stable Diffusion 1.x folders, asked for its verdict and kept away from the pictures; and the
classifier of folders that have none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from afterimage_model.classifier import ImageClassifier


def verdicts(
    checker: Any | None,
    feature_extractor: Any,
    images: Sequence[Image.Image],
    device: str,
    classifier: ImageClassifier | None = None,
) -> list[bool | None]:
    """One verdict per picture: True means flagged by either, None that the model folder has neither.
    What to do with a flagged picture is decided where it is reviewed.
    """
    seen = [
        flag for flag in (_checked(checker, feature_extractor, images, device), _classified(classifier, images)) if flag
    ]
    return [any(flags) for flags in zip(*seen, strict=True)] if seen else [None] * len(images)


def _checked(checker: Any | None, feature_extractor: Any, images: Sequence[Image.Image], device: str) -> list[bool]:
    """Diffusers' checker paints what it flags black in the array it is given, and it errs; so it gets blanks to paint
    on and the real pictures only as features."""
    if checker is None:
        return []
    features = feature_extractor(list(images), return_tensors="pt").pixel_values
    blanks = [np.zeros((1, 1, 3)) for _ in images]
    with torch.inference_mode():
        _, flagged = checker(clip_input=features.to(device=device, dtype=checker.dtype), images=blanks)
    return [bool(verdict) for verdict in flagged]


def _classified(classifier: ImageClassifier | None, images: Sequence[Image.Image]) -> list[bool]:
    return [] if classifier is None else classifier.flags(images)
