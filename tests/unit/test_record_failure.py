"""The one failure path of the state machine, through its handler as the state calls it."""

from __future__ import annotations

import json

import pytest
from afterimage.domain.errors import JobNotFoundError, StoreUnavailableError
from afterimage.domain.job import Notice
from afterimage.domain.status import JobStatus
from afterimage.handlers import record_failure as handler
from fakes.outside import NOW_MS, Ticker
from fakes.samples import a_job, job_id, pictures
from fakes.stores import MemoryJobStore

EVENT = {
    "job_id": job_id(1),
    "error": "GenerationRefusedError",
    "cause": json.dumps({"code": "outside_limits", "sentence": "Steps: at most 50."}),
}


def record(jobs: MemoryJobStore, event: dict[str, str] = EVENT) -> dict[str, str]:
    return handler.handle(event, handler.Dependencies(jobs=jobs, clock=Ticker()))


def test_the_failure_is_on_record_and_the_state_hears_the_status() -> None:
    jobs = MemoryJobStore(a_job(JobStatus.GENERATING))
    assert record(jobs) == {"job_id": job_id(1), "status": "FAILED"}
    failure = jobs.records[job_id(1)].failure
    assert failure is not None
    assert (failure.code, failure.sentence) == ("outside_limits", "Steps: at most 50.")


def test_a_second_event_with_another_error_keeps_the_first() -> None:
    jobs = MemoryJobStore(a_job(JobStatus.GENERATING))
    record(jobs)
    before = jobs.records[job_id(1)]
    assert record(jobs, EVENT | {"error": "States.Timeout", "cause": ""}) == {"job_id": job_id(1), "status": "FAILED"}
    assert jobs.records[job_id(1)] == before


def test_a_late_failure_of_a_delivered_picture_does_not_undo_it() -> None:
    jobs = MemoryJobStore(a_job(JobStatus.DELIVERING, pictures=pictures()))
    assert record(jobs)["status"] == "SUCCEEDED"
    assert len(jobs.records[job_id(1)].pictures) == 2


def test_a_delivery_of_which_somebody_tells_is_left_to_them() -> None:
    before = a_job(JobStatus.DELIVERING, pictures=pictures(), notice=Notice(state="sending", at_ms=NOW_MS))
    jobs = MemoryJobStore(before)
    assert record(jobs)["status"] == "DELIVERING"
    assert jobs.records[job_id(1)] == before


def test_a_blocked_job_stays_blocked() -> None:
    jobs = MemoryJobStore(a_job(JobStatus.BLOCKED))
    assert record(jobs)["status"] == "BLOCKED"


def test_a_store_that_is_down_is_raised_so_that_the_state_tries_again() -> None:
    jobs = MemoryJobStore(a_job(JobStatus.GENERATING))
    jobs.fail_next("advance", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        record(jobs)
    assert record(jobs)["status"] == "FAILED"


def test_no_job_is_not_found() -> None:
    with pytest.raises(JobNotFoundError):
        record(MemoryJobStore())
