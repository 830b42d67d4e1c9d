"""A campaign whose erasing broke off is found again by whoever erases its owner."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.domain.errors import CampaignNotFoundError, StoreUnavailableError
from fakes.aws_faults import UNHEARD, Between, Faults
from fakes.campaigns import CAMPAIGN_ID, a_campaign
from fakes.outside import NOW_MS
from fakes.samples import OWNER


@pytest.mark.parametrize(("kind", "erased"), [(UNHEARD, True), ("500", False)])
def test_a_campaign_is_erased_with_what_finds_it_or_not_at_all(
    dynamodb: Any, table: str, kind: str, erased: bool
) -> None:
    faults = Faults()
    store = DynamoCampaignStore(Between("dynamodb", dynamodb, faults), table)
    store.put(a_campaign())
    faults.calls.clear()
    faults.plan = (("dynamodb", "transact_write_items"), 0, kind, False)
    with pytest.raises(StoreUnavailableError):
        store.erase(a_campaign())
    on_record = False
    with contextlib.suppress(CampaignNotFoundError):
        on_record = bool(store.get(CAMPAIGN_ID, NOW_MS))
    assert on_record is not erased
    assert (CAMPAIGN_ID in store.list_by_owner(OWNER, 9, None)) is not erased
    assert (CAMPAIGN_ID in store.list_by_owner(None, 9, None)) is not erased
