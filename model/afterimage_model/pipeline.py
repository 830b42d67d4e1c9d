"""Loading: from a model folder (or hub id) to a pipeline on its device, with what the folder says about itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from afterimage_model.batches import steady_small_matrices
from afterimage_model.classifier import ImageClassifier, load_classifier
from afterimage_model.errors import DeviceError, ModelFolderError
from afterimage_model.folder import ModelNotes, check_folder, is_hub_id, pipeline_class_name, read_notes, weight_variant
from afterimage_model.limits import Limits, NativeShape, resolve_limits
from afterimage_model.schedulers import Schedulers

# What may go through the network at once, where the folder's notes name no number. On CPU only small pictures gain by
# it, and large ones would want more memory than there is; on CUDA it is what common GPUs hold.
MAX_BATCH_CPU = 16
BATCHED_LATENTS_CPU = 64 * 64
MAX_BATCH_CUDA = 4

# Their warnings quote the prompt (the part that CLIP cuts), and prompts are never logged.
diffusers.utils.logging.set_verbosity_error()
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
diffusers.utils.logging.disable_progress_bar()


IMAGE_PIPELINES = {
    "StableDiffusionPipeline": "StableDiffusionImg2ImgPipeline",
    "StableDiffusionXLPipeline": "StableDiffusionXLImg2ImgPipeline",
}


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """One model ready to run. `safety_checker` was taken out of the pipeline, which would paint pictures black;
    `classifier` is what the folder's notes name beside it.

    `windows` are (tokenizer, tokens it reads) of each text encoder.
    """

    pipeline: Any
    safety_checker: Any | None
    classifier: ImageClassifier | None
    notes: ModelNotes
    limits: Limits
    schedulers: Schedulers
    windows: tuple[tuple[Any, int], ...]
    device: str
    dtype: str

    @cached_property
    def image_pipeline(self) -> Any:
        """The same networks in the pipeline that begins from a picture; made when the first such job comes."""
        kind = IMAGE_PIPELINES[type(self.pipeline).__name__]
        extra = {"add_watermarker": False} if "XL" in kind else {"requires_safety_checker": False}
        pipeline = getattr(diffusers, kind)(**self.pipeline.components, **extra)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    @property
    def guidance_is_embedded(self) -> bool:
        """True for distilled networks that take guidance as an input, and therefore no negative prompt."""
        return self.pipeline.unet.config.get("time_cond_proj_dim") is not None


def load_model(model: str, *, device: str = "auto") -> LoadedModel:
    """Load a Stable Diffusion or SDXL pipeline from a folder in diffusers' format, or from a hub id.

    Weights come from safetensors only and become fp32 on CPU (whatever they are stored in), bf16 on CUDA unless the
    folder's notes name another dtype. Raises ModelFolderError when the folder cannot be served.
    """
    from_hub = is_hub_id(model)
    if not from_hub:
        check_folder(Path(model))
    notes = read_notes(model)
    device = pick_device(device)
    dtype = getattr(torch, notes.dtype or "bfloat16") if device.startswith("cuda") else torch.float32
    try:
        name = pipeline_class_name(diffusers.DiffusionPipeline.load_config(model))
        pipeline = getattr(diffusers, name).from_pretrained(
            model,
            dtype=dtype,
            use_safetensors=True,
            variant=None if from_hub else weight_variant(Path(model)),
            local_files_only=not from_hub,
        )
    except (OSError, ValueError) as exc:
        raise ModelFolderError(f"{model} does not load: {exc}") from exc
    classifier = load_classifier(model, notes, device)
    return _prepare(pipeline, notes, classifier, device, str(dtype).removeprefix("torch."))


def _prepare(
    pipeline: Any, notes: ModelNotes, classifier: ImageClassifier | None, device: str, dtype: str
) -> LoadedModel:
    pipeline.set_progress_bar_config(disable=True)
    pipeline.to(device)
    pipeline.vae.to(memory_format=torch.channels_last)
    pipeline.vae.enable_slicing()
    if device == "cpu":
        steady_small_matrices(pipeline.unet)
    if device.startswith("cuda"):  # on CPU it gains nothing for the network, and 1.2 to 1.8 times for the decoder
        pipeline.unet.to(memory_format=torch.channels_last)
    checker = getattr(pipeline, "safety_checker", None)
    if checker is not None:
        pipeline.safety_checker = None
    limits = resolve_limits(notes, _native_shape(pipeline, device))
    schedulers = Schedulers(pipeline.scheduler)
    schedulers.require(limits.default_scheduler)
    return LoadedModel(
        pipeline=pipeline,
        safety_checker=checker,
        classifier=classifier,
        notes=notes,
        limits=limits,
        schedulers=schedulers,
        windows=tuple(_windows(pipeline)),
        device=device,
        dtype=dtype,
    )


def pick_device(device: str, control_file: str = "/dev/nvidiactl") -> str:
    """Turn `auto` into cuda or cpu.

    Raises DeviceError where a GPU is there and torch cannot use it, most often because the host's driver is older than
    torch's CUDA: on the CPU such a server would look healthy and time out on every job.
    """
    wanted = device != "cpu" and (device != "auto" or Path(control_file).exists())
    if wanted and not torch.cuda.is_available():
        raise DeviceError(
            f"torch {torch.__version__} (CUDA {torch.version.cuda or 'not built in'}) cannot use the GPU; compare its "
            "CUDA with the host's driver, or ask for the device cpu"
        )
    if device == "auto":
        return "cuda" if wanted else "cpu"
    return device


def _native_shape(pipeline: Any, device: str) -> NativeShape:
    sample = pipeline.unet.config.sample_size or 64
    latent_side = sample if isinstance(sample, int) else min(sample)
    factor = pipeline.vae_scale_factor
    return NativeShape(
        side=latent_side * factor,
        multiple=math.lcm(8, factor),  # diffusers' pipelines refuse sizes that are no multiple of 8
        train_steps=int(pipeline.scheduler.config.get("num_train_timesteps", 1000)),
        xl=type(pipeline).__name__ == "StableDiffusionXLPipeline",
        scheduler=type(pipeline.scheduler).__name__,
        max_batch=MAX_BATCH_CUDA if device.startswith("cuda") else _max_batch_on_cpu(latent_side),
    )


def _max_batch_on_cpu(latent_side: int) -> int:
    return max(1, min(MAX_BATCH_CPU, BATCHED_LATENTS_CPU // latent_side**2))


def _windows(pipeline: Any) -> list[tuple[Any, int]]:
    windows = []
    for suffix in ("", "_2"):
        tokenizer = getattr(pipeline, f"tokenizer{suffix}", None)
        encoder = getattr(pipeline, f"text_encoder{suffix}", None)
        if tokenizer is not None and encoder is not None:
            windows.append((tokenizer, min(tokenizer.model_max_length, encoder.config.max_position_embeddings)))
    return windows
