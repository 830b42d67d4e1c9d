"""Cancelling: the record, the tombstone, the execution, in that order, and once however often it is asked."""

from __future__ import annotations

import dataclasses

import pytest
from afterimage.domain.errors import JobClosedError, JobNotFoundError, StoreUnavailableError, WorkflowUnavailableError
from afterimage.domain.job import Job
from afterimage.domain.recipients import Caller
from afterimage.domain.status import JobStatus
from afterimage.usecases.cancel_request import Stopper, cancel_request
from fakes.faults import Crash
from fakes.outside import FakeJobObjects, FakeWorkflow, Ticker
from fakes.samples import ADA, BOB, MACHINE, a_job, job_id, pictures
from fakes.stores import MemoryJobStore

TOMBSTONE = f"jobs/{job_id(1)}/cancel"
CANCELLABLE = [status for status in JobStatus if status.may_become(JobStatus.CANCELLED)]
CLOSED = [status for status in JobStatus if status not in CANCELLABLE and status is not JobStatus.CANCELLED]


class World:
    """A job that runs."""

    def __init__(self, job: Job) -> None:
        self.jobs = MemoryJobStore(job)
        self.objects = FakeJobObjects()
        self.workflow = FakeWorkflow(running=(job.job_id,))
        self.stopper = Stopper(jobs=self.jobs, objects=self.objects, workflow=self.workflow, clock=Ticker())

    def cancel(self, caller: Caller = ADA) -> Job:
        return cancel_request(job_id(1), caller, self.stopper)

    @property
    def job(self) -> Job:
        return self.jobs.records[job_id(1)]


@pytest.mark.parametrize("status", CANCELLABLE)
def test_an_open_request_is_recorded_stopped_and_not_told(status: JobStatus) -> None:
    world = World(a_job(status))
    job = world.cancel()
    assert job == world.job
    assert job.failure is not None
    assert job.notice is not None
    assert (job.status, job.failure.code, job.notice.state) == (JobStatus.CANCELLED, "cancelled", "not_wanted")
    assert world.objects.keys == {TOMBSTONE}
    assert world.workflow.statuses[job_id(1)] == "ABORTED"


@pytest.mark.parametrize("status", CLOSED)
def test_what_is_delivered_or_ended_stays_as_it_is(status: JobStatus) -> None:
    before = a_job(status, pictures=pictures() if status is JobStatus.DELIVERING else ())
    world = World(before)
    with pytest.raises(JobClosedError):
        world.cancel()
    assert (world.job, world.objects.keys, world.workflow.stopped) == (before, set(), [])


@pytest.mark.parametrize("stranger", [BOB, MACHINE])
def test_anothers_request_looks_like_none_and_goes_on(stranger: Caller) -> None:
    before = a_job(JobStatus.GENERATING)
    world = World(before)
    with pytest.raises(JobNotFoundError):
        world.cancel(stranger)
    assert (world.job, world.objects.keys, world.workflow.stopped) == (before, set(), [])


def test_a_repeat_stops_again_and_changes_nothing_on_record() -> None:
    world = World(a_job(JobStatus.GENERATING))
    first = world.cancel()
    world.objects.keys.clear()
    assert world.cancel() == first
    assert world.objects.keys == {TOMBSTONE}
    assert world.workflow.stopped == [job_id(1), job_id(1)]


@pytest.mark.parametrize(
    ("where", "method", "after"),
    [
        ("jobs", "advance", False),
        ("jobs", "advance", True),
        ("objects", "put_tombstone", False),
        ("objects", "put_tombstone", True),
        ("workflow", "stop", False),
        ("workflow", "stop", True),
    ],
)
def test_a_crash_at_any_step_is_mended_by_asking_again(where: str, method: str, after: bool) -> None:
    world = World(a_job(JobStatus.GENERATING))
    getattr(world, where).fail_next(method, Crash(), after=after)
    with pytest.raises(Crash):
        world.cancel()
    assert world.cancel().status is JobStatus.CANCELLED
    assert [change.status for change in world.job.timeline] == [JobStatus.GENERATING, JobStatus.CANCELLED]
    assert world.objects.keys == {TOMBSTONE}
    assert world.workflow.statuses[job_id(1)] == "ABORTED"


def test_the_record_comes_first_so_that_no_state_goes_on_whatever_fails_after_it() -> None:
    world = World(a_job(JobStatus.GENERATING))
    world.objects.fail_next("put_tombstone", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        world.cancel()
    assert world.job.status is JobStatus.CANCELLED
    assert world.workflow.stopped == []


def test_the_tombstone_comes_before_the_stop_so_that_a_stopped_execution_leaves_no_container_at_work() -> None:
    world = World(a_job(JobStatus.GENERATING))
    world.workflow.fail_next("stop", WorkflowUnavailableError())
    with pytest.raises(WorkflowUnavailableError):
        world.cancel()
    assert world.objects.keys == {TOMBSTONE}


def test_who_comes_to_delivering_first_wins() -> None:
    world = World(a_job(JobStatus.REVIEWING))
    read = world.jobs.get

    def reviewed_meanwhile(wanted: str, now_ms: int) -> Job:
        found = read(job_id(1), now_ms)
        if found.status is JobStatus.REVIEWING:
            world.jobs.advance(job_id(1), JobStatus.DELIVERING, now_ms)
        return found

    world.jobs.get = reviewed_meanwhile  # type: ignore[method-assign]
    with pytest.raises(JobClosedError):
        world.cancel()
    assert world.job.status is JobStatus.DELIVERING
    assert (world.objects.keys, world.workflow.stopped) == (set(), [])


def test_a_review_that_comes_after_the_cancelling_is_refused() -> None:
    world = World(a_job(JobStatus.REVIEWING))
    cancelled = world.cancel()
    with pytest.raises(JobClosedError):
        world.jobs.advance(job_id(1), JobStatus.DELIVERING, 0)
    assert world.job == cancelled


def test_of_two_who_cancel_at_once_both_are_told_that_it_is() -> None:
    world = World(a_job(JobStatus.GENERATING))
    read = world.jobs.get
    other: list[Job] = []

    def cancelled_meanwhile(wanted: str, now_ms: int) -> Job:
        found = read(job_id(1), now_ms)
        if not other:
            world.jobs.get = read  # type: ignore[method-assign]
            other.append(world.cancel())
        return found

    world.jobs.get = cancelled_meanwhile  # type: ignore[method-assign]
    assert world.cancel() == other[0] == world.job
    assert len(world.job.timeline) == 2


def test_a_job_that_an_operator_stopped_counts_as_cancelled() -> None:
    before = a_job(JobStatus.CANCELLED)
    assert World(before).cancel() == dataclasses.replace(before)
