"""A schedule fires at least once; its scheduled time makes that one request."""

from __future__ import annotations

from typing import Any

import pytest
from afterimage.adapters.cognito import NobodyAtAll
from afterimage.contracts.codec import ContractError
from afterimage.domain.errors import InvalidRequestError, RecipientNotPermittedError
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.quotas import UNLIMITED
from afterimage.handlers import start_scheduled_request as handler
from afterimage.usecases.create_request import Door
from fakes.faults import Crash
from fakes.outside import Dice, FakeWorkflow, Ticker
from fakes.samples import DAY_S
from fakes.stores import MemoryAccountStore, MemoryJobStore

EVENT = {
    "schedule": "daily-sunrise",
    "scheduled_time": "2026-11-22T07:00:00Z",
    "request": {"prompt": "a sunrise", "email": "team@example.com"},
}


class World:
    """The door that a schedule comes through."""

    def __init__(self, is_open: bool = True) -> None:
        self.jobs = MemoryJobStore()
        self.workflow = FakeWorkflow()
        self.door = Door(
            jobs=self.jobs,
            workflow=self.workflow,
            people=NobodyAtAll(),
            profile=model_profiles()["demo"],
            admission_is_open=lambda: is_open,
            quotas=lambda: UNLIMITED,
            accounts=MemoryAccountStore(self.jobs),
            job_ttl_s=90 * DAY_S,
            clock=Ticker(),
            entropy=Dice(),
        )

    def fire(self, **changes: Any) -> str:
        return handler.handle(EVENT | changes, self.door)["job_id"]


def test_a_schedule_makes_a_request_of_its_own_name() -> None:
    world = World()
    job = world.jobs.records[world.fire()]  # type: ignore[index]
    assert (job.owner, job.recipient) == ("schedule#daily-sunrise", "team@example.com")
    assert world.workflow.started == [job.job_id]


def test_the_same_scheduled_time_twice_is_one_request() -> None:
    world = World()
    assert world.fire() == world.fire()
    assert len(world.jobs.records) == 1
    assert len(world.workflow.started) <= 2  # a start is repeatable while the job is QUEUED


def test_the_next_scheduled_time_and_another_schedule_are_requests_of_their_own() -> None:
    world = World()
    ids = {world.fire(), world.fire(scheduled_time="2026-11-23T07:00:00Z"), world.fire(schedule="weekly")}
    assert len(ids) == len(world.jobs.records) == 3


def test_a_crash_after_the_record_is_mended_by_the_next_delivery() -> None:
    world = World()
    world.jobs.fail_next("create", Crash(), after=True)
    with pytest.raises(Crash):
        world.fire()
    job_id = world.fire()
    assert world.workflow.started == [job_id]


@pytest.mark.parametrize(
    ("request_body", "error"),
    [
        ({"prompt": "a sunrise"}, RecipientNotPermittedError),
        ({"prompt": " ", "email": "team@example.com"}, InvalidRequestError),
        ({"prompt": "a sunrise", "email": "nobody"}, InvalidRequestError),
        ({"prompt": 7, "email": "team@example.com"}, ContractError),
        ({"prompt": "a sunrise", "surprise": 1}, ContractError),
        ({}, ContractError),
    ],
)
def test_a_request_that_cannot_be_made_is_raised_and_leaves_nothing(request_body: Any, error: type[Exception]) -> None:
    world = World()
    with pytest.raises(error):
        world.fire(request=request_body)
    assert (world.jobs.records, world.jobs.claims, world.workflow.started) == ({}, {}, [])


def test_a_closed_admission_holds_for_schedules_too() -> None:
    """Refused for this moment and done with: raised, it would be tried again and end as a dead letter and an alarm."""
    world = World(is_open=False)
    assert handler.handle(EVENT, world.door) == {"refused": "admission_closed"}
    assert (world.jobs.records, world.workflow.started) == ({}, [])
