"""What a run looks like while it runs: a grid of pictures and the first lines of the fidelity table."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from demo.fidelity import generate, landscapes, one_object, score
from demo.scenes import SIDE
from diffusers import AutoencoderTiny, StableDiffusionPipeline
from PIL import Image
from transformers import CLIPTokenizer

from afterimage_model.train.export import GUIDANCE, STEPS, assemble
from afterimage_model.train.log import Log

if TYPE_CHECKING:
    from afterimage_model.train.diffusion import Writer

PROMPTS = (
    "a red circle on a blue background",
    "a yellow star on black",
    "pink heart",
    "green triangle on a white background",
    "a boat at sunset",
    "a house in the snow",
    "a tree on a hill at night under the moon",
    "mountains by the sea",
    "a red house under the sun",
    "starry night",
    "a cat",
    "house",
    "a beautiful sunset over the ocean",
    "sun",
    "Moon",
    "big purple square, orange background",
)


def grid(pictures: list[Image.Image], columns: int, scale: int = 2) -> Image.Image:
    """The pictures in rows, each `scale` times its size."""
    side, rows = SIDE * scale + 2, -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * side, rows * side), (128, 128, 128))
    for number, picture in enumerate(pictures):
        enlarged = picture.resize((SIDE * scale, SIDE * scale), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (number % columns * side + 1, number // columns * side + 1))
    return sheet


def samples(pipeline: StableDiffusionPipeline, path: Path, columns: int = 6) -> None:
    """Saves one row of seeds for each second of the prompts: what the model card shows, unselected."""
    prompts = [prompt for prompt in PROMPTS[::2] for _ in range(columns)]
    grid(generate(pipeline, prompts, STEPS, GUIDANCE), columns).save(path, optimize=True)


def preview(path: Path, vae: AutoencoderTiny, writer: "Writer", words: CLIPTokenizer, curve: Path, step: int) -> None:
    """Saves a grid with three seeds of each prompt, and adds a row of scores to the curve."""
    pipeline = assemble(vae, writer.eval(), words)
    prompts = [prompt for prompt in PROMPTS for _ in range(3)]
    seeds = [torch.Generator().manual_seed(seed) for seed in range(len(prompts))]
    pictures = pipeline(prompts, num_inference_steps=STEPS, guidance_scale=GUIDANCE, generator=seeds).images
    path.parent.mkdir(parents=True, exist_ok=True)
    grid(pictures, columns=12).save(path)
    shapes = score(pipeline, one_object(48, seed=1), STEPS, GUIDANCE)
    views = score(pipeline, landscapes(48, seed=3), STEPS, GUIDANCE)
    Log(curve).row(step=step, **shapes, **{f"landscape {kind}": share for kind, share in views.items()})
    writer.train()
