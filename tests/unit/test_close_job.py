"""Ending a job that the workflow could not end, and the words that a failure is told in."""

from __future__ import annotations

import json

import pytest
from afterimage.domain.errors import (
    AfterimageError,
    EngineUnavailableError,
    JobNotFoundError,
    StoppedError,
    by_name,
    leaves,
)
from afterimage.domain.job import Failure, JobId, Notice
from afterimage.domain.status import JobStatus
from afterimage.usecases.close_job import close_job, end_of_execution, failure_from_error
from afterimage.usecases.notify_requester import Post, notify_requester
from fakes.campaigns import NO_CAMPAIGNS
from fakes.faults import Crash
from fakes.outside import NOW_MS, Dice, FakeGallery, FakeMailer, FakeWorkflow, Ticker
from fakes.samples import a_job, job_id, pictures
from fakes.stores import MemoryJobStore, MemoryLinkStore, MemorySuppressionStore

WHY = Failure(code="timed_out", sentence="Too long.")
OPEN = [status for status in JobStatus if not status.is_final and status is not JobStatus.DELIVERING]
ENDED = [status for status in JobStatus if status.is_final]


@pytest.mark.parametrize("status", OPEN)
@pytest.mark.parametrize("end", [JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED])
def test_an_open_job_ends_with_the_reason(status: JobStatus, end: JobStatus) -> None:
    jobs = MemoryJobStore(a_job(status))
    job = close_job(job_id(1), end, WHY, jobs=jobs, clock=Ticker())
    assert (job.status, job.failure) == (end, WHY)
    assert jobs.records[job_id(1)] == job


@pytest.mark.parametrize("status", ENDED)
def test_an_ended_job_stays_as_it_ended(status: JobStatus) -> None:
    before = a_job(status)
    jobs = MemoryJobStore(before)
    assert close_job(job_id(1), JobStatus.FAILED, WHY, jobs=jobs, clock=Ticker()) == before
    assert jobs.records[job_id(1)] == before


def test_a_delivering_job_succeeds_and_only_its_mail_is_on_record_as_failed() -> None:
    jobs = MemoryJobStore(a_job(JobStatus.DELIVERING, pictures=pictures()))
    job = close_job(job_id(1), JobStatus.FAILED, WHY, jobs=jobs, clock=Ticker())
    assert (job.status, job.failure) == (JobStatus.SUCCEEDED, None)
    assert job.notice is not None
    assert (job.notice.state, job.notice.failure_code) == ("failed", "timed_out")
    assert len(job.pictures) == 2


@pytest.mark.parametrize("state", ["sending", "sent", "failed", "uncertain", "not_wanted", "bounced", "complained"])
def test_a_delivering_job_of_which_somebody_tells_is_left_to_whoever_tells(state: str) -> None:
    before = a_job(JobStatus.DELIVERING, pictures=pictures(), notice=Notice(state=state, at_ms=NOW_MS))
    jobs = MemoryJobStore(before)
    assert close_job(job_id(1), JobStatus.FAILED, WHY, jobs=jobs, clock=Ticker()) == before
    assert jobs.records[job_id(1)] == before


def test_a_delivering_job_is_left_alone_when_somebody_begins_to_tell_at_the_same_moment() -> None:
    class Racing(MemoryJobStore):
        def swap_notice(self, job_id: JobId, expected_state: str | None, notice: Notice | None) -> bool:
            assert super().swap_notice(job_id, None, Notice(state="sending", at_ms=NOW_MS))
            return super().swap_notice(job_id, expected_state, notice)

    jobs = Racing(a_job(JobStatus.DELIVERING, pictures=pictures()))
    assert close_job(job_id(1), JobStatus.FAILED, WHY, jobs=jobs, clock=Ticker()).status is JobStatus.DELIVERING
    record = jobs.records[job_id(1)]
    assert (record.status, record.notice and record.notice.state) == (JobStatus.DELIVERING, "sending")


def test_whoever_comes_to_tell_may_finish_a_delivering_job_first() -> None:
    class Racing(MemoryJobStore):
        def swap_notice(self, job_id: JobId, expected_state: str | None, notice: Notice | None) -> bool:
            swapped = super().swap_notice(job_id, expected_state, notice)
            self.advance(job_id, JobStatus.SUCCEEDED, NOW_MS)
            return swapped

    jobs = Racing(a_job(JobStatus.DELIVERING, pictures=pictures()))
    job = close_job(job_id(1), JobStatus.FAILED, WHY, jobs=jobs, clock=Ticker())
    assert (job.status, job.notice and job.notice.state) == (JobStatus.SUCCEEDED, "failed")


def test_a_crash_while_closing_a_delivering_job_is_mended_by_whoever_tells() -> None:
    jobs = MemoryJobStore(a_job(JobStatus.DELIVERING, pictures=pictures()))
    jobs.fail_next("swap_notice", Crash(), after=True)
    with pytest.raises(Crash):
        close_job(job_id(1), JobStatus.FAILED, WHY, jobs=jobs, clock=Ticker())
    # The failure path goes on to the state that tells, which finds the notice settled and the job unfinished.
    again = close_job(job_id(1), JobStatus.FAILED, WHY, jobs=jobs, clock=Ticker(NOW_MS + 1000))
    assert again.status is JobStatus.DELIVERING
    mailer = FakeMailer()
    post = Post(
        campaigns=NO_CAMPAIGNS,
        workflow=FakeWorkflow(),
        jobs=jobs,
        links=MemoryLinkStore(),
        gallery=FakeGallery(),
        suppressions=MemorySuppressionStore(),
        mailer=mailer,
        link_base="https://api.example.com",
        link_ttl_s=lambda: 60,
        clock=Ticker(),
        entropy=Dice(),
    )
    job = notify_requester(job_id(1), post)
    assert (job.status, job.notice and job.notice.state, mailer.sent) == (JobStatus.SUCCEEDED, "failed", [])


def test_no_job_is_not_found() -> None:
    with pytest.raises(JobNotFoundError):
        close_job(job_id(9), JobStatus.FAILED, WHY, jobs=MemoryJobStore(), clock=Ticker())


@pytest.mark.parametrize("error", leaves(AfterimageError))
def test_each_error_of_ours_is_told_in_its_own_words(error: type[AfterimageError]) -> None:
    failure = failure_from_error(error.__name__, "a traceback")
    assert (failure.code, failure.sentence) == (error.code, error.sentence)
    assert by_name(error.__name__) is error


def test_a_cause_that_we_wrote_ourselves_is_preferred() -> None:
    cause = json.dumps({"code": "outside_limits", "sentence": "Steps: at most 50."})
    assert failure_from_error("GenerationRefusedError", cause) == Failure(
        code="outside_limits", sentence="Steps: at most 50."
    )


@pytest.mark.parametrize(
    "cause",
    [
        "",
        "not json",
        "null",
        "[]",
        "7",
        '"text"',
        '{"code": "x"}',
        '{"sentence": "x"}',
        '{"errorType": "EngineUnavailableError", "errorMessage": "secret", "stackTrace": ["secret"]}',
    ],
)
def test_a_cause_that_is_not_ours_is_never_shown(cause: str) -> None:
    failure = failure_from_error("EngineUnavailableError", cause)
    assert (failure.code, failure.sentence) == (EngineUnavailableError.code, EngineUnavailableError.sentence)


@pytest.mark.parametrize("error", ["States.Timeout", "Sandbox.Timedout"])
def test_a_time_out_is_called_one(error: str) -> None:
    assert failure_from_error(error, "").code == "timed_out"


@pytest.mark.parametrize("error", ["States.Runtime", "Lambda.Unknown", "KeyError", "Exception", "", "str"])
def test_a_foreign_error_is_told_as_ours_without_its_words(error: str) -> None:
    cause = json.dumps({"code": "forged", "sentence": "secret"})
    failure = failure_from_error(error, cause)
    assert (failure.code, failure.sentence) == (AfterimageError.code, AfterimageError.sentence)


def test_an_execution_without_a_word_ends_by_its_status() -> None:
    assert end_of_execution("ABORTED")[0] is JobStatus.CANCELLED
    assert end_of_execution("ABORTED")[1].code == StoppedError.code
    assert [end_of_execution(status)[0] for status in ("FAILED", "TIMED_OUT")] == [JobStatus.FAILED] * 2
    assert end_of_execution("TIMED_OUT")[1].code == "timed_out"
    assert end_of_execution("FAILED")[1].code == "internal_error"
