"""Erase a campaign: its schedule, its files and its record. Its pictures are requests like any other
and stay in the gallery."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from afterimage.campaign_ports import CampaignFiles, CampaignSchedules, CampaignStore
from afterimage.contracts.campaign import campaign_prefix
from afterimage.domain.campaign import Campaign
from afterimage.domain.errors import CampaignStateError
from afterimage.ports import Clock
from afterimage.usecases.stop_campaign_run import stop_campaign_run


@dataclass(frozen=True, kw_only=True)
class CampaignEraser:
    """What erasing a campaign needs."""

    campaigns: CampaignStore
    files: CampaignFiles
    schedules: CampaignSchedules
    clock: Clock


def erase_campaign(campaign: Campaign, eraser: CampaignEraser) -> None:
    """Stop the run, if one is at work, and erase what there is; may be repeated. What an execution of it still writes
    the sweep erases when it has ended."""
    eraser.schedules.remove(campaign.campaign_id)
    with contextlib.suppress(CampaignStateError):  # it has ended, or never begun
        stop_campaign_run(campaign, campaigns=eraser.campaigns, clock=eraser.clock)
    eraser.files.erase(campaign_prefix(campaign.campaign_id))
    eraser.campaigns.erase(campaign)
