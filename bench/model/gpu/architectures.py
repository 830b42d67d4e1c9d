"""SD 1.5, SDXL and SDXL in few steps with random weights: they compute what the real ones do, and need no download.

Prompts come in encoded, because the text encoders take milliseconds and are the same on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Task:
    """One model and how it is asked: `side` in pixels, `guidance` 1 for a network that is run once a step."""

    name: str
    xl: bool
    side: int
    steps: int
    guidance: float
    batch: int

    @property
    def text_width(self) -> int:
        """Width of an encoded prompt."""
        return 2048 if self.xl else 768


TASKS = (
    Task(name="sdxl, 30 steps, one picture", xl=True, side=1024, steps=30, guidance=5.0, batch=1),
    Task(name="sdxl, 20 steps, throughput", xl=True, side=1024, steps=20, guidance=5.0, batch=8),
    Task(name="sdxl few-step, one picture", xl=True, side=1024, steps=4, guidance=1.0, batch=1),
    Task(name="sdxl few-step, throughput", xl=True, side=1024, steps=4, guidance=1.0, batch=8),
    Task(name="sd 1.5, 30 steps, one picture", xl=False, side=512, steps=30, guidance=7.5, batch=1),
)
TINY_TASKS = (
    Task(name="sdxl, 30 steps, one picture", xl=True, side=64, steps=3, guidance=5.0, batch=1),
    Task(name="sd 1.5, 30 steps, one picture", xl=False, side=64, steps=3, guidance=7.5, batch=2),
)

SD15: dict[str, Any] = {"sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8}
SDXL: dict[str, Any] = {
    "sample_size": 128,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "block_out_channels": (320, 640, 1280),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
# The same blocks in the same places, a tenth as wide.
TINY_15 = {"block_out_channels": (32, 32, 32, 32), "norm_num_groups": 8, "attention_head_dim": 4, "sample_size": 8}
TINY_XL = {
    "block_out_channels": (32, 32, 64),
    "norm_num_groups": 8,
    "attention_head_dim": (2, 2, 4),
    "transformer_layers_per_block": (1, 1, 2),
    "sample_size": 8,
}


def build(*, xl: bool, tiny: bool, device: str, dtype: Any) -> Any:
    """The pipeline with random weights, made where it is to run."""
    import torch
    from diffusers import (
        AutoencoderKL,
        EulerDiscreteScheduler,
        StableDiffusionPipeline,
        StableDiffusionXLPipeline,
        UNet2DConditionModel,
    )

    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    torch.manual_seed(0)
    try:
        with torch.device(device):
            network = (SDXL | (TINY_XL if tiny else {})) if xl else (SD15 | (TINY_15 if tiny else {}))
            unet = UNet2DConditionModel(**network).eval().requires_grad_(False)
            vae = AutoencoderKL(
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                block_out_channels=(8, 8, 8, 8) if tiny else (128, 256, 512, 512),
                norm_num_groups=4 if tiny else 32,
                layers_per_block=2,
                sample_size=1024 if xl else 512,
                scaling_factor=0.13025 if xl else 0.18215,
            )
            vae = vae.eval().requires_grad_(False)
    finally:
        torch.set_default_dtype(before)
    scheduler = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    parts = {"vae": vae, "unet": unet, "scheduler": scheduler, "text_encoder": None, "tokenizer": None}
    if xl:
        pipeline = StableDiffusionXLPipeline(**parts, text_encoder_2=None, tokenizer_2=None, add_watermarker=False)
    else:
        pipeline = StableDiffusionPipeline(
            **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def call(pipeline: Any, task: Task, seed: int = 0) -> Any:
    """The latents' decoded pictures as a tensor on the device: encoding to a file is not what is measured."""
    import torch

    device, dtype = pipeline.unet.device, pipeline.unet.dtype
    random = torch.Generator("cpu").manual_seed(seed)

    def encoded(*shape: int) -> Any:
        return torch.randn(shape, generator=random).to(device, dtype)

    texts = {name: encoded(task.batch, 77, task.text_width) for name in ("prompt_embeds", "negative_prompt_embeds")}
    if task.xl:
        pooled = ("pooled_prompt_embeds", "negative_pooled_prompt_embeds")
        texts |= {name: encoded(task.batch, 1280) for name in pooled}
    return pipeline(
        **texts,
        width=task.side,
        height=task.side,
        num_inference_steps=task.steps,
        guidance_scale=task.guidance,
        generator=[torch.Generator("cpu").manual_seed(seed + number) for number in range(task.batch)],
        output_type="pt",
    ).images
