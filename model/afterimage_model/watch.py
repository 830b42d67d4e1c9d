"""Between a job and the store: a thread looks for the tombstone and writes the progress, at most once a second each.

The step callback only reads a flag and leaves a note, so that no store, slow or broken, holds up a step.
"""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from afterimage.contracts.progress import GenerationProgress

from afterimage_model.errors import Cancelled, StorageFailed
from afterimage_model.run import Step

EVERY_S = 1.0
logger = logging.getLogger(__name__)


class JobWatch:
    """Looks at once and then once a second, from a thread of its own, until it is closed.

    A store that does not answer cancels nothing and stops nothing: the job goes on and the failure is logged once.
    """

    def __init__(
        self,
        look: Callable[[], bool] | None,
        tell: Callable[[GenerationProgress], None] | None,
        job_id: str,
        every_s: float = EVERY_S,
    ) -> None:
        """`look` tells whether the tombstone exists, `tell` writes the progress; None of both: there is no store."""
        self._look = look
        self._tell = tell
        self._job_id = job_id
        self._every_s = every_s
        self._cancelled = threading.Event()
        self._looked = threading.Event()
        self._ended = threading.Event()
        self._reached: Step | None = None
        self._complaints: set[str] = set()

    def open(self) -> None:
        """Begin to look, and return at once: the looks of jobs that are made together need not wait for each other."""
        if self._look is None and self._tell is None:
            self._looked.set()
        else:
            threading.Thread(target=self._watch, name="job-watch", daemon=True).start()

    def close(self) -> None:
        """Stop; does not wait for a look under way."""
        self._ended.set()

    def wait_for_first_look(self) -> None:
        """Wait until the tombstone was looked for once. Raises Cancelled when it was there."""
        self._looked.wait()
        self.check()

    def check(self) -> None:
        """Raise Cancelled when the tombstone was seen; costs nothing else."""
        if self._cancelled.is_set():
            raise Cancelled("the job was cancelled")

    def reached(self, step: Step) -> None:
        """Note how far the job is, for the next writing; costs nothing else."""
        self._reached = step

    def __enter__(self) -> Self:
        """Open and look once. Raises Cancelled when the tombstone is already there."""
        self.open()
        try:
            self.wait_for_first_look()
        except Cancelled:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _watch(self) -> None:
        try:
            self._look_once()
        finally:  # whatever happens to this thread, nobody waits for it for ever
            self._looked.set()
        told: Step | None = None
        while not self._ended.wait(self._every_s) and not self._cancelled.is_set():
            self._look_once()
            if (reached := self._reached) is not None and reached is not told and not self._ended.is_set():
                self._tell_once(reached)
                told = reached

    def _look_once(self) -> None:
        try:
            if self._look is not None and self._look():
                self._cancelled.set()
        except StorageFailed as exc:
            self._complain("tombstone_unreadable", exc)

    def _tell_once(self, reached: Step) -> None:
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        progress = GenerationProgress(
            step=reached.step, steps=reached.steps, picture=reached.picture, pictures=reached.pictures, at=at
        )
        try:
            if self._tell is not None:
                self._tell(progress)
        except StorageFailed as exc:
            self._complain("progress_unwritten", exc)

    def _complain(self, event: str, exc: StorageFailed) -> None:
        if event not in self._complaints:
            logger.warning(event, extra={"fields": {"job_id": self._job_id, "cause": repr(exc.__cause__)}})
        self._complaints.add(event)
