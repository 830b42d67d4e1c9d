"""What `ports.AttemptStore` promises, of the fake and of DynamoDB alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.domain.errors import StoreUnavailableError
from afterimage.ports import AttemptStore
from botocore.exceptions import ClientError
from fakes.samples import a_job, an_attempt, job_id
from fakes.stores import MemoryAttemptStore
from fakes.stubbed import UNREACHED, stubbed, unreached

UNAVAILABLE = [("ThrottlingException", 400), ("InternalServerError", 500), ("ServiceUnavailable", 503)]
NEW = an_attempt(a_job(), output_location=None, failure_location=None)


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> AttemptStore:
    """Return an empty store."""
    if request.param == "memory":
        return MemoryAttemptStore()
    return DynamoAttemptStore(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


def test_a_registered_attempt_is_found(store: AttemptStore) -> None:
    assert store.register(NEW) == NEW
    assert store.find(NEW.job_id, NEW.attempt_id) == NEW


def test_an_unknown_attempt_is_none(store: AttemptStore) -> None:
    store.register(NEW)
    assert store.find(NEW.job_id, "b" * 16) is None
    assert store.find(a_job(number=2).job_id, NEW.attempt_id) is None


def test_registering_again_keeps_and_returns_the_first(store: AttemptStore) -> None:
    store.register(NEW)
    store.record_locations(NEW, "s3://bucket/out", "s3://bucket/fail")
    again = store.register(dataclasses.replace(NEW, started_at_ms=NEW.started_at_ms + 1))
    assert again == dataclasses.replace(NEW, output_location="s3://bucket/out", failure_location="s3://bucket/fail")


def test_two_attempts_of_a_job_stand_beside_each_other(store: AttemptStore) -> None:
    retry = dataclasses.replace(NEW, attempt_id="b" * 16, task_token="another")
    store.register(NEW)
    assert store.register(retry) == retry
    assert store.find(NEW.job_id, NEW.attempt_id) == NEW


def test_the_attempts_of_a_job_are_listed_and_nobody_elses(store: AttemptStore) -> None:
    retry = dataclasses.replace(NEW, attempt_id="b" * 16, task_token="another")
    for attempt in (NEW, retry, dataclasses.replace(NEW, job_id=a_job(number=2).job_id)):
        store.register(attempt)
    assert sorted(store.list_by_job(NEW.job_id), key=lambda attempt: attempt.attempt_id) == [NEW, retry]
    assert store.list_by_job(a_job(number=3).job_id) == ()


def test_the_first_outcome_stands(store: AttemptStore) -> None:
    store.register(NEW)
    first = store.settle(NEW, "succeeded", "s3://bucket/out")
    assert (first.outcome, first.output_location) == ("succeeded", "s3://bucket/out")
    assert store.settle(NEW, "failed", None) == first
    assert store.settle(NEW, "succeeded", "s3://bucket/elsewhere") == first
    assert store.find(NEW.job_id, NEW.attempt_id) == first


def test_a_failure_keeps_the_locations_that_are_known(store: AttemptStore) -> None:
    store.register(NEW)
    store.record_locations(NEW, "s3://bucket/out", "s3://bucket/fail")
    settled = store.settle(NEW, "failed", None)
    assert (settled.outcome, settled.output_location, settled.failure_location) == (
        "failed",
        "s3://bucket/out",
        "s3://bucket/fail",
    )


def test_a_completion_that_was_faster_keeps_its_output(store: AttemptStore) -> None:
    store.register(NEW)
    store.settle(NEW, "succeeded", "s3://bucket/true")
    store.record_locations(NEW, "s3://bucket/expected", "s3://bucket/fail")
    found = store.find(NEW.job_id, NEW.attempt_id)
    assert found is not None
    assert (found.output_location, found.failure_location) == ("s3://bucket/true", "s3://bucket/fail")
    assert found.task_token == NEW.task_token


def test_the_attempts_of_a_job_are_found_by_it_and_erased_one_by_one(store: AttemptStore) -> None:
    first, second = an_attempt(a_job(), "a" * 16), an_attempt(a_job(), "b" * 16, outcome="failed")
    foreign = an_attempt(a_job(number=2))
    for attempt in (first, second, foreign):
        store.register(attempt)
    assert set(store.list_by_job(job_id(1))) == {first, second}
    for _ in range(2):
        store.erase(first)
    assert store.list_by_job(job_id(1)) == (second,)
    assert store.list_by_job(job_id(2)) == (foreign,)
    assert store.list_by_job(job_id(3)) == ()


def every_call(client: Any) -> dict[str, Callable[[], object]]:
    """Each method by the operation that it asks for."""
    store = DynamoAttemptStore(client, "table")
    return {
        "put_item": lambda: store.register(NEW),
        "get_item": lambda: store.find(NEW.job_id, NEW.attempt_id),
        "query": lambda: store.list_by_job(NEW.job_id),
        "update_item": lambda: store.settle(NEW, "succeeded", None),
        "update_item again": lambda: store.record_locations(NEW, "s3://bucket/out", "s3://bucket/fail"),
    }


@pytest.mark.parametrize(("code", "status"), UNAVAILABLE)
def test_every_method_turns_what_may_pass_into_our_error(code: str, status: int) -> None:
    client, stubber = stubbed("dynamodb")
    for operation, call in every_call(client).items():
        stubber.add_client_error(operation.partition(" ")[0], code, http_status_code=status)
        with pytest.raises(StoreUnavailableError):
            call()


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_every_method_turns_a_table_that_is_not_reached_into_our_error(error: Exception) -> None:
    for call in every_call(unreached("dynamodb", error)).values():
        with pytest.raises(StoreUnavailableError):
            call()


def test_another_refusal_is_passed_on() -> None:
    client, stubber = stubbed("dynamodb")
    for operation, call in every_call(client).items():
        stubber.add_client_error(operation.partition(" ")[0], "AccessDeniedException", http_status_code=400)
        with pytest.raises(ClientError):
            call()


def test_the_record_of_the_job_is_none_of_its_attempts(dynamodb: Any, table: str) -> None:
    store = DynamoAttemptStore(dynamodb, table)
    store.register(NEW)
    dynamodb.put_item(TableName=table, Item={"pk": {"S": f"JOB#{NEW.job_id}"}, "sk": {"S": "JOB"}})
    assert store.list_by_job(NEW.job_id) == (NEW,)


def test_an_attempt_of_another_version_is_read_without_what_it_has_more(dynamodb: Any, table: str) -> None:
    store = DynamoAttemptStore(dynamodb, table)
    store.register(NEW)
    (item,) = dynamodb.scan(TableName=table)["Items"]
    dynamodb.put_item(TableName=table, Item=item | {"surprise": {"S": "later"}})
    assert store.find(NEW.job_id, NEW.attempt_id) == NEW
