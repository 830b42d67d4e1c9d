"""Stop a request for good: its record first, then its work, then its execution. Each step may be repeated."""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.domain.errors import JobClosedError
from afterimage.domain.job import NOTICE_NONE, Failure, Job, Notice
from afterimage.domain.recipients import Caller
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, JobChanges, JobObjects, JobStore, Workflow
from afterimage.usecases.read_requests import read_request

_CANCELLED = Failure(code="cancelled", sentence="The request was cancelled.")


@dataclass(frozen=True, kw_only=True)
class Stopper:
    """What stopping a job needs."""

    jobs: JobStore
    objects: JobObjects
    workflow: Workflow
    clock: Clock


def cancel_request(job_id: str, caller: Caller, stopper: Stopper) -> Job:
    """Return the caller's job as CANCELLED, by this call or an earlier one.

    Raises JobNotFoundError for another's, JobClosedError for one that is being delivered or ended otherwise.
    """
    job = read_request(job_id, caller, jobs=stopper.jobs, clock=stopper.clock)
    try:
        job = record_cancelled(job, stopper)
    except JobClosedError:
        job = stopper.jobs.get(job.job_id, stopper.clock())
        if job.status is not JobStatus.CANCELLED:
            raise
    stop_work(job, stopper)
    return job


def record_cancelled(job: Job, stopper: Stopper) -> Job:
    """Write the end, and in the same write that nobody is to be mailed about it: who cancels knows. From here on no
    state finds the job open, whatever becomes of the steps after this one. Raises JobClosedError."""
    now_ms = stopper.clock()
    changes = JobChanges(failure=_CANCELLED, notice=Notice(state=NOTICE_NONE, at_ms=now_ms))
    return stopper.jobs.advance(job.job_id, JobStatus.CANCELLED, now_ms, changes)


def stop_work(job: Job, stopper: Stopper) -> None:
    """Leave the tombstone for the container, then abort the execution. A call that dies in between is mended by its
    repeat; without one, the execution finds the job ended at its next state and ends as well."""
    stopper.objects.put_tombstone(job.job_id)
    stopper.workflow.stop(job.job_id)
