"""Have a run begin no more rows, for a while; what is at work comes to its own end."""

from __future__ import annotations

from afterimage.campaign_ports import CampaignStore
from afterimage.domain.campaign import PAUSED_BY_OWNER, Campaign, Run, RunStatus
from afterimage.domain.errors import CampaignChangedError, CampaignNotFoundError, CampaignStateError
from afterimage.ports import Clock

_LOOKS = 3


def pause_campaign_run(campaign: Campaign, *, campaigns: CampaignStore, clock: Clock) -> Run:
    """Return the paused run; one that rests already is left as it is. Raises CampaignStateError for one that ended."""
    return move_latest_run(
        campaign,
        RunStatus.PAUSED,
        campaigns=campaigns,
        clock=clock,
        reason=PAUSED_BY_OWNER,
        when=frozenset({RunStatus.RUNNING}),
    )


def move_latest_run(
    campaign: Campaign,
    to: RunStatus,
    *,
    campaigns: CampaignStore,
    clock: Clock,
    when: frozenset[RunStatus],
    reason: str | None = None,
) -> Run:
    """Write `to` over one of the statuses of `when`. Raises CampaignStateError and CampaignChangedError."""
    for _ in range(_LOOKS):
        run = _latest(campaign, campaigns)
        if run.status is to:
            return run
        if run.status not in when:
            raise CampaignStateError("The run of this campaign has ended.", code="run_ended")
        if moved := campaigns.move_run(run, to, clock(), reason=reason):
            return moved
    raise CampaignChangedError()


def _latest(campaign: Campaign, campaigns: CampaignStore) -> Run:
    try:
        return campaigns.get_run(campaign.campaign_id, campaign.run_id or "none")
    except CampaignNotFoundError as exc:
        raise CampaignStateError("This campaign has not run yet.", code="no_run") from exc
