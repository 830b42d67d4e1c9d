"""What `ports.SuppressionStore` promises, of the fake and of DynamoDB alike."""

from __future__ import annotations

from typing import Any

import pytest
from afterimage.adapters.dynamodb.suppressions import DynamoSuppressionStore
from afterimage.domain.errors import StoreUnavailableError
from afterimage.domain.suppression import SuppressionKind, hash_address, suppression_of
from afterimage.ports import SuppressionStore
from fakes.outside import NOW_MS
from fakes.samples import ADDRESS
from fakes.stores import MemorySuppressionStore
from fakes.stubbed import UNREACHED, stubbed, unreached

HASH = hash_address(ADDRESS)
BOUNCE = suppression_of(ADDRESS, SuppressionKind.BOUNCE, NOW_MS)
COMPLAINT = suppression_of(ADDRESS, SuppressionKind.COMPLAINT, NOW_MS)


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> SuppressionStore:
    """Return an empty store."""
    if request.param == "memory":
        return MemorySuppressionStore()
    return DynamoSuppressionStore(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


def test_an_address_is_found_by_its_hash_in_either_case(store: SuppressionStore) -> None:
    store.put(BOUNCE)
    assert store.find(hash_address(ADDRESS.upper()), NOW_MS) == BOUNCE
    assert store.find(hash_address(f"x{ADDRESS}"), NOW_MS) is None


def test_a_second_report_of_the_same_bounce_changes_nothing(store: SuppressionStore) -> None:
    store.put(BOUNCE)
    store.put(BOUNCE)
    assert store.find(HASH, NOW_MS) == BOUNCE


@pytest.mark.parametrize("order", [(BOUNCE, COMPLAINT), (COMPLAINT, BOUNCE)])
def test_a_complaint_outweighs_a_bounce_in_either_order(store: SuppressionStore, order: tuple[Any, Any]) -> None:
    for suppression in order:
        store.put(suppression)
    assert store.find(HASH, NOW_MS) == COMPLAINT


def test_a_later_bounce_holds_for_longer(store: SuppressionStore) -> None:
    later = suppression_of(ADDRESS, SuppressionKind.BOUNCE, NOW_MS + 86_400_000)
    store.put(BOUNCE)
    store.put(later)
    assert store.find(HASH, NOW_MS) == later


def test_a_lifted_suppression_is_gone_and_no_other(store: SuppressionStore) -> None:
    other = suppression_of("eve@example.com", SuppressionKind.COMPLAINT, NOW_MS)
    for suppression in (BOUNCE, other):
        store.put(suppression)
    for _ in range(2):
        store.lift(HASH)
    assert store.find(HASH, NOW_MS) is None
    assert store.find(other.address_hash, NOW_MS) == other


def test_what_has_expired_holds_no_more_deleted_or_not(store: SuppressionStore) -> None:
    store.put(BOUNCE)
    assert store.find(HASH, BOUNCE.expires_at_s * 1000 - 1) == BOUNCE
    assert store.find(HASH, BOUNCE.expires_at_s * 1000) is None


def test_no_address_is_stored(dynamodb: Any, table: str) -> None:
    DynamoSuppressionStore(dynamodb, table).put(BOUNCE)
    assert ADDRESS.partition("@")[0] not in str(dynamodb.scan(TableName=table)["Items"])


def test_what_may_pass_is_told_as_ours() -> None:
    client, stubber = stubbed("dynamodb")
    store = DynamoSuppressionStore(client, "table")
    for operation, call in (
        ("put_item", lambda: store.put(BOUNCE)),
        ("get_item", lambda: store.find(HASH, NOW_MS)),
    ):
        stubber.add_client_error(operation, "ThrottlingException", http_status_code=400)
        with pytest.raises(StoreUnavailableError):
            call()


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_table_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    store = DynamoSuppressionStore(unreached("dynamodb", error), "table")
    with pytest.raises(StoreUnavailableError):
        store.find(HASH, NOW_MS)
