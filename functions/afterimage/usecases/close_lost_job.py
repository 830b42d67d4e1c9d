"""Close a job whose execution ended without a Catch: aborted, timed out as a whole, or out of history."""

from __future__ import annotations

from afterimage.contracts.codec import ContractError
from afterimage.domain.errors import JobClosedError
from afterimage.domain.job import NOTICE_SENDING, Job, JobId
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, JobChanges, JobStore, Teller
from afterimage.usecases.close_job import close_job, end_of_execution

# Telling is tried by every sweep. Pictures of which nobody could be told for so long are there all the same.
TELLING_MS = 15 * 60_000


def close_lost_job(job_id: JobId, execution_status: str, *, jobs: JobStore, teller: Teller, clock: Clock) -> Job:
    """End the job as its execution ended and have it told, unless both were done already.

    A job whose pictures were published is not lost, only untold: telling brings it to SUCCEEDED. Raises ContractError
    for a record that cannot be read, though it has ended it: nobody can be told, and the event is kept.
    """
    status, failure = end_of_execution(execution_status)
    try:
        job = jobs.advance(job_id, status, clock(), JobChanges(failure=failure))
    except JobClosedError:
        job = _not_closed(job_id, jobs, clock)
    if job.status is JobStatus.DELIVERING and clock() - job.updated_at_ms >= TELLING_MS:
        job = close_job(job_id, status, failure, jobs=jobs, clock=clock)
    untold = job.notice is None or job.notice.state == NOTICE_SENDING
    if untold or job.status is JobStatus.DELIVERING or job.row:  # a campaign waits for its row without any notice
        teller.tell(job_id)
    return job


def _not_closed(job_id: JobId, jobs: JobStore, clock: Clock) -> Job:
    try:
        return jobs.get(job_id, clock())
    except ContractError:
        jobs.advance(job_id, JobStatus.SUCCEEDED, clock())  # of what stands so, delivered work alone is still open
        raise
