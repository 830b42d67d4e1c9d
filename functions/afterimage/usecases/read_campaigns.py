"""Show a caller campaigns and runs. Another's campaign, an expired one and none at all look the same; an admin sees
all."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from afterimage.campaign_ports import CampaignStore
from afterimage.domain.campaign import Campaign, Row, Run, RunStatus
from afterimage.domain.errors import AdminOnlyError, CampaignNotFoundError, InvalidCursorError
from afterimage.domain.job import is_job_id
from afterimage.domain.recipients import ADMIN_GROUP, Caller
from afterimage.domain.row_ref import CampaignId
from afterimage.ports import Clock

MAX_RUNS = 50


@dataclass(frozen=True, kw_only=True)
class CampaignNow:
    """A campaign with its latest run."""

    campaign: Campaign
    run: Run | None


@dataclass(frozen=True, kw_only=True)
class CampaignPage:
    """A page of campaigns, newest first; `cursor` asks for the next, None on the last."""

    campaigns: tuple[CampaignNow, ...]
    cursor: CampaignId | None


@dataclass(frozen=True, kw_only=True)
class RowPage:
    """A page of rows in their order; `cursor` asks for the next, None on the last."""

    rows: tuple[Row, ...]
    cursor: int | None


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How far a run is. `rows_per_minute` counts from its beginning, rests and the waking of a machine among it;
    `seconds_left` is None where nothing can be told from it."""

    share: float
    rows_per_minute: float
    seconds_left: float | None


def read_campaign(campaign_id: str, caller: Caller, *, campaigns: CampaignStore, clock: Clock) -> Campaign:
    """Return a campaign of the caller, or any for an admin. Raises CampaignNotFoundError."""
    if not is_job_id(campaign_id):
        raise CampaignNotFoundError()
    campaign = campaigns.get(CampaignId(campaign_id), clock())
    if campaign.owner != caller.owner and ADMIN_GROUP not in caller.groups:
        raise CampaignNotFoundError()
    return campaign


def with_latest_run(campaign: Campaign, *, campaigns: CampaignStore) -> CampaignNow:
    """Return a campaign and how its latest run stands."""
    run = None
    if campaign.run_id:
        with contextlib.suppress(CampaignNotFoundError):  # its record may have expired before the campaign's
            run = campaigns.get_run(campaign.campaign_id, campaign.run_id)
    return CampaignNow(campaign=campaign, run=run)


def read_run(campaign: Campaign, run_id: str | None, *, campaigns: CampaignStore) -> Run:
    """Return a run of the campaign, its latest when none is named. Raises CampaignNotFoundError."""
    wanted = run_id or campaign.run_id
    if not wanted or not wanted.isalnum() or not wanted.isascii() or len(wanted) > 26:
        raise CampaignNotFoundError("There is no such run.", code="run_not_found")
    try:
        return campaigns.get_run(campaign.campaign_id, wanted)
    except CampaignNotFoundError as exc:
        raise CampaignNotFoundError("There is no such run.", code="run_not_found") from exc


def list_campaigns(
    caller: Caller, limit: int, cursor: str | None, *, of_all: bool, campaigns: CampaignStore, clock: Clock
) -> CampaignPage:
    """Return a page of the caller's campaigns, or of everybody's for an admin. Raises InvalidCursorError and
    AdminOnlyError."""
    if cursor is not None and not is_job_id(cursor):
        raise InvalidCursorError()
    if of_all and ADMIN_GROUP not in caller.groups:
        raise AdminOnlyError()
    owner = None if of_all else caller.owner
    ids = campaigns.list_by_owner(owner, limit + 1, CampaignId(cursor) if cursor else None)
    found = []
    for campaign_id in ids[:limit]:
        with contextlib.suppress(CampaignNotFoundError):  # expired, or erased a moment ago
            found.append(with_latest_run(campaigns.get(campaign_id, clock()), campaigns=campaigns))
    return CampaignPage(campaigns=tuple(found), cursor=ids[limit - 1] if len(ids) > limit else None)


def list_runs(campaign: Campaign, *, campaigns: CampaignStore) -> tuple[Run, ...]:
    """Return the latest runs of a campaign that are still on record."""
    found = []
    for run_id in campaigns.list_runs(campaign.campaign_id, MAX_RUNS):
        with contextlib.suppress(CampaignNotFoundError):
            found.append(campaigns.get_run(campaign.campaign_id, run_id))
    return tuple(sorted(found, key=lambda run: run.started_at_ms, reverse=True))


def list_rows(run: Run, limit: int, after: int, *, campaigns: CampaignStore) -> RowPage:
    """Return a page of the rows of a run that were begun."""
    rows = campaigns.list_rows(run.campaign_id, run.run_id, after, limit + 1)
    page = rows[:limit]
    return RowPage(rows=page, cursor=page[-1].row if len(rows) > limit else None)


def pace_of(run: Run, now_ms: int) -> Pace:
    """Return how far a run is, from its counters alone."""
    until_ms = now_ms if run.status is RunStatus.RUNNING else run.ended_at_ms or run.updated_at_ms
    minutes = max(until_ms - run.started_at_ms, 1) / 60_000
    rate = run.settled / minutes
    left = None
    if run.status is RunStatus.RUNNING and rate > 0:
        left = round(max(run.rows - run.settled, 0) / rate * 60, 1)
    return Pace(
        share=round(run.settled / run.rows, 4) if run.rows else 0.0, rows_per_minute=round(rate, 2), seconds_left=left
    )
