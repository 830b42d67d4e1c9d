"""What `ports.AttemptStore` promises, of the fake and of DynamoDB alike."""

from __future__ import annotations

import dataclasses

import pytest
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.ports import AttemptStore
from fakes.samples import a_job, an_attempt
from fakes.stores import MemoryAttemptStore

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
