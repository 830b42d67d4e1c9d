"""Give a campaign other settings; where they make other rows, the rows have to be checked again."""

from __future__ import annotations

import dataclasses

from afterimage.domain.campaign import Campaign, CampaignSettings, CampaignStatus, RunStatus
from afterimage.domain.campaign_settings import changes_rows, checked_settings, permitted_recipients
from afterimage.domain.errors import CampaignStateError
from afterimage.domain.recipients import Caller
from afterimage.usecases.create_campaign import CampaignDesk
from afterimage.usecases.read_campaigns import with_latest_run


def change_campaign_settings(
    campaign: Campaign,
    settings: CampaignSettings,
    recipients: tuple[str, ...] | None,
    caller: Caller,
    desk: CampaignDesk,
) -> Campaign:
    """Return the changed campaign. Recipients that it has may stay, whoever changes it.

    Raises what `create_campaign` does for settings, CampaignStateError while rows are read or made, and
    CampaignChangedError.
    """
    run = with_latest_run(campaign, campaigns=desk.campaigns).run
    if run and run.status is RunStatus.RUNNING:
        raise CampaignStateError("A run of this campaign is at work.", code="run_active")
    if campaign.status is CampaignStatus.CHECKING:
        raise CampaignStateError("The rows of this campaign are being read.", code="campaign_checking")
    own = desk.people.confirmed_address(caller.username) if caller.username else None
    known = campaign.settings.recipients
    if caller.owner != campaign.owner and own not in known:
        own = None  # an admin who changes somebody's campaign does not become its recipient
    changed = dataclasses.replace(
        checked_settings(settings, desk.profile), recipients=permitted_recipients(caller, own, recipients, known)
    )
    anew = changes_rows(campaign.settings, changed)
    after = dataclasses.replace(
        campaign,
        settings=changed,
        status=CampaignStatus.DRAFT if anew else campaign.status,
        check=None if anew else campaign.check,
        updated_at_ms=max(desk.clock(), campaign.updated_at_ms + 1),
    )
    desk.campaigns.change(campaign, after)
    return after
