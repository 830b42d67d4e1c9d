"""Looking at finished pictures where the pipeline brings no checker of its own: a classifier from a folder.

Off unless `afterimage.json` names one. Like the safety checker it changes no picture: its verdict is data.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image

from afterimage_model.errors import ModelFolderError
from afterimage_model.folder import ModelNotes

FLAG_ABOVE = 0.5


class ImageClassifier(Protocol):
    """Whatever can look at pictures and say which of them should be flagged."""

    def flags(self, images: Sequence[Image.Image]) -> list[bool]:
        """One verdict per picture; the pictures stay as they are."""


class FolderClassifier:
    """A model in transformers' image-classification format, read from safetensors only, never from code."""

    def __init__(self, folder: Path, labels: Sequence[str], above: float, device: str) -> None:
        """Flags a picture whose `labels` together are more likely than `above`.

        Raises ModelFolderError when the folder does not load or knows a label by another name.
        """
        from transformers import AutoImageProcessor, AutoModelForImageClassification

        try:
            # A folder on this machine: nothing is downloaded, so there is no revision to pin.
            self._model: Any = AutoModelForImageClassification.from_pretrained(  # nosec B615
                folder, use_safetensors=True, local_files_only=True, trust_remote_code=False
            )
            # With torchvision there would be another default, and other pixels.
            self._processor: Any = AutoImageProcessor.from_pretrained(  # nosec B615
                folder, local_files_only=True, trust_remote_code=False, backend="pil"
            )
        except (OSError, ValueError, ImportError) as exc:
            raise ModelFolderError(f"the image classifier {folder.name} does not load: {exc}") from exc
        known = {str(label): int(number) for number, label in self._model.config.id2label.items()}
        if unknown := sorted(set(labels) - set(known)):
            raise ModelFolderError(
                f"flagged_labels names {', '.join(unknown)}; the image classifier knows {', '.join(sorted(known))}"
            )
        self._numbers = [known[label] for label in labels]
        self._above = above
        self._device = device
        self._model.to(device).eval()

    def flags(self, images: Sequence[Image.Image]) -> list[bool]:
        """One picture at a time, so that a verdict does not hang on its company."""
        return [self._likelihood(image) > self._above for image in images]

    def _likelihood(self, image: Image.Image) -> float:
        pixels = self._processor([image], return_tensors="pt").pixel_values
        with torch.inference_mode():
            logits = self._model(pixel_values=pixels.to(self._device)).logits[0].float()
        if self._model.config.problem_type == "multi_label_classification":  # each label by itself
            return float(torch.sigmoid(logits)[self._numbers].max())
        return float(torch.softmax(logits, dim=-1)[self._numbers].sum())


def load_classifier(model: str, notes: ModelNotes, device: str) -> ImageClassifier | None:
    """The classifier that the folder's notes name, below the folder itself; None when they name none.

    Raises ModelFolderError when it cannot be used.
    """
    if notes.image_classifier is None:
        if notes.flagged_labels is not None or notes.flag_above is not None:
            raise ModelFolderError("afterimage.json: flagged_labels and flag_above go with image_classifier")
        return None
    root = Path(model).resolve()
    folder = (root / notes.image_classifier).resolve()
    if not folder.is_relative_to(root) or not folder.is_dir():
        raise ModelFolderError(f"afterimage.json: there is no folder {notes.image_classifier} in the model folder")
    if not notes.flagged_labels:
        raise ModelFolderError("afterimage.json: image_classifier needs flagged_labels")
    above = FLAG_ABOVE if notes.flag_above is None else notes.flag_above
    if not 0 <= above <= 1:
        raise ModelFolderError("afterimage.json: flag_above must lie between 0 and 1")
    return FolderClassifier(folder, notes.flagged_labels, above, device)
