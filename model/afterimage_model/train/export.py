"""Puts the trained parts together as a `StableDiffusionPipeline`, and writes the folder that ships."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from diffusers import AutoencoderTiny, DPMSolverMultistepScheduler, StableDiffusionPipeline
from transformers import CLIPTokenizer
from world.pen import SIDE
from world.words import vocabulary

if TYPE_CHECKING:
    from afterimage_model.train.diffusion import Writer

STEPS, GUIDANCE = 8, 4.5
"""The fewest steps and the guidance that the fidelity table likes best; `python -m world.fidelity` tries others."""


def assemble(vae: AutoencoderTiny, writer: "Writer", words: CLIPTokenizer) -> StableDiffusionPipeline:
    """A pipeline that shares the parts' weights."""
    scheduler = DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, final_sigmas_type="zero", steps_offset=1
    )
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=writer.text,
        tokenizer=words,
        unet=writer.unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def limits() -> dict[str, object]:
    """What a server must know about the folder: defaults, limits, and the words that count."""
    return {
        "name": "afterimage-demo",
        "version": "2",
        "default_width": SIDE,
        "default_height": SIDE,
        "default_steps": STEPS,
        "default_guidance": GUIDANCE,
        "default_scheduler": "DPMSolverMultistepScheduler",
        "min_side": SIDE,
        "max_side": SIDE,
        "max_pixels": SIDE * SIDE,
        "max_steps": 50,
        "max_count": 16,
        "known_words": vocabulary(),
    }


def export(pipeline: StableDiffusionPipeline, folder: Path) -> Path:
    """Writes the pipeline as 16-bit safetensors; it is to be loaded and run in 32 bits."""
    for part in (pipeline.vae, pipeline.text_encoder, pipeline.unet):
        part.half()
    pipeline.save_pretrained(folder, safe_serialization=True)
    _rewrite(folder / "vae" / "config.json", block_out_channels=None)  # diffusers writes it, then warns of reading it
    _rewrite(folder / "text_encoder" / "config.json", dtype="float32")  # what a plain from_pretrained makes of it
    (folder / "afterimage.json").write_text(json.dumps(limits(), indent=1) + "\n", encoding="utf-8")
    return folder


def _rewrite(path: Path, **changes: str | None) -> None:
    """Changes fields of a JSON file; None takes one out."""
    fields = json.loads(path.read_text(encoding="utf-8")) | changes
    kept = {name: value for name, value in fields.items() if name not in changes or value is not None}
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
