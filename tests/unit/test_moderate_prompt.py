"""The state ModeratePrompt: one decision per job, recorded before it is acted on."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from afterimage.domain.errors import JobClosedError, JobNotFoundError, StoreUnavailableError
from afterimage.domain.job import Job
from afterimage.domain.moderation import Action, Category, Decision, Policy, packaged_policy
from afterimage.domain.status import JobStatus
from afterimage.usecases.moderate_prompt import moderate_prompt
from fakes.faults import Crash
from fakes.outside import Ticker
from fakes.samples import SPEC, a_job, job_id
from fakes.stores import MemoryJobStore

STRICTER = Policy(
    version="stricter",
    categories=(Category(name="all", action=Action.BLOCK, sentence="No.", terms=("lighthouse",)),),
)


def asked(prompt: str, status: JobStatus = JobStatus.QUEUED, **changes: Any) -> Job:
    return a_job(status, spec=dataclasses.replace(SPEC, prompt=prompt, model_prompt=prompt), **changes)


def moderate(jobs: MemoryJobStore, policy: Policy | None = None) -> Decision:
    return moderate_prompt(job_id(1), jobs=jobs, policy=policy or packaged_policy(), clock=Ticker())


def test_an_innocent_prompt_is_allowed_and_the_decision_is_recorded() -> None:
    jobs = MemoryJobStore(asked("a lighthouse"))
    decision = moderate(jobs)
    job = jobs.records[job_id(1)]
    assert decision.action is Action.ALLOW
    assert job.status is JobStatus.MODERATING
    assert job.decisions == (decision,)
    assert job.failure is None


def test_a_forbidden_prompt_ends_blocked_with_a_sentence_and_no_word_of_it() -> None:
    jobs = MemoryJobStore(asked("hardcore porn zebra"))
    assert moderate(jobs).action is Action.BLOCK
    job = jobs.records[job_id(1)]
    assert job.status is JobStatus.BLOCKED
    assert job.failure is not None
    assert job.failure.code == "prompt_blocked"
    assert "zebra" not in job.failure.sentence
    assert job.decisions[0].categories == ("sexual",)


def test_a_softened_prompt_is_what_the_model_will_read_and_the_written_one_stays() -> None:
    jobs = MemoryJobStore(asked("a bloody sunset"))
    decision = moderate(jobs)
    spec = jobs.records[job_id(1)].spec
    assert decision.action is Action.SOFTEN
    assert decision.softened_prompt == "a dramatic sunset"
    assert (spec.prompt, spec.model_prompt) == ("a bloody sunset", "a dramatic sunset")


def test_the_frame_of_a_preset_is_judged_as_well() -> None:
    spec = dataclasses.replace(SPEC, prompt="a cat", model_prompt="a cat, naked")
    jobs = MemoryJobStore(a_job(spec=spec))
    assert moderate(jobs).action is Action.BLOCK


@pytest.mark.parametrize("prompt", ["a lighthouse", "a bloody sunset", "porn"])
def test_a_second_delivery_returns_the_recorded_decision(prompt: str) -> None:
    jobs = MemoryJobStore(asked(prompt))
    first = moderate(jobs)
    recorded = jobs.records[job_id(1)]
    assert moderate(jobs, STRICTER) == first
    after = jobs.records[job_id(1)]
    assert (after.status, after.decisions, after.spec, after.timeline) == (
        recorded.status,
        recorded.decisions,
        recorded.spec,
        recorded.timeline,
    )


def test_a_crash_before_the_decision_is_recorded_is_judged_again() -> None:
    jobs = MemoryJobStore(asked("a bloody sunset"))
    jobs.fail_next("advance", Crash(), skip=1)
    with pytest.raises(Crash):
        moderate(jobs)
    assert jobs.records[job_id(1)].decisions == ()
    assert moderate(jobs).action is Action.SOFTEN
    assert len(jobs.records[job_id(1)].decisions) == 1


@pytest.mark.parametrize("prompt", ["a bloody sunset", "porn"])
def test_a_crash_after_the_decision_was_recorded_does_not_double_it(prompt: str) -> None:
    jobs = MemoryJobStore(asked(prompt))
    jobs.fail_next("advance", Crash(), skip=1, after=True)
    with pytest.raises(Crash):
        moderate(jobs)
    moderate(jobs)
    assert len(jobs.records[job_id(1)].decisions) == 1


def test_a_late_event_finds_the_decision_though_the_job_moved_on() -> None:
    jobs = MemoryJobStore(asked("a lighthouse"))
    first = moderate(jobs)
    jobs.advance(job_id(1), JobStatus.GENERATING, 1)
    assert moderate(jobs) == first
    assert jobs.records[job_id(1)].status is JobStatus.GENERATING


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.FAILED, JobStatus.EXPIRED])
def test_a_job_that_ended_before_it_was_judged_is_closed(status: JobStatus) -> None:
    jobs = MemoryJobStore(asked("a lighthouse", status))
    with pytest.raises(JobClosedError):
        moderate(jobs)
    assert jobs.records[job_id(1)].decisions == ()


def test_a_judgement_of_pictures_is_not_taken_for_one_of_the_prompt() -> None:
    picture = Decision(stage="picture", action=Action.ALLOW, policy_version="1", at_ms=1)
    jobs = MemoryJobStore(asked("porn", decisions=(picture,)))
    assert moderate(jobs).action is Action.BLOCK


def test_no_job_and_a_store_that_is_down_are_told_as_they_are() -> None:
    with pytest.raises(JobNotFoundError):
        moderate(MemoryJobStore())
    jobs = MemoryJobStore(asked("a lighthouse"))
    jobs.fail_next("advance", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        moderate(jobs)
