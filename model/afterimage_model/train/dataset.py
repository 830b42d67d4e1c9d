"""What training reads, made once and kept: pictures, their latents, and their captions as tokens.

Scene n is the scene with seed n, so a data set is its size, and every file here can be made again.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from numpy.lib.format import open_memmap
from numpy.typing import DTypeLike, NDArray
from torch import Tensor
from transformers import CLIPTokenizer
from world.captions import caption
from world.drawing import draw
from world.pen import SIDE
from world.scenes import scene_of

CHUNK, PART = 64, 10_000
Array = NDArray[Any]


def kept(path: Path, shape: tuple[int, ...], kind: DTypeLike, fill: Callable[[int, Array], None]) -> Array:
    """The array in the file, read where it lies; made by filling rows from a start if the file is not there.

    It gets its name when it is whole, so that a kill leaves nothing half made.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        rows = open_memmap(draft, mode="w+", dtype=kind, shape=shape)
        for start in range(0, shape[0], CHUNK):
            fill(start, rows[start : start + CHUNK])
        rows.flush()
        draft.replace(path)
    array: Array = np.load(path, mmap_mode="c")
    return array


def draw_into(seeds: range, rows: Array) -> None:
    """Draws the scenes with those seeds, 8-bit (n, SIDE, SIDE, 3)."""
    for row, seed in enumerate(seeds):
        rows[row] = np.asarray(draw(scene_of(seed)))


def pictures(seeds: range) -> Tensor:
    """Pictures of the scenes with those seeds, 8-bit (n, SIDE, SIDE, 3)."""
    rows = np.empty((len(seeds), SIDE, SIDE, 3), np.uint8)
    draw_into(seeds, rows)
    return torch.from_numpy(rows)


def as_floats(pictures: Tensor, device: torch.device) -> Tensor:
    """8-bit (n, h, w, 3) pictures as (n, 3, h, w) in -1..1, channels last in memory, which convolutions like."""
    floats = pictures.to(device).permute(0, 3, 1, 2).float().div(127.5).sub(1)
    return floats.contiguous(memory_format=torch.channels_last)


def cached_pictures(count: int, folder: Path) -> Tensor:
    """Pictures of the first `count` scenes, drawn once."""

    def fill(start: int, rows: Array) -> None:
        draw_into(range(start, start + len(rows)), rows)

    return torch.from_numpy(kept(folder / f"pictures-{count}.npy", (count, SIDE, SIDE, 3), np.uint8, fill))


@torch.no_grad()
def cached_latents(count: int, vae: AutoencoderTiny, folder: Path, device: torch.device) -> Tensor:
    """Latents of the first `count` scenes, 16-bit (count, c, SIDE / 8, SIDE / 8), on the device.

    They are kept in parts, so that a kill costs one part and a larger count only the new ones.
    """
    channels, side = vae.config.latent_channels, SIDE // 8
    parts = []
    for first in range(0, count, PART):

        def fill(start: int, rows: Array, first: int = first) -> None:
            some = pictures(range(first + start, first + start + len(rows)))
            rows[:] = vae.encoder(as_floats(some, device)).half().cpu().numpy()

        size = min(PART, count - first)
        path = folder / "latents" / f"{first:07}-{size}.npy"
        parts.append(torch.from_numpy(kept(path, (size, channels, side, side), np.float16, fill)))
    return torch.cat(parts).to(device)


def cached_tokens(count: int, wordings: int, words: CLIPTokenizer, folder: Path) -> Tensor:
    """Captions of the first `count` scenes, each worded several times, as tokens (count, wordings, length)."""
    length = words.model_max_length

    def fill(start: int, rows: Array) -> None:
        for row in range(len(rows)):
            scene, chance = scene_of(start + row), Random(start + row)
            texts = [caption(scene, chance) for _ in range(wordings)]
            rows[row] = words(texts, padding="max_length", truncation=True, return_tensors="np").input_ids

    path = folder / f"tokens-{count}-{wordings}.npy"
    return torch.from_numpy(kept(path, (count, wordings, length), np.int16, fill))
