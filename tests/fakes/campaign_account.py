"""Two campaigns in an account: one whose run waits for its first row, one whose rows have all been refused."""

from __future__ import annotations

import dataclasses
from typing import Any

from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.contracts.campaign import RowDocument, check_prefix
from afterimage.contracts.codec import to_json
from afterimage.domain.campaign import Check
from afterimage.domain.row_ref import CampaignId, RowRef

from fakes.campaigns import CHECK, RUN_ID, a_campaign, a_claim, a_run
from fakes.outside import NOW_MS
from fakes.samples import job_id

AT_WORK, ALL_SETTLED = CampaignId(job_id(901)), CampaignId(job_id(902))
ROWS = 2
_LINES = [
    to_json(
        RowDocument(row=row, line=row + 1, request={"prompt": f"a boat {row}"}, columns={}, pictures=1, micros=500)
    ).encode()
    + b"\n"
    for row in range(1, ROWS + 1)
]


def leg_of(campaign_id: CampaignId, **more: Any) -> dict[str, Any]:
    """What a state of the machine gets."""
    return {"campaign_id": campaign_id, "run_id": RUN_ID, "leg": 1, **more}


def first_row() -> dict[str, Any]:
    """What the state of the first row gets."""
    return leg_of(AT_WORK, row="1", start="0", length=str(len(_LINES[0])), task_token="token-1")


def files() -> dict[str, bytes]:
    """Key → content of what a check has written."""
    return {
        f"{check_prefix(campaign, CHECK.check_id)}rows.jsonl": b"".join(_LINES) for campaign in (AT_WORK, ALL_SETTLED)
    }


def fill(dynamodb: Any, table: str) -> None:
    """Write both down."""
    store = DynamoCampaignStore(dynamodb, table)
    check: Check = dataclasses.replace(CHECK, rows=ROWS)
    for campaign_id in (AT_WORK, ALL_SETTLED):
        campaign = a_campaign(campaign_id=campaign_id, check=check)
        store.put(campaign)
        store.begin_run(campaign, a_run(campaign_id=campaign_id, rows=ROWS), NOW_MS + 1)
    for row in range(1, ROWS + 1):
        ref = RowRef(campaign_id=ALL_SETTLED, run_id=RUN_ID, row=row, attempt=1)
        store.refuse_row(a_claim(ref=ref), "prompt_too_long", NOW_MS)
