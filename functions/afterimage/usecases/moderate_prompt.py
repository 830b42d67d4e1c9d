"""Judge prompt and negative prompt before anything is made of them, and record the decision."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from afterimage.domain.errors import JobClosedError
from afterimage.domain.job import Failure, JobId
from afterimage.domain.moderation import PROMPT, Action, Decision, NamedText, Policy, judge_texts, texts_of
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, JobChanges, JobStore, TextModerator
from afterimage.usecases.ask_moderators import ask_moderators


def moderate_prompt(
    job_id: JobId,
    *,
    jobs: JobStore,
    policy: Policy,
    moderators: Sequence[TextModerator] = (),
    fail_open: bool = False,
    clock: Clock,
) -> Decision:
    """Return the decision on a job, the recorded one when this state ran before.

    Raises JobClosedError for a job that ended otherwise, ModeratorUnavailableError.
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
    texts = texts_of(job.spec.model_prompt, job.spec.negative_prompt)
    decision = _judge(texts, policy, moderators, fail_open, clock())
    if decision.action is Action.BLOCK:
        failure = Failure(code="prompt_blocked", sentence=decision.sentence)
        jobs.advance(job_id, JobStatus.BLOCKED, clock(), JobChanges(decisions=(decision,), failure=failure))
    else:
        softened = decision.softened_prompt
        spec = dataclasses.replace(job.spec, model_prompt=softened) if softened is not None else None
        jobs.advance(job_id, JobStatus.MODERATING, clock(), JobChanges(decisions=(decision,), spec=spec))
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


def _recorded(decisions: tuple[Decision, ...]) -> Decision | None:
    return next((decision for decision in decisions if decision.stage == PROMPT), None)
