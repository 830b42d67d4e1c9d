"""Draws the scenes and squeezes them through the autoencoder, so that diffusion never touches a pixel."""

from pathlib import Path

import numpy as np
import torch
from demo.drawing import draw
from demo.scenes import SIDE, Scene, scene_of
from diffusers import AutoencoderTiny
from torch import Tensor

from afterimage_model.train.vae import as_floats

CHUNK = 256


def scenes(count: int) -> list[Scene]:
    """The first `count` scenes: scene n is the one with seed n, so a data set is its size."""
    return [scene_of(seed) for seed in range(count)]


def pictures(some: list[Scene]) -> Tensor:
    """The scenes drawn, 8-bit (n, SIDE, SIDE, 3)."""
    pixels = np.empty((len(some), SIDE, SIDE, 3), np.uint8)
    for row, scene in enumerate(some):
        pixels[row] = np.asarray(draw(scene))
    return torch.from_numpy(pixels)


def cached_pictures(count: int, folder: Path) -> Tensor:
    """Pictures of the first `count` scenes, drawn once and kept in `folder`."""
    path = folder / f"pictures-{count}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, pictures(scenes(count)).numpy())
    return torch.from_numpy(np.load(path))


@torch.no_grad()
def cached_latents(count: int, vae: AutoencoderTiny, folder: Path, device: torch.device) -> Tensor:
    """Latents of the first `count` scenes, (count, 8, 8, 8), on the device; made once and kept in `folder`."""
    path = folder / f"latents-{count}.npy"
    if not path.exists():
        all_scenes = scenes(count)
        chunks = [
            vae.encoder(as_floats(pictures(all_scenes[start : start + CHUNK]), device)).cpu()
            for start in range(0, count, CHUNK)
        ]
        latents = torch.cat(chunks).contiguous()
        mean, spread = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
        print("latents, per channel: mean", mean.numpy().round(2), "spread", spread.numpy().round(2), flush=True)
        np.save(path, latents.numpy())
    return torch.from_numpy(np.load(path)).to(device)
