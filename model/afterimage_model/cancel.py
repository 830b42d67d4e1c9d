"""Cancelling: a thread looks for the tombstone at most once a second, the step callback reads a flag."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from afterimage_model.errors import Cancelled, StorageFailed

LOOK_EVERY_S = 1.0
logger = logging.getLogger(__name__)


class CancelWatch:
    """Looks at once and then once a second, from a thread of its own, until it is closed.

    A store that does not answer does not cancel: the job goes on and the failure is logged once.
    """

    def __init__(self, look: Callable[[], bool] | None, job_id: str, every_s: float = LOOK_EVERY_S) -> None:
        """`look` tells whether the tombstone exists; None means that nothing can cancel this job."""
        self._look = look
        self._job_id = job_id
        self._every_s = every_s
        self._cancelled = threading.Event()
        self._looked = threading.Event()
        self._ended = threading.Event()
        self._complained = False

    def open(self) -> None:
        """Begin to look, and return at once: the looks of jobs that are made together need not wait for each other."""
        if self._look is None:
            self._looked.set()
        else:
            threading.Thread(target=self._watch, args=(self._look,), name="cancel-watch", daemon=True).start()

    def close(self) -> None:
        """Stop looking; does not wait for a look under way."""
        self._ended.set()

    def wait_for_first_look(self) -> None:
        """Wait until the tombstone was looked for once. Raises Cancelled when it was there."""
        self._looked.wait()
        self.check()

    def check(self) -> None:
        """Raise Cancelled when the tombstone was seen; costs nothing else."""
        if self._cancelled.is_set():
            raise Cancelled("the job was cancelled")

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

    def _watch(self, look: Callable[[], bool]) -> None:
        try:
            self._look_once(look)
        finally:  # whatever happens to this thread, nobody waits for it for ever
            self._looked.set()
        while not self._ended.wait(self._every_s) and not self._cancelled.is_set():
            self._look_once(look)

    def _look_once(self, look: Callable[[], bool]) -> None:
        try:
            if look():
                self._cancelled.set()
        except StorageFailed as exc:
            if not self._complained:
                fields = {"job_id": self._job_id, "cause": repr(exc.__cause__)}
                logger.warning("tombstone_unreadable", extra={"fields": fields})
            self._complained = True
