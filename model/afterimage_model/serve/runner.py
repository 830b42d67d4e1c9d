"""One thread that sets up once and then makes jobs, several at a time where they can share, and the state it is in."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from afterimage.contracts.generation import GenerationJob, GenerationResult

from afterimage_model.errors import Busy, ClientGone, GenerationFailed, ModelFault, NotReady, OutOfMemory, SetUpError
from afterimage_model.orders import Order, Outcome, settle, share_key
from afterimage_model.serve.metrics import Metrics

OUT_OF_MEMORY_LIMIT = 2
"""So many jobs in a row without memory, and the instance is given up: it would never recover by itself."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a set-up leaves behind. `make` answers the orders it is given, at once or later from another thread.

    `largest_batch` is how many pictures may go through the network at once; `close` waits for what `make` left to
    others.
    """

    make: Callable[[Sequence[Order]], None]
    largest_batch: int = 1
    close: Callable[[], None] = lambda: None


class State(StrEnum):
    """Where the runner stands. STARTING → READY ⇄ BUSY; FAILED is final."""

    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    FAILED = "failed"


class Runner:
    """Runs `set_up` and then the `Work` it returns, both on one thread of its own: torch's threads belong to it."""

    def __init__(
        self,
        set_up: Callable[[], Work],
        *,
        queue_size: int,
        longest_wait_s: float = 0.0,
        metrics: Metrics | None = None,
    ) -> None:
        """At most `queue_size` jobs wait behind the running ones; `longest_wait_s` is spent where it may fill a batch.

        It waits when the last batch was larger than what is there now: whoever sent that one is likely to send more. A
        client that sends one job after the other is never kept waiting.
        """
        self.metrics = Metrics() if metrics is None else metrics
        self._set_up = set_up
        self._queue_size = queue_size
        self._longest_wait_s = longest_wait_s
        self._queue: list[Order] = []
        self._in_hand: set[Order] = set()
        self._changed = threading.Condition()
        self._ready = False
        self._reason = ""
        self._closed = False
        self._out_of_memory_in_a_row = 0
        self._out_of_memory_batch: float | None = None
        self._last_batch = 1
        self._thread = threading.Thread(target=self._run, name="predictor", daemon=True)

    def start(self) -> None:
        """Begin the set-up and return at once."""
        self._thread.start()

    @property
    def state(self) -> State:
        """The present state."""
        if self._reason:
            return State.FAILED
        if not self._ready:
            return State.STARTING
        return State.BUSY if self._in_hand else State.READY

    @property
    def reason(self) -> str:
        """Why the state is FAILED, in one sentence; empty otherwise."""
        return self._reason

    @property
    def waiting(self) -> int:
        """How many jobs wait behind the running ones."""
        return len(self._queue)

    @property
    def in_hand(self) -> int:
        """How many jobs are being made, encoded or stored."""
        return len(self._in_hand)

    @property
    def closed(self) -> bool:
        """True once `close` was called."""
        return self._closed

    def submit(self, job: GenerationJob) -> Order:
        """Queue a job; its future holds the result or a ModelFault. Raises NotReady or Busy."""
        with self._changed:
            if self._closed:
                raise NotReady("the server is going down")
            if self.state in (State.STARTING, State.FAILED):
                raise NotReady(f"the model is not ready: {self.state}")
            ahead = len(self._queue) + bool(self._in_hand)
            if ahead > self._queue_size:
                raise Busy(f"{ahead} jobs are running or waiting, and no more fit")
            order = Order(job, on_answer=self._answered)
            self._queue.append(order)
            self._changed.notify_all()
            return order

    def drop(self, order: Order) -> None:
        """Nobody waits for this one any more: it leaves the queue now, or the work between two steps."""
        order.dropped = True
        with self._changed:
            waiting = order in self._queue
            if waiting:
                self._queue.remove(order)
        if waiting:
            order.answer(ClientGone("the caller went away before the start"))

    def close(self) -> None:
        """Take nothing new, turn away what waits, let what runs finish."""
        with self._changed:
            self._closed = True
            turned_away, self._queue = self._queue, []
            self._changed.notify_all()
        for order in turned_away:
            order.answer(NotReady("the server is going down"))

    def join(self, timeout_s: float) -> bool:
        """Wait for the running jobs to end after `close`; True when they did."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            work = self._set_up()
        except SetUpError as exc:
            self._fail(str(exc))
            return
        except Exception as exc:  # whatever the libraries raise: a state that is reported, not a crash loop
            logger.exception("setup_failed")
            self._fail(f"the set-up failed with {type(exc).__name__}; the log has the details")
            return
        self._ready = True
        while batch := self._next(work.largest_batch):
            try:
                work.make(batch)
            except Exception as exc:  # the boundary: every fault of a job is answered, none ends the thread
                for order in batch:
                    order.answer(exc)
        work.close()

    def _next(self, largest: int) -> list[Order]:
        """The next orders that can be made together, oldest first; none when it is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: (self._queue and len(self._in_hand) <= largest) or self._closed or self._reason
            )
            if min(self._last_batch, largest) > self._pictures(largest):
                self._changed.wait_for(
                    lambda: self._closed or self._pictures(largest) >= min(self._last_batch, largest),
                    self._longest_wait_s,
                )
            batch = self._batch(largest)
            self._last_batch = sum(order.pictures for order in batch)
            self._queue = [order for order in self._queue if order not in batch]
            self._in_hand.update(batch)
            now = time.monotonic()
            for order in batch:
                order.begun = now
            return batch

    def _pictures(self, largest: int) -> int:
        return sum(order.pictures for order in self._batch(largest))

    def _batch(self, largest: int) -> list[Order]:
        batch: list[Order] = []
        pictures = 0
        for order in self._queue:
            same = not batch or share_key(order.job) == share_key(batch[0].job)
            if same and (not batch or pictures + order.pictures <= largest):
                batch.append(order)
                pictures += order.pictures
        return batch

    def _answered(self, order: Order, outcome: Outcome) -> None:
        """Change the state first: whoever sees the answer may send the next job, or look at /ping, at once."""
        if not isinstance(outcome, GenerationResult):
            outcome = _refused(order, outcome)
        else:
            fields = {"pictures": len(outcome.images), "timings_s": outcome.timings_s}
            logger.info("job_made", extra={"fields": _fields(order) | fields})
        if order.begun is not None:
            self._count_out_of_memory(isinstance(outcome, OutOfMemory), order.begun)
        with self._changed:
            self._in_hand.discard(order)
            self._changed.notify_all()
        code, pictures = (outcome.code, 0) if isinstance(outcome, ModelFault) else ("made", len(outcome.images))
        self.metrics.answered(code, pictures, (order.begun or time.monotonic()) - order.since)
        settle(order, outcome)

    def _count_out_of_memory(self, happened: bool, batch: float) -> None:
        """One batch counts once, however many jobs were in it; `batch` is when it began."""
        if happened and batch == self._out_of_memory_batch:
            return
        self._out_of_memory_in_a_row = self._out_of_memory_in_a_row + 1 if happened else 0
        self._out_of_memory_batch = batch if happened else None
        if self._out_of_memory_in_a_row >= OUT_OF_MEMORY_LIMIT:
            self._fail(f"out of memory {OUT_OF_MEMORY_LIMIT} times in a row")

    def _fail(self, reason: str) -> None:
        with self._changed:
            self._reason = self._reason or reason
            turned_away, self._queue = self._queue, []
            self._changed.notify_all()
        logger.error("runner_failed", extra={"fields": {"reason": reason}})
        for order in turned_away:
            order.answer(NotReady("the model is not ready: failed"))


def _fields(order: Order) -> dict[str, object]:
    begun = time.monotonic() if order.begun is None else order.begun
    return {"job_id": order.job.job_id[:80], "queued_s": round(begun - order.since, 3)}


def _refused(order: Order, exc: Exception) -> ModelFault:
    """The fault that the caller gets; what exactly happened goes into the log."""
    fault = exc if isinstance(exc, ModelFault) else GenerationFailed("the pictures could not be made")
    fields = _fields(order) | {"code": fault.code, "seconds": round(time.monotonic() - order.since, 3)}
    if fault.status >= 500:
        fields["traceback"] = _without_prompt(exc, order.job)
    logger.log(logging.ERROR if fault.status >= 500 else logging.INFO, "job_refused", extra={"fields": fields})
    return fault


def _without_prompt(exc: BaseException, job: GenerationJob) -> str:
    text = "".join(traceback.format_exception(exc))
    for prompt in filter(None, (job.prompt, job.negative_prompt)):
        text = text.replace(prompt, "[prompt]")
    return text
