"""What `ports.HoldStore` promises, of the fake and of DynamoDB alike."""

from __future__ import annotations

from typing import Any

import pytest
from afterimage.adapters.dynamodb.holds import DynamoHoldStore
from afterimage.domain.holds import Stage
from afterimage.ports import HoldStore
from fakes.samples import a_hold, a_job, job_id
from fakes.stores import MemoryHoldStore

HOLD = a_hold(a_job())


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> HoldStore:
    """Return an empty store."""
    if request.param == "memory":
        return MemoryHoldStore()
    return DynamoHoldStore(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


def test_a_hold_is_found_at_its_stage_and_no_other(store: HoldStore) -> None:
    store.register(HOLD)
    assert store.find(HOLD.job_id, Stage.PROMPT) == HOLD
    assert store.find(HOLD.job_id, Stage.PICTURE) is None
    assert store.find(job_id(2), Stage.PROMPT) is None


def test_another_token_takes_the_place_of_the_one_before(store: HoldStore) -> None:
    store.register(HOLD)
    again = a_hold(a_job(), task_token="another")
    store.register(again)
    assert store.find(HOLD.job_id, Stage.PROMPT) == again


def test_erasing_takes_both_stages_of_the_job_and_nobody_elses(store: HoldStore) -> None:
    others = a_hold(a_job(number=2))
    for hold in (HOLD, a_hold(a_job(), Stage.PICTURE), others):
        store.register(hold)
    store.erase(HOLD.job_id)
    store.erase(HOLD.job_id)
    assert [store.find(HOLD.job_id, stage) for stage in Stage] == [None, None]
    assert store.find(others.job_id, Stage.PROMPT) == others


def test_a_hold_expires_with_its_token(dynamodb: Any, table: str) -> None:
    DynamoHoldStore(dynamodb, table).register(HOLD)
    item = dynamodb.get_item(TableName=table, Key={"pk": {"S": f"JOB#{HOLD.job_id}"}, "sk": {"S": "HOLD#prompt"}})
    assert int(item["Item"]["expires_at_s"]["N"]) == HOLD.expires_at_s
