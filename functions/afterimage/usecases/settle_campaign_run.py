"""Bring a leg to rest: wait for the rows that are at work, then record how the run stands."""

from __future__ import annotations

from enum import StrEnum

from afterimage.campaign_ports import CampaignStore, Capacity
from afterimage.domain.campaign import RUN_FAILED, Run, RunStatus
from afterimage.domain.row_ref import CampaignId
from afterimage.ports import Clock
from afterimage.usecases.begin_campaign_run import holder_of


class Rest(StrEnum):
    """How a leg stands: rows are at work, all is told by its record, or another leg has taken over."""

    WAITING = "waiting"
    RESTS = "rests"
    SUPERSEDED = "superseded"


def settle_campaign_run(
    campaign_id: CampaignId, run_id: str, leg: int, *, campaigns: CampaignStore, capacity: Capacity, clock: Clock
) -> tuple[Rest, Run]:
    """Return how the leg stands, and the run; once nothing is at work its status is true and the endpoint let go.

    A Map that ended with rows that nobody claimed failed by itself: such a run is PAUSED as `run_failed` and can be
    resumed. Raises CampaignNotFoundError.
    """
    run = campaigns.get_run(campaign_id, run_id)
    if run.leg != leg:
        return Rest.SUPERSEDED, run
    if run.open > 0:
        return Rest.WAITING, run
    if run.status in (RunStatus.RUNNING, RunStatus.PAUSED) and run.settled >= run.rows:
        run = campaigns.move_run(run, RunStatus.FINISHED, clock()) or run
    elif run.status is RunStatus.RUNNING:
        run = campaigns.move_run(run, RunStatus.PAUSED, clock(), reason=RUN_FAILED) or run
    capacity.let_go(holder_of(run))
    return Rest.RESTS, run
