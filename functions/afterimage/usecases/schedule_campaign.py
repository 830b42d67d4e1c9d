"""Have a campaign begin by itself, or no more."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from afterimage.campaign_ports import CampaignSchedules, CampaignStore
from afterimage.domain.campaign import Campaign, Schedule
from afterimage.domain.errors import CampaignInvalidError
from afterimage.domain.schedules import checked_schedule, fires
from afterimage.ports import Clock


@dataclass(frozen=True, kw_only=True)
class Planner:
    """What scheduling needs. `warms` says whether a machine is woken before the rows of a run begin."""

    campaigns: CampaignStore
    schedules: CampaignSchedules
    warms: bool
    clock: Clock


def schedule_campaign(campaign: Campaign, expression: str, timezone: str, planner: Planner) -> Campaign:
    """Write the schedule down and make it; a repeat replaces it. Raises CampaignInvalidError and
    CampaignChangedError."""
    schedule = checked_schedule(expression, timezone, planner.clock())
    planned = _write(campaign, schedule, planner)
    try:
        apply_schedule(planned, planner)
    except CampaignInvalidError:
        _write(planned, campaign.schedule, planner)
        raise
    return planned


def apply_schedule(campaign: Campaign, planner: Planner) -> None:
    """Tell the scheduler what the campaign says: a one-time run is begun by so much earlier as a machine needs."""
    if campaign.schedule is None:
        return
    ahead = campaign.settings.warm_up_minutes if planner.warms else 0
    planner.schedules.put(campaign.campaign_id, fires(campaign.schedule, ahead, planner.clock()))


def unschedule_campaign(campaign: Campaign, planner: Planner) -> Campaign:
    """Take the schedule away; without one that is as good. Raises CampaignChangedError."""
    planner.schedules.remove(campaign.campaign_id)
    return _write(campaign, None, planner) if campaign.schedule else campaign


def _write(campaign: Campaign, schedule: Schedule | None, planner: Planner) -> Campaign:
    later = max(planner.clock(), campaign.updated_at_ms + 1)
    after = dataclasses.replace(campaign, schedule=schedule, updated_at_ms=later)
    planner.campaigns.change(campaign, after)
    return after
