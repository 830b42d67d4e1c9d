"""Nobody came in time, or somebody did in the last moment."""

from __future__ import annotations

import pytest
from afterimage.domain.errors import JobClosedError
from afterimage.domain.holds import Ruling, Stage, held_stage
from afterimage.domain.job import Job
from afterimage.domain.quotas import UNLIMITED, charge_for
from afterimage.domain.status import JobStatus
from afterimage.handlers import refuse_held as handler
from afterimage.usecases.decide_hold import Desk, decide_hold
from fakes.outside import NOW_MS, FakeWorkflow, Ticker
from fakes.samples import ADMIN, OWNER, a_held_job, a_job, job_id
from fakes.stores import MemoryHoldStore, MemoryJobStore


def refuse(jobs: MemoryJobStore, stage: Stage = Stage.PROMPT) -> dict[str, str]:
    deps = handler.Dependencies(jobs=jobs, clock=Ticker())
    return handler.handle({"job_id": job_id(1), "stage": stage.value}, deps)


def decide(jobs: MemoryJobStore, ruling: Ruling) -> None:
    desk = Desk(jobs=jobs, holds=MemoryHoldStore(), workflow=FakeWorkflow(), clock=Ticker())
    decide_hold(job_id(1), held_stage(jobs.records[job_id(1)]), ruling, ADMIN, None, desk)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_job_that_nobody_looked_at_ends_blocked_and_gives_its_quota_back(stage: Stage) -> None:
    job = a_held_job(stage, charge=charge_for(2, NOW_MS, UNLIMITED))
    jobs = MemoryJobStore(job)
    jobs.open[OWNER], jobs.months[OWNER, "2026-11"] = 1, 2
    assert refuse(jobs, stage) == {"job_id": job_id(1), "stage": stage.value, "decision": "refuse"}
    ended = jobs.records[job_id(1)]
    assert ended.failure
    assert (ended.status, ended.failure.code) == (JobStatus.BLOCKED, "review_timed_out")
    assert (jobs.open[OWNER], jobs.months[OWNER, "2026-11"]) == (0, 0)
    assert ended.decisions == job.decisions  # no person decided anything


def test_a_second_run_says_the_same_and_changes_nothing() -> None:
    jobs = MemoryJobStore(a_held_job())
    first, ended = refuse(jobs), jobs.records[job_id(1)]
    assert (refuse(jobs), jobs.records[job_id(1)]) == (first, ended)


@pytest.mark.parametrize("ruling", list(Ruling))
def test_what_a_person_decided_in_the_last_moment_holds(ruling: Ruling) -> None:
    jobs = MemoryJobStore(a_held_job())
    decide(jobs, ruling)
    before = jobs.records[job_id(1)]
    assert refuse(jobs)["decision"] == ruling.value
    assert jobs.records[job_id(1)] == before


def test_who_decides_after_the_time_is_told_that_nothing_waits() -> None:
    jobs = MemoryJobStore(a_held_job())
    refuse(jobs)
    from afterimage.domain.errors import NotHeldError

    with pytest.raises(NotHeldError):
        decide(jobs, Ruling.RELEASE)


@pytest.mark.parametrize("job", [a_job(JobStatus.CANCELLED), a_job(JobStatus.GENERATING)])
def test_a_job_that_ended_otherwise_is_closed(job: Job) -> None:
    with pytest.raises(JobClosedError):
        refuse(MemoryJobStore(job))
