"""Show a caller what is theirs. Another's job, an expired one and none at all look the same."""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.domain.errors import InvalidCursorError, JobNotFoundError
from afterimage.domain.job import Job, JobId, is_job_id
from afterimage.domain.recipients import Caller
from afterimage.ports import Clock, JobStore


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of a gallery, newest first; `cursor` asks for the next, None on the last."""

    jobs: tuple[Job, ...]
    cursor: JobId | None


def read_request(job_id: str, caller: Caller, *, jobs: JobStore, clock: Clock) -> Job:
    """Return one job of the caller. Raises JobNotFoundError."""
    if not is_job_id(job_id):
        raise JobNotFoundError()
    job = jobs.get(JobId(job_id), clock())
    if job.owner != caller.owner:
        raise JobNotFoundError()
    return job


def list_requests(caller: Caller, limit: int, cursor: str | None, *, jobs: JobStore, clock: Clock) -> Page:
    """Return a page of the caller's jobs. Raises InvalidCursorError."""
    if cursor is not None and not is_job_id(cursor):
        raise InvalidCursorError()
    found = jobs.list_by_owner(caller.owner, limit + 1, JobId(cursor) if cursor else None, clock())
    page = found[:limit]
    return Page(jobs=page, cursor=page[-1].job_id if len(found) > limit else None)
