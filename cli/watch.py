"""Waiting for a request: look often at first, then ever less often, and never without an end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from cli.errors import CliError
from cli.jobs import Job
from cli.terminal import command

SHORTEST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
PATIENCE = 0.1  # a pause is this share of the time waited so far, so looking costs a tenth of the wait at most


class StillRunningError(CliError):
    """Raised when the time is over and the request is not; `job` is how it stood at the last look."""

    def __init__(self, job: Job, timeout_s: float, options: str = "") -> None:
        says = "it waits for a person, and you get a mail" if job.waiting else "the request goes on without you"
        super().__init__(
            f"Still {job.status} after {timeout_s:g} s; {says}.",
            f"Look again: {command(f'show {job.job_id} --wait{options}')}",
        )
        self.job = job


def watch(
    first: Job,
    look: Callable[[], Job],
    timeout_s: float,
    *,
    options: str = "",
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Job]:
    """Yield `first` and then the request at every look until it is final. Raises StillRunningError."""
    began = clock()
    job = first
    yield job
    while not job.is_final:
        waited = clock() - began
        if waited >= timeout_s:
            raise StillRunningError(job, timeout_s, options)
        pause = min(max(SHORTEST_PAUSE_S, waited * PATIENCE), LONGEST_PAUSE_S)
        sleep(min(pause, timeout_s - waited))
        job = look()
        yield job
