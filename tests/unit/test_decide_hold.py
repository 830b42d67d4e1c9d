"""A person releases or refuses: the first decision counts, and the state hears it as often as needed."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest
from afterimage.domain.errors import (
    AlreadyDecidedError,
    JobNotFoundError,
    NotHeldError,
    WorkflowUnavailableError,
)
from afterimage.domain.holds import Ruling, Stage
from afterimage.domain.job import Job
from afterimage.domain.moderation import Action
from afterimage.domain.recipients import Caller
from afterimage.domain.status import JobStatus
from afterimage.ports import JobChanges
from afterimage.usecases.decide_hold import Desk, decide_hold
from fakes.outside import FakeWorkflow, Ticker
from fakes.samples import ADMIN, HOLDING, a_held_job, a_hold, a_job, job_id
from fakes.stores import MemoryHoldStore, MemoryJobStore

OTHER = Caller(owner="user#joan", username="joan", scopes=frozenset(), groups=frozenset({"admin"}))


class World:
    def __init__(self, job: Job | None = None, stage: Stage = Stage.PROMPT) -> None:
        self.stage = stage
        self.jobs = MemoryJobStore(job or a_held_job(stage))
        self.holds = MemoryHoldStore(a_hold(self.job, stage))
        self.workflow = FakeWorkflow("held-token")
        self.desk = Desk(jobs=self.jobs, holds=self.holds, workflow=self.workflow, clock=Ticker())

    def decide(self, ruling: Ruling, admin: Caller = ADMIN, note: str | None = None, stage: Stage | None = None) -> Job:
        return decide_hold(job_id(1), stage or self.stage, ruling, admin, note, self.desk)

    def hold_pictures(self) -> None:
        """Have the released job make its pictures, which wait for a person as well."""
        for status in (JobStatus.GENERATING, JobStatus.REVIEWING):
            self.jobs.advance(job_id(1), status, 1)
        held = JobChanges(decisions=(dataclasses.replace(HOLDING, stage="picture"),))
        self.jobs.advance(job_id(1), JobStatus.HELD, 1, held)
        self.holds.register(a_hold(self.job, Stage.PICTURE, task_token="token-of-pictures"))
        self.workflow.waiting.add("token-of-pictures")

    @property
    def job(self) -> Job:
        return self.jobs.records[job_id(1)]

    @property
    def answers(self) -> list[str]:
        return [output["decision"] for _, output in self.workflow.succeeded]


@pytest.mark.parametrize(
    ("stage", "status"), [(Stage.PROMPT, JobStatus.MODERATING), (Stage.PICTURE, JobStatus.REVIEWING)]
)
def test_a_released_job_goes_back_to_where_it_was_held_with_the_decision_on_record(
    stage: Stage, status: JobStatus
) -> None:
    world = World(stage=stage)
    job = world.decide(Ruling.RELEASE, note="It is only a duck.")
    assert job == world.job
    assert job.status is status
    person = job.decisions[-1]
    assert (person.stage, person.action, person.by, person.note) == (
        "person",
        Action.ALLOW,
        "user#grace",
        "It is only a duck.",
    )
    assert (person.policy_version, person.categories) == (HOLDING.policy_version, HOLDING.categories)
    assert world.workflow.succeeded == [
        ("held-token", {"job_id": job_id(1), "stage": stage.value, "decision": "release"})
    ]


def test_a_refused_job_is_blocked_in_the_words_of_its_category() -> None:
    world = World()
    job = world.decide(Ruling.REFUSE, note="No ducks on Sundays.")
    assert job.failure
    assert (job.status, job.failure.code, job.failure.sentence) == (
        JobStatus.BLOCKED,
        "review_refused",
        HOLDING.sentence,
    )
    assert (job.decisions[-1].action, job.decisions[-1].note) == (Action.BLOCK, "No ducks on Sundays.")
    assert world.answers == ["refuse"]


def test_a_category_without_words_has_ours() -> None:
    world = World(a_held_job(decisions=(dataclasses.replace(HOLDING, sentence=""),)))
    job = world.decide(Ruling.REFUSE)
    assert job.failure
    assert job.failure.sentence == "A person looked at this request and refused it."


@pytest.mark.parametrize("first", list(Ruling))
def test_deciding_the_same_again_changes_nothing_whoever_does(first: Ruling) -> None:
    world = World()
    job = world.decide(first)
    assert world.decide(first, OTHER) == job
    assert world.job == job
    assert world.answers == [first.value]  # nobody waited for the second


@pytest.mark.parametrize(("first", "second"), [tuple(Ruling), tuple(reversed(Ruling))])
def test_deciding_otherwise_afterwards_is_refused(first: Ruling, second: Ruling) -> None:
    world = World()
    job = world.decide(first)
    with pytest.raises(AlreadyDecidedError):
        world.decide(second, OTHER)
    assert world.job == job


@pytest.mark.parametrize(("first", "second"), [tuple(Ruling), tuple(reversed(Ruling))])
def test_of_two_who_decide_in_the_same_moment_the_record_takes_one(first: Ruling, second: Ruling) -> None:
    world = World()
    world.jobs.before_next("advance", lambda: world.decide(first, OTHER) and None)
    with pytest.raises(AlreadyDecidedError):
        world.decide(second)
    assert [decision.by for decision in world.job.decisions if decision.by] == ["user#joan"]
    assert world.answers == [first.value]


def test_a_decision_that_the_state_could_not_hear_stands_and_is_said_again_by_a_repeat() -> None:
    world = World()
    world.workflow.fail_next("succeed", WorkflowUnavailableError())
    with pytest.raises(WorkflowUnavailableError):
        world.decide(Ruling.RELEASE)
    assert world.job.status is JobStatus.MODERATING
    world.decide(Ruling.RELEASE)
    assert world.answers == ["release"]
    assert len(world.job.decisions) == 2


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.MODERATING, JobStatus.SUCCEEDED])
def test_what_does_not_wait_for_a_person_cannot_be_decided(status: JobStatus) -> None:
    world = World(a_job(status))
    for ruling in Ruling:
        with pytest.raises(NotHeldError):
            world.decide(ruling)
    assert world.job.status is status
    assert world.answers == []


@pytest.mark.parametrize("second", list(Ruling))
def test_whoever_looked_at_the_prompt_decides_nothing_about_the_pictures_held_since(second: Ruling) -> None:
    world = World()
    world.decide(Ruling.RELEASE)
    world.hold_pictures()
    with contextlib.suppress(AlreadyDecidedError):
        world.decide(second, OTHER)
    assert world.job.status is JobStatus.HELD
    assert [decision.by for decision in world.job.decisions if decision.by] == ["user#grace"]
    assert [token for token, _ in world.workflow.succeeded] == ["held-token"]


@pytest.mark.parametrize("second", list(Ruling))
def test_nor_does_a_write_that_comes_so_late_that_the_pictures_wait_by_then(second: Ruling) -> None:
    world = World()

    def all_goes_on() -> None:
        world.decide(Ruling.RELEASE, OTHER)
        world.hold_pictures()

    world.jobs.before_next("advance", all_goes_on)
    with contextlib.suppress(AlreadyDecidedError):
        world.decide(second)
    assert world.job.status is JobStatus.HELD
    assert [decision.by for decision in world.job.decisions if decision.by] == ["user#joan"]


def test_a_cancel_in_the_very_moment_wins() -> None:
    world = World()
    world.jobs.before_next("advance", lambda: world.jobs.advance(job_id(1), JobStatus.CANCELLED, 1) and None)
    with pytest.raises(NotHeldError):
        world.decide(Ruling.RELEASE)
    assert world.job.status is JobStatus.CANCELLED


def test_no_such_job_is_not_found() -> None:
    world = World()
    for name in ("", "x" * 26, job_id(9)):
        with pytest.raises(JobNotFoundError):
            decide_hold(name, Stage.PROMPT, Ruling.RELEASE, ADMIN, None, world.desk)
