"""End a run for good; what is at work comes to its own end."""

from __future__ import annotations

from afterimage.campaign_ports import CampaignStore
from afterimage.domain.campaign import Campaign, Run, RunStatus
from afterimage.ports import Clock
from afterimage.usecases.pause_campaign_run import move_latest_run


def stop_campaign_run(campaign: Campaign, *, campaigns: CampaignStore, clock: Clock) -> Run:
    """Return the stopped run; to stop twice is as good. Raises CampaignStateError for one that has finished."""
    return move_latest_run(
        campaign,
        RunStatus.STOPPED,
        campaigns=campaigns,
        clock=clock,
        when=frozenset({RunStatus.RUNNING, RunStatus.PAUSED}),
    )
