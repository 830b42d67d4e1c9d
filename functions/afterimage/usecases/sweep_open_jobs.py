"""Find what every other way has lost: jobs that were never started, and jobs whose end nobody recorded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from afterimage.contracts.codec import ContractError
from afterimage.domain.errors import JobNotFoundError, TransientError
from afterimage.domain.job import JobId
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, Closer, JobStore, Phase, Workflow

START_GRACE_MS = 60_000
# A state that works touches its job within minutes; only one that waits for the engine is silent for longer.
SILENCE_MS = 15 * 60_000
RUNNING = "RUNNING"
_PAGE = 200


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What one sweep did. `skipped` jobs could not be helped this time; the next sweep meets them again."""

    restarted: int = 0
    closed: int = 0
    left_running: int = 0
    skipped: int = 0


def sweep_open_jobs(*, jobs: JobStore, workflow: Workflow, closer: Closer, clock: Clock) -> Sweep:
    """Restart jobs QUEUED for over a minute, have silent ones closed whose execution no longer runs.

    Oldest first and a page of each, so that what waits rightly cannot hide what was lost; one job's trouble is its own.
    """
    now_ms = clock()
    found = {
        *jobs.list_open(Phase.QUEUED, now_ms - START_GRACE_MS, _PAGE),
        *jobs.list_open(Phase.WORKING, now_ms - SILENCE_MS, _PAGE),
    }
    outcomes = Counter(_mend(job_id, jobs, workflow, closer, clock) for job_id in sorted(found))
    return Sweep(**outcomes)


def _mend(job_id: JobId, jobs: JobStore, workflow: Workflow, closer: Closer, clock: Clock) -> str:
    """Help one job and return the field of Sweep that counts it."""
    try:
        job = jobs.get(job_id, clock())
        silent = job.updated_at_ms < clock() - SILENCE_MS
        if job.status is JobStatus.QUEUED and not silent:
            workflow.start(job_id)
            return "restarted"
        status = workflow.status(job_id) if silent else RUNNING
        if status != RUNNING:
            closer.close(job_id, status or "FAILED")
            return "closed"
    except (TransientError, JobNotFoundError, ContractError):  # busy, expired, or written by another version
        return "skipped"
    return "left_running"
