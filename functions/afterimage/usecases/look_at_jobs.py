"""Show an admin requests of anybody."""

from __future__ import annotations

from afterimage.contracts.codec import ContractError
from afterimage.domain.errors import JobNotFoundError
from afterimage.domain.job import Job, JobId, is_job_id
from afterimage.ports import Clock, JobStore, Phase


def look_at_job(job_id: str, *, jobs: JobStore, clock: Clock) -> Job:
    """Return one job. Raises JobNotFoundError."""
    if not is_job_id(job_id):
        raise JobNotFoundError()
    return jobs.get(JobId(job_id), clock())


def open_jobs(limit: int, *, jobs: JobStore, clock: Clock) -> tuple[Job, ...]:
    """Return open jobs, longest untouched first. One that ended or expired since the index was read is left out, and so
    is one whose record cannot be read: the sweep reports and ends it."""
    now_ms = clock()
    found: list[Job] = []
    for phase in Phase:
        for job_id in jobs.list_open(phase, now_ms + 1, limit):
            try:
                found.append(jobs.get(job_id, now_ms))
            except (JobNotFoundError, ContractError):
                continue
    still_open = [job for job in found if not job.status.is_final]
    return tuple(sorted(still_open, key=lambda job: job.updated_at_ms)[:limit])
