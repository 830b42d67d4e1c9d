"""Erase everything of a request, in an order in which a call that died half-way can be repeated: the record goes last.

Until then the request is still shown, so that it can be asked for again.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from afterimage.domain.errors import JobClosedError, JobNotFoundError
from afterimage.domain.job import NOTICE_NONE, Job, Notice
from afterimage.domain.recipients import Caller
from afterimage.domain.status import JobStatus
from afterimage.ports import AttemptStore, Erasures, HoldStore, LinkStore, Uploads
from afterimage.usecases.cancel_request import Stopper, record_cancelled, stop_work
from afterimage.usecases.erase_leftovers import erase_links_and_objects
from afterimage.usecases.read_requests import read_request


@dataclass(frozen=True, kw_only=True)
class Eraser:
    """What erasing a job needs."""

    stopper: Stopper
    attempts: AttemptStore
    holds: HoldStore
    links: LinkStore
    uploads: Uploads
    erasures: Erasures


def delete_request(job_id: str, caller: Caller, eraser: Eraser) -> None:
    """Erase the caller's job; one that is open is cancelled first. Raises JobNotFoundError."""
    erase_job(read_request(job_id, caller, jobs=eraser.stopper.jobs, clock=eraser.stopper.clock), eraser)


def erase_job(job: Job, eraser: Eraser) -> None:
    """End a job if it is open, stop what works on it, erase what there is, and have a second look taken later.

    The second look is asked for before anything is gone, so that no crash can lose it. What it is for: a function or a
    container that was at work a moment ago may still write, and an inference under way has not been told about.
    """
    with contextlib.suppress(JobNotFoundError):  # gone already: an index may show it for a moment longer
        _end(job, eraser.stopper)
    stop_work(job, eraser.stopper)
    eraser.erasures.look_again(job.job_id, job.gallery)
    attempts = erase_links_and_objects(
        job.job_id,
        job.gallery,
        attempts=eraser.attempts,
        holds=eraser.holds,
        links=eraser.links,
        objects=eraser.stopper.objects,
    )
    if job.spec.input is not None:
        eraser.uploads.erase(job.owner, job.spec.input.upload)
    for attempt in attempts:
        # Without its attempt, the message about an inference under way would end as a dead letter.
        if attempt.outcome is not None:
            eraser.attempts.erase(attempt)
    eraser.stopper.jobs.erase(job)


def _end(job: Job, stopper: Stopper) -> None:
    """A quota is given back by the end of a job, so an open one is ended before it goes. One that is being delivered
    can only succeed; nobody is told any more, unless the mail is leaving right now."""
    if job.status.is_final:
        return
    try:
        record_cancelled(job, stopper)
    except JobClosedError:
        now_ms = stopper.clock()
        stopper.jobs.swap_notice(job.job_id, None, Notice(state=NOTICE_NONE, at_ms=now_ms))
        with contextlib.suppress(JobClosedError):  # it had ended meanwhile
            stopper.jobs.advance(job.job_id, JobStatus.SUCCEEDED, now_ms)
