"""Find what every other way has lost: jobs never started, messages never heard, ends that nobody recorded."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from afterimage.contracts.codec import ContractError
from afterimage.contracts.completion import Completion
from afterimage.domain.errors import JobNotFoundError
from afterimage.domain.holds import HOLD_S, PERSON, Ruling, at_work_since_ms, decided, held_stage
from afterimage.domain.job import NOTICE_SENDING, Attempt, Job, JobId, accepted_at_ms
from afterimage.domain.status import JobStatus
from afterimage.ports import AttemptStore, Clock, Closer, HoldStore, JobStore, Messenger, Phase, Results, Workflow
from afterimage.usecases.answer_hold import answer_hold
from afterimage.usecases.resume_on_completion import SUCCEEDED

START_GRACE_MS = 60_000
# No function runs longer than a minute: what was not touched for two waits, for the engine or for nothing.
SILENCE_MS = 2 * 60_000
# A job that could not even be started for so long is given up.
GIVE_UP_MS = 15 * 60_000
# Longer than an execution may be at work (`TimeoutSeconds` of the machine without the waits for a person) and than its
# start may be tried.
OVERDUE_MS = 12 * 3600_000
RUNNING = "RUNNING"
# The schedule comes every minute and the function ends after 55 s, so neither overtakes the other.
BUDGET_MS = 40_000
MOST_AT_ONCE = 256
_MOST_OPEN = 20_000


@dataclass(frozen=True, kw_only=True)
class Broom:
    """What sweeping needs. `report` takes what stood in the way of helping a job."""

    jobs: JobStore
    attempts: AttemptStore
    holds: HoldStore
    results: Results
    workflow: Workflow
    closer: Closer
    messenger: Messenger
    report: Callable[[JobId, Exception], None]
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What one sweep did. `resumed` had lost a message, `told` had ended and needed nothing more, `skipped` could not
    be helped this time, `later` was not looked at: the next sweeps meet both."""

    restarted: int = 0
    resumed: int = 0
    closed: int = 0
    left_running: int = 0
    told: int = 0
    skipped: int = 0
    later: int = 0
    # How it stood before: open jobs that nobody touched for a minute or two, and the age of the oldest; jobs that wait
    # for a person, and since when the first of them does.
    open_jobs: int = field(default=0, compare=False)
    oldest_s: int = field(default=0, compare=False)
    held_jobs: int = field(default=0, compare=False)
    oldest_held_s: int = field(default=0, compare=False)


def sweep_open_jobs(broom: Broom) -> Sweep:
    """Restart jobs QUEUED for over a minute, and of those that work in silence have closed whose execution no longer
    runs, and heard again whose inference has ended; have told who ended and was not. One job's trouble is its own."""
    began_ms = broom.clock()
    queued = broom.jobs.list_open(Phase.QUEUED, began_ms - START_GRACE_MS, _MOST_OPEN)
    working = broom.jobs.list_open(Phase.WORKING, began_ms - SILENCE_MS, _MOST_OPEN)
    held = broom.jobs.list_open(Phase.HELD, began_ms + 1, _MOST_OPEN)
    untold = broom.jobs.list_open(Phase.UNTOLD, began_ms - SILENCE_MS, _MOST_OPEN)
    chosen = [job_id for found in (queued, working, held, untold) for job_id in choose(found, began_ms)]
    outcomes: Counter[str] = Counter(later=len({*queued, *working, *held, *untold}) - len({*chosen}))
    for job_id in dict.fromkeys(chosen):
        spent = broom.clock() - began_ms >= BUDGET_MS
        outcomes["later" if spent else _mend(job_id, broom)] += 1
    found = {*queued, *working}
    oldest_ms = began_ms - min((accepted_at_ms(job_id) for job_id in found), default=began_ms)
    first_held = broom.jobs.list_held(1, None)
    return Sweep(
        **outcomes,
        open_jobs=len(found),
        oldest_s=max(oldest_ms, 0) // 1000,
        held_jobs=len(held),
        oldest_held_s=max((began_ms - one.since_ms for one in first_held), default=0) // 1000,
    )


def choose(job_ids: tuple[JobId, ...], at_ms: int) -> list[JobId]:
    """Return those whose turn this minute is, in an order that is another one each minute.

    Thousands may wait rightly for a GPU and must not hide the one that was lost: with twice as many to look at, each is
    looked at every second minute, and so on. Nothing needs to be remembered for it.
    """
    minute, turns = at_ms // 60_000, 1
    while len(job_ids) > MOST_AT_ONCE * turns:
        turns *= 2
    mine = (job_id for job_id in job_ids if zlib.crc32(job_id.encode()) % turns == minute % turns)
    return sorted(mine, key=lambda job_id: zlib.crc32(f"{minute}{job_id}".encode()))


def _mend(job_id: JobId, broom: Broom) -> str:
    """Help one job and return the field of Sweep that counts it."""
    try:
        if not _is_overdue(job_id, broom):
            return _look_at(broom.jobs.get(job_id, broom.clock()), broom)
        # Whatever the record says, and whether or not it can be read. Who could not be told by now is tried once more.
        broom.jobs.forget_ended(job_id)
        broom.closer.close(job_id, "TIMED_OUT")
        return "closed"
    except Exception as exc:  # busy, expired, unreadable or forbidden: it must not keep the sweep from the next job
        broom.report(job_id, exc)
        return "skipped"


def _is_overdue(job_id: JobId, broom: Broom) -> bool:
    """True for a job at work for longer than any may be. Waiting for a person is no work, and ends by itself."""
    now_ms = broom.clock()
    if now_ms - accepted_at_ms(job_id) < OVERDUE_MS:
        return False
    try:
        job = broom.jobs.get(job_id, now_ms)
    except (JobNotFoundError, ContractError):
        return True
    if _was_told(job):  # only its execution may be left, and that is let go
        return False
    bound_ms = OVERDUE_MS + (HOLD_S * 1000 if job.status is JobStatus.HELD else 0)
    return now_ms - at_work_since_ms(job) >= bound_ms


def _look_at(job: Job, broom: Broom) -> str:
    silent_ms = broom.clock() - job.updated_at_ms
    if job.status is JobStatus.QUEUED and silent_ms < GIVE_UP_MS and broom.workflow.status(job.job_id) is None:
        broom.workflow.start(job.job_id)
        return "restarted"
    if job.status is JobStatus.SUCCEEDED or silent_ms < SILENCE_MS:  # it went on meanwhile
        return "left_running"
    status = broom.workflow.status(job.job_id)
    if _was_told(job):
        return _leave(job, status, broom)
    if status != RUNNING:
        broom.closer.close(job.job_id, status or "FAILED")
        return "closed"
    if job.status is JobStatus.GENERATING and (unheard := _unheard(job, broom)):
        broom.messenger.repeat(unheard)
        return "resumed"
    return "resumed" if _decision_was_unheard(job, broom) else "left_running"


def _decision_was_unheard(job: Job, broom: Broom) -> bool:
    """Say again what a person has decided, where the state may still wait for it; True when it did."""
    if not job.decisions or job.decisions[-1].stage != PERSON:
        return False
    stage = held_stage(job)
    hold, ruling = broom.holds.find(job.job_id, stage), decided(job, stage)
    return hold is not None and ruling is not None and answer_hold(hold, ruling, broom.workflow)


def _was_told(job: Job) -> bool:
    return job.status.is_final and job.notice is not None and job.notice.state != NOTICE_SENDING


def _leave(job: Job, status: str | None, broom: Broom) -> str:
    """Forget a job that has ended and was told. One that was redriven, or that nobody stopped, may have an execution
    that still waits for a person, or for a picture which nobody wants: it is told that none comes, and finds the job
    closed."""
    if status == RUNNING:
        hold = broom.holds.find(job.job_id, held_stage(job))
        if hold is not None and answer_hold(hold, Ruling.REFUSE, broom.workflow):
            return "resumed"
    newest = _newest_attempt(job, broom) if status == RUNNING else None
    if newest is None:
        broom.jobs.forget_ended(job.job_id)
        return "told"
    broom.messenger.repeat(_unheard(job, broom) or Completion(inference_id=newest.inference_id, succeeded=False))
    return "resumed"


def _newest_attempt(job: Job, broom: Broom) -> Attempt | None:
    attempts = broom.attempts.list_by_job(job.job_id)
    return max(attempts, key=lambda attempt: attempt.started_at_ms, default=None)


def _unheard(job: Job, broom: Broom) -> Completion | None:
    """Return what the endpoint's message about the job's newest attempt says or would say, None while it works.

    An attempt with an outcome is repeated too: whoever recorded that may have died before it answered the token.
    """
    newest = _newest_attempt(job, broom)
    if newest is None:
        return None
    output, failure = newest.output_location, newest.failure_location
    made = Completion(inference_id=newest.inference_id, succeeded=True, output_location=output)
    lost = Completion(inference_id=newest.inference_id, succeeded=False, failure_location=failure)
    if newest.outcome:
        return made if newest.outcome == SUCCEEDED else lost
    if output is None:  # the function died before it could hand the job over, or before it could note that it had
        return lost
    if broom.results.exists(output):
        return made
    return lost if failure and broom.results.exists(failure) else None
