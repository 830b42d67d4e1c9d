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


@pytest.mark.parametrize("broken_at", [0, 1, 2])
def test_a_campaign_that_is_still_on_record_is_still_found_by_its_owner(
    dynamodb: Any, table: str, broken_at: int
) -> None:
    faults = Faults()
    store = DynamoCampaignStore(Between("dynamodb", dynamodb, faults), table)
    store.put(a_campaign())
    faults.plan = (("dynamodb", "delete_item"), broken_at, UNHEARD, False)
    with pytest.raises(StoreUnavailableError):
        store.erase(a_campaign())
    on_record = False
    with contextlib.suppress(CampaignNotFoundError):
        on_record = bool(store.get(CAMPAIGN_ID, NOW_MS))
    assert on_record <= (CAMPAIGN_ID in store.list_by_owner(OWNER, 9, None))
    assert on_record == (broken_at == 0)
