"""The predictor: `setup` loads the weights once, `predict` makes the pictures of one job. No HTTP and no S3 in here.

Every door (HTTP, queue, command line) calls these two methods from one thread; its runner keeps the state (starting,
ready, busy, failed).
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import diffusers
import torch
from afterimage.contracts.generation import GenerationJob, GenerationWarning
from PIL import Image

from afterimage_model.errors import GenerationFailed, OutOfMemory
from afterimage_model.limits import Plan, make_plan
from afterimage_model.pipeline import LoadedModel, load_model
from afterimage_model.prompts import cut_warnings, unknown_word_warnings
from afterimage_model.safety import verdicts

OnStep = Callable[[int, int], None]
"""Called after every step with (steps done, steps of the whole job); may raise, which ends the job."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture in memory; `flagged` is the safety checker's verdict, None without a checker."""

    seed: int
    image: Image.Image
    flagged: bool | None


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What `predict` returns: the pictures in the order of the seeds, and exactly how they were made."""

    plan: Plan
    pictures: tuple[Picture, ...]
    timings_s: dict[str, float]
    versions: dict[str, str]


class Predictor:
    """One model. Call `setup` once, then `predict`, always from the same thread (torch's threads belong to it)."""

    def __init__(self, model: str, *, device: str = "auto", threads: int | None = None, warm_up: bool = True) -> None:
        """`model` is a folder in diffusers' format or a hub id; `threads` None leaves torch's own choice."""
        self._model = model
        self._device = device
        self._threads = threads
        self._warm_up = warm_up
        self._loaded: LoadedModel | None = None

    def setup(self) -> dict[str, float]:
        """Load the weights and make one throw-away picture of one step; return the seconds each part took.

        Raises ModelFolderError when the folder cannot be served.
        """
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        started = time.monotonic()
        self._loaded = load_model(self._model, device=self._device)
        seconds = {"load": time.monotonic() - started}
        if self._warm_up:
            started = time.monotonic()
            self.predict(GenerationJob(job_id="warm-up", prompt="", seeds=(0,), steps=1))
            seconds["warm_up"] = time.monotonic() - started
        return seconds

    def predict(self, job: GenerationJob, on_step: OnStep | None = None) -> Prediction:
        """Make one picture per seed. The same job and seed give the same picture, alone or among others.

        On CPU that holds bit for bit, for a fixed number of threads and as long as `max_batch` is 1 (the default
        there) or the folder's own promise; on CUDA it holds to rounding.

        Raises the caller's ModelFaults before any work, OutOfMemory with the cache freed, whatever `on_step` raises,
        and otherwise what the libraries raise.
        """
        plan = self.plan(job)
        scheduler = self._model_loaded.schedulers.build(plan.scheduler, plan.steps)
        try:
            return self._make(plan, scheduler, on_step)
        except (torch.OutOfMemoryError, MemoryError):
            pass  # leaving the block drops the traceback, and with it the tensors that fill the memory
        except RuntimeError as exc:
            if "not enough memory" not in str(exc):  # how torch's CPU allocator says it
                raise
        self.free_memory()
        raise OutOfMemory("the job needs more memory than this machine has left; fewer or smaller pictures may fit")

    def plan(self, job: GenerationJob) -> Plan:
        """Hold the job against the model's limits and say what will be ignored or cut; no network runs."""
        loaded = self._model_loaded
        plan = make_plan(job, loaded.limits)
        warnings = list(plan.warnings)
        if plan.negative_prompt and (plan.guidance <= 1 or loaded.guidance_is_embedded):
            reason = "guidance is not above 1" if plan.guidance <= 1 else "this model has guidance built in"
            message = f"The negative prompt was ignored because {reason}."
            warnings.append(GenerationWarning(code="parameter_ignored", message=message, detail="negative_prompt"))
            plan = replace(plan, negative_prompt="")
        texts = [("prompt", plan.prompt), ("negative prompt", plan.negative_prompt)]
        warnings += cut_warnings(texts, loaded.windows)
        known = loaded.notes.known_words
        warnings += unknown_word_warnings((text for _, text in texts), None if known is None else frozenset(known))
        return replace(plan, warnings=tuple(warnings))

    def free_memory(self) -> None:
        """Give cached accelerator memory back."""
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @property
    def versions(self) -> dict[str, str]:
        """Model, libraries and hardware, as they go into the result and the picture."""
        loaded = self._model_loaded
        return {
            "model": loaded.notes.name or self._model.rstrip("/").rsplit("/", 1)[-1],
            "model_version": loaded.notes.version or "unversioned",
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
            "device": loaded.device,
            "dtype": loaded.dtype,
            "threads": str(torch.get_num_threads()),
        }

    @property
    def _model_loaded(self) -> LoadedModel:
        if self._loaded is None:
            raise GenerationFailed("the model is not loaded")
        return self._loaded

    def _make(self, plan: Plan, scheduler: Any, on_step: OnStep | None) -> Prediction:
        loaded = self._model_loaded
        loaded.pipeline.scheduler = scheduler
        started = time.monotonic()
        images: list[Image.Image] = []
        for seeds in _batches(plan.seeds, loaded.limits.max_batch):
            images += self._run_batch(plan, seeds, len(images), on_step)
        made = time.monotonic()
        extractor = getattr(loaded.pipeline, "feature_extractor", None)
        flags = verdicts(loaded.safety_checker, extractor, images, loaded.device)
        return Prediction(
            plan=plan,
            pictures=tuple(
                Picture(seed=seed, image=image, flagged=flag)
                for seed, image, flag in zip(plan.seeds, images, flags, strict=True)
            ),
            timings_s={"generate": made - started, "safety": time.monotonic() - made},
            versions=self.versions,
        )

    def _run_batch(
        self, plan: Plan, seeds: tuple[int, ...], already_made: int, on_step: OnStep | None
    ) -> list[Image.Image]:
        batches_before = already_made // self._model_loaded.limits.max_batch
        batches = -(-len(plan.seeds) // self._model_loaded.limits.max_batch)

        def step_ended(pipeline: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            if on_step is not None:
                steps = pipeline.num_timesteps
                on_step(batches_before * steps + index + 1, batches * steps)
            return tensors

        output = self._model_loaded.pipeline(
            prompt=plan.prompt,
            negative_prompt=plan.negative_prompt or None,
            width=plan.width,
            height=plan.height,
            num_inference_steps=plan.steps,
            guidance_scale=plan.guidance,
            num_images_per_prompt=len(seeds),
            generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
            callback_on_step_end=step_ended,
        )
        return list(output.images)


def _batches(seeds: tuple[int, ...], size: int) -> Iterator[tuple[int, ...]]:
    for start in range(0, len(seeds), size):
        yield seeds[start : start + size]
