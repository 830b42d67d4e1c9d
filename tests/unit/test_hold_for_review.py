"""A job waits for a person, once, whatever the state that waits does again."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from afterimage.domain.errors import StoreUnavailableError
from afterimage.domain.holds import (
    HOLD_KEPT_S,
    HOLD_S,
    Ruling,
    Stage,
    decided,
    held_since_ms,
    held_stage,
    held_until_ms,
)
from afterimage.domain.job import Job
from afterimage.domain.moderation import Action
from afterimage.domain.status import JobStatus
from afterimage.handlers import hold_for_review as handler
from afterimage.usecases.decide_hold import Desk, decide_hold
from fakes.outside import NOW_MS, FakeWorkflow, Ticker
from fakes.samples import ADMIN, HOLDING, a_held_job, a_job, job_id
from fakes.stores import MemoryHoldStore, MemoryJobStore

TOKEN = "token-1"


class World:
    def __init__(self, job: Job) -> None:
        self.jobs, self.holds, self.clock = MemoryJobStore(job), MemoryHoldStore(), Ticker()
        self.workflow = FakeWorkflow(TOKEN, "token-2")
        self.deps = handler.Dependencies(jobs=self.jobs, holds=self.holds, workflow=self.workflow, clock=self.clock)

    def deliver(self, stage: str = "prompt", token: str = TOKEN) -> None:
        handler.handle({"job_id": job_id(1), "stage": stage, "task_token": token}, self.deps)

    def decide(self, ruling: Ruling) -> None:
        desk = Desk(jobs=self.jobs, holds=self.holds, workflow=self.workflow, clock=self.clock)
        decide_hold(job_id(1), held_stage(self.job), ruling, ADMIN, None, desk)

    @property
    def job(self) -> Job:
        return self.jobs.records[job_id(1)]


def judged(status: JobStatus = JobStatus.MODERATING, stage: str = "prompt") -> Job:
    return a_job(status, decisions=(dataclasses.replace(HOLDING, stage=stage),))


@pytest.mark.parametrize(("status", "stage"), [(JobStatus.MODERATING, "prompt"), (JobStatus.REVIEWING, "picture")])
def test_the_token_is_stored_and_the_job_waits(status: JobStatus, stage: str) -> None:
    world = World(judged(status, stage))
    world.deliver(stage)
    hold = world.holds.find(job_id(1), Stage(stage))
    assert hold
    assert (hold.task_token, hold.expires_at_s) == (TOKEN, NOW_MS // 1000 + HOLD_KEPT_S)
    assert world.job.status is JobStatus.HELD
    assert (world.workflow.succeeded, world.workflow.failed) == ([], [])


def test_it_waits_for_two_days_from_when_it_was_held() -> None:
    world = World(judged())
    world.deliver()
    since_ms = world.job.timeline[-1].at_ms
    assert held_since_ms(world.job) == since_ms
    assert held_until_ms(world.job) == since_ms + 48 * 3600 * 1000 == since_ms + HOLD_S * 1000
    assert held_until_ms(a_job(JobStatus.GENERATING)) is None


def test_a_state_that_is_tried_again_brings_a_new_token_and_the_job_still_waits() -> None:
    world = World(judged())
    world.deliver()
    since_ms = held_since_ms(world.job)
    world.deliver(token="token-2")
    hold = world.holds.find(job_id(1), Stage.PROMPT)
    assert hold
    assert (hold.task_token, held_since_ms(world.job)) == ("token-2", since_ms)


@pytest.mark.parametrize("ruling", list(Ruling))
def test_what_was_decided_before_the_state_began_to_wait_again_is_answered_at_once(ruling: Ruling) -> None:
    world = World(judged())
    world.deliver()
    world.workflow.waiting.discard(TOKEN)  # the answer to the first token was lost with it
    world.decide(ruling)
    before = world.job
    world.deliver(token="token-2")
    answer = {"job_id": job_id(1), "stage": "prompt", "decision": ruling.value}
    assert world.workflow.succeeded == [("token-2", answer)]
    assert world.job == before


@pytest.mark.parametrize("ruling", list(Ruling))
def test_a_decision_in_the_very_moment_is_not_held_again(ruling: Ruling) -> None:
    world = World(judged())
    world.deliver()
    world.jobs.before_next("advance", lambda: world.decide(ruling))
    world.deliver(token="token-2")
    assert decided(world.job, Stage.PROMPT) is ruling
    assert world.job.status is not JobStatus.HELD
    assert [output["decision"] for _, output in world.workflow.succeeded] == [ruling.value]


def test_a_write_that_the_sdk_made_twice_is_one_waiting() -> None:
    """The first was carried out and its answer lost; the second finds the job held already, by this very call."""
    world = World(judged())
    world.jobs.before_next("advance", lambda: world.jobs.advance(job_id(1), JobStatus.HELD, NOW_MS))
    world.deliver()
    assert (world.job.status, world.workflow.failed) == (JobStatus.HELD, [])
    world.decide(Ruling.RELEASE)
    assert [token for token, _ in world.workflow.succeeded] == [TOKEN]


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.GENERATING, JobStatus.QUEUED])
def test_a_job_that_is_elsewhere_is_not_held(status: JobStatus) -> None:
    world = World(judged(status))
    world.deliver()
    assert world.job.status is status
    assert [name for _, name, _ in world.workflow.failed] == ["JobClosedError"]


def test_a_store_that_does_not_answer_fails_the_token_by_its_name() -> None:
    world = World(judged())
    world.holds.fail_next("register", StoreUnavailableError())
    world.deliver()
    ((_, name, cause),) = world.workflow.failed
    assert name == "StoreUnavailableError"
    assert json.loads(cause)["code"] == "temporarily_unavailable"
    assert world.job.status is JobStatus.MODERATING


def test_whatever_is_unforeseen_fails_the_token_too() -> None:
    world = World(judged())
    world.deliver(stage="nothing of ours")
    assert [name for _, name, _ in world.workflow.failed] == ["InternalError"]


def test_a_decision_about_the_prompt_is_none_about_the_pictures() -> None:
    prompt = a_held_job().decisions[0]
    person = dataclasses.replace(prompt, stage="person", action=Action.ALLOW)
    picture = dataclasses.replace(prompt, stage="picture")
    job: Any = a_job(decisions=(prompt, person, picture))
    assert (decided(job, Stage.PROMPT), decided(job, Stage.PICTURE)) == (Ruling.RELEASE, None)
    refused = dataclasses.replace(person, action=Action.BLOCK)
    job = a_job(decisions=(prompt, person, picture, refused))
    assert (decided(job, Stage.PROMPT), decided(job, Stage.PICTURE)) == (Ruling.RELEASE, Ruling.REFUSE)
