"""A job on its way through the server: what is asked, whether anybody still waits for it, and its one answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from afterimage.contracts.generation import GenerationJob, GenerationResult

from afterimage_model.errors import ClientGone

Outcome = GenerationResult | Exception


def settle(order: Order, outcome: Outcome) -> None:
    """Give the outcome to whoever waits, if anybody does."""
    if not order.future.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Exception):
        order.future.set_exception(outcome)
    else:
        order.future.set_result(outcome)


@dataclass(eq=False)
class Order:
    """One job. `answer` counts once, whoever calls it first; `on_answer` is where the runner keeps its books."""

    job: GenerationJob
    on_answer: Callable[[Order, Outcome], None] = settle
    future: Future[GenerationResult] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)
    begun: float | None = None
    answered: bool = False
    dropped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def pictures(self) -> int:
        """How many pictures it asks for."""
        return len(self.job.seeds)

    def answer(self, outcome: Outcome) -> None:
        """The job's end: a result, or why there is none. Only the first one is heard."""
        with self._lock:
            first, self.answered = not self.answered, True
        if first:
            self.on_answer(self, outcome)

    def check(self) -> None:
        """Raise ClientGone when nobody waits any more."""
        if self.dropped:
            raise ClientGone("the caller went away before the answer")


def share_key(job: GenerationJob) -> tuple[object, ...]:
    """Jobs with equal keys may go through the network together: everything but texts, seeds and where it goes."""
    sampling = (job.mode, job.width, job.height, job.steps, job.guidance, job.scheduler, job.strength)
    return (*sampling, job.adapter, job.adapter_sha256)
