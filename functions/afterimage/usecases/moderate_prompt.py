"""Judge prompt and negative prompt before anything is made of them, and record the decision."""

from __future__ import annotations

import dataclasses

from afterimage.domain.errors import JobClosedError
from afterimage.domain.job import Failure, JobId
from afterimage.domain.moderation import Action, Decision, Policy, judge_prompt
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, JobChanges, JobStore

STAGE = "prompt"


def moderate_prompt(job_id: JobId, *, jobs: JobStore, policy: Policy, clock: Clock) -> Decision:
    """Return the decision on a job, the recorded one when this state ran before.

    Raises JobClosedError for a job that ended otherwise.
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
    decision = judge_prompt(job.spec.model_prompt, job.spec.negative_prompt, policy, clock())
    if decision.action is Action.BLOCK:
        failure = Failure(code="prompt_blocked", sentence=decision.sentence)
        jobs.advance(job_id, JobStatus.BLOCKED, clock(), JobChanges(decisions=(decision,), failure=failure))
    else:
        softened = decision.softened_prompt
        spec = dataclasses.replace(job.spec, model_prompt=softened) if softened is not None else None
        jobs.advance(job_id, JobStatus.MODERATING, clock(), JobChanges(decisions=(decision,), spec=spec))
    return decision


def _recorded(decisions: tuple[Decision, ...]) -> Decision | None:
    return next((decision for decision in decisions if decision.stage == STAGE), None)
