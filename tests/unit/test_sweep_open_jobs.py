"""The sweep finds what every other way has lost, and leaves alone what is only slow."""

from __future__ import annotations

import dataclasses

import pytest
from afterimage.contracts.codec import ContractError
from afterimage.domain.errors import WorkflowUnavailableError
from afterimage.domain.job import Job
from afterimage.domain.status import JobStatus
from afterimage.handlers import sweep_open_jobs as handler
from afterimage.usecases.close_lost_job import close_lost_job
from afterimage.usecases.sweep_open_jobs import SILENCE_MS, START_GRACE_MS, Sweep, sweep_open_jobs
from fakes.outside import NOW_MS, FakeCloser, FakeTeller, FakeWorkflow, Ticker
from fakes.samples import a_job, job_id
from fakes.stores import MemoryJobStore


class World:
    """Jobs of some age."""

    def __init__(self, *jobs: Job) -> None:
        self.jobs = MemoryJobStore(*jobs)
        self.workflow = FakeWorkflow()
        self.closer = FakeCloser()

    def sweep(self) -> Sweep:
        return sweep_open_jobs(jobs=self.jobs, workflow=self.workflow, closer=self.closer, clock=Ticker())

    def status(self, number: int = 1) -> JobStatus:
        return self.jobs.records[job_id(number)].status


def aged(status: JobStatus, age_ms: int, number: int = 1) -> Job:
    return dataclasses.replace(a_job(status, number), updated_at_ms=NOW_MS - age_ms)


def test_nothing_open_is_nothing_to_do() -> None:
    assert World(aged(JobStatus.FAILED, SILENCE_MS * 2)).sweep() == Sweep(restarted=0, closed=0, left_running=0)


def test_a_job_queued_for_over_a_minute_is_started_again() -> None:
    world = World(aged(JobStatus.QUEUED, START_GRACE_MS + 1000))
    assert world.sweep().restarted == 1
    assert world.workflow.started == [job_id(1)]
    assert world.status() is JobStatus.QUEUED


def test_a_fresh_job_is_left_alone() -> None:
    world = World(aged(JobStatus.QUEUED, START_GRACE_MS - 1000))
    assert world.sweep() == Sweep(restarted=0, closed=0, left_running=0)
    assert world.workflow.started == []


WORKING = [JobStatus.MODERATING, JobStatus.GENERATING, JobStatus.REVIEWING, JobStatus.DELIVERING]


@pytest.mark.parametrize("status", WORKING)
@pytest.mark.parametrize("execution", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_silent_job_whose_execution_ended_is_closed_as_that_ended(status: JobStatus, execution: str) -> None:
    before = aged(status, SILENCE_MS + 1000)
    world = World(before)
    world.workflow.statuses[job_id(1)] = execution
    assert world.sweep() == Sweep(restarted=0, closed=1, left_running=0)
    assert world.closer.closed == [(job_id(1), execution)]
    assert world.jobs.records[job_id(1)] == before  # whoever closes writes


@pytest.mark.parametrize("status", WORKING)
def test_a_silent_job_whose_execution_never_was_is_closed_as_failed(status: JobStatus) -> None:
    before = aged(status, SILENCE_MS + 1000)
    world = World(before)
    assert world.sweep() == Sweep(restarted=0, closed=1, left_running=0)
    assert world.closer.closed == [(job_id(1), "FAILED")]
    assert world.jobs.records[job_id(1)] == before


def test_a_silent_job_whose_execution_runs_is_left_running() -> None:
    world = World(aged(JobStatus.GENERATING, SILENCE_MS * 4))
    world.workflow.statuses[job_id(1)] = "RUNNING"
    assert world.sweep() == Sweep(restarted=0, closed=0, left_running=1)
    assert world.status() is JobStatus.GENERATING
    assert world.closer.closed == []


@pytest.mark.parametrize("status", [JobStatus.MODERATING, JobStatus.GENERATING, JobStatus.REVIEWING])
def test_a_job_that_works_within_the_silence_is_not_even_asked_about(status: JobStatus) -> None:
    world = World(aged(status, SILENCE_MS - 1000))
    world.workflow.fail_next("status", AssertionError("asked"))
    assert world.sweep() == Sweep()


def test_a_job_that_could_never_be_started_is_given_up() -> None:
    world = World(aged(JobStatus.QUEUED, SILENCE_MS + 1000))
    world.sweep()
    assert (world.closer.closed, world.workflow.started) == ([(job_id(1), "FAILED")], [])


def close_what_was_asked(world: World, teller: FakeTeller) -> None:
    """Do what the function behind the closer does."""
    for lost, execution in world.closer.closed:
        close_lost_job(lost, execution, jobs=world.jobs, teller=teller, clock=Ticker())


@pytest.mark.parametrize(("execution", "end"), [("ABORTED", JobStatus.CANCELLED), ("FAILED", JobStatus.FAILED)])
def test_a_second_sweep_finds_nothing_left_once_the_job_was_closed(execution: str, end: JobStatus) -> None:
    world, teller = World(aged(JobStatus.GENERATING, SILENCE_MS + 1000)), FakeTeller()
    world.workflow.statuses[job_id(1)] = execution
    world.sweep()
    close_what_was_asked(world, teller)
    assert (world.status(), teller.told) == (end, [job_id(1)])
    assert world.sweep() == Sweep(restarted=0, closed=0, left_running=0)


def test_a_second_sweep_asks_again_while_nobody_has_closed_the_job() -> None:
    world = World(aged(JobStatus.GENERATING, SILENCE_MS + 1000))
    assert world.sweep() == world.sweep() == Sweep(closed=1)
    assert world.closer.closed == [(job_id(1), "FAILED")] * 2


def test_a_silent_delivery_is_told_and_keeps_its_pictures() -> None:
    world, teller = World(aged(JobStatus.DELIVERING, SILENCE_MS + 1000)), FakeTeller()
    world.sweep()
    close_what_was_asked(world, teller)
    assert (world.status(), teller.told) == (JobStatus.DELIVERING, [job_id(1)])


@pytest.mark.parametrize("method", ["status", "close"])
def test_what_cannot_be_asked_now_is_skipped_and_the_next_sweep_goes_on(method: str) -> None:
    world = World(*(aged(JobStatus.GENERATING, SILENCE_MS + 1000 + n, n) for n in (1, 2)))
    (world.workflow if method == "status" else world.closer).fail_next(method, WorkflowUnavailableError())
    assert world.sweep() == Sweep(closed=1, skipped=1)
    assert world.sweep() == Sweep(closed=2)


def test_a_throttled_start_is_skipped_and_the_next_sweep_goes_on() -> None:
    world = World(*(aged(JobStatus.QUEUED, START_GRACE_MS + 1000 + n, n) for n in (1, 2)))
    world.workflow.fail_next("start", WorkflowUnavailableError())
    assert world.sweep() == Sweep(restarted=1, skipped=1)
    assert world.sweep().restarted == 2


def test_an_unreadable_record_does_not_hide_the_others() -> None:
    world = World(*(aged(JobStatus.QUEUED, START_GRACE_MS + 1000 + n, n) for n in (1, 2)))
    world.jobs.fail_next("get", ContractError("$.spec.style is missing"))
    assert world.sweep() == Sweep(restarted=1, skipped=1)


def test_each_kind_is_counted() -> None:
    world = World(
        aged(JobStatus.QUEUED, START_GRACE_MS + 1000, 1),
        aged(JobStatus.GENERATING, SILENCE_MS + 1000, 2),
        aged(JobStatus.GENERATING, START_GRACE_MS + 1000, 3),
        aged(JobStatus.QUEUED, 0, 4),
    )
    deps = handler.Dependencies(jobs=world.jobs, workflow=world.workflow, closer=world.closer, clock=Ticker())
    assert handler.handle(deps) == {"restarted": 1, "closed": 1, "left_running": 0, "skipped": 0}
