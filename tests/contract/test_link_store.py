"""What `ports.LinkStore` promises, of the fake and of DynamoDB alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from afterimage.adapters.dynamodb.links import DynamoLinkStore
from afterimage.domain.errors import StoreUnavailableError
from afterimage.domain.links import Link, hash_token, link_token
from afterimage.ports import LinkStore
from botocore.exceptions import ClientError
from fakes.outside import NOW_MS
from fakes.samples import job_id
from fakes.stores import MemoryLinkStore
from fakes.stubbed import UNREACHED, stubbed, unreached

TOKEN = link_token(bytes(range(32)))
LINK = Link(
    token_hash=hash_token(TOKEN),
    job_id=job_id(1),
    key="images/9/0.png",
    created_at_ms=NOW_MS,
    expires_at_s=NOW_MS // 1000 + 3600,
)


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> LinkStore:
    """Return an empty store."""
    if request.param == "memory":
        return MemoryLinkStore()
    return DynamoLinkStore(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


def test_a_link_is_found_by_the_hash_of_its_token(store: LinkStore) -> None:
    store.put(LINK)
    assert store.find(LINK.token_hash) == LINK


@pytest.mark.parametrize("count", [0, 1, 50, 51, 101])
def test_many_links_are_put_and_found_by_their_job(store: LinkStore, count: int) -> None:
    links = [dataclasses.replace(LINK, token_hash=f"{number:064}") for number in range(count)]
    store.put_all(links)
    assert set(store.list_by_job(job_id(1))) == {link.token_hash for link in links}
    assert [store.find(link.token_hash) for link in links] == links


def test_an_unknown_hash_finds_nothing(store: LinkStore) -> None:
    store.put(LINK)
    assert store.find("0" * 64) is None


@pytest.mark.parametrize("changes", [{"revoked": True}, {"expires_at_s": 1}])
def test_dead_links_are_returned_too(store: LinkStore, changes: dict[str, Any]) -> None:
    dead = dataclasses.replace(LINK, **changes)
    store.put(dead)
    assert store.find(LINK.token_hash) == dead


OTHERS = (
    dataclasses.replace(LINK, token_hash="1" * 64),
    dataclasses.replace(LINK, token_hash="2" * 64, job_id=job_id(2)),
)


def test_the_links_of_a_job_are_found_by_it_dead_ones_too(store: LinkStore) -> None:
    dead = dataclasses.replace(LINK, token_hash="0" * 64, revoked=True, expires_at_s=1)
    for link in (LINK, dead, *OTHERS):
        store.put(link)
    assert set(store.list_by_job(job_id(1))) == {LINK.token_hash, dead.token_hash, OTHERS[0].token_hash}
    assert store.list_by_job(job_id(2)) == (OTHERS[1].token_hash,)
    assert store.list_by_job(job_id(3)) == ()


def test_links_that_have_expired_are_not_counted_deleted_or_not(store: LinkStore) -> None:
    for link in (LINK, *OTHERS, dataclasses.replace(LINK, token_hash="0" * 64, expires_at_s=LINK.expires_at_s + 1)):
        store.put(link)
    ends_ms = LINK.expires_at_s * 1000
    assert [store.count_living(job_id(1), at) for at in (ends_ms - 1, ends_ms, ends_ms + 1000)] == [3, 1, 0]
    assert [store.count_living(job_id(n), NOW_MS) for n in (2, 3)] == [1, 0]


def test_an_erased_link_is_gone_and_no_other(store: LinkStore) -> None:
    for link in (LINK, *OTHERS):
        store.put(link)
    for _ in range(2):
        store.erase(job_id(1), LINK.token_hash)
    assert store.find(LINK.token_hash) is None
    assert store.list_by_job(job_id(1)) == (OTHERS[0].token_hash,)


def test_an_erased_link_leaves_no_item(dynamodb: Any, table: str) -> None:
    store = DynamoLinkStore(dynamodb, table)
    store.put(LINK)
    assert len(dynamodb.scan(TableName=table)["Items"]) == 2, "the link and the pointer of its job"
    store.erase(job_id(1), LINK.token_hash)
    assert dynamodb.scan(TableName=table)["Items"] == []


def test_a_pointer_expires_with_its_link(dynamodb: Any, table: str) -> None:
    DynamoLinkStore(dynamodb, table).put(LINK)
    expiries = {item["expires_at_s"]["N"] for item in dynamodb.scan(TableName=table)["Items"]}
    assert expiries == {str(LINK.expires_at_s)}


def test_what_is_stored_cannot_be_followed(dynamodb: Any, table: str) -> None:
    DynamoLinkStore(dynamodb, table).put(LINK)
    assert TOKEN not in str(dynamodb.scan(TableName=table)["Items"])


def test_a_second_link_of_the_same_token_is_refused(dynamodb: Any, table: str) -> None:
    store = DynamoLinkStore(dynamodb, table)
    store.put(LINK)
    with pytest.raises(ClientError):
        store.put(dataclasses.replace(LINK, key="images/other.png"))
    assert store.find(LINK.token_hash) == LINK


@pytest.mark.parametrize(
    ("code", "status"), [("ThrottlingException", 400), ("InternalServerError", 500), ("ServiceUnavailable", 503)]
)
def test_what_may_pass_is_told_as_ours(code: str, status: int) -> None:
    client, stubber = stubbed("dynamodb")
    store = DynamoLinkStore(client, "table")
    for operation, call in every_call(store).items():
        stubber.add_client_error(operation, code, http_status_code=status)
        with pytest.raises(StoreUnavailableError):
            call()


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError"])
def test_a_transaction_that_met_another_is_told_as_ours(reason: str) -> None:
    client, stubber = stubbed("dynamodb")
    stubber.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        modeled_fields={"CancellationReasons": [{"Code": "None"}, {"Code": reason}]},
    )
    with pytest.raises(StoreUnavailableError):
        DynamoLinkStore(client, "table").put(LINK)


def every_call(store: LinkStore) -> dict[str, Callable[[], object]]:
    return {
        "transact_write_items": lambda: store.put(LINK),
        "get_item": lambda: store.find(LINK.token_hash),
        "query": lambda: store.list_by_job(job_id(1)),
        "delete_item": lambda: store.erase(job_id(1), LINK.token_hash),
    }


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_table_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    for call in every_call(DynamoLinkStore(unreached("dynamodb", error), "table")).values():
        with pytest.raises(StoreUnavailableError):
            call()


def test_a_link_of_another_version_is_read_without_what_it_has_more(dynamodb: Any, table: str) -> None:
    store = DynamoLinkStore(dynamodb, table)
    store.put(LINK)
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.put_item(TableName=table, Item=item | {"surprise": {"S": "later"}})
    assert store.find(LINK.token_hash) == LINK
