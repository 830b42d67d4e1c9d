"""The predictor: `setup` loads the weights once, `predict` makes the pictures of one job. No HTTP and no S3 in here.

Every door (HTTP, queue, command line) calls these two methods from one thread; its runner keeps the state (starting,
ready, busy, failed).
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import diffusers
import torch
from afterimage.contracts.generation import GenerationJob, GenerationWarning
from PIL import Image

from afterimage_model.adapters import Adapters, Fetch
from afterimage_model.batches import BatchTrials
from afterimage_model.errors import GenerationFailed, ModelFault
from afterimage_model.limits import Plan, make_plan
from afterimage_model.pipeline import LoadedModel, load_model
from afterimage_model.prompts import cut_warnings, unknown_word_warnings
from afterimage_model.run import Member, OnStep, Run
from afterimage_model.safety import verdicts
from afterimage_model.texts import Texts

Measured = Callable[[int, list[float]], None]
"""Called with the number of pictures of a batch and the seconds of each of its steps."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture in memory; `flagged` is the verdict of safety checker or classifier, None without both."""

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

    def __init__(
        self,
        model: str,
        *,
        device: str = "auto",
        threads: int | None = None,
        warm_up: bool = True,
        max_batch: int | None = None,
        fetch_adapter: Fetch | None = None,
        measured: Measured = lambda pictures, step_seconds: None,
    ) -> None:
        """`model` is a folder in diffusers' format or a hub id; `threads` None leaves torch's own choice.

        `max_batch` is how many pictures may go through the network at once, None what the folder or the device says.
        `fetch_adapter` reads the file of a LoRA; None: there are none.
        `measured` hears of each batch that was made.
        """
        self._model = model
        self._device = device
        self._threads = threads
        self._warm_up = warm_up
        self._max_batch = max_batch
        self._fetch_adapter = fetch_adapter
        self._measured = measured
        self._adapters: Adapters | None = None
        self._loaded: LoadedModel | None = None
        self._texts = Texts()
        self._trials = BatchTrials()
        self._fits: dict[Hashable, int] = {}

    def setup(self) -> dict[str, float]:
        """Load the weights and make one throw-away picture of one step; return the seconds each part took.

        Raises ModelFolderError when the folder cannot be served.
        """
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        started = time.monotonic()
        self._loaded = load_model(self._model, device=self._device)
        self._adapters = Adapters(self._loaded.pipeline, self._fetch_adapter)
        seconds = {"load": time.monotonic() - started}
        if self._warm_up:
            started = time.monotonic()
            self.predict(GenerationJob(job_id="warm-up", prompt="", seeds=(0,), steps=1))
            seconds["warm_up"] = time.monotonic() - started
        return seconds

    def predict(self, job: GenerationJob, on_step: OnStep | None = None) -> Prediction:
        """Make one picture per seed. The same job and seed give the same picture, alone or among others.

        On CPU that holds bit for bit, for a fixed number of threads; on CUDA it holds to rounding.

        Raises the caller's ModelFaults before any work, OutOfMemory with the cache freed, what `on_step` raises, and
        otherwise what the libraries raise.
        """
        (outcome,) = self.predict_together([(self.plan(job), on_step or (lambda step: None))])
        if isinstance(outcome, ModelFault):
            raise outcome
        return outcome

    def predict_together(self, wanted: Sequence[tuple[Plan, OnStep]]) -> list[Prediction | ModelFault]:
        """Make the pictures of several jobs that differ in texts and seeds only; one outcome for each, in their order.

        A fault that one job's `on_step` raises is that job's outcome, and the others go on. Without memory the batch is
        halved until it fits or is one picture. Raises AdapterRefused, and what the libraries raise.
        """
        self._put_on_adapter(wanted[0][0])
        members = [Member(plan, on_step) for plan, on_step in wanted]
        run = Run(self._model_loaded, members, self._texts)
        started = time.monotonic()
        while run.open_rows():
            size = self._fitting(run)
            try:
                self._measured(size, run.make(size))
                continue
            except (torch.OutOfMemoryError, MemoryError):
                pass  # leaving the block drops the traceback, and with it the tensors that fill the memory
            except RuntimeError as exc:
                if "DefaultCPUAllocator" not in str(exc):  # "not enough memory" or "can't allocate memory"
                    raise
            self.free_memory()
            if size > 1:
                self._fits[run.shape] = size // 2
            else:
                run.give_up("the job needs more memory than this machine has left; fewer or smaller pictures may fit")
        seconds = time.monotonic() - started
        return [member.fault or self._prediction(member, seconds) for member in members]

    def _put_on_adapter(self, plan: Plan) -> None:
        if self._adapters is None:
            return
        before = self._adapters.present
        try:
            self._adapters.put_on(plan.adapter, plan.adapter_sha256)
        finally:
            if self._adapters.present != before:
                self._texts = Texts()  # an adapter may change the text encoders too

    def _prediction(self, member: Member, seconds: float) -> Prediction:
        started = time.monotonic()
        images = [image for _, image in sorted(member.pictures.items())]
        flags = self._verdicts(images)
        return Prediction(
            plan=member.plan,
            pictures=tuple(
                Picture(seed=seed, image=image, flagged=flag)
                for seed, image, flag in zip(member.plan.seeds, images, flags, strict=True)
            ),
            timings_s={"generate": seconds, "safety": time.monotonic() - started},
            versions=self.versions,
        )

    def flags(self, pictures: Sequence[Image.Image]) -> bool | None:
        """Whether the safety checker or the classifier flags any of these, None without both."""
        seen = self._verdicts(pictures)
        return None if None in seen else any(seen)

    def _verdicts(self, pictures: Sequence[Image.Image]) -> list[bool | None]:
        loaded = self._model_loaded
        extractor = getattr(loaded.pipeline, "feature_extractor", None)
        return verdicts(loaded.safety_checker, extractor, pictures, loaded.device, loaded.classifier)

    def _fitting(self, run: Run) -> int:
        """How many of the open pictures go through the network next."""
        loaded = self._model_loaded
        most = min(self.largest_batch, self._fits.get(run.shape, self.largest_batch), len(run.open_rows()))
        if loaded.device.startswith("cuda"):  # pictures agree to rounding there; max_batch is what pays
            return most
        return self._trials.largest(run.shape, most, run.first_output)

    def plan(self, job: GenerationJob) -> Plan:
        """Hold the job against the model's limits and say what will be ignored or cut; no network runs.

        Raises ModeNotSupported, OutsideLimits, InvalidDocument or SchedulerNotSupported.
        """
        loaded = self._model_loaded
        plan = make_plan(job, loaded.limits)
        loaded.schedulers.build(plan.scheduler, plan.steps)  # refuses what it cannot do
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
    def largest_batch(self) -> int:
        """How many pictures may go through the network at once; fewer where a trial or the memory says so."""
        return self._max_batch or self._model_loaded.limits.max_batch

    @property
    def smallest_side(self) -> int:
        """The least width and height that a job may ask for."""
        return self._model_loaded.limits.min_side

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
