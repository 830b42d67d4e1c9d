"""End a job for which no person came in time, unless one has decided in the last moment."""

from __future__ import annotations

from afterimage.domain.errors import JobClosedError
from afterimage.domain.holds import NOBODY_CAME, REVIEW_TIMED_OUT, Ruling, Stage, decided
from afterimage.domain.job import JobId
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, JobChanges, JobStore


def refuse_held(job_id: JobId, stage: Stage, *, jobs: JobStore, clock: Clock) -> Ruling:
    """Return with what the workflow goes on: refused, by this call or an earlier one, or what a person decided.

    Raises JobClosedError for a job that ended otherwise.
    """
    try:
        jobs.advance(job_id, JobStatus.BLOCKED, clock(), JobChanges(failure=NOBODY_CAME), only_from=JobStatus.HELD)
    except JobClosedError:
        job = jobs.get(job_id, clock())
        if ruling := decided(job, stage):
            return ruling
        if job.failure is None or job.failure.code != REVIEW_TIMED_OUT:
            raise
    return Ruling.REFUSE
