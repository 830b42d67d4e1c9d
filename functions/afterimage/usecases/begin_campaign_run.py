"""Begin a leg of a run: say where its rows are and how many at a time, and have a machine ready for them."""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.campaign_ports import CampaignStore, Capacity
from afterimage.contracts.campaign import campaign_prefix, check_prefix
from afterimage.domain.campaign import Run, RunStatus
from afterimage.domain.row_ref import CampaignId
from afterimage.ports import Clock


@dataclass(frozen=True, kw_only=True)
class Leg:
    """What the Map needs. `goes` is False when the run has moved on before its execution began."""

    goes: bool
    index_key: str
    results_prefix: str
    concurrency: int
    wait_seconds: int


def holder_of(run: Run) -> str:
    """Return the name under which a run holds the endpoint's machine."""
    return f"{run.campaign_id}/{run.run_id}"


def begin_campaign_run(
    campaign_id: CampaignId, run_id: str, leg: int, *, campaigns: CampaignStore, capacity: Capacity, clock: Clock
) -> Leg:
    """Warm the endpoint for the leg and return it; to begin twice is as good. Raises CampaignNotFoundError."""
    run = campaigns.get_run(campaign_id, run_id)
    campaign = campaigns.get(campaign_id, clock())
    goes = run.status is RunStatus.RUNNING and run.leg == leg
    warming = goes and capacity.warm(holder_of(run))
    return Leg(
        goes=goes,
        index_key=f"{check_prefix(campaign_id, run.check_id)}index.csv",
        results_prefix=f"{campaign_prefix(campaign_id)}map/{run_id}-{leg}",
        concurrency=run.concurrency,
        wait_seconds=campaign.settings.warm_up_minutes * 60 if warming else 0,
    )
