"""A campaign, a run of it and claims of its rows, complete and ordinary; a test changes only what it is about."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from afterimage.campaign_ports import CampaignStore
from afterimage.domain.campaign import (
    Campaign,
    CampaignSettings,
    CampaignStatus,
    Check,
    RowClaim,
    Run,
    RunStatus,
)
from afterimage.domain.row_ref import CampaignId, RowRef

from fakes.outside import NOW_MS
from fakes.samples import ADDRESS, OWNER, job_id

CAMPAIGN_ID = CampaignId(job_id(900))
RUN_ID = "20261122t070000z"
CHECK = Check(check_id="c" * 16, at_ms=NOW_MS, rows=3, pictures=3, seconds=2.4, micros=5_000, problems=0, blocked=0)


def a_campaign(status: CampaignStatus = CampaignStatus.READY, **changes: Any) -> Campaign:
    """Return a campaign of three checked rows."""
    campaign = Campaign(
        campaign_id=CAMPAIGN_ID,
        owner=OWNER,
        name="Autumn",
        status=status,
        settings=CampaignSettings(recipients=(ADDRESS,)),
        created_at_ms=NOW_MS,
        updated_at_ms=NOW_MS,
        expires_at_s=NOW_MS // 1000 + 400 * 86_400,
        check=CHECK,
    )
    return dataclasses.replace(campaign, **changes)


def a_run(**changes: Any) -> Run:
    """Return the first leg of a run of it, nothing claimed."""
    run = Run(
        campaign_id=CAMPAIGN_ID,
        run_id=RUN_ID,
        owner=OWNER,
        status=RunStatus.RUNNING,
        leg=1,
        check_id=CHECK.check_id,
        rows=3,
        concurrency=2,
        started_at_ms=NOW_MS,
        updated_at_ms=NOW_MS,
        expires_at_s=NOW_MS // 1000 + 90 * 86_400,
    )
    return dataclasses.replace(run, **changes)


def a_claim(row: int = 1, attempt: int = 1, **changes: Any) -> RowClaim:
    """Return the claim of one row on that run."""
    claim = RowClaim(
        ref=RowRef(campaign_id=CAMPAIGN_ID, run_id=RUN_ID, row=row, attempt=attempt),
        leg=1,
        task_token=f"token-{row}-{attempt}",
        pictures=2,
        micros=700,
        expires_at_s=NOW_MS // 1000 + 90 * 86_400,
    )
    return dataclasses.replace(claim, **changes)


NO_CAMPAIGNS = cast("CampaignStore", None)
"""Where no job is a row: whoever asked it anything would raise AttributeError."""
