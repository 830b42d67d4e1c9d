"""Judge texts and input picture of a request before anything is made of them, and record what was decided.

It is the first to work on a job, so here the job gets its own copy of the input picture: what becomes of the upload
from then on changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from afterimage.domain.errors import JobClosedError
from afterimage.domain.holds import NEEDS_REVIEW, OF_A_CAMPAIGN
from afterimage.domain.job import Failure, Job, JobId, input_key
from afterimage.domain.moderation import INPUT, PROMPT, Action, Decision, NamedText, Policy, judge_texts, texts_of
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, JobChanges, JobStore, PictureModerator, TextModerator, Uploads
from afterimage.usecases.ask_moderators import ask_moderators


def moderate_prompt(
    job_id: JobId,
    *,
    jobs: JobStore,
    uploads: Uploads,
    policy: Policy,
    moderators: Sequence[TextModerator] = (),
    picture_moderators: Sequence[PictureModerator] = (),
    fail_open: bool = False,
    clock: Clock,
) -> Decision:
    """Return the decision on a job, the recorded one when this state ran before; with an input picture the stricter of
    two.

    Raises JobClosedError for a job that ended otherwise, InputGoneError, ModeratorUnavailableError.
    """
    try:
        job = jobs.advance(job_id, JobStatus.MODERATING, clock())
    except JobClosedError:
        recorded = _recorded(jobs.get(job_id, clock()).decisions)
        if recorded is None:
            raise
        return recorded
    if recorded := _recorded(job.decisions):
        return recorded
    texts = texts_of(job.spec.model_prompt, job.spec.negative_prompt, job.spec.adapter or "")
    of_texts = _judge(texts, policy, moderators, fail_open, clock())
    decisions: tuple[Decision, ...] = (of_texts,)
    if of_texts.action is not Action.BLOCK:
        uploads.take(job)
        decisions += _judge_input(job, picture_moderators, fail_open, clock())
    decision = _strictest(decisions)
    code = "prompt_blocked" if decision.stage == PROMPT else "input_blocked"
    failure = Failure(code=code, sentence=decision.sentence)
    if decision.action is Action.HOLD and job.row:
        failure = Failure(code=NEEDS_REVIEW, sentence=OF_A_CAMPAIGN)
        decisions = tuple(_for_nobody(one) for one in decisions)
        decision = _strictest(decisions)
    if decision.action is Action.BLOCK:
        jobs.advance(job_id, JobStatus.BLOCKED, clock(), JobChanges(decisions=decisions, failure=failure))
    else:
        softened = of_texts.softened_prompt
        spec = dataclasses.replace(job.spec, model_prompt=softened) if softened is not None else None
        jobs.advance(job_id, JobStatus.MODERATING, clock(), JobChanges(decisions=decisions, spec=spec))
    return decision


def _judge(
    texts: tuple[NamedText, ...], policy: Policy, moderators: Sequence[TextModerator], fail_open: bool, at_ms: int
) -> Decision:
    """The policy first, because it is at hand and costs nothing; the others judge what it would let the model read."""
    verdict = judge_texts(texts, policy)
    if verdict.softened_prompt is not None:
        softened = verdict.softened_prompt
        texts = tuple(dataclasses.replace(t, text=softened) if t.name == PROMPT else t for t in texts)
    return ask_moderators(PROMPT, texts, moderators, at_ms, said=(verdict,), fail_open=fail_open)


def _judge_input(job: Job, moderators: Sequence[PictureModerator], fail_open: bool, at_ms: int) -> tuple[Decision, ...]:
    """Where the deployment names nobody, nothing is said of the picture here; the container looks at it too."""
    if job.spec.input is None or not moderators:
        return ()
    return (ask_moderators(INPUT, input_key(job.job_id), moderators, at_ms, fail_open=fail_open),)


def _for_nobody(decision: Decision) -> Decision:
    """A campaign waits for no person, so what one would have to look at is blocked."""
    return dataclasses.replace(decision, action=Action.BLOCK) if decision.action is Action.HOLD else decision


def _strictest(decisions: Sequence[Decision]) -> Decision:
    """Of two alike the one that somebody did not judge, so that it is heard of."""
    return max(decisions, key=lambda decision: (list(Action).index(decision.action), bool(decision.not_judged_by)))


def _recorded(decisions: tuple[Decision, ...]) -> Decision | None:
    """What was decided of texts and input picture; both are written at once."""
    made = [decision for decision in decisions if decision.stage in (PROMPT, INPUT)]
    return _strictest(made) if made else None
