"""Close a job whose execution ended without a Catch: aborted, timed out as a whole, or out of history."""

from __future__ import annotations

from afterimage.domain.job import NOTICE_SENDING, Job, JobId
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, JobStore, Teller
from afterimage.usecases.close_job import close_job, end_of_execution


def close_lost_job(job_id: JobId, execution_status: str, *, jobs: JobStore, teller: Teller, clock: Clock) -> Job:
    """End the job as its execution ended and have it told, unless both were done already.

    A job whose pictures were published is not lost, only untold: telling brings it to SUCCEEDED.
    """
    job = jobs.get(job_id, clock())
    if job.status is JobStatus.DELIVERING:
        teller.tell(job_id)
        return job
    status, failure = end_of_execution(execution_status)
    job = close_job(job_id, status, failure, jobs=jobs, clock=clock)
    if job.notice is None or job.notice.state == NOTICE_SENDING:
        teller.tell(job_id)
    return job
