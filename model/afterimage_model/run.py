"""One run of the pipeline over the pictures of one or more jobs, a batch at a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from afterimage.contracts.generation import IMG2IMG
from PIL import Image

from afterimage_model.errors import GenerationFailed, ModelFault, OutOfMemory
from afterimage_model.limits import Plan
from afterimage_model.pipeline import LoadedModel
from afterimage_model.texts import Embeddings, Texts


@dataclass(frozen=True)
class Step:
    """How far a job is: `step` of `steps` over all its pictures, `picture` of `pictures` finished."""

    step: int
    steps: int
    picture: int
    pictures: int


OnStep = Callable[[Step], None]
"""Called after every step; a ModelFault that it raises ends the job."""


@dataclass(eq=False)
class Member:
    """One job of a run: its plan, whom to tell of each step, and what has become of it."""

    plan: Plan
    on_step: OnStep
    pictures: dict[int, Image.Image] = field(default_factory=dict)
    fault: ModelFault | None = None

    def tell(self, steps_in_hand: int, steps: int) -> None:
        """Tell of a step: `steps` is what one picture takes, `steps_in_hand` what is behind the unfinished ones."""
        try:
            made, wanted = len(self.pictures), len(self.plan.seeds)
            self.on_step(Step(made * steps + steps_in_hand, wanted * steps, made, wanted))
        except ModelFault as fault:
            self.fault = fault


@dataclass(frozen=True, eq=False)
class Row:
    """One picture to make: the number of a seed of a member."""

    member: Member
    number: int

    @property
    def open(self) -> bool:
        """Still to be made."""
        return self.member.fault is None and self.number not in self.member.pictures

    @property
    def seed(self) -> int:
        """Decides the picture, with the plan."""
        return self.member.plan.seeds[self.number]


class _Stop(Exception):
    """Leaves the pipeline in the middle of its loop."""


class Run:
    """The pictures of members whose plans differ in texts and seeds only."""

    def __init__(self, loaded: LoadedModel, members: Sequence[Member], texts: Texts) -> None:
        """The plans have equal sizes, steps, guidance and scheduler."""
        self._loaded = loaded
        self._members = members
        self._plan = members[0].plan
        self._guided = self._plan.guidance > 1 and not loaded.guidance_is_embedded
        self._encoded: dict[tuple[str, str], Embeddings] = {}
        self._texts = texts

    @property
    def shape(self) -> tuple[object, ...]:
        """What the shapes inside the network hang on, besides the number of pictures."""
        return self._plan.width, self._plan.height, self._guided

    def open_rows(self) -> list[Row]:
        """What is still to be made, in the order of jobs and seeds."""
        rows = [Row(member, number) for member in self._members for number in range(len(member.plan.seeds))]
        return [row for row in rows if row.open]

    def first_output(self, rows: slice) -> torch.Tensor:
        """The network's first output for some of the open rows; nothing is made."""
        seen: list[torch.Tensor] = []

        def look(module: Any, arguments: Any, output: Any) -> None:
            seen.append(output[0] if isinstance(output, tuple) else output.sample)
            raise _Stop

        hook = self._loaded.pipeline.unet.register_forward_hook(look)
        try:
            self._call(self.open_rows()[rows], lambda index, steps: None)
        except _Stop:
            pass
        finally:
            hook.remove()
        return seen[0]

    def make(self, size: int) -> list[float]:
        """Make the next `size` open pictures; the seconds of each step. Raises what the libraries raise."""
        seconds: list[float] = []
        began = time.perf_counter()
        rows = self.open_rows()[:size]
        shares = Counter(row.member for row in rows)

        def step_ended(index: int, steps: int) -> None:
            nonlocal began
            seconds.append(time.perf_counter() - began)
            began += seconds[-1]
            for member in {row.member: None for row in self.open_rows()}:  # those of later batches may be cancelled too
                member.tell(shares[member] * (index + 1), steps)
            if all(member.fault is not None for member in shares):
                raise _Stop

        try:
            arrays = self._call(rows, step_ended)
        except _Stop:
            return seconds
        for row, array in zip(rows, arrays, strict=True):
            if not np.isfinite(array).all():
                row.member.fault = GenerationFailed("the network gave numbers that make no picture")
            else:
                row.member.pictures[row.number] = Image.fromarray((array * 255).round().astype(np.uint8))
        return seconds

    def give_up(self, reason: str) -> None:
        """There is no memory for even one picture: the fault of every job that is not done."""
        for row in self.open_rows():
            row.member.fault = OutOfMemory(reason)

    def _call(self, rows: Sequence[Row], step_ended: Callable[[int, int], None]) -> Any:
        """Run the pipeline for `rows`; arrays of height × width × 3 between 0 and 1."""
        loaded, plan = self._loaded, self._plan
        pipeline = loaded.image_pipeline if plan.mode == IMG2IMG else loaded.pipeline
        # Each run gets a scheduler of its own: a run that was left in the middle must leave nothing behind.
        pipeline.scheduler = loaded.schedulers.build(plan.scheduler, plan.steps)

        def ended(pipeline: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            step_ended(index, pipeline.num_timesteps)
            return tensors

        texts = [self._embeddings(row.member.plan) for row in rows]
        begin: dict[str, Any] = {"width": plan.width, "height": plan.height}
        if plan.mode == IMG2IMG:
            begin = {"image": [row.member.plan.input_picture for row in rows], "strength": plan.strength}
        return pipeline(
            **{name: torch.cat([text[name] for text in texts]) for name in texts[0]},
            **begin,
            num_inference_steps=plan.steps,
            guidance_scale=plan.guidance,
            generator=[torch.Generator("cpu").manual_seed(row.seed) for row in rows],
            callback_on_step_end=ended,
            output_type="np",
        ).images

    def _embeddings(self, plan: Plan) -> Embeddings:
        key = (plan.prompt, plan.negative_prompt)
        if key not in self._encoded:
            self._encoded[key] = self._texts.encode(self._loaded.pipeline, *key, self._guided)
        return self._encoded[key]
