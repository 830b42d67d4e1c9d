"""Begin the run that a schedule calls for: once per scheduled time, and never beside another."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from dataclasses import dataclass
from typing import Any

from afterimage.campaign_ports import CampaignChecks
from afterimage.contracts.campaign import upload_key
from afterimage.domain.campaign import (
    CAMPAIGN_KEPT_S,
    Campaign,
    CampaignSettings,
    CampaignStatus,
    PassedOver,
    RunStatus,
)
from afterimage.domain.campaign_settings import checked_name, checked_settings
from afterimage.domain.errors import CampaignChangedError, CampaignNotFoundError, RejectedError
from afterimage.domain.job import new_job_id
from afterimage.domain.row_ref import CampaignId
from afterimage.domain.schedules import is_once, run_id_of
from afterimage.usecases.begin_campaign_check import mark_checking
from afterimage.usecases.create_campaign import ROWS_TYPE, CampaignDesk, lines_of
from afterimage.usecases.start_campaign_run import Begun, Starter, start_campaign_run

_LOOKS = 3


@dataclass(frozen=True, kw_only=True)
class CarriedCampaign:
    """A campaign that a schedule brings with it, rows and all."""

    name: str
    settings: CampaignSettings
    rows: tuple[dict[str, Any], ...]


def start_scheduled_campaign(campaign_id: str, scheduled_time: str, starter: Starter) -> Begun | PassedOver:
    """Begin the run of that time. What refuses it is written into the campaign, for its owner: asked again a minute
    later it would be refused again. Raises CampaignNotFoundError, TransientError."""
    run_id = run_id_of(scheduled_time)
    campaign = starter.campaigns.get(CampaignId(campaign_id), starter.clock())
    try:
        begun = start_campaign_run(campaign, run_id, starter)
    except RejectedError as exc:
        passed = PassedOver(run_id=run_id, at_ms=starter.clock(), code=exc.code)
        _note(campaign.campaign_id, passed, starter)
        return passed
    _note(campaign.campaign_id, None, starter)
    return begun


def _note(campaign_id: CampaignId, passed: PassedOver | None, starter: Starter) -> None:
    """Write what became of the time, and forget a schedule that comes no more. Somebody who changes the campaign at the
    same moment goes first."""
    for _ in range(_LOOKS):
        with contextlib.suppress(CampaignChangedError):
            campaign = starter.campaigns.get(campaign_id, starter.clock())
            once = campaign.schedule is not None and is_once(campaign.schedule)
            after = dataclasses.replace(
                campaign,
                passed_over=passed or campaign.passed_over,
                schedule=None if once else campaign.schedule,
                updated_at_ms=max(starter.clock(), campaign.updated_at_ms + 1),
            )
            if (after.passed_over, after.schedule) != (campaign.passed_over, campaign.schedule):
                starter.campaigns.change(campaign, after)
            return


def carried_campaign_id(schedule: str) -> CampaignId:
    """Return the id of the one campaign of a schedule that brings its own: the same at each time."""
    return CampaignId(new_job_id(0, hashlib.sha256(schedule.encode()).digest()))


def receive_campaign(
    schedule: str, carried: CarriedCampaign, scheduled_time: str, desk: CampaignDesk, checks: CampaignChecks
) -> CampaignId:
    """Write the campaign down as the schedule has it now, have its rows read, and return its id.

    Whoever may write a schedule may name its recipients. While a run of it is at work or rests, or when the event comes
    again, it is left as it is.
    """
    campaign_id, now_ms = carried_campaign_id(schedule), desk.clock()
    try:
        known = desk.campaigns.get(campaign_id, now_ms)
    except CampaignNotFoundError:
        known = _first(schedule, campaign_id, now_ms)
        desk.campaigns.put(known)
    if _is_busy(known, run_id_of(scheduled_time), desk):
        return campaign_id
    renewed = dataclasses.replace(
        known,
        name=checked_name(carried.name),
        settings=checked_settings(carried.settings, desk.profile),
        status=CampaignStatus.DRAFT,
        updated_at_ms=max(now_ms, known.updated_at_ms + 1),
        expires_at_s=now_ms // 1000 + CAMPAIGN_KEPT_S,
    )
    desk.campaigns.change(known, renewed)
    desk.files.write(upload_key(campaign_id), lines_of(carried.rows), ROWS_TYPE)
    _, check_id = mark_checking(
        renewed, campaigns=desk.campaigns, files=desk.files, clock=desk.clock, entropy=desk.entropy
    )
    checks.finish(campaign_id, check_id)
    return campaign_id


def _first(schedule: str, campaign_id: CampaignId, now_ms: int) -> Campaign:
    return Campaign(
        campaign_id=campaign_id,
        owner=f"schedule#{schedule}",
        name=schedule,
        status=CampaignStatus.DRAFT,
        settings=CampaignSettings(),
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
        expires_at_s=now_ms // 1000 + CAMPAIGN_KEPT_S,
    )


def _is_busy(campaign: Campaign, run_id: str, desk: CampaignDesk) -> bool:
    if campaign.run_id is None:
        return False
    with contextlib.suppress(CampaignNotFoundError):
        run = desk.campaigns.get_run(campaign.campaign_id, campaign.run_id)
        return run.run_id == run_id or run.status in (RunStatus.RUNNING, RunStatus.PAUSED)
    return False
