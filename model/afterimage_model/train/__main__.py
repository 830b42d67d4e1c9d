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
from demo.config import TrainConfig
from demo.fidelity import load

from afterimage_model.train import diffusion, tokenizer, vae
from afterimage_model.train.dataset import cached_latents, cached_pictures
from afterimage_model.train.export import assemble, export
from afterimage_model.train.preview import samples

STAGES = ("vae", "diffusion", "refine", "export")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m afterimage_model.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", choices=[*STAGES, "all"], help="which part of the way to go")
    parser.add_argument("--folder", type=Path, default=Path(".afterimage/train"), help="checkpoints, curves and grids")
    parser.add_argument("--output", type=Path, default=Path("model/demo/weights"), help="where export writes")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so long, to go on later")
    parser.add_argument("--threads", type=int, default=1, help="processor threads (default 1)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda")
    parser.add_argument("--vae-steps", type=int, help="instead of the configured number")
    parser.add_argument("--diffusion-steps", type=int, help="instead of the configured number")
    return parser.parse_args(arguments)


def configured(chosen: argparse.Namespace) -> TrainConfig:
    """The configuration of `demo.config` with what the command line changes."""
    config = TrainConfig()
    if chosen.vae_steps:
        config = replace(config, vae=replace(config.vae, steps=chosen.vae_steps))
    if chosen.diffusion_steps:
        config = replace(config, diffusion=replace(config.diffusion, steps=chosen.diffusion_steps))
    return config


def main(arguments: list[str]) -> None:
    """Runs the chosen stages in order."""
    chosen = parse(arguments)
    torch.set_num_threads(chosen.threads)
    config, folder, device = configured(chosen), chosen.folder, torch.device(chosen.device)
    until = monotonic() + 60 * chosen.minutes
    stages = STAGES if chosen.stage == "all" else (chosen.stage,)
    if "vae" in stages:
        vae.train(config, cached_pictures(config.vae_scenes, folder), folder, device, until)
    if "diffusion" in stages:
        squeezer = vae.trained(config, folder, device)
        latents = cached_latents(config.scenes, squeezer, folder, device)
        diffusion.train(config, latents, squeezer, folder, until)
    if "refine" in stages:
        vae.refine(config, cached_pictures(config.vae_scenes, folder), folder, device, until)
    if "export" in stages:
        squeezer = vae.trained(config, folder, torch.device("cpu"))
        writer = diffusion.trained(config, folder, torch.device("cpu"))
        pipeline = assemble(squeezer, writer, tokenizer.build(config.diffusion.tokens))
        print("written", export(pipeline, chosen.output))
        samples(load(chosen.output), chosen.output.parent / "samples.png")


if __name__ == "__main__":
    main(sys.argv[1:])
