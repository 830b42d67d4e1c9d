"""How many pictures go through the network at once: as many as fit, pay, and leave every picture its exact bits.

Matrix kernels choose their blocking by the shapes they are given, so that a row of a large batch may be summed in
another order than the same row alone. The choice hangs on shapes, threads and processor and not on the numbers: one
pass through the network tells for all that follow.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch.nn import functional

LEAST_ROWS = 8
SMALL_MATRICES = ("time_embedding", "add_embedding", "class_embedding", "time_emb_proj")
PAYS_BELOW = 0.9
"""A batch that needs more than this share of the time of its pictures alone only makes the first of them wait."""

Trial = Callable[[slice], torch.Tensor]
"""The network's first output for some of the pictures: rows in the order of the pictures, once or twice (guidance)."""

logger = logging.getLogger(__name__)


class SteadyLinear(torch.nn.Linear):
    """A linear layer that is never given fewer than LEAST_ROWS rows: below, BLAS has other kernels for each number.

    The few layers that see one row per picture (time and its projections) are all that needs it.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As nn.Linear, with rows of zeros added and taken away again."""
        rows = x.numel() // x.shape[-1]
        if rows >= LEAST_ROWS:
            return super().forward(x)
        padded = functional.pad(x.reshape(rows, -1), (0, 0, 0, LEAST_ROWS - rows))
        return super().forward(padded)[:rows].reshape(*x.shape[:-1], self.out_features)


def steady_small_matrices(network: torch.nn.Module) -> None:
    """Make the layers of `network` that see one row per picture indifferent to the number of pictures."""
    for name, module in network.named_modules():
        if type(module) is torch.nn.Linear and any(part in SMALL_MATRICES for part in name.split(".")):
            module.__class__ = SteadyLinear


class BatchTrials:
    """Finds the largest batch by trying, and remembers: each size of each shape is tried once in the server's life."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._good: dict[tuple[Hashable, int], bool] = {}

    def largest(self, shape: Hashable, pictures: int, trial: Trial) -> int:
        """The largest batch up to `pictures` that is as good as one at a time; sizes that fail are halved.

        `shape` is everything the network's shapes hang on; `trial` runs the network on the first of the pictures.
        """
        alone: list[tuple[torch.Tensor, float]] = []
        size = pictures
        while size > 1:
            known = self._good.get((shape, size))
            if known is None:
                alone = alone or [self._timed(trial, slice(number, number + 1)) for number in range(size)]
                known = self._good[shape, size] = self._try(shape, size, trial, alone[:size])
            if known:
                return size
            size //= 2
        return 1

    def _try(self, shape: Hashable, size: int, trial: Trial, alone: list[tuple[torch.Tensor, float]]) -> bool:
        together, seconds = self._timed(trial, slice(0, size))
        rows = together.reshape(-1, size, *together.shape[1:])
        exact = all(
            torch.equal(rows[:, number], one.reshape(rows[:, number].shape)) for number, (one, _) in enumerate(alone)
        )
        share = seconds / max(sum(spent for _, spent in alone), 1e-9)
        fields: dict[str, Any] = {
            "shape": str(shape),
            "pictures": size,
            "exact": exact,
            "share_of_time": round(share, 3),
        }
        logger.info("batch_tried", extra={"fields": fields})
        return exact and share < PAYS_BELOW

    def _timed(self, trial: Trial, rows: slice) -> tuple[torch.Tensor, float]:
        started = self._clock()
        output = trial(rows)
        return output, self._clock() - started
