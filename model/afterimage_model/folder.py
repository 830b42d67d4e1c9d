"""What a model folder says about itself, read before any weight is loaded: its pipeline class, files and limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afterimage.contracts.codec import ContractError, from_document

from afterimage_model.errors import ModelFolderError

NOTES_FILE = "afterimage.json"
PIPELINE_CLASSES = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
PICKLED_SUFFIXES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")


@dataclass(frozen=True, kw_only=True)
class ModelNotes:
    """`afterimage.json` in a model folder; every field is optional, an unknown field is refused.

    Sides are pixels. `known_words` are the lower-case words the model was trained on; other words draw a warning.
    `max_batch` is how many pictures go through the network at once, `dtype` what the weights become on CUDA
    (`bfloat16`, `float16` or `float32`). `image_classifier` is a folder below this one that looks at finished pictures;
    those whose `flagged_labels` together are likelier than `flag_above` are flagged.
    """

    name: str | None = None
    version: str | None = None
    default_width: int | None = None
    default_height: int | None = None
    default_steps: int | None = None
    default_guidance: float | None = None
    default_scheduler: str | None = None
    min_side: int | None = None
    max_side: int | None = None
    max_pixels: int | None = None
    multiple: int | None = None
    max_steps: int | None = None
    max_guidance: float | None = None
    max_count: int | None = None
    max_batch: int | None = None
    max_prompt_chars: int | None = None
    dtype: str | None = None
    known_words: tuple[str, ...] | None = None
    image_classifier: str | None = None
    flagged_labels: tuple[str, ...] | None = None
    flag_above: float | None = None


def read_notes(model: str) -> ModelNotes:
    """Read `afterimage.json` of a local folder; a hub id or a folder without the file has no notes.

    Raises ModelFolderError when the file is there and wrong.
    """
    path = Path(model) / NOTES_FILE
    if not path.is_file():
        return ModelNotes()
    try:
        notes = from_document(ModelNotes, json.loads(path.read_text(encoding="utf-8")))
    except ContractError as exc:
        raise ModelFolderError(f"{NOTES_FILE}: {exc}") from exc
    except ValueError as exc:
        raise ModelFolderError(f"{NOTES_FILE} is not JSON: {exc}") from exc
    if notes.dtype not in (None, "bfloat16", "float16", "float32"):
        raise ModelFolderError(f"{NOTES_FILE}: dtype must be bfloat16, float16 or float32, not {notes.dtype!r}")
    return notes


def pipeline_class_name(index: Mapping[str, Any]) -> str:
    """The pipeline class that `model_index.json` names. Raises ModelFolderError for one that is not served."""
    name = index.get("_class_name")
    if name not in PIPELINE_CLASSES:
        raise ModelFolderError(f"model_index.json names {name!r}; served are {' and '.join(PIPELINE_CLASSES)}")
    return str(name)


def is_hub_id(model: str) -> bool:
    """Whether `model` names a repository of the Hugging Face hub (`owner/name`) and no folder that is there."""
    return model.count("/") == 1 and not model.startswith((".", "/")) and not Path(model).is_dir()


def check_folder(folder: Path) -> None:
    """Refuse, with a sentence, a folder that is missing, has no index or carries pickled weights only."""
    if not folder.is_dir():
        raise ModelFolderError(f"there is no model folder {folder}")
    if not (folder / "model_index.json").is_file():
        raise ModelFolderError(f"{folder} has no model_index.json; a model is a folder in diffusers' format")
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        pickled = sorted(path.name for path in part.iterdir() if path.suffix in PICKLED_SUFFIXES)
        if pickled and not any(part.glob("*.safetensors")):
            raise ModelFolderError(
                f"{part.name}/{pickled[0]} is a pickle, which can run code when it is read; only safetensors are "
                "loaded. Convert the folder with save_pretrained(..., safe_serialization=True)"
            )


def weight_variant(folder: Path) -> str | None:
    """`fp16` when the network's weights exist in that variant only (`*.fp16.safetensors`), else None."""
    names = [path.name for path in (folder / "unet").glob("*.safetensors")]
    return "fp16" if names and all(".fp16" in name for name in names) else None
