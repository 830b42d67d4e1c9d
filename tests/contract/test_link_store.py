"""What `ports.LinkStore` promises, of the fake and of DynamoDB alike."""

from __future__ import annotations

import dataclasses
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


def test_an_unknown_hash_finds_nothing(store: LinkStore) -> None:
    store.put(LINK)
    assert store.find("0" * 64) is None


@pytest.mark.parametrize("changes", [{"revoked": True}, {"expires_at_s": 1}])
def test_dead_links_are_returned_too(store: LinkStore, changes: dict[str, Any]) -> None:
    dead = dataclasses.replace(LINK, **changes)
    store.put(dead)
    assert store.find(LINK.token_hash) == dead


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
    stubber.add_client_error("put_item", code, http_status_code=status)
    with pytest.raises(StoreUnavailableError):
        store.put(LINK)
    stubber.add_client_error("get_item", code, http_status_code=status)
    with pytest.raises(StoreUnavailableError):
        store.find(LINK.token_hash)


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_table_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    store = DynamoLinkStore(unreached("dynamodb", error), "table")
    with pytest.raises(StoreUnavailableError):
        store.put(LINK)
    with pytest.raises(StoreUnavailableError):
        store.find(LINK.token_hash)


def test_a_link_of_another_version_is_read_without_what_it_has_more(dynamodb: Any, table: str) -> None:
    store = DynamoLinkStore(dynamodb, table)
    store.put(LINK)
    (item,) = dynamodb.scan(TableName=table)["Items"]
    dynamodb.put_item(TableName=table, Item=item | {"surprise": {"S": "later"}})
    assert store.find(LINK.token_hash) == LINK
