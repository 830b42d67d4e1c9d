"""Have a campaign's rows read: the campaign says so first, and what reads them writes what it found."""

from __future__ import annotations

import contextlib
import dataclasses

from afterimage.campaign_ports import CampaignChecks, CampaignFiles, CampaignStore
from afterimage.contracts.campaign import upload_key
from afterimage.domain.campaign import CAMPAIGN_KEPT_S, MAX_UPLOAD_BYTES, Campaign, CampaignStatus, Check
from afterimage.domain.errors import CampaignChangedError, CampaignStateError, TransientError
from afterimage.ports import Clock, Entropy

# Longer than the function that reads may take, with what Lambda repeats of it.
GIVEN_UP_MS = 10 * 60_000


def begin_campaign_check(
    campaign: Campaign,
    *,
    campaigns: CampaignStore,
    files: CampaignFiles,
    checks: CampaignChecks,
    clock: Clock,
    entropy: Entropy,
) -> Campaign:
    """Return the campaign as it stands: CHECKING.

    Raises CampaignStateError while they are read already or when there is nothing to read, CampaignChangedError, and
    WorkflowUnavailableError, after which the campaign stands as before.
    """
    marked, check_id = mark_checking(campaign, campaigns=campaigns, files=files, clock=clock, entropy=entropy)
    try:
        checks.begin(marked.campaign_id, check_id)
    except TransientError:
        back = dataclasses.replace(campaign, updated_at_ms=max(clock(), marked.updated_at_ms + 1))
        with contextlib.suppress(CampaignChangedError):
            campaigns.change(marked, back)
        raise
    return marked


def mark_checking(
    campaign: Campaign, *, campaigns: CampaignStore, files: CampaignFiles, clock: Clock, entropy: Entropy
) -> tuple[Campaign, str]:
    """Write down that a new check has begun; return the campaign and the check's id."""
    now_ms = clock()
    began_ms = campaign.check.at_ms if campaign.check else campaign.updated_at_ms
    if campaign.status is CampaignStatus.CHECKING and now_ms - began_ms < GIVEN_UP_MS:
        raise CampaignStateError("The rows of this campaign are being read.", code="campaign_checking")
    size = files.size(upload_key(campaign.campaign_id))
    if size is None and "prompt" not in campaign.settings.defaults | campaign.settings.axes:  # else these are rows
        raise CampaignStateError("There are no rows yet: upload them first.", code="no_rows")
    if (size or 0) > MAX_UPLOAD_BYTES:  # the form lets none through; who may write there otherwise is no caller
        raise CampaignStateError("The rows are more than 10 MB.", code="upload_too_large")
    check = Check(
        check_id=entropy(8).hex(), at_ms=now_ms, rows=0, pictures=0, seconds=0.0, micros=0, problems=0, blocked=0
    )
    marked = dataclasses.replace(
        campaign,
        status=CampaignStatus.CHECKING,
        check=check,
        updated_at_ms=max(now_ms, campaign.updated_at_ms + 1),
        expires_at_s=max(campaign.expires_at_s, now_ms // 1000 + CAMPAIGN_KEPT_S),
    )
    campaigns.change(campaign, marked)
    return marked, check.check_id
