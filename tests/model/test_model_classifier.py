"""A classifier beside a pipeline that brings no checker: its verdict is data, and it is off unless it is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from afterimage.contracts.generation import GenerationJob
from afterimage_model.classifier import FolderClassifier, ImageClassifier
from afterimage_model.errors import ModelFolderError
from afterimage_model.predictor import Predictor
from afterimage_model.safety import verdicts
from PIL import Image
from transformers import ViTConfig, ViTForImageClassification
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

LABELS = {0: "drawing", 1: "nude", 2: "gore"}
JOB = GenerationJob(job_id="j-1", prompt="a tree", seeds=(1, 2), steps=2, width=64, height=64)
RED, BLUE = Image.new("RGB", (64, 48), "red"), Image.new("RGB", (64, 48), "blue")


@pytest.fixture(scope="module")
def classifier_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vision transformer with random weights."""
    folder = tmp_path_factory.mktemp("classifier")
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=16,
        id2label=LABELS,
        label2id={label: number for number, label in LABELS.items()},
    )
    ViTForImageClassification(config).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(tiny_folder: Path, classifier_folder: Path, tmp_path: Path) -> Path:
    """The tiny model with the classifier in it."""
    whole = Path(shutil.copytree(tiny_folder, tmp_path / "model"))
    shutil.copytree(classifier_folder, whole / "looks")
    return whole


def note(folder: Path, **notes: Any) -> Path:
    (folder / "afterimage.json").write_text(json.dumps(notes))
    return folder


def likelihood(folder: Path, image: Image.Image, labels: Sequence[str]) -> float:
    """The same network by hand."""
    model = ViTForImageClassification.from_pretrained(folder)
    pixels = ViTImageProcessorPil.from_pretrained(folder)([image], return_tensors="pt").pixel_values
    with torch.inference_mode():
        chances = torch.softmax(model(pixels).logits[0], -1)
    return float(sum(chances[number] for number, label in LABELS.items() if label in labels))


@pytest.mark.parametrize("labels", [["nude"], ["nude", "gore"]])
def test_a_picture_is_flagged_when_its_labels_together_are_likely_enough(
    classifier_folder: Path, labels: list[str]
) -> None:
    likely = [likelihood(classifier_folder, image, labels) for image in (RED, BLUE)]
    between = sum(likely) / 2
    flags = FolderClassifier(classifier_folder, labels, between, "cpu").flags([RED, BLUE])
    assert flags == [one > between for one in likely]
    assert sorted(flags) == [False, True]


def test_labels_that_do_not_exclude_each_other_count_one_by_one(classifier_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(classifier_folder, tmp_path / "many"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"problem_type": "multi_label_classification"}))
    assert FolderClassifier(folder, list(LABELS.values()), 0.9, "cpu").flags([RED]) == [False]
    assert FolderClassifier(classifier_folder, list(LABELS.values()), 0.9, "cpu").flags([RED]) == [True]


def test_the_verdict_is_in_the_result_and_the_picture_is_the_same(
    folder: Path, predictor: Predictor, load: Callable[[Path], Predictor]
) -> None:
    plain = predictor.predict(JOB)
    for above, flagged in ((0.0, True), (1.0, False)):
        note(folder, image_classifier="looks", flagged_labels=["nude"], flag_above=above)
        made = load(folder).predict(JOB)
        assert [picture.flagged for picture in made.pictures] == [flagged, flagged]
        assert [picture.image.tobytes() for picture in made.pictures] == [
            picture.image.tobytes() for picture in plain.pictures
        ]


def test_without_being_named_it_is_off(folder: Path, load: Callable[[Path], Predictor]) -> None:
    assert [picture.flagged for picture in load(folder).predict(JOB).pictures] == [None, None]


class Flags:
    """A classifier that says what it is told."""

    def __init__(self, *flags: bool) -> None:
        self._flags = list(flags)

    def flags(self, images: Sequence[Image.Image]) -> list[bool]:
        return self._flags


def test_one_of_safety_checker_and_classifier_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afterimage_model.safety._checked", lambda *ignored: [True, False, False])
    other: ImageClassifier = Flags(False, True, False)
    assert verdicts(object(), None, [RED] * 3, "cpu", other) == [True, True, False]
    assert verdicts(object(), None, [RED] * 3, "cpu") == [True, False, False]


@pytest.mark.parametrize(
    ("notes", "words"),
    [
        ({"image_classifier": "looks"}, "needs flagged_labels"),
        ({"flagged_labels": ["nude"]}, "go with image_classifier"),
        ({"image_classifier": "nothing", "flagged_labels": ["nude"]}, "no folder nothing"),
        ({"image_classifier": "../classifier0", "flagged_labels": ["nude"]}, "no folder"),
        ({"image_classifier": "looks", "flagged_labels": ["cat"]}, "names cat; the image classifier knows drawing"),
        ({"image_classifier": "looks", "flagged_labels": ["nude"], "flag_above": 2}, "between 0 and 1"),
        ({"image_classifier": "vae", "flagged_labels": ["nude"]}, "the image classifier vae does not load"),
    ],
)
def test_what_cannot_be_used_is_refused_at_the_start(
    notes: dict[str, Any], words: str, folder: Path, load: Callable[[Path], Predictor]
) -> None:
    with pytest.raises(ModelFolderError, match=words):
        load(note(folder, **notes))


def test_a_classifier_of_pickled_weights_is_refused(folder: Path, load: Callable[[Path], Predictor]) -> None:
    (folder / "looks" / "model.safetensors").rename(folder / "looks" / "pytorch_model.bin")
    note(folder, image_classifier="looks", flagged_labels=["nude"])
    with pytest.raises(ModelFolderError, match="is a pickle"):
        load(folder)
