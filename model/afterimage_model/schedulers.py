"""Schedulers by diffusers' class names, built from the model's own configuration; only those it can step with."""

from __future__ import annotations

from typing import Any

import diffusers
import torch

from afterimage_model.errors import ModelFolderError, OutsideLimits, SchedulerNotSupported

# All draw their noise from the generators that the pipeline hands them, so a seed decides the picture. Left out:
# LMSDiscreteScheduler (needs scipy), DPMSolverSDEScheduler (needs torchsde, whose noise ignores the generators) and the
# two KDPM2 ones (a quarter of a second to set up, for nothing that Heun does not do).
NAMES = (
    "DDIMScheduler",
    "DDPMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "PNDMScheduler",
    "UniPCMultistepScheduler",
)
PROBE_STEPS = 4


class Schedulers:
    """The schedulers one model can use: the one in its folder, and each of NAMES that takes a step with its config.

    A model that predicts flow, for one, works with the DPM solvers and not with DDIM; trying tells.
    """

    def __init__(self, own: Any) -> None:
        self._own_name = type(own).__name__
        self._config = dict(own.config)
        self.names = tuple(sorted({self._own_name, *(name for name in NAMES if self._works(name))}))

    def build(self, name: str, steps: int) -> Any:
        """Return a fresh scheduler, so that no job sees another's state.

        Raises SchedulerNotSupported for a name this model has not, OutsideLimits for a step count it refuses.
        """
        if name not in self.names:
            raise SchedulerNotSupported(f"scheduler must be one of {', '.join(self.names)}, not {name!r}")
        scheduler = self._make(name)
        try:
            scheduler.set_timesteps(steps)
        except (ValueError, IndexError) as exc:
            raise OutsideLimits(f"{name} cannot run with {steps} steps") from exc
        return scheduler

    def require(self, name: str) -> None:
        """Raise ModelFolderError when the folder's default scheduler is none of `names`."""
        if name not in self.names:
            raise ModelFolderError(f"default_scheduler must be one of {', '.join(self.names)}, not {name!r}")

    def _make(self, name: str) -> Any:
        return getattr(diffusers, name).from_config(self._config)

    def _works(self, name: str) -> bool:
        try:
            scheduler = self._make(name)
            scheduler.set_timesteps(PROBE_STEPS)
            sample = torch.zeros(1, 1, 8, 8)
            first = scheduler.timesteps[0]
            scheduler.step(scheduler.scale_model_input(sample, first), first, sample)
        except (ValueError, TypeError, IndexError, NotImplementedError, ImportError):
            return False
        return True
