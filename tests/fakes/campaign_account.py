"""Four campaigns in an account: one whose run waits for its first row, one whose rows have all been refused, one that
was never run, and one whose run has come to rest."""

from __future__ import annotations

import dataclasses
from typing import Any

from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.contracts.campaign import RowDocument, check_prefix
from afterimage.contracts.campaign_results import Results, manifest_key, results_key
from afterimage.contracts.codec import to_json
from afterimage.domain.campaign import Check, RunStatus
from afterimage.domain.row_ref import CampaignId, RowRef

from fakes.campaigns import CHECK, RUN_ID, a_campaign, a_claim, a_run
from fakes.outside import NOW_MS
from fakes.samples import job_id

AT_WORK, ALL_SETTLED, NEVER_RUN, AT_REST = (CampaignId(job_id(number)) for number in (901, 902, 903, 904))
CAMPAIGNS = (AT_WORK, ALL_SETTLED, NEVER_RUN, AT_REST)
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
    rows = {f"{check_prefix(campaign, CHECK.check_id)}rows.jsonl": b"".join(_LINES) for campaign in CAMPAIGNS}
    left = Results(
        leg=1,
        at_ms=NOW_MS,
        rows=ROWS,
        parts=(),
        pictures=0,
        sheets=0,
        statuses={"FAILED": ROWS},
        reasons=(),
        columns=(),
    )
    return rows | {
        results_key(AT_REST, RUN_ID): to_json(left).encode(),
        manifest_key(AT_REST, RUN_ID, "csv"): b"row\r\n",
    }


def fill(dynamodb: Any, table: str) -> None:
    """Write them down."""
    store = DynamoCampaignStore(dynamodb, table)
    check: Check = dataclasses.replace(CHECK, rows=ROWS)
    for campaign_id in CAMPAIGNS:
        campaign = a_campaign(campaign_id=campaign_id, check=check)
        store.put(campaign)
        if campaign_id != NEVER_RUN:
            status = RunStatus.FINISHED if campaign_id == AT_REST else RunStatus.RUNNING
            store.begin_run(campaign, a_run(campaign_id=campaign_id, rows=ROWS, status=status), NOW_MS + 1)
    for row in range(1, ROWS + 1):
        ref = RowRef(campaign_id=ALL_SETTLED, run_id=RUN_ID, row=row, attempt=1)
        store.refuse_row(a_claim(ref=ref), "prompt_too_long", NOW_MS)
