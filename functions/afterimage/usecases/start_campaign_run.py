"""Begin a run of a campaign, from the door and from a schedule alike: once per run id, and one at a time.

The run is written first and its execution started then. Whoever dies in between leaves a run that is RUNNING without an
execution: the same call again starts it, and so does the sweep, which finds the run by its mark.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from afterimage.campaign_ports import CampaignStore, CampaignWorkflow
from afterimage.domain.campaign import MICROS, Campaign, CampaignStatus, Check, Run, RunStatus, max_failures_of
from afterimage.domain.errors import (
    AdmissionClosedError,
    CampaignInvalidError,
    CampaignNotFoundError,
    CampaignStateError,
    TransientError,
)
from afterimage.domain.job import new_job_id
from afterimage.domain.quotas import Quotas, fits
from afterimage.ports import AccountStore, Clock, Entropy

_RANDOM_CHARACTERS = 16  # of a ULID, behind its time


@dataclass(frozen=True, kw_only=True)
class Starter:
    """What setting runs going needs."""

    campaigns: CampaignStore
    workflow: CampaignWorkflow
    accounts: AccountStore
    admission_is_open: Callable[[], bool]
    quotas: Callable[[], Quotas]
    run_ttl_s: int
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A run, and whether this call only found it. `refusal` says why its execution could not be started: the sweep
    will."""

    run: Run
    repeated: bool
    refusal: str | None = None


def hand_run_id(campaign: Campaign, key: str | None, now_ms: int, entropy: Entropy) -> str:
    """Return the id of a run that a person begins, as a job id is made; a key stands in its random part."""
    named = hashlib.sha256(f"run\n{campaign.campaign_id}\n{key}".encode()).digest() if key is not None else None
    return new_job_id(now_ms, named[:10] if named else entropy(10))


def start_campaign_run(campaign: Campaign, run_id: str, starter: Starter) -> Begun:
    """Begin a run of that id, or find it again.

    Raises CampaignStateError when rows are not ready or another run is active, CampaignInvalidError for more rows than
    the owner may have, AccountDisabledError, AdmissionClosedError and CampaignChangedError.
    """
    latest = latest_run(campaign, starter)
    if latest and (latest.run_id == run_id or _same_key(latest, run_id)):
        return Begun(run=latest, repeated=True, refusal=set_going(latest, starter))
    if known := _run(campaign, run_id, starter):  # an event that comes again when the next run has begun
        return Begun(run=known, repeated=True)
    if latest and latest.status in (RunStatus.RUNNING, RunStatus.PAUSED):
        set_going(latest, starter)
        raise CampaignStateError("A run of this campaign is at work, or rests: stop it first.", code="run_active")
    run = _new_run(campaign, check_may_run(campaign, starter), run_id, starter)
    repeated = not starter.campaigns.begin_run(campaign, run, starter.clock())
    return Begun(run=run, repeated=repeated, refusal=set_going(run, starter))


def check_may_run(campaign: Campaign, starter: Starter) -> Check:
    """Return the check of the rows that may run; raise what refuses every one of them now."""
    if campaign.status is CampaignStatus.CHECKING:
        raise CampaignStateError("The rows of this campaign are being read.", code="campaign_checking")
    if campaign.status is not CampaignStatus.READY or campaign.check is None:
        raise CampaignStateError()
    account = starter.accounts.find(campaign.owner)
    account.check()
    if not starter.admission_is_open():
        raise AdmissionClosedError()
    quotas = starter.quotas().with_override(account.override)
    if not fits(0, campaign.check.rows, quotas.campaign_rows):
        raise CampaignInvalidError(
            f"The campaign has {campaign.check.rows} rows, and may have {quotas.campaign_rows}.", code="too_many_rows"
        )
    return campaign.check


def latest_run(campaign: Campaign, starter: Starter) -> Run | None:
    """Return the campaign's latest run that is on record."""
    return _run(campaign, campaign.run_id, starter) if campaign.run_id else None


def set_going(run: Run, starter: Starter) -> str | None:
    """Start the execution of a run that is RUNNING; return why that failed, None when it did not."""
    if run.status is not RunStatus.RUNNING:
        return None
    try:
        starter.workflow.start(run.campaign_id, run.run_id, run.leg)
    except TransientError as exc:  # it is recorded, so it is begun
        return exc.code
    return None


def _run(campaign: Campaign, run_id: str, starter: Starter) -> Run | None:
    with contextlib.suppress(CampaignNotFoundError):
        return starter.campaigns.get_run(campaign.campaign_id, run_id)
    return None


def _same_key(latest: Run, run_id: str) -> bool:
    """True for two ids whose random parts are the same: both were made for one key."""
    return len(latest.run_id) == len(run_id) and latest.run_id[-_RANDOM_CHARACTERS:] == run_id[-_RANDOM_CHARACTERS:]


def _new_run(campaign: Campaign, check: Check, run_id: str, starter: Starter) -> Run:
    settings, now_ms = campaign.settings, starter.clock()
    dollars = settings.budget_dollars
    return Run(
        campaign_id=campaign.campaign_id,
        run_id=run_id,
        owner=campaign.owner,
        status=RunStatus.RUNNING,
        leg=1,
        check_id=check.check_id,
        rows=check.rows,
        concurrency=settings.concurrency,
        started_at_ms=now_ms,
        updated_at_ms=now_ms,
        expires_at_s=now_ms // 1000 + starter.run_ttl_s,
        budget_pictures=settings.budget_pictures,
        budget_micros=round(dollars * MICROS) if dollars is not None else None,
        max_failures=max_failures_of(settings, check.rows),
    )
