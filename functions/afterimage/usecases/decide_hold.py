"""Release or refuse what waits for a person, at the stage that was looked at. The record decides which of two was
first; then the state is told."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from afterimage.domain.errors import AlreadyDecidedError, JobClosedError, NotHeldError
from afterimage.domain.holds import Ruling, Stage, decided, decision_of, held_stage, refusal, released_to
from afterimage.domain.job import Job
from afterimage.domain.recipients import Caller
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, HoldStore, JobChanges, JobStore, Workflow
from afterimage.usecases.answer_hold import answer_hold
from afterimage.usecases.look_at_jobs import look_at_job


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What deciding needs."""

    jobs: JobStore
    holds: HoldStore
    workflow: Workflow
    clock: Clock


def decide_hold(job_id: str, stage: Stage, ruling: Ruling, admin: Caller, note: str | None, desk: Desk) -> Job:
    """Return the job as decided at `stage`, by this call or an earlier one that decided the same. What waits at another
    stage by now is left alone: nobody has decided about that.

    Raises JobNotFoundError, NotHeldError for a job that does not wait there for a person, AlreadyDecidedError when the
    other was decided, WorkflowUnavailableError when the state could not be told: the sweep tells it, or a repeat.
    """
    job = look_at_job(job_id, jobs=desk.jobs, clock=desk.clock)
    if job.status is JobStatus.HELD and held_stage(job) is stage:
        with contextlib.suppress(JobClosedError):  # it went another way meanwhile; which one, its record says
            _record(job, stage, ruling, admin, note, desk)
        job = desk.jobs.get(job.job_id, desk.clock())
    recorded = decided(job, stage)
    if recorded is None:
        raise NotHeldError()
    if recorded is not ruling:
        raise AlreadyDecidedError()
    if hold := desk.holds.find(job.job_id, stage):
        answer_hold(hold, ruling, desk.workflow)
    return job


def _record(job: Job, stage: Stage, ruling: Ruling, admin: Caller, note: str | None, desk: Desk) -> None:
    """Write decision and status in one: only one write finds the job HELD, and in the wait that was read."""
    now_ms = desk.clock()
    decisions = (decision_of(job, stage, ruling, admin.owner, note, now_ms),)
    if ruling is Ruling.RELEASE:
        to, changes = released_to(stage), JobChanges(decisions=decisions)
    else:
        to, changes = JobStatus.BLOCKED, JobChanges(decisions=decisions, failure=refusal(job, stage))
    desk.jobs.advance(job.job_id, to, now_ms, changes, only_from=JobStatus.HELD, entered=len(job.timeline))
