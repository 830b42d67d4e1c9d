"""What `ports.OwnerStore` promises together with `ports.JobStore`, of the fakes and of DynamoDB alike."""

from __future__ import annotations

from typing import Any

import pytest
from afterimage.adapters.cognito import CognitoPeople
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.owners import DynamoOwnerStore
from afterimage.domain.errors import OwnerErasingError, StoreUnavailableError, TooManyOpenRequestsError
from afterimage.domain.quotas import UNLIMITED, Quotas, charge_for
from afterimage.domain.status import JobStatus
from afterimage.ports import JobStore, OwnerStore
from botocore.exceptions import ClientError
from fakes.outside import NOW_MS
from fakes.samples import OWNER, a_job, job_id
from fakes.stores import MemoryJobStore, MemoryOwnerStore
from fakes.stubbed import UNREACHED, stubbed, unreached

Stores = tuple[OwnerStore, JobStore]
CHARGE = charge_for(2, NOW_MS, UNLIMITED)
ONE_OPEN = Quotas(monthly_pictures=None, concurrent_jobs=1, campaign_rows=None, daily_pictures=None)


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        jobs = MemoryJobStore()
        return MemoryOwnerStore(jobs), jobs
    client, table = request.getfixturevalue("dynamodb"), request.getfixturevalue("table")
    return DynamoOwnerStore(client, table), DynamoJobStore(client, table)


@pytest.mark.parametrize("quotas", [UNLIMITED, ONE_OPEN])
@pytest.mark.parametrize("known", [False, True])
def test_no_new_job_is_taken_of_an_owner_who_is_being_erased(stores: Stores, known: bool, quotas: Quotas) -> None:
    owners, jobs = stores
    if known:
        jobs.create(a_job(charge=CHARGE), None, quotas)
    for _ in range(2):
        owners.begin_erasing(OWNER, NOW_MS)
    with pytest.raises(OwnerErasingError):
        jobs.create(a_job(number=2, charge=CHARGE), None, quotas)
    jobs.create(a_job(number=3, owner="user#bob", charge=CHARGE), None, quotas)


def test_too_many_open_requests_are_still_told_as_such(stores: Stores) -> None:
    _, jobs = stores
    jobs.create(a_job(charge=CHARGE), None, ONE_OPEN)
    with pytest.raises(TooManyOpenRequestsError):
        jobs.create(a_job(number=2, charge=CHARGE), None, ONE_OPEN)


def test_a_job_of_theirs_can_end_while_they_are_being_erased(stores: Stores) -> None:
    owners, jobs = stores
    jobs.create(a_job(charge=CHARGE), None)
    owners.begin_erasing(OWNER, NOW_MS)
    assert jobs.advance(job_id(1), JobStatus.CANCELLED, NOW_MS).status is JobStatus.CANCELLED


def test_once_erased_they_may_begin_again(stores: Stores) -> None:
    owners, jobs = stores
    jobs.create(a_job(charge=CHARGE), None, ONE_OPEN)
    owners.begin_erasing(OWNER, NOW_MS)
    for _ in range(2):
        owners.erase(OWNER)
    jobs.create(a_job(number=2, charge=CHARGE), None, ONE_OPEN)


def test_nothing_of_an_owner_is_left_and_everything_of_another(dynamodb: Any, table: str) -> None:
    owners, jobs = DynamoOwnerStore(dynamodb, table), DynamoJobStore(dynamodb, table)
    for number, owner in ((1, OWNER), (2, f"{OWNER}a")):
        job = a_job(number=number, owner=owner, charge=CHARGE)
        jobs.create(job, None)
        jobs.erase(job)
        owners.begin_erasing(owner, NOW_MS)
    owners.erase(OWNER)
    assert {item["pk"]["S"] for item in dynamodb.scan(TableName=table)["Items"]} == {f"OWNER#{OWNER}a"}


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_table_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    owners = DynamoOwnerStore(unreached("dynamodb", error), "table")
    for call in (lambda: owners.begin_erasing(OWNER, NOW_MS), lambda: owners.erase(OWNER)):
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
