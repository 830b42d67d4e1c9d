"""Bring a job to its true end when the workflow could not, and see that it is told."""

from __future__ import annotations

import json

from afterimage.domain.errors import AfterimageError, JobClosedError, StoppedError, by_name
from afterimage.domain.job import NOTICE_FAILED, Failure, Job, JobId, Notice
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, JobChanges, JobStore

_TIMED_OUT = Failure(code="timed_out", sentence="The picture took too long and was given up.")
_STOPPED = Failure(code=StoppedError.code, sentence=StoppedError.sentence)
_INTERNAL = Failure(code=AfterimageError.code, sentence=AfterimageError.sentence)


def close_job(job_id: JobId, status: JobStatus, failure: Failure, *, jobs: JobStore, clock: Clock) -> Job:
    """End a job as `status`, unless it has ended (nothing changes) or its pictures are delivered (then it SUCCEEDED
    and only the mail is on record as failed, unless one is on its way). Returns the job as it is now."""
    try:
        return jobs.advance(job_id, status, clock(), JobChanges(failure=failure))
    except JobClosedError:
        job = jobs.get(job_id, clock())
        if job.status is not JobStatus.DELIVERING:
            return job
    failed = Notice(state=NOTICE_FAILED, at_ms=clock(), failure_code=failure.code)
    if not jobs.swap_notice(job_id, None, failed):
        return job  # somebody is telling, and brings the job to its end
    try:
        return jobs.advance(job_id, JobStatus.SUCCEEDED, clock())
    except JobClosedError:  # whoever came to tell found it settled and was faster
        return jobs.get(job_id, clock())


def failure_from_error(error: str, cause: str) -> Failure:
    """Translate what a Catch saw into code and sentence. Only words of our own are shown: those of our error classes,
    and those that we put into the cause of a task failure ourselves."""
    known = by_name(error)
    if known is None:
        return _TIMED_OUT if error in ("States.Timeout", "Sandbox.Timedout") else _INTERNAL
    try:
        detail = json.loads(cause)
        return Failure(code=str(detail["code"]), sentence=str(detail["sentence"]))
    except (ValueError, KeyError, TypeError):
        return Failure(code=known.code, sentence=known.sentence)


def end_of_execution(execution_status: str) -> tuple[JobStatus, Failure]:
    """Return how a job ends whose execution ended as `execution_status` (FAILED, TIMED_OUT, ABORTED) without saying."""
    if execution_status == "ABORTED":
        return JobStatus.CANCELLED, _STOPPED
    if execution_status == "TIMED_OUT":
        return JobStatus.FAILED, _TIMED_OUT
    return JobStatus.FAILED, _INTERNAL
