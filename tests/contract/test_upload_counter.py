"""What `ports.UploadCounter` promises, of the fake and of DynamoDB alike."""

from __future__ import annotations

from typing import Any

import pytest
from afterimage.adapters.dynamodb.owners import DynamoOwnerStore
from afterimage.adapters.dynamodb.upload_counter import DynamoUploadCounter
from afterimage.domain.errors import StoreUnavailableError, TooManyUploadsError
from afterimage.domain.uploads import FORMS_A_DAY
from afterimage.ports import UploadCounter
from fakes.outside import NOW_MS
from fakes.samples import DAY_S, OWNER
from fakes.stores import MemoryUploadCounter
from fakes.stubbed import UNREACHED, unreached


@pytest.fixture(params=["memory", "dynamodb"])
def counter(request: pytest.FixtureRequest) -> UploadCounter:
    if request.param == "memory":
        return MemoryUploadCounter()
    return DynamoUploadCounter(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


def test_a_day_has_so_many_forms_for_each_owner_and_the_next_day_as_many(counter: UploadCounter) -> None:
    for _ in range(FORMS_A_DAY):
        counter.take(OWNER, NOW_MS)
    with pytest.raises(TooManyUploadsError) as caught:
        counter.take(OWNER, NOW_MS)
    counter.take("user#bob", NOW_MS)
    counter.take(OWNER, NOW_MS + caught.value.retry_after_s * 1000)


def test_the_count_expires_and_goes_with_its_owner(dynamodb: Any, table: str) -> None:
    DynamoUploadCounter(dynamodb, table).take(OWNER, NOW_MS)
    (item,) = dynamodb.scan(TableName=table)["Items"]
    assert int(item["expires_at_s"]["N"]) == NOW_MS // 1000 + 2 * DAY_S
    DynamoOwnerStore(dynamodb, table).erase(OWNER, NOW_MS)
    assert [item["sk"]["S"] for item in dynamodb.scan(TableName=table)["Items"]] == ["LIMITS"]


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_table_that_does_not_answer_is_worth_another_try(error: Exception) -> None:
    with pytest.raises(StoreUnavailableError):
        DynamoUploadCounter(unreached("dynamodb", error), "table").take(OWNER, NOW_MS)
