"""Record why a state failed; the one failure path of the state machine."""

from __future__ import annotations

from afterimage.domain.job import Job, JobId
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, JobStore
from afterimage.usecases.close_job import close_job, failure_from_error


def record_failure(job_id: JobId, error: str, cause: str, *, jobs: JobStore, clock: Clock) -> Job:
    """End the job as FAILED with the code of `error`; see `close_job` for jobs that cannot fail any more."""
    return close_job(job_id, JobStatus.FAILED, failure_from_error(error, cause), jobs=jobs, clock=clock)
