"""Make the failed rows of a run again. Blocked and cancelled ones would end as before, and stay."""

from __future__ import annotations

from afterimage.domain.campaign import Campaign, RunStatus
from afterimage.domain.errors import CampaignStateError
from afterimage.usecases.resume_campaign_run import Bounds, ended, go_on, known_run
from afterimage.usecases.start_campaign_run import Begun, Starter, set_going


def retry_campaign_run(campaign: Campaign, bounds: Bounds, starter: Starter) -> Begun:
    """Begin a leg in which failed rows may be claimed again, and with them those that nobody has begun; a leg that does
    so already is left alone.

    Raises CampaignStateError for a run that is at work or was stopped, and when no row has failed.
    """
    run = known_run(campaign, starter)
    if run.status is RunStatus.RUNNING:
        if run.retrying:
            return Begun(run=run, repeated=True, refusal=set_going(run, starter))
        raise CampaignStateError("A run of this campaign is at work.", code="run_active")
    if run.status is RunStatus.STOPPED:
        raise ended()
    if run.failed == 0:
        raise CampaignStateError("No row of this run has failed.", code="nothing_to_retry")
    return go_on(run, bounds, starter, retrying=True)
