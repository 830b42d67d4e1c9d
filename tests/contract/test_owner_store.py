"""What `ports.OwnerStore` promises together with `ports.JobStore`, of the fakes and of DynamoDB alike."""

from __future__ import annotations

from typing import Any

import pytest
from afterimage.adapters.cognito import CognitoPeople
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.owners import REFUSED_S, DynamoOwnerStore
from afterimage.domain.account import Account, Usage
from afterimage.domain.errors import OwnerErasingError, StoreUnavailableError, TooManyOpenRequestsError
from afterimage.domain.quotas import UNLIMITED, Quota, Quotas, charge_for
from afterimage.domain.status import JobStatus
from afterimage.ports import AccountStore, JobStore, OwnerStore
from botocore.exceptions import ClientError
from fakes.outside import NOW_MS
from fakes.samples import OWNER, a_job, job_id
from fakes.stores import MemoryAccountStore, MemoryJobStore, MemoryOwnerStore
from fakes.stubbed import UNREACHED, stubbed, unreached
from fakes.template import template

Stores = tuple[OwnerStore, JobStore, AccountStore]
OWN = Quota(monthly_pictures=3, concurrent_jobs=None, campaign_rows=0)
CHARGE = charge_for(2, NOW_MS, UNLIMITED)
ONE_OPEN = Quotas(monthly_pictures=None, concurrent_jobs=1, campaign_rows=None, daily_pictures=None)


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        jobs = MemoryJobStore()
        accounts = MemoryAccountStore(jobs)
        return MemoryOwnerStore(jobs, accounts), jobs, accounts
    client, table = request.getfixturevalue("dynamodb"), request.getfixturevalue("table")
    return DynamoOwnerStore(client, table), DynamoJobStore(client, table), DynamoAccountStore(client, table)


@pytest.mark.parametrize("quotas", [UNLIMITED, ONE_OPEN])
@pytest.mark.parametrize("known", [False, True])
def test_no_new_job_is_taken_of_an_owner_who_is_being_erased(stores: Stores, known: bool, quotas: Quotas) -> None:
    owners, jobs, _ = stores
    if known:
        jobs.create(a_job(charge=CHARGE), None, quotas)
    for _ in range(2):
        owners.begin_erasing(OWNER, NOW_MS)
    with pytest.raises(OwnerErasingError):
        jobs.create(a_job(number=2, charge=CHARGE), None, quotas)
    jobs.create(a_job(number=3, owner="user#bob", charge=CHARGE), None, quotas)


def test_too_many_open_requests_are_still_told_as_such(stores: Stores) -> None:
    _, jobs, _ = stores
    jobs.create(a_job(charge=CHARGE), None, ONE_OPEN)
    with pytest.raises(TooManyOpenRequestsError):
        jobs.create(a_job(number=2, charge=CHARGE), None, ONE_OPEN)


def test_a_job_of_theirs_can_end_while_they_are_being_erased(stores: Stores) -> None:
    owners, jobs, _ = stores
    jobs.create(a_job(charge=CHARGE), None)
    owners.begin_erasing(OWNER, NOW_MS)
    assert jobs.advance(job_id(1), JobStatus.CANCELLED, NOW_MS).status is JobStatus.CANCELLED


def test_once_erased_nothing_is_counted_or_decided_of_them_but_that_they_are_refused(stores: Stores) -> None:
    owners, jobs, accounts = stores
    jobs.create(a_job(charge=CHARGE), None, ONE_OPEN)
    accounts.set_override(OWNER, OWN)
    owners.begin_erasing(OWNER, NOW_MS)
    for _ in range(2):
        owners.erase(OWNER, NOW_MS)
    jobs.create(a_job(number=2, charge=CHARGE), None, ONE_OPEN)
    assert accounts.usage(OWNER, NOW_MS).monthly_pictures == CHARGE.pictures
    assert accounts.find(OWNER) == Account(disabled=True)


@pytest.mark.parametrize("disabled", [False, True])
def test_when_an_erasing_only_ends_what_is_counted_and_decided_stays(stores: Stores, disabled: bool) -> None:
    owners, jobs, accounts = stores
    jobs.create(a_job(charge=CHARGE), None, ONE_OPEN)
    accounts.set_override(OWNER, OWN)
    accounts.set_disabled(OWNER, disabled)
    owners.begin_erasing(OWNER, NOW_MS)
    jobs.advance(job_id(1), JobStatus.CANCELLED, NOW_MS)
    jobs.create(a_job(number=5, owner="user#bob", charge=CHARGE), None)
    for _ in range(2):
        owners.end_erasing(OWNER)
    assert accounts.find(OWNER) == Account(override=OWN, disabled=disabled)
    for number in (2, 3):
        jobs.create(a_job(number=number, charge=CHARGE), None, UNLIMITED)
    assert accounts.usage(OWNER, NOW_MS) == Usage(
        monthly_pictures=2 * CHARGE.pictures, open_requests=2, daily_pictures=0
    )
    with pytest.raises(TooManyOpenRequestsError):
        jobs.create(a_job(number=4, charge=CHARGE), None, ONE_OPEN)


def test_nothing_of_an_owner_is_left_and_everything_of_another(dynamodb: Any, table: str) -> None:
    owners, jobs, accounts = (kind(dynamodb, table) for kind in (DynamoOwnerStore, DynamoJobStore, DynamoAccountStore))
    for number, owner in ((1, OWNER), (2, f"{OWNER}a")):
        job = a_job(number=number, owner=owner, charge=CHARGE)
        jobs.create(job, None)
        jobs.erase(job)
        accounts.set_override(owner, OWN)
        owners.begin_erasing(owner, NOW_MS)
    owners.erase(OWNER, NOW_MS)
    items = dynamodb.scan(TableName=table)["Items"]
    (left,) = [item for item in items if item["pk"]["S"] == f"OWNER#{OWNER}"]
    assert set(left) == {"pk", "sk", "disabled", "expires_at_s"}
    assert int(left["expires_at_s"]["N"]) == NOW_MS // 1000 + REFUSED_S
    assert {item["sk"]["S"] for item in items if item != left} == {f"USE#{CHARGE.month}", "OPEN", "LIMITS"}


def test_who_was_erased_is_refused_for_longer_than_any_token_lives() -> None:
    client = template()["Resources"]["UserPoolClient"]["Properties"]
    assert client["TokenValidityUnits"]["AccessToken"] == "hours"
    assert client["AccessTokenValidity"] * 3600 < REFUSED_S


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_table_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    owners = DynamoOwnerStore(unreached("dynamodb", error), "table")
    for call in (
        lambda: owners.begin_erasing(OWNER, NOW_MS),
        lambda: owners.erase(OWNER, NOW_MS),
        lambda: owners.end_erasing(OWNER),
    ):
        with pytest.raises(StoreUnavailableError):
            call()


@pytest.mark.parametrize("code", [None, "UserNotFoundException"])
def test_a_sign_in_is_deleted_and_one_that_is_gone_is_as_good(code: str | None) -> None:
    client, stubber = stubbed("cognito-idp")
    if code:
        stubber.add_client_error("admin_delete_user", code)
    else:
        stubber.add_response("admin_delete_user", {}, {"UserPoolId": "eu-central-1_pool", "Username": "a-sub"})
    CognitoPeople(client, "eu-central-1_pool").erase("a-sub")
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [("TooManyRequestsException", 400, StoreUnavailableError), ("AccessDeniedException", 400, ClientError)],
)
def test_a_sign_in_that_cannot_be_deleted_is_no_success(code: str, status: int, error: type[Exception]) -> None:
    client, stubber = stubbed("cognito-idp")
    stubber.add_client_error("admin_delete_user", code, http_status_code=status)
    with pytest.raises(error):
        CognitoPeople(client, "eu-central-1_pool").erase("a-sub")
