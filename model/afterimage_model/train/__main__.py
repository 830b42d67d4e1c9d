"""Trains the demo model from nothing, on a CPU or a GPU.

Stages: `vae` learns to squeeze pictures, `diffusion` learns to make them from words, `refine` trains the decoder on
(it may run beside `diffusion`), `export` writes the diffusers folder. Each stage resumes from the checkpoint in
--folder and stops after --minutes, so that a run can be cut into slices of any length; call it again to go on. Curves
are written as CSV, sample grids as PNG, beside the checkpoints.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from time import monotonic

import torch
from world.config import TrainConfig
from world.fidelity import load

from afterimage_model.train import diffusion, tokenizer, vae
from afterimage_model.train.dataset import cached_latents, cached_pictures, cached_tokens
from afterimage_model.train.export import assemble, export
from afterimage_model.train.preview import samples

STAGES = ("vae", "diffusion", "refine")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m afterimage_model.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", choices=[*STAGES, "export", "all"], help="which part of the way to go")
    parser.add_argument("--folder", type=Path, default=Path(".afterimage/train-128"), help="checkpoints and curves")
    parser.add_argument("--output", type=Path, help="where export writes (default: weights in --folder)")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so long, to go on later")
    parser.add_argument("--threads", type=int, default=1, help="processor threads (default 1)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda")
    parser.add_argument("--vae-steps", type=int, help="instead of the configured number")
    parser.add_argument("--diffusion-steps", type=int, help="instead of the configured number")
    parser.add_argument("--scenes", type=int, help="scenes that diffusion sees, instead of the configured number")
    parser.add_argument("--batch", type=int, help="pictures of a diffusion step, instead of the configured number")
    return parser.parse_args(arguments)


def configured(chosen: argparse.Namespace) -> TrainConfig:
    """The configuration of `world.config` with what the command line changes."""
    config = TrainConfig()
    vae_changes = {"steps": chosen.vae_steps}
    changes = {"steps": chosen.diffusion_steps, "batch": chosen.batch}
    return replace(
        config,
        scenes=chosen.scenes or config.scenes,
        vae=replace(config.vae, **{name: value for name, value in vae_changes.items() if value}),
        diffusion=replace(config.diffusion, **{name: value for name, value in changes.items() if value}),
    )


def main(arguments: list[str]) -> None:
    """Runs the chosen stages in order, and no stage before the one it builds on is done."""
    chosen = parse(arguments)
    torch.set_num_threads(chosen.threads)
    config, folder, device = configured(chosen), chosen.folder, torch.device(chosen.device)
    until = monotonic() + 60 * chosen.minutes
    for stage in STAGES if chosen.stage == "all" else (chosen.stage,):
        if monotonic() < until:
            run(stage, config, folder, device, until)
    if chosen.stage in ("export", "all") and monotonic() < until:
        write(config, folder, chosen.output or folder / "weights")


def run(stage: str, config: TrainConfig, folder: Path, device: torch.device, until: float) -> None:
    """Trains one stage until it is done or the time is up."""
    if stage == "vae":
        vae.train(config, cached_pictures(config.vae_scenes, folder), folder, device, until)
    elif stage == "diffusion":
        squeezer = vae.trained(config, folder, device)
        latents = cached_latents(config.scenes, squeezer, folder, device)
        words = tokenizer.build(config.diffusion.tokens)
        tokens = cached_tokens(config.scenes, config.diffusion.captions, words, folder)
        diffusion.train(config, latents, tokens, squeezer, folder, until)
    elif stage == "refine":
        vae.refine(config, cached_pictures(config.vae_scenes, folder), folder, device, until)


def write(config: TrainConfig, folder: Path, output: Path) -> None:
    """Exports the last checkpoints as a diffusers folder, with a grid of samples beside it."""
    cpu = torch.device("cpu")
    squeezer, writer = vae.trained(config, folder, cpu), diffusion.trained(config, folder, cpu)
    print("written", export(assemble(squeezer, writer, tokenizer.build(config.diffusion.tokens)), output))
    samples(load(output), output.parent / "samples.png")


if __name__ == "__main__":
    main(sys.argv[1:])
