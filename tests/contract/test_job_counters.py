"""What `ports.JobStore` promises of quotas, of the fake and of DynamoDB alike: what is taken goes back at the end."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from afterimage.adapters.aws import _CONFIG
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.transactions import TRIES
from afterimage.domain.errors import (
    DailyCapReachedError,
    JobClosedError,
    JobNotFoundError,
    MonthlyQuotaReachedError,
    QuotaExceededError,
    StoreUnavailableError,
    TooManyOpenRequestsError,
)
from afterimage.domain.job import Job, Notice
from afterimage.domain.quotas import UNLIMITED, Charge, Quotas, charge_for
from afterimage.domain.status import JobStatus
from afterimage.ports import IdempotencyClaim, JobStore, KeyTakenError
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from fakes.outside import NOW_MS
from fakes.samples import DAY_S, OWNER, a_job, job_id
from fakes.stores import MemoryJobStore

MONTH, DAY = "2026-11", "2026-11-18"  # of NOW_MS
CAPPED = dataclasses.replace(UNLIMITED, daily_pictures=1000)
ENDS = [status for status in JobStatus if status.is_final]
WAY = {JobStatus.SUCCEEDED: JobStatus.DELIVERING, JobStatus.BLOCKED: JobStatus.MODERATING}

Counters = dict[str, int]


def a_charged(number: int = 1, pictures: int = 2, status: JobStatus = JobStatus.QUEUED, **changes: Any) -> Job:
    return a_job(status, number, charge=Charge(month=MONTH, day=DAY, pictures=pictures), **changes)


def bounded(**bounds: int | None) -> Quotas:
    return dataclasses.replace(UNLIMITED, **bounds)


class Stock:
    """A store, and what its counters say."""

    def __init__(self, store: JobStore, read: Callable[[], Counters]) -> None:
        self.store = store
        self.counters = read


def counters_in_memory(store: MemoryJobStore) -> Counters:
    found = {f"OWNER#{owner} OPEN": count for owner, count in store.open.items()}
    found |= {f"OWNER#{owner} USE#{month}": count for (owner, month), count in store.months.items()}
    found |= {f"DAY#{day} USE": count for day, count in store.days.items()}
    return {name: count for name, count in found.items() if count}


def counters_in_table(dynamodb: Any, table: str) -> Counters:
    items = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
    found = {
        f"{item['pk']['S']} {item['sk']['S']}": int((item.get("pictures") or item["jobs"])["N"])
        for item in items
        if item["pk"]["S"].startswith(("OWNER#", "DAY#"))
    }
    return {name: count for name, count in found.items() if count}


@pytest.fixture(params=["memory", "dynamodb"])
def stock(request: pytest.FixtureRequest) -> Stock:
    """Return an empty store."""
    if request.param == "memory":
        memory = MemoryJobStore()
        return Stock(memory, lambda: counters_in_memory(memory))
    client, table = request.getfixturevalue("dynamodb"), request.getfixturevalue("table")
    return Stock(DynamoJobStore(client, table, lambda _: None), lambda: counters_in_table(client, table))


def taken(jobs: int, pictures: int) -> Counters:
    return {f"OWNER#{OWNER} OPEN": jobs, f"OWNER#{OWNER} USE#{MONTH}": pictures, f"DAY#{DAY} USE": pictures}


def test_a_charge_is_counted_with_the_job(stock: Stock) -> None:
    stock.store.create(a_charged(1, 2), None, CAPPED)
    stock.store.create(a_charged(2, 3), None, CAPPED)
    assert stock.counters() == taken(2, 5)
    assert stock.store.get(job_id(1), NOW_MS).charge == Charge(month=MONTH, day=DAY, pictures=2)


def test_without_a_daily_cap_no_day_is_counted(stock: Stock) -> None:
    stock.store.create(a_job(charge=charge_for(2, NOW_MS, UNLIMITED)), None)
    assert stock.counters() == {f"OWNER#{OWNER} OPEN": 1, f"OWNER#{OWNER} USE#{MONTH}": 2}
    stock.store.advance(job_id(1), JobStatus.FAILED, NOW_MS)
    assert stock.counters() == {}


def test_a_job_without_a_charge_takes_and_gives_nothing(stock: Stock) -> None:
    stock.store.create(a_charged(1, 2), None, CAPPED)
    stock.store.create(a_job(number=2), None, bounded(monthly_pictures=0, concurrent_jobs=0, daily_pictures=0))
    assert stock.counters() == taken(1, 2)
    stock.store.advance(job_id(2), JobStatus.FAILED, NOW_MS)
    assert stock.counters() == taken(1, 2)


@pytest.mark.parametrize(
    ("quotas", "refusal", "wait_s"),
    [
        (bounded(monthly_pictures=5), MonthlyQuotaReachedError, 1_796_083_200 - NOW_MS // 1000),
        (bounded(daily_pictures=5), DailyCapReachedError, 1_795_046_400 - NOW_MS // 1000),
        (bounded(concurrent_jobs=2), TooManyOpenRequestsError, 60),
    ],
    ids=["month", "day", "open"],
)
def test_a_bound_is_reached_and_not_passed(
    stock: Stock, quotas: Quotas, refusal: type[QuotaExceededError], wait_s: int
) -> None:
    stock.store.create(a_charged(1, 3), None, quotas)
    stock.store.create(a_charged(2, 2), None, quotas)
    with pytest.raises(refusal) as refused:
        stock.store.create(a_charged(3, 1), None, quotas)
    assert refused.value.retry_after_s == wait_s
    assert stock.counters() == taken(2, 5)
    with pytest.raises(JobNotFoundError):
        stock.store.get(job_id(3), NOW_MS)


@pytest.mark.parametrize("name", ["monthly_pictures", "daily_pictures", "concurrent_jobs"])
def test_a_bound_of_zero_lets_nothing_through(stock: Stock, name: str) -> None:
    with pytest.raises(QuotaExceededError):
        stock.store.create(a_charged(), None, bounded(**{name: 0}))
    assert stock.counters() == {}


@pytest.mark.parametrize("name", ["monthly_pictures", "daily_pictures"])
def test_more_than_the_bound_at_once_does_not_fit_though_nothing_was_taken(stock: Stock, name: str) -> None:
    with pytest.raises(QuotaExceededError):
        stock.store.create(a_charged(1, 4), None, bounded(**{name: 3}))
    stock.store.create(a_charged(2, 3), None, bounded(**{name: 3}))
    assert stock.counters() == taken(1, 3)


def test_of_several_refusals_the_longest_wait_is_told(stock: Stock) -> None:
    with pytest.raises(MonthlyQuotaReachedError):
        stock.store.create(a_charged(), None, bounded(monthly_pictures=0, daily_pictures=0, concurrent_jobs=0))
    with pytest.raises(DailyCapReachedError):
        stock.store.create(a_charged(), None, bounded(daily_pictures=0, concurrent_jobs=0))


def test_owners_do_not_share_a_month_and_all_share_the_day(stock: Stock) -> None:
    quotas = bounded(monthly_pictures=2, daily_pictures=3)
    stock.store.create(a_charged(1, 2), None, quotas)
    stock.store.create(a_charged(2, 1, owner="client#nightly"), None, quotas)
    with pytest.raises(DailyCapReachedError):
        stock.store.create(a_charged(3, 1, owner="schedule#sample"), None, quotas)
    assert stock.counters() == taken(1, 2) | {
        "OWNER#client#nightly OPEN": 1,
        f"OWNER#client#nightly USE#{MONTH}": 1,
        f"DAY#{DAY} USE": 3,
    }


def test_a_taken_key_is_told_before_a_full_quota_and_takes_nothing(stock: Stock) -> None:
    claim = IdempotencyClaim(key_hash="c" * 64, body_digest="d" * 64, job_id=job_id(1), expires_at_s=NOW_MS // 1000 + 9)
    quotas = bounded(monthly_pictures=2, concurrent_jobs=1, daily_pictures=2)
    stock.store.create(a_charged(1, 2), claim, quotas)
    with pytest.raises(KeyTakenError):
        stock.store.create(a_charged(2, 2), dataclasses.replace(claim, job_id=job_id(2)), quotas)
    assert stock.counters() == taken(1, 2)


@pytest.mark.parametrize("end", ENDS)
def test_an_end_gives_back_the_open_request_and_unless_delivered_the_pictures(stock: Stock, end: JobStatus) -> None:
    stock.store.create(a_charged(1, 2, WAY.get(end, JobStatus.QUEUED)), None, CAPPED)
    stock.store.create(a_charged(2, 3), None, CAPPED)
    ended = stock.store.advance(job_id(1), end, NOW_MS)
    assert ended.status is end
    assert stock.store.get(job_id(1), NOW_MS) == ended
    assert stock.counters() == taken(1, 5 if end is JobStatus.SUCCEEDED else 3)


@pytest.mark.parametrize("end", ENDS)
def test_a_second_end_is_refused_and_gives_nothing_back(stock: Stock, end: JobStatus) -> None:
    stock.store.create(a_charged(1, 2, WAY.get(end, JobStatus.QUEUED)), None, CAPPED)
    stock.store.create(a_charged(2, 3), None, CAPPED)
    stock.store.advance(job_id(1), end, NOW_MS)
    after = stock.counters()
    for again in ENDS:
        with pytest.raises(JobClosedError):
            stock.store.advance(job_id(1), again, NOW_MS)
    assert stock.counters() == after


def test_open_statuses_take_and_give_nothing(stock: Stock) -> None:
    stock.store.create(a_charged(), None, CAPPED)
    for status in (JobStatus.MODERATING, JobStatus.GENERATING, JobStatus.REVIEWING, JobStatus.DELIVERING):
        stock.store.advance(job_id(1), status, NOW_MS)
        assert stock.counters() == taken(1, 2)


def test_what_ends_in_another_month_goes_back_to_the_month_it_was_taken_from(stock: Stock) -> None:
    stock.store.create(a_charged(), None, CAPPED)
    stock.store.advance(job_id(1), JobStatus.FAILED, NOW_MS + 40 * DAY_S * 1000)
    assert stock.counters() == {}


def test_a_job_that_has_expired_still_gives_back(stock: Stock) -> None:
    stock.store.create(a_charged(expires_at_s=NOW_MS // 1000), None, CAPPED)
    stock.store.advance(job_id(1), JobStatus.EXPIRED, NOW_MS + 1)
    assert stock.counters() == {}


def test_a_counter_that_is_gone_keeps_no_job_from_ending(dynamodb: Any, table: str) -> None:
    store = DynamoJobStore(dynamodb, table)
    store.create(a_charged(), None, CAPPED)
    for partition, sort in ((f"OWNER#{OWNER}", "OPEN"), (f"OWNER#{OWNER}", f"USE#{MONTH}"), (f"DAY#{DAY}", "USE")):
        dynamodb.delete_item(TableName=table, Key={"pk": {"S": partition}, "sk": {"S": sort}})
    assert store.advance(job_id(1), JobStatus.FAILED, NOW_MS).status is JobStatus.FAILED
    assert counters_in_table(dynamodb, table) == {}


def test_counters_are_kept_longer_than_anything_can_be_given_back(dynamodb: Any, table: str) -> None:
    DynamoJobStore(dynamodb, table).create(a_charged(), None, CAPPED)
    items = dynamodb.scan(TableName=table)["Items"]
    kept = {item["sk"]["S"]: int(item["expires_at_s"]["N"]) - NOW_MS // 1000 for item in items}
    assert kept == {"JOB": 90 * DAY_S, "OPEN": 400 * DAY_S, f"USE#{MONTH}": 400 * DAY_S, "USE": 40 * DAY_S}


class _Meeting:
    """A DynamoDB client in front of the true one; `meanwhile` happens before each of the first transactions, and
    may refuse them."""

    def __init__(self, client: Any, *meanwhile: Callable[[], object]) -> None:
        self._client = client
        self._meanwhile = list(meanwhile)

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)

    def transact_write_items(self, **arguments: Any) -> Any:
        if self._meanwhile:
            self._meanwhile.pop(0)()
        return self._client.transact_write_items(**arguments)


def conflict(code: str = "TransactionConflict") -> Callable[[], object]:
    def refuse() -> None:
        response: Any = {
            "Error": {"Code": "TransactionCanceledException", "Message": "said AWS"},
            "CancellationReasons": [{"Code": "None"}, {"Code": code}],
        }
        raise ClientError(response, "TransactWriteItems")

    return refuse


def test_who_meets_another_transaction_asks_again_after_a_pause(dynamodb: Any, table: str) -> None:
    pauses: list[int] = []
    store = DynamoJobStore(_Meeting(dynamodb, conflict(), conflict("ThrottlingError")), table, pauses.append)
    store.create(a_charged(), None, CAPPED)
    assert pauses == [0, 1]
    assert counters_in_table(dynamodb, table) == taken(1, 2)


def test_who_meets_others_again_and_again_is_told_to_come_back(dynamodb: Any, table: str) -> None:
    pauses: list[int] = []
    store = DynamoJobStore(_Meeting(dynamodb, *[conflict()] * TRIES), table, pauses.append)
    with pytest.raises(StoreUnavailableError):
        store.create(a_charged(), None, CAPPED)
    assert pauses == list(range(TRIES - 1))
    assert counters_in_table(dynamodb, table) == {}


def test_an_end_that_is_overtaken_by_another_status_ends_the_job_as_it_is_now(dynamodb: Any, table: str) -> None:
    other = DynamoJobStore(dynamodb, table)
    other.create(a_charged(), None, CAPPED)
    store = DynamoJobStore(
        _Meeting(dynamodb, lambda: other.advance(job_id(1), JobStatus.MODERATING, NOW_MS + 1)), table
    )
    ended = store.advance(job_id(1), JobStatus.FAILED, NOW_MS + 2)
    assert [change.status for change in ended.timeline] == [JobStatus.QUEUED, JobStatus.MODERATING, JobStatus.FAILED]
    assert other.get(job_id(1), NOW_MS) == ended
    assert counters_in_table(dynamodb, table) == {}


def test_an_end_that_is_overtaken_by_another_end_gives_nothing_back(dynamodb: Any, table: str) -> None:
    other = DynamoJobStore(dynamodb, table)
    other.create(a_charged(1), None, CAPPED)
    other.create(a_charged(2), None, CAPPED)
    store = DynamoJobStore(_Meeting(dynamodb, lambda: other.advance(job_id(1), JobStatus.CANCELLED, NOW_MS)), table)
    with pytest.raises(JobClosedError):
        store.advance(job_id(1), JobStatus.FAILED, NOW_MS)
    assert counters_in_table(dynamodb, table) == taken(1, 2)


def test_an_end_that_is_overtaken_without_end_is_told_to_come_back(dynamodb: Any, table: str) -> None:
    other = DynamoJobStore(dynamodb, table)
    other.create(a_charged(status=JobStatus.MODERATING), None, CAPPED)
    moments = iter(range(NOW_MS + 1, NOW_MS + 99))
    store = DynamoJobStore(
        _Meeting(dynamodb, *[lambda: other.advance(job_id(1), JobStatus.MODERATING, next(moments))] * TRIES), table
    )
    with pytest.raises(StoreUnavailableError):
        store.advance(job_id(1), JobStatus.FAILED, NOW_MS)
    assert counters_in_table(dynamodb, table) == taken(1, 2)


def test_a_job_that_was_erased_meanwhile_is_not_found(dynamodb: Any, table: str) -> None:
    other = DynamoJobStore(dynamodb, table)
    other.create(a_charged(), None, CAPPED)
    key = {"pk": {"S": f"JOB#{job_id(1)}"}, "sk": {"S": "JOB"}}
    store = DynamoJobStore(_Meeting(dynamodb, lambda: dynamodb.delete_item(TableName=table, Key=key)), table)
    with pytest.raises(JobNotFoundError):
        store.advance(job_id(1), JobStatus.FAILED, NOW_MS)


def test_a_notice_that_changes_meanwhile_is_kept(dynamodb: Any, table: str) -> None:
    """A notice is no status: it neither stands in the way of an end nor is overwritten by one."""
    other = DynamoJobStore(dynamodb, table)
    other.create(a_charged(), None, CAPPED)
    notice = Notice(state="sending", at_ms=NOW_MS)
    store = DynamoJobStore(_Meeting(dynamodb, lambda: other.swap_notice(job_id(1), None, notice)), table)
    store.advance(job_id(1), JobStatus.FAILED, NOW_MS)
    assert other.get(job_id(1), NOW_MS).notice == notice


def test_the_sdk_repeats_a_transaction_under_the_same_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own retry after a lost answer therefore counts once: DynamoDB knows a token for ten minutes."""
    client = boto3.client(
        "dynamodb", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x", config=_CONFIG
    )
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    tokens: list[str] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        tokens.append(json.loads(request.body)["ClientRequestToken"])

        class Raw:
            def stream(self, *_: Any, **__: Any) -> Any:
                yield b"{}"

            def read(self, *_: Any, **__: Any) -> bytes:
                return b"{}"

        return AWSResponse(request.url, 500 if len(tokens) == 1 else 200, {}, Raw())

    client.meta.events.register("before-send.dynamodb.TransactWriteItems", answer)
    DynamoJobStore(client, "table").create(a_charged(), None, CAPPED)
    DynamoJobStore(client, "table").create(a_charged(), None, CAPPED)
    assert len(tokens) == 3
    assert tokens[0] == tokens[1] != tokens[2]
