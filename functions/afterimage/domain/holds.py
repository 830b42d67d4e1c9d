"""A job that waits for a person: where it was held, until when, and what the person decided.

The status is the one arbiter: whoever moves the job out of HELD has decided, and everybody later finds it gone. The
decision stands on the job as one of stage `person`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from afterimage.domain.job import Failure, Job, JobId
from afterimage.domain.status import JobStatus
from afterimage.domain.verdicts import Action, Decision

PERSON = "person"
# How long a person may take; the literal `TimeoutSeconds` of both waiting states.
HOLD_S = 48 * 3600
# The token must outlive the wait, for whoever repeats a lost answer, and no longer.
HOLD_KEPT_S = HOLD_S + 24 * 3600
MAX_NOTE_CHARACTERS = 500

NEEDS_REVIEW = "needs_review"
REVIEW_REFUSED = "review_refused"
REVIEW_TIMED_OUT = "review_timed_out"
_NOBODY_CAME = "A person had to look at this request, and nobody did in time."
_REFUSED = "A person looked at this request and refused it."
# A campaign waits for nobody, so what a person would have to look at is not made there.
OF_A_CAMPAIGN = "A person would have to look at this, and a campaign does not wait for one."


class Stage(StrEnum):
    """What is held: the prompt before anything is made of it, or the pictures before anybody gets them."""

    PROMPT = "prompt"
    PICTURE = "picture"


class Ruling(StrEnum):
    """What becomes of what was held."""

    RELEASE = "release"
    REFUSE = "refuse"


@dataclass(frozen=True, kw_only=True)
class Hold:
    """One wait for a person. The task token is a credential: it is stored, and never logged or shown."""

    job_id: JobId
    stage: Stage
    task_token: str
    held_at_ms: int
    expires_at_s: int


# Of which stages the decisions are about what is held: an input picture is judged with the prompt.
_JUDGED_AS = {Stage.PROMPT: ("prompt", "input"), Stage.PICTURE: ("picture",)}
# Where a job stands while it is judged, and so where it goes back to when it is released.
_HELD_FROM = {JobStatus.MODERATING: Stage.PROMPT, JobStatus.REVIEWING: Stage.PICTURE}
_GOES_BACK_TO = {stage: status for status, stage in _HELD_FROM.items()}


def released_to(stage: Stage) -> JobStatus:
    """Return the status in which a released job goes on."""
    return _GOES_BACK_TO[stage]


def held_stage(job: Job) -> Stage:
    """Return at which stage a job was held last; one that never was is told by what it would be judged for."""
    before = JobStatus.MODERATING
    for change, following in zip(job.timeline, job.timeline[1:], strict=False):
        if following.status is JobStatus.HELD:
            before = change.status
    return _HELD_FROM.get(before, Stage.PROMPT)


def held_since_ms(job: Job) -> int | None:
    """Return since when a job waits for a person, None for one that does not."""
    return job.timeline[-1].at_ms if job.status is JobStatus.HELD else None


def held_until_ms(job: Job) -> int | None:
    """Return when a job that waits for a person will be refused, None for one that does not."""
    since_ms = held_since_ms(job)
    return None if since_ms is None else since_ms + HOLD_S * 1000


def at_work_since_ms(job: Job) -> int:
    """Return since when a job is at work, or waits for a person: what it waited for one before does not count."""
    since_ms = job.created_at_ms
    for change, following in zip(job.timeline, job.timeline[1:], strict=False):
        if JobStatus.HELD in (change.status, following.status):
            since_ms = following.at_ms
    return since_ms


def decided(job: Job, stage: Stage) -> Ruling | None:
    """Return what a person decided about the job at a stage: the decision stands behind those that held it."""
    ruling, held = None, False
    for decision in job.decisions:
        if decision.stage in _JUDGED_AS[stage] and decision.action is Action.HOLD:
            ruling, held = None, True
        elif decision.stage == PERSON and held and ruling is None:
            ruling = Ruling.RELEASE if decision.action is Action.ALLOW else Ruling.REFUSE
    return ruling


def held_for(job: Job, stage: Stage) -> Decision | None:
    """Return the decision by which a job is held at a stage."""
    found = (d for d in reversed(job.decisions) if d.stage in _JUDGED_AS[stage] and d.action is Action.HOLD)
    return next(found, None)


def decision_of(job: Job, stage: Stage, ruling: Ruling, by: str, note: str | None, at_ms: int) -> Decision:
    """Return what is recorded of a person's decision: under the policy and for the categories that held the job."""
    about = held_for(job, stage)
    return Decision(
        stage=PERSON,
        action=Action.ALLOW if ruling is Ruling.RELEASE else Action.BLOCK,
        policy_version=about.policy_version if about else "",
        at_ms=at_ms,
        categories=about.categories if about else (),
        sentence=about.sentence if about else "",
        by=by,
        note=note,
    )


def refusal(job: Job, stage: Stage) -> Failure:
    """Return why a refused job has no picture, in the words of the category that held it."""
    about = held_for(job, stage)
    return Failure(code=REVIEW_REFUSED, sentence=about.sentence if about and about.sentence else _REFUSED)


NOBODY_CAME = Failure(code=REVIEW_TIMED_OUT, sentence=_NOBODY_CAME)
