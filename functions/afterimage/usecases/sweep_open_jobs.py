"""Find what every other way has lost: jobs that were never started, and jobs whose end nobody recorded."""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.domain.job import Job
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, JobStore, Teller, Workflow
from afterimage.usecases.close_lost_job import close_lost_job

START_GRACE_MS = 60_000
# A state that works touches its job within minutes; only one that waits for the engine is silent for longer.
SILENCE_MS = 15 * 60_000
_PAGE = 200


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What one sweep did."""

    restarted: int
    closed: int
    left_running: int


def sweep_open_jobs(*, jobs: JobStore, workflow: Workflow, teller: Teller, clock: Clock) -> Sweep:
    """Restart jobs QUEUED for over a minute, close silent ones whose execution no longer runs."""
    now_ms = clock()
    restarted = closed = left_running = 0
    for job in jobs.list_open(now_ms - START_GRACE_MS, _PAGE):
        silent = job.updated_at_ms < now_ms - SILENCE_MS
        if job.status is JobStatus.QUEUED and not silent:
            workflow.start(job.job_id)
            restarted += 1
        elif silent and _is_lost(job, workflow):
            close_lost_job(job.job_id, "FAILED", jobs=jobs, teller=teller, clock=clock)
            closed += 1
        else:
            left_running += 1
    return Sweep(restarted=restarted, closed=closed, left_running=left_running)


def _is_lost(job: Job, workflow: Workflow) -> bool:
    return not workflow.is_running(job.job_id)
