"""One thread that sets up once and then makes one job after the other, and the state that it is in."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum

from afterimage.contracts.generation import GenerationJob, GenerationResult

from afterimage_model.errors import Busy, GenerationFailed, ModelFault, NotReady, OutOfMemory, SetUpError

Work = Callable[[GenerationJob], GenerationResult]
"""Makes one job. Raises ModelFaults; anything else is answered as generation_failed."""

OUT_OF_MEMORY_LIMIT = 2
"""So many jobs in a row without memory, and the instance is given up: it would never recover by itself."""

logger = logging.getLogger(__name__)


class State(StrEnum):
    """Where the runner stands. STARTING → READY ⇄ BUSY; FAILED is final."""

    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    FAILED = "failed"


@dataclass
class _Waiting:
    job: GenerationJob
    future: Future[GenerationResult] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)


class Runner:
    """Runs `set_up` and then the `Work` it returns, both on one thread of its own: torch's threads belong to it."""

    def __init__(self, set_up: Callable[[], Work], *, queue_size: int) -> None:
        """At most `queue_size` jobs wait behind the running one."""
        self._set_up = set_up
        self._queue_size = queue_size
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._state = State.STARTING
        self._reason = ""
        self._closed = False
        self._out_of_memory_in_a_row = 0
        self._thread = threading.Thread(target=self._run, name="predictor", daemon=True)

    def start(self) -> None:
        """Begin the set-up and return at once."""
        self._thread.start()

    @property
    def state(self) -> State:
        """The present state."""
        return self._state

    @property
    def reason(self) -> str:
        """Why the state is FAILED, in one sentence; empty otherwise."""
        return self._reason

    @property
    def waiting(self) -> int:
        """How many jobs wait behind the running one."""
        return len(self._queue)

    @property
    def closed(self) -> bool:
        """True once `close` was called."""
        return self._closed

    def submit(self, job: GenerationJob) -> Future[GenerationResult]:
        """Queue a job. Raises NotReady or Busy; the future holds the result or a ModelFault."""
        with self._changed:
            if self._closed:
                raise NotReady("the server is going down")
            if self._state in (State.STARTING, State.FAILED):
                raise NotReady(f"the model is not ready: {self._state}")
            ahead = len(self._queue) + (self._state is State.BUSY)
            if ahead > self._queue_size:
                raise Busy(f"{ahead} jobs are running or waiting, and no more fit")
            waiting = _Waiting(job)
            self._queue.append(waiting)
            self._changed.notify()
            return waiting.future

    def close(self) -> None:
        """Take nothing new, turn away what waits, let what runs finish."""
        with self._changed:
            self._closed = True
            turned_away, self._queue = list(self._queue), deque()
            self._changed.notify()
        _turn_away(turned_away, NotReady("the server is going down"))

    def join(self, timeout_s: float) -> bool:
        """Wait for the running job to end after `close`; True when it did."""
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
        while (waiting := self._next()) is not None:
            if waiting.future.set_running_or_notify_cancel():
                self._finish(waiting, self._outcome(waiting, work))

    def _next(self) -> _Waiting | None:
        with self._changed:
            self._state = State.FAILED if self._reason else State.READY
            self._changed.wait_for(lambda: self._queue or self._closed or self._reason)
            if not self._queue:
                return None
            self._state = State.BUSY
            return self._queue.popleft()

    def _outcome(self, waiting: _Waiting, work: Work) -> GenerationResult | ModelFault:
        started = time.monotonic()
        fields = {"job_id": waiting.job.job_id[:80], "queued_s": round(started - waiting.since, 3)}
        try:
            result = work(waiting.job)
        except Exception as exc:  # the boundary: every fault of a job is answered, none ends the thread
            fault = exc if isinstance(exc, ModelFault) else GenerationFailed("the pictures could not be made")
            fields |= {"code": fault.code, "seconds": round(time.monotonic() - started, 3)}
            if fault.status >= 500:
                fields["traceback"] = _without_prompt(exc, waiting.job)
            logger.log(logging.ERROR if fault.status >= 500 else logging.INFO, "job_refused", extra={"fields": fields})
            return fault
        fields |= {"pictures": len(result.images), "timings_s": result.timings_s}
        logger.info("job_made", extra={"fields": fields})
        return result

    def _finish(self, waiting: _Waiting, outcome: GenerationResult | ModelFault) -> None:
        """Change the state first: whoever sees the answer may send the next job, or look at /ping, at once."""
        self._count_out_of_memory(isinstance(outcome, OutOfMemory))
        with self._changed:
            self._state = State.FAILED if self._reason else State.READY
        if isinstance(outcome, ModelFault):
            waiting.future.set_exception(outcome)
        else:
            waiting.future.set_result(outcome)

    def _count_out_of_memory(self, happened: bool) -> None:
        self._out_of_memory_in_a_row = self._out_of_memory_in_a_row + 1 if happened else 0
        if self._out_of_memory_in_a_row >= OUT_OF_MEMORY_LIMIT:
            self._fail(f"out of memory {OUT_OF_MEMORY_LIMIT} times in a row")

    def _fail(self, reason: str) -> None:
        with self._changed:
            self._state, self._reason = State.FAILED, reason
            turned_away, self._queue = list(self._queue), deque()
        logger.error("runner_failed", extra={"fields": {"reason": reason}})
        _turn_away(turned_away, NotReady("the model is not ready: failed"))


def _turn_away(waiting: list[_Waiting], fault: ModelFault) -> None:
    for one in waiting:
        if one.future.set_running_or_notify_cancel():
            one.future.set_exception(fault)


def _without_prompt(exc: BaseException, job: GenerationJob) -> str:
    text = "".join(traceback.format_exception(exc))
    for prompt in filter(None, (job.prompt, job.negative_prompt)):
        text = text.replace(prompt, "[prompt]")
    return text
