"""Say what a run would take and what stands in its way; begin nothing."""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.domain.account import Usage
from afterimage.domain.campaign import BUDGET_DOLLARS, BUDGET_PICTURES, MICROS, Campaign, Check, RunStatus
from afterimage.domain.errors import CampaignStateError, RejectedError
from afterimage.domain.quotas import Quotas, day_is_full, fits, month_is_full
from afterimage.usecases.start_campaign_run import Starter, check_may_run, latest_run


@dataclass(frozen=True, kw_only=True)
class RunPrice:
    """What the check has found, and the bounds it meets. `refusal` is the code that would answer a run now, `pauses`
    are those for which it would pause before its last row."""

    check: Check
    quotas: Quotas
    usage: Usage
    refusal: str | None
    pauses: tuple[str, ...]


def price_campaign_run(campaign: Campaign, starter: Starter) -> RunPrice:
    """Return the price. Raises CampaignStateError while there is no check of the rows as they are."""
    check = campaign.check
    if check is None or check.rows == 0:
        raise CampaignStateError()
    account, now_ms = starter.accounts.find(campaign.owner), starter.clock()
    quotas = starter.quotas().with_override(account.override)
    usage = starter.accounts.usage(campaign.owner, now_ms)
    pauses = []
    if not fits(usage.monthly_pictures, check.pictures, quotas.monthly_pictures):
        pauses.append(month_is_full(now_ms).code)
    if not fits(usage.daily_pictures, check.pictures, quotas.daily_pictures):
        pauses.append(day_is_full(now_ms).code)
    settings = campaign.settings
    if settings.budget_pictures is not None and check.pictures > settings.budget_pictures:
        pauses.append(BUDGET_PICTURES)
    if settings.budget_dollars is not None and check.micros > settings.budget_dollars * MICROS:
        pauses.append(BUDGET_DOLLARS)
    return RunPrice(check=check, quotas=quotas, usage=usage, refusal=_refusal(campaign, starter), pauses=tuple(pauses))


def _refusal(campaign: Campaign, starter: Starter) -> str | None:
    latest = latest_run(campaign, starter)
    if latest and latest.status in (RunStatus.RUNNING, RunStatus.PAUSED):
        return "run_active"
    try:
        check_may_run(campaign, starter)
    except RejectedError as exc:
        return exc.code
    return None
