"""What `ports.AccountStore` promises, of the fake and of DynamoDB alike."""

from __future__ import annotations

from typing import Any

import pytest
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.domain.account import Account, Usage
from afterimage.domain.errors import StoreUnavailableError
from afterimage.domain.quotas import UNLIMITED, Charge, Quota
from afterimage.ports import AccountStore, JobStore
from fakes.outside import NOW_MS
from fakes.samples import DAY_S, OWNER, a_job
from fakes.stores import MemoryAccountStore, MemoryJobStore
from fakes.stubbed import UNREACHED, unreached

OVERRIDE = Quota(monthly_pictures=None, concurrent_jobs=0, campaign_rows=7)


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> tuple[AccountStore, JobStore]:
    """Return both stores of one table."""
    if request.param == "memory":
        jobs = MemoryJobStore()
        return MemoryAccountStore(jobs), jobs
    client, table = request.getfixturevalue("dynamodb"), request.getfixturevalue("table")
    return DynamoAccountStore(client, table), DynamoJobStore(client, table)


def test_nobody_decided_anything_about_most_owners(stores: tuple[AccountStore, JobStore]) -> None:
    assert stores[0].find(OWNER) == Account()
    assert stores[0].usage(OWNER, NOW_MS) == Usage(monthly_pictures=0, open_requests=0, daily_pictures=0)


def test_bounds_and_the_switch_are_changed_apart(stores: tuple[AccountStore, JobStore]) -> None:
    accounts, _ = stores
    accounts.set_override(OWNER, OVERRIDE)
    accounts.set_disabled(OWNER, True)
    assert accounts.find(OWNER) == Account(override=OVERRIDE, disabled=True)
    accounts.set_override(OWNER, None)
    assert accounts.find(OWNER) == Account(disabled=True)
    accounts.set_disabled(OWNER, False)
    assert accounts.find(OWNER) == Account()
    accounts.set_override(OWNER, None)
    assert accounts.find("user#bob") == Account()


def test_use_is_what_jobs_count(stores: tuple[AccountStore, JobStore]) -> None:
    accounts, jobs = stores
    jobs.create(a_job(charge=Charge(month="2026-11", day="2026-11-18", pictures=3)), None, UNLIMITED)
    assert accounts.usage(OWNER, NOW_MS) == Usage(monthly_pictures=3, open_requests=1, daily_pictures=3)
    assert accounts.usage("user#bob", NOW_MS) == Usage(monthly_pictures=0, open_requests=0, daily_pictures=3)
    later = NOW_MS + 31 * DAY_S * 1000
    assert accounts.usage(OWNER, later) == Usage(monthly_pictures=0, open_requests=1, daily_pictures=0)


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_table_that_is_not_reached_is_our_error(error: Any) -> None:
    accounts = DynamoAccountStore(unreached("dynamodb", error), "table")
    calls: tuple[Any, ...] = (
        lambda: accounts.find(OWNER),
        lambda: accounts.usage(OWNER, NOW_MS),
        lambda: accounts.set_override(OWNER, None),
        lambda: accounts.set_disabled(OWNER, True),
    )
    for call in calls:
        with pytest.raises(StoreUnavailableError):
            call()
