"""Strikes are noted by the end of a job, once, and read and forgiven by owner: of the fakes and of DynamoDB alike."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import pytest
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.owners import DynamoOwnerStore
from afterimage.domain.errors import JobClosedError
from afterimage.domain.job import Failure, Job
from afterimage.domain.row_ref import CampaignId, RowRef
from afterimage.domain.status import JobStatus
from afterimage.domain.strikes import MOST_STRIKES, STRIKE_KEPT_S
from afterimage.ports import AccountStore, JobChanges, JobStore
from fakes.outside import NOW_MS
from fakes.samples import OWNER, a_job, job_id
from fakes.stores import MemoryAccountStore, MemoryJobStore

Stores = tuple[JobStore, AccountStore]


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """Return empty stores over the same records."""
    if request.param == "memory":
        jobs = MemoryJobStore()
        return jobs, MemoryAccountStore(jobs)
    table = request.getfixturevalue("dynamodb"), request.getfixturevalue("table")
    return DynamoJobStore(*table), DynamoAccountStore(*table)


def end(jobs: JobStore, number: int = 1, code: str = "prompt_blocked", **changes: Any) -> Job:
    job = a_job(JobStatus.MODERATING, number, **changes)
    with contextlib.suppress(JobClosedError):  # as a replay or a redrive does it again
        jobs.create(job, None)
        for _ in range(2):
            failure = Failure(code=code, sentence="No.")
            jobs.advance(job.job_id, JobStatus.BLOCKED, NOW_MS + number, JobChanges(failure=failure))
    return job


def test_a_block_is_one_strike_however_often_it_is_written(stores: Stores) -> None:
    jobs, accounts = stores
    end(jobs)
    assert accounts.strikes(OWNER, NOW_MS) == (NOW_MS + 1,)
    end(jobs, 2, "review_refused")
    assert set(accounts.strikes(OWNER, NOW_MS)) == {NOW_MS + 1, NOW_MS + 2}
    assert accounts.strikes("user#bob", NOW_MS) == ()


@pytest.mark.parametrize("code", ["review_timed_out", "needs_review"])
def test_a_block_that_is_nobodys_fault_is_none(stores: Stores, code: str) -> None:
    jobs, accounts = stores
    end(jobs, code=code)
    assert accounts.strikes(OWNER, NOW_MS) == ()


def test_other_ends_are_none(stores: Stores) -> None:
    jobs, accounts = stores
    for number, status in enumerate((JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED)):
        jobs.create(a_job(JobStatus.MODERATING, number), None)
        failure = Failure(code="prompt_blocked", sentence="")
        jobs.advance(job_id(number), status, NOW_MS, JobChanges(failure=failure))
    assert accounts.strikes(OWNER, NOW_MS) == ()


def test_rows_of_a_campaign_do_not_lock_out_who_sent_them() -> None:
    jobs = MemoryJobStore()
    accounts = MemoryAccountStore(jobs)
    row = RowRef(campaign_id=CampaignId("c"), run_id="r", row=1, attempt=1)
    for number in range(3):
        end(jobs, number, row=dataclasses.replace(row, row=number))
    assert accounts.strikes(OWNER, NOW_MS) == ()


def test_a_row_that_is_blocked_writes_no_strike(dynamodb: Any, table: str) -> None:
    from afterimage.adapters.dynamodb.strikes import strikes

    record = {"owner": {"S": OWNER}, "job_id": {"S": job_id(1)}}
    assert strikes(table, record, JobStatus.BLOCKED, "prompt_blocked", NOW_MS) != []
    assert strikes(table, record | {"row": {"M": {}}}, JobStatus.BLOCKED, "prompt_blocked", NOW_MS) == []


def test_after_a_month_a_strike_is_forgotten_deleted_or_not(stores: Stores) -> None:
    jobs, accounts = stores
    end(jobs)
    assert accounts.strikes(OWNER, NOW_MS + (STRIKE_KEPT_S - 1) * 1000) == (NOW_MS + 1,)
    assert accounts.strikes(OWNER, NOW_MS + (STRIKE_KEPT_S + 1) * 1000) == ()


def test_the_newest_are_read_and_all_are_forgiven(stores: Stores) -> None:
    jobs, accounts = stores
    for number in range(MOST_STRIKES + 2):
        end(jobs, number)
    newest = accounts.strikes(OWNER, NOW_MS)
    assert sorted(newest) == [NOW_MS + number for number in range(2, MOST_STRIKES + 2)]
    accounts.forgive(OWNER)
    accounts.forgive(OWNER)
    assert accounts.strikes(OWNER, NOW_MS) == ()


def test_an_erased_owner_leaves_no_strike(dynamodb: Any, table: str) -> None:
    end(DynamoJobStore(dynamodb, table))
    DynamoOwnerStore(dynamodb, table).erase(OWNER, NOW_MS)
    assert DynamoAccountStore(dynamodb, table).strikes(OWNER, NOW_MS) == ()
