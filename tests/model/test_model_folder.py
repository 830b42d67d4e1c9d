"""What a model folder says is read before any weight, and a folder that cannot be served is refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from afterimage_model.errors import ModelFolderError
from afterimage_model.folder import ModelNotes, check_folder, is_hub_id, pipeline_class_name, read_notes, weight_variant


def folder_with(tmp_path: Path, *names: str) -> Path:
    for name in ("model_index.json", *names):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return tmp_path


def test_pickled_weights_are_refused_by_name(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "vae/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.bin")
    with pytest.raises(ModelFolderError, match=r"unet/diffusion_pytorch_model\.bin is a pickle"):
        check_folder(folder)


def test_pickles_beside_safetensors_are_left_alone(tmp_path: Path) -> None:
    check_folder(folder_with(tmp_path, "unet/model.safetensors", "unet/model.bin"))


def test_a_missing_folder_and_a_folder_without_index_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="there is no model folder"):
        check_folder(tmp_path / "absent")
    with pytest.raises(ModelFolderError, match=r"no model_index\.json"):
        check_folder(tmp_path)


def test_a_hub_id_is_told_from_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_hub_id("stabilityai/sdxl-turbo")
    (tmp_path / "model" / "weights").mkdir(parents=True)
    assert not any(is_hub_id(model) for model in ("model/weights", "/opt/model", "./weights", "weights"))


def test_only_the_two_pipelines_are_served() -> None:
    assert pipeline_class_name({"_class_name": "StableDiffusionXLPipeline"}) == "StableDiffusionXLPipeline"
    with pytest.raises(ModelFolderError, match="FluxPipeline"):
        pipeline_class_name({"_class_name": "FluxPipeline"})


def test_weights_that_exist_as_fp16_only_are_found(tmp_path: Path) -> None:
    assert weight_variant(folder_with(tmp_path, "unet/model.fp16.safetensors")) == "fp16"
    assert weight_variant(folder_with(tmp_path, "unet/model.safetensors")) is None


def test_notes_are_read_and_their_absence_is_no_error(tmp_path: Path) -> None:
    assert read_notes(str(tmp_path)) == ModelNotes()
    (tmp_path / "afterimage.json").write_text(json.dumps({"name": "demo", "known_words": ["cat"], "max_side": 64}))
    assert read_notes(str(tmp_path)) == ModelNotes(name="demo", known_words=("cat",), max_side=64)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"max_stpes": 4}', "max_stpes"),
        ('{"max_steps": "four"}', r"\$\.max_steps must be int"),
        ("{", "not JSON"),
        ('{"dtype": "int8"}', "int8"),
    ],
)
def test_wrong_notes_are_refused_by_field(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "afterimage.json").write_text(text)
    with pytest.raises(ModelFolderError, match=named):
        read_notes(str(tmp_path))
