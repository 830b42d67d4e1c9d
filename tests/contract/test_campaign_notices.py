"""Who was told and who has left, in memory and in DynamoDB alike."""

from __future__ import annotations

from typing import Any

import pytest
from afterimage.adapters.dynamodb.campaign_notices import DynamoCampaignNotices
from afterimage.adapters.dynamodb.unsubscribes import DynamoUnsubscribeStore
from afterimage.campaign_ports import CampaignNotices, UnsubscribeStore
from afterimage.domain.job import Notice
from afterimage.domain.unsubscribing import Unsubscribed, UnsubscribeLink
from fakes.campaigns import a_run
from fakes.digest_world import MemoryCampaignNotices, MemoryUnsubscribeStore
from fakes.outside import NOW_MS

WHO, OTHER = "a" * 64, "b" * 64
SENDING, SENT = Notice(state="sending", at_ms=NOW_MS), Notice(state="sent", at_ms=NOW_MS + 1)


@pytest.fixture(params=["memory", "dynamodb"])
def notices(request: pytest.FixtureRequest) -> CampaignNotices:
    if request.param == "memory":
        return MemoryCampaignNotices()
    return DynamoCampaignNotices(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


@pytest.fixture(params=["memory", "dynamodb"])
def unsubscribes(request: pytest.FixtureRequest) -> UnsubscribeStore:
    if request.param == "memory":
        return MemoryUnsubscribeStore()
    return DynamoUnsubscribeStore(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


def test_an_intent_is_recorded_once_for_a_leg_and_an_address(notices: CampaignNotices) -> None:
    run = a_run()
    assert notices.find(run, WHO) is None
    assert notices.swap(run, WHO, None, SENDING)
    assert not notices.swap(run, WHO, None, SENDING)
    assert notices.find(run, WHO) == SENDING
    assert notices.find(run, OTHER) is None
    assert notices.swap(a_run(leg=2), WHO, None, SENDING)
    assert notices.swap(a_run(run_id="other"), WHO, None, SENDING)


def test_a_state_is_replaced_where_it_is_the_expected_one(notices: CampaignNotices) -> None:
    run = a_run()
    notices.swap(run, WHO, None, SENDING)
    assert not notices.swap(run, WHO, "sent", SENDING)
    assert notices.swap(run, WHO, "sending", SENT)
    assert notices.find(run, WHO) == SENT


def test_an_intent_that_is_given_back_is_none(notices: CampaignNotices) -> None:
    run = a_run()
    notices.swap(run, WHO, None, SENDING)
    assert notices.swap(run, WHO, "sending", None)
    assert notices.find(run, WHO) is None
    assert notices.swap(run, WHO, None, SENDING)


def test_a_link_is_found_by_its_hash_and_who_left_has_left(unsubscribes: UnsubscribeStore) -> None:
    link = UnsubscribeLink(token_hash="1" * 64, address_hash=WHO, created_at_ms=NOW_MS, expires_at_s=7)
    unsubscribes.put_link(link)
    assert unsubscribes.find_link("1" * 64) == link
    assert unsubscribes.find_link("2" * 64) is None
    for at_ms in (NOW_MS, NOW_MS + 1):
        unsubscribes.unsubscribe(Unsubscribed(address_hash=WHO, at_ms=at_ms, expires_at_s=9))
    assert [unsubscribes.has_left(address) for address in (WHO, OTHER)] == [True, False]


def test_items_hold_hashes_and_expire(dynamodb: Any, table: str) -> None:
    DynamoCampaignNotices(dynamodb, table).swap(a_run(), WHO, None, SENDING)
    DynamoUnsubscribeStore(dynamodb, table).unsubscribe(Unsubscribed(address_hash=WHO, at_ms=1, expires_at_s=9))
    items = dynamodb.scan(TableName=table)["Items"]
    assert len(items) == 2
    assert all("expires_at_s" in item and "@" not in repr(item) for item in items)
