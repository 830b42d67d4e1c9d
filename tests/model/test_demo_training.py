"""Training: a run that is killed and started again ends with the very weights of one that was not."""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from afterimage.contracts.generation import GenerationJob
from afterimage_model.predictor import Predictor
from afterimage_model.train import __main__ as command
from afterimage_model.train import checkpoint, diffusion, schedule, tokenizer, vae
from afterimage_model.train.dataset import as_floats, cached_latents, cached_pictures, cached_tokens, kept
from numpy.typing import NDArray
from world.config import DiffusionConfig, TrainConfig, VaeConfig
from world.fidelity import SETS, squeezed_score
from world.pen import SIDE

CPU = torch.device("cpu")
CONFIG = TrainConfig(
    vae_scenes=16,
    scenes=16,
    log_every=2,
    checkpoint_every=2,
    vae=VaeConfig(channels=8, steps=4, crop_steps=3, refine_steps=4, batch=2, crop_batch=4),
    diffusion=DiffusionConfig(channels=(16, 16, 32), text_width=32, steps=4, batch=4, captions=2, grid_every=100),
)


class KilledError(Exception):
    """Stands for a power cut."""


def killed_in(step: int, stage: ModuleType, patch: pytest.MonkeyPatch) -> None:
    """Makes the stage die when it begins that step."""

    def rate(at: int, *arguments: float, **more: float) -> float:
        if at == step:
            raise KilledError
        return schedule.learning_rate(at, *arguments, **more)

    patch.setattr(stage, "learning_rate", rate)


def run(stage: str, folder: Path) -> None:
    """Runs the stage in the folder to its last step, or to its death."""
    if stage == "vae":
        vae.train(CONFIG, cached_pictures(CONFIG.vae_scenes, folder), folder, CPU, inf)
        return
    if stage == "refine":
        vae.refine(CONFIG, cached_pictures(CONFIG.vae_scenes, folder), folder, CPU, inf)
        return
    squeezer = vae.build(CONFIG.vae).eval()
    tokens = cached_tokens(16, 2, tokenizer.build(CONFIG.diffusion.tokens), folder)
    torch.manual_seed(3)
    diffusion.train(CONFIG, torch.randn(16, 8, 16, 16), tokens, squeezer, folder, inf)


@pytest.mark.parametrize("stage", ["vae", "diffusion", "refine"])
def test_a_killed_run_resumes_to_the_same_weights(stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = diffusion if stage == "diffusion" else vae
    if stage == "refine":
        run("vae", tmp_path / "whole")
        run("vae", tmp_path / "cut")
    run(stage, tmp_path / "whole")
    with monkeypatch.context() as patch:
        killed_in(3, module, patch)
        with pytest.raises(KilledError):
            run(stage, tmp_path / "cut")
    run(stage, tmp_path / "cut")
    whole, cut = (checkpoint.load(tmp_path / name / f"{stage}.pt", CPU) for name in ("whole", "cut"))
    assert whole is not None
    assert cut is not None
    assert whole["step"] == cut["step"] == 4
    part = "average" if stage == "diffusion" else "vae"
    assert all(torch.equal(whole[part][name], cut[part][name]) for name in whole[part])
    assert (tmp_path / "cut" / f"{stage}.csv").read_text(encoding="utf-8").count("\n") == 3


def test_a_new_autoencoder_already_gives_a_blurred_copy(tmp_path: Path) -> None:
    pictures = as_floats(cached_pictures(16, tmp_path), CPU)
    squeezer = vae.build(VaeConfig()).eval()
    with torch.no_grad():
        copy = squeezer.decoder(squeezer.encoder(pictures))
    assert (copy - pictures).abs().mean() < 0.25


def test_what_was_half_made_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.npy"

    def die(start: int, rows: NDArray[np.int16]) -> None:
        rows[:] = 1
        if start:
            raise KilledError

    def count(start: int, rows: NDArray[np.int16]) -> None:
        rows[:] = np.arange(start, start + len(rows))

    with pytest.raises(KilledError):
        kept(path, (100,), np.int16, die)
    assert not path.exists()
    assert kept(path, (100,), np.int16, count).tolist() == list(range(100))
    assert kept(path, (100,), np.int16, die).tolist() == list(range(100))


def test_the_table_tells_what_the_autoencoder_alone_loses() -> None:
    """A new one blurs: backgrounds are still right, outlines are not."""
    marks = squeezed_score(vae.build(VaeConfig()).eval(), SETS["one object"](12))
    assert marks["background"] > 0.9
    assert marks["everything"] < 0.5


def test_latents_are_kept_and_the_same_when_asked_again(tmp_path: Path) -> None:
    squeezer = vae.build(CONFIG.vae).eval()
    first = cached_latents(8, squeezer, tmp_path, CPU)
    assert first.shape == (8, 8, 16, 16)
    assert torch.equal(first, cached_latents(8, squeezer, tmp_path, CPU))


def test_help_explains_the_stages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.parse(["--help"])
    told = capsys.readouterr().out
    assert all(stage in told for stage in command.STAGES)


def test_a_trained_folder_is_one_the_server_serves(tmp_path: Path, load: Callable[[Path], Predictor]) -> None:
    for stage in ("vae", "diffusion"):
        run(stage, tmp_path)
    command.write(CONFIG, tmp_path, tmp_path / "weights")
    files = [file for file in (tmp_path / "weights").rglob("*") if file.is_file()]
    assert {file.suffix for file in files} <= {".json", ".safetensors"}
    predictor = load(tmp_path / "weights")
    result = predictor.predict(GenerationJob(job_id="one", prompt="a red heart and a dragon", seeds=(1,)))
    assert result.pictures[0].image.size == (SIDE, SIDE)
    assert [warning.detail for warning in result.plan.warnings if warning.code == "unknown_words"] == ["dragon"]


def test_what_is_configured_fits_the_repository() -> None:
    """Stored in 16 bits; 20 MB is the most that a demo may weigh."""
    plan = TrainConfig()
    writer = diffusion.Writer(plan.diffusion, plan.vae.latent_channels, tokenizer.build(plan.diffusion.tokens))
    parts = (writer, vae.build(plan.vae))
    assert 2 * sum(weight.numel() for part in parts for weight in part.parameters()) < 19_000_000


def test_diffusion_does_not_build_on_half_an_autoencoder(tmp_path: Path) -> None:
    run("vae", tmp_path)
    longer = replace(CONFIG, vae=replace(CONFIG.vae, steps=8))
    with pytest.raises(ValueError, match="4 of 8 steps"):
        vae.trained(longer, tmp_path, CPU)
