"""A model folder is checked by its files and by one small picture, and every fault has its code and its sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from afterimage_model import hub
from afterimage_model.__main__ import main
from afterimage_model.inspection import digests, inspect, served_names


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to break."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "mine"))


def checked(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    status = main(["check", str(folder), "--device", "cpu", "--threads", "1", *options])
    return status, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_good_folder_makes_a_picture_and_is_told_with_its_digests(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "trial.png"
    status, told = checked(capsys, folder, "--picture", str(kept), "--digests")
    assert (status, told["well"], told["findings"]) == (0, True, [])
    facts = told["facts"]
    assert (facts["pipeline"], facts["family"]) == ("StableDiffusionPipeline", "sd15")
    assert (facts["trial"]["width"], facts["trial"]["device"]) == (32, "cpu")
    assert kept.read_bytes().startswith(b"\x89PNG")
    assert set(facts["files"]) == set(served_names(facts["files"])) and "unet/config.json" in facts["files"]


def without_index(folder: Path) -> None:
    (folder / "model_index.json").unlink()


def another_pipeline(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": "FluxPipeline"}))


def an_index_that_is_a_list(folder: Path) -> None:
    (folder / "model_index.json").write_text("[]")


def a_pickle_alone(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(folder / "unet" / "diffusion_pytorch_model.bin")


def no_weights(folder: Path) -> None:
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()


def a_part_that_is_not_there(folder: Path) -> None:
    shutil.rmtree(folder / "tokenizer")


def a_cut_download(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def a_page_instead_of_weights(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_text("<html>sign in first</html>" * 100)


def a_shard_that_is_not_there(folder: Path) -> None:
    index = {"weight_map": {"a": "diffusion_pytorch_model-00002-of-00002.safetensors"}}
    (folder / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


def a_link_out(folder: Path) -> None:
    path = folder / "unet" / "config.json"
    path.rename(folder.parent / "config.json")
    path.symlink_to(folder.parent / "config.json")


def notes_with_a_misspelt_field(folder: Path) -> None:
    (folder / "afterimage.json").write_text('{"max_step": 3}')


def a_digest_of_another_file(folder: Path) -> None:
    files = digests(folder)
    files["unet/config.json"]["sha256"] = "0" * 64
    (folder / "digests.json").write_text(json.dumps({"files": files}))


FAULTS: dict[Callable[[Path], None], tuple[str, str]] = {
    without_index: ("not_diffusers", "model_index.json"),
    an_index_that_is_a_list: ("not_diffusers", "model_index.json"),
    another_pipeline: ("pipeline_not_served", "FluxPipeline"),
    a_pickle_alone: ("pickled_weights", "unet/diffusion_pytorch_model.bin"),
    no_weights: ("weights_missing", "vae/"),
    a_part_that_is_not_there: ("part_missing", "tokenizer/"),
    a_cut_download: ("weights_broken", "unet/diffusion_pytorch_model.safetensors has"),
    a_page_instead_of_weights: ("weights_broken", "no safetensors file"),
    a_shard_that_is_not_there: ("shard_missing", "00002-of-00002"),
    a_link_out: ("link_outside", "unet/config.json"),
    notes_with_a_misspelt_field: ("notes_wrong", "max_step"),
    a_digest_of_another_file: ("digest_mismatch", "unet/config.json"),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_what_is_wrong_with_the_files_is_named_before_anything_is_loaded(
    fault: Callable[[Path], None], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: Any, **options: Any) -> None:
        raise AssertionError("a folder with a fault is not loaded")

    monkeypatch.setattr("afterimage_model.predictor.load_model", never)
    fault(folder)
    status, told = checked(capsys, folder)
    code, words = FAULTS[fault]
    (found,) = [finding for finding in told["findings"] if not finding["warning"]]
    assert (status, told["well"], found["code"]) == (1, False, code)
    assert words in found["sentence"] and found["sentence"].endswith(".")


def test_a_folder_that_is_not_there_and_one_that_is_too_large(folder: Path) -> None:
    assert [finding.code for finding in inspect(folder / "nothing")] == ["no_folder"]
    assert [finding.code for finding in inspect(folder, most_gib=0)] == ["too_large"]


def test_weights_of_another_shape_fail_in_the_trial(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = json.loads((folder / "unet" / "config.json").read_text())
    (folder / "unet" / "config.json").write_text(json.dumps(config | {"cross_attention_dim": 24}))
    status, told = checked(capsys, folder)
    assert (status, [finding["code"] for finding in told["findings"]]) == (1, ["trial_failed"])
    assert checked(capsys, folder, "--no-trial")[0] == 0


def test_pickles_beside_safetensors_other_variants_and_code_are_left_out_with_a_warning(folder: Path) -> None:
    for name in ("unet/diffusion_pytorch_model.bin", "unet/code.py", "v1-5.safetensors"):
        (folder / name).write_bytes(b"x")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    shutil.copy(weights, folder / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    (finding,) = inspect(folder)
    assert (finding.code, finding.warning) == ("files_left_out", True)
    assert "and 1 more" in finding.sentence
    assert [name for name in digests(folder) if name.startswith("unet")] == [
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
    ]


def test_of_a_folder_with_one_variant_only_that_one_is_served() -> None:
    names = ["unet/config.json", "unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors", "unet/.cache"]
    assert served_names(names) == names[:2]


@pytest.fixture
def a_hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the hub has, and what was asked of it."""
    import huggingface_hub

    seen: dict[str, Any] = {"files": ["model_index.json", "unet/a.safetensors", "unet/a.bin"]}

    class Api:
        def model_info(self, name: str, revision: str | None = None) -> Any:
            if name != "owner/name":
                raise ValueError("404: no such repository\nwith a long page")
            siblings = [type("File", (), {"rfilename": file})() for file in seen["files"]]
            return type("Info", (), {"sha": "c0ffee", "siblings": siblings})()

    def download(name: str, **options: Any) -> None:
        seen["asked"] = options

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return seen


def test_from_the_hub_come_the_served_files_of_one_commit(
    a_hub: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hub.main(["owner/name", "--into", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == {"folder": str(tmp_path), "commit": "c0ffee"}
    assert a_hub["asked"]["revision"] == "c0ffee"
    assert a_hub["asked"]["allow_patterns"] == ["model_index.json", "unet/a.safetensors"]


def test_what_the_hub_does_not_give_is_one_sentence(
    a_hub: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hub.main(["owner/other", "--into", str(tmp_path)]) == 1
    assert json.loads(capsys.readouterr().out)["error"].endswith("owner/other: 404: no such repository")
    a_hub["files"] = ["model.safetensors"]
    assert hub.main(["owner/name", "--into", str(tmp_path)]) == 1
    assert "no model in diffusers' format" in json.loads(capsys.readouterr().out)["error"]
    assert "asked" not in a_hub
