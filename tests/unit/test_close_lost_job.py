"""An execution ended without a Catch: its job is closed and told, once."""

from __future__ import annotations

import pytest
from afterimage.contracts.codec import ContractError
from afterimage.domain.errors import WorkflowUnavailableError
from afterimage.domain.job import Job, JobId, Notice
from afterimage.domain.status import JobStatus
from afterimage.handlers import close_lost_job as handler
from afterimage.ports import NO_CHANGES, JobChanges
from afterimage.usecases.close_lost_job import TELLING_MS, close_lost_job
from fakes.faults import Crash
from fakes.outside import NOW_MS, FakeTeller, Ticker
from fakes.samples import a_job, job_id, pictures
from fakes.stores import MemoryJobStore

SENT = Notice(state="sent", at_ms=NOW_MS)
SENDING = Notice(state="sending", at_ms=NOW_MS)
ENDED = [status for status in JobStatus if status.is_final]


def close(jobs: MemoryJobStore, teller: FakeTeller, status: str = "ABORTED") -> Job:
    return close_lost_job(job_id(1), status, jobs=jobs, teller=teller, clock=Ticker())


@pytest.mark.parametrize(
    ("execution", "status", "code"),
    [
        ("ABORTED", JobStatus.CANCELLED, "stopped"),
        ("TIMED_OUT", JobStatus.FAILED, "timed_out"),
        ("FAILED", JobStatus.FAILED, "internal_error"),
    ],
)
def test_the_job_ends_as_its_execution_did_and_is_told(execution: str, status: JobStatus, code: str) -> None:
    jobs, teller = MemoryJobStore(a_job(JobStatus.GENERATING)), FakeTeller()
    job = close(jobs, teller, execution)
    assert job.failure is not None
    assert (job.status, job.failure.code) == (status, code)
    assert teller.told == [job_id(1)]


def test_a_job_that_was_told_is_not_told_again() -> None:
    before = a_job(JobStatus.FAILED, notice=SENT)
    jobs, teller = MemoryJobStore(before), FakeTeller()
    assert close(jobs, teller, "FAILED") == before
    assert teller.told == []


def test_a_second_event_before_the_mail_asks_again_for_the_same_notification() -> None:
    """Telling is repeatable: the notification function sends once whatever it is asked."""
    jobs, teller = MemoryJobStore(a_job(JobStatus.GENERATING)), FakeTeller()
    first = close(jobs, teller)
    assert close(jobs, teller, "FAILED") == first
    assert set(teller.told) == {job_id(1)}


def test_a_crash_between_close_and_tell_is_mended_by_the_next_event() -> None:
    jobs, teller = MemoryJobStore(a_job(JobStatus.GENERATING)), FakeTeller()
    jobs.fail_next("advance", Crash(), after=True)
    with pytest.raises(Crash):
        close(jobs, teller)
    assert teller.told == []
    assert close(jobs, teller).status is JobStatus.CANCELLED
    assert teller.told == [job_id(1)]


def test_a_teller_that_is_down_is_raised_so_that_the_event_comes_again() -> None:
    jobs, teller = MemoryJobStore(a_job(JobStatus.GENERATING)), FakeTeller()
    teller.fail_next("tell", WorkflowUnavailableError())
    with pytest.raises(WorkflowUnavailableError):
        close(jobs, teller)
    close(jobs, teller)
    assert teller.told == [job_id(1)]


@pytest.mark.parametrize("status", ["ABORTED", "FAILED", "TIMED_OUT"])
@pytest.mark.parametrize("notice", [None, SENDING, SENT], ids=["untold", "sending", "sent"])
def test_a_delivery_is_not_closed_but_told_which_brings_it_to_its_end(notice: Notice | None, status: str) -> None:
    before = a_job(JobStatus.DELIVERING, pictures=pictures(), notice=notice)
    jobs, teller = MemoryJobStore(before), FakeTeller()
    jobs.fail_next("swap_notice", AssertionError("written"))
    assert close(jobs, teller, status) == before
    assert jobs.records[job_id(1)] == before
    assert teller.told == [job_id(1)]


def test_a_job_that_is_delivered_at_the_same_moment_keeps_its_mail() -> None:
    """A review that still ran when its execution was stopped."""

    class Racing(MemoryJobStore):
        def advance(self, job_id: JobId, to: JobStatus, at_ms: int, changes: JobChanges = NO_CHANGES) -> Job:
            self.records[job_id] = a_job(JobStatus.DELIVERING, pictures=pictures())
            return super().advance(job_id, to, at_ms, changes)

    jobs, teller = Racing(a_job(JobStatus.REVIEWING)), FakeTeller()
    job = close(jobs, teller)
    assert (job.status, job.notice, teller.told) == (JobStatus.DELIVERING, None, [job_id(1)])


def test_a_delivery_that_could_not_be_told_for_long_succeeds_with_that_on_record() -> None:
    jobs, teller = MemoryJobStore(a_job(JobStatus.DELIVERING, pictures=pictures())), FakeTeller()
    clock = Ticker(NOW_MS + TELLING_MS)
    job = close_lost_job(job_id(1), "FAILED", jobs=jobs, teller=teller, clock=clock)
    assert (job.status, job.notice and job.notice.state, teller.told) == (JobStatus.SUCCEEDED, "failed", [])
    assert len(job.pictures) == 2


@pytest.mark.parametrize("status", [status for status in JobStatus if not status.is_final])
def test_a_record_that_cannot_be_read_is_ended_all_the_same_and_the_event_is_kept(status: JobStatus) -> None:
    class Unreadable(MemoryJobStore):
        def get(self, job_id: JobId, now_ms: int) -> Job:
            raise ContractError("$.spec.style is missing")

        def advance(self, job_id: JobId, to: JobStatus, at_ms: int, changes: JobChanges = NO_CHANGES) -> Job:
            super().advance(job_id, to, at_ms, changes)
            raise ContractError("$.spec.style is missing")

    jobs, teller = Unreadable(a_job(status)), FakeTeller()
    with pytest.raises(ContractError):
        close(jobs, teller, "TIMED_OUT")
    end = JobStatus.SUCCEEDED if status is JobStatus.DELIVERING else JobStatus.FAILED
    assert (jobs.records[job_id(1)].status, teller.told) == (end, [])


@pytest.mark.parametrize("status", ENDED)
@pytest.mark.parametrize("notice", [None, SENDING], ids=["untold", "sending"])
def test_an_ended_job_of_which_nobody_finished_telling_is_told(status: JobStatus, notice: Notice | None) -> None:
    before = a_job(status, notice=notice)
    jobs, teller = MemoryJobStore(before), FakeTeller()
    assert close(jobs, teller) == before
    assert jobs.records[job_id(1)] == before
    assert teller.told == [job_id(1)]


@pytest.mark.parametrize("status", ENDED)
@pytest.mark.parametrize("state", ["sent", "failed", "uncertain", "not_wanted", "bounced", "complained"])
def test_an_ended_job_whose_telling_is_settled_is_done_with(status: JobStatus, state: str) -> None:
    jobs, teller = MemoryJobStore(a_job(status, notice=Notice(state=state, at_ms=NOW_MS))), FakeTeller()
    close(jobs, teller)
    assert teller.told == []


def test_a_teller_that_is_down_leaves_a_delivery_to_the_next_event() -> None:
    jobs, teller = MemoryJobStore(a_job(JobStatus.DELIVERING, pictures=pictures())), FakeTeller()
    teller.fail_next("tell", WorkflowUnavailableError())
    with pytest.raises(WorkflowUnavailableError):
        close(jobs, teller)
    assert close(jobs, teller).status is JobStatus.DELIVERING
    assert teller.told == [job_id(1)]


def test_the_event_names_job_and_status() -> None:
    jobs, teller = MemoryJobStore(a_job(JobStatus.GENERATING)), FakeTeller()
    deps = handler.Dependencies(jobs=jobs, teller=teller, clock=Ticker())
    event = {"detail": {"name": job_id(1), "status": "TIMED_OUT"}}
    assert handler.handle(event, deps) == handler.handle(event, deps) == "FAILED"


def test_an_execution_that_has_no_job_is_done_with() -> None:
    deps = handler.Dependencies(jobs=MemoryJobStore(), teller=FakeTeller(), clock=Ticker())
    assert handler.handle({"detail": {"name": "by-hand", "status": "FAILED"}}, deps) == "unknown"
