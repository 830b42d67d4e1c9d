"""Check the rows of a campaign before anything runs: read the upload row by row, write what is right and all that is
wrong, and say whether it may run.

Run twice for the same check, or again after it died half-way, it writes the same files; only who still finds the
campaign waiting for this check writes them.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from afterimage.campaign_ports import CampaignFiles, CampaignStore
from afterimage.contracts.campaign import check_prefix, upload_key
from afterimage.domain.campaign import MAX_UPLOAD_BYTES, Campaign, CampaignStatus, Check
from afterimage.domain.check_report import Sheets
from afterimage.domain.errors import CampaignChangedError, CampaignNotFoundError
from afterimage.domain.model_profiles import ModelProfile
from afterimage.domain.moderation import Policy
from afterimage.domain.quotas import Quotas
from afterimage.domain.row_check import Rules
from afterimage.domain.row_ref import CampaignId
from afterimage.domain.upload_check import RowBound, check_upload, row_bound
from afterimage.ports import AccountStore, Clock

# Somebody else changes a campaign between reading and writing it; more often than this is not that.
_TRIES = 5
_CHUNK_BYTES = 1024 * 1024

_NAMES = {
    "rows": ("rows.jsonl", "application/x-ndjson"),
    "index": ("index.csv", "text/csv"),
    "forecast": ("check.jsonl", "application/x-ndjson"),
    "problems": ("problems.json", "application/json"),
    "annotated": ("problems.csv", "text/csv; charset=utf-8"),
}
# What a run reads; not there, nothing can run.
_OF_A_RUN = frozenset({"rows", "index"})


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What checking needs."""

    campaigns: CampaignStore
    files: CampaignFiles
    accounts: AccountStore
    quotas: Callable[[], Quotas]
    policy: Callable[[], Policy]
    profile: ModelProfile
    dollars_per_hour: float
    clock: Clock


def check_campaign(campaign_id: CampaignId, check_id: str, desk: Desk) -> Campaign | None:
    """Return the campaign READY or INVALID, None when it does not wait for this check (any more).

    Raises CampaignChangedError when its settings were changed meanwhile, and what its ports raise; the campaign then
    stays CHECKING, and the check may be run again.
    """
    campaign = _waiting(campaign_id, check_id, desk)
    if campaign is None:
        return None
    with ExitStack() as stack:
        sheets = Sheets(**{name: stack.enter_context(tempfile.TemporaryFile()) for name in _NAMES})
        upload = _fetch(campaign_id, stack.enter_context(tempfile.TemporaryFile()), desk)
        check = check_upload(upload, campaign.settings, _rules(desk), _bound(campaign, desk), sheets, check_id)
        if _waiting(campaign_id, check_id, desk) is None:
            return None
        for name, (file, kind) in _NAMES.items():
            if name not in _OF_A_RUN or not check.problems:
                body = _chunks(getattr(sheets, name))
                desk.files.write(check_prefix(campaign_id, check_id) + file, body, kind)
    return _conclude(campaign, check, desk)


def _waiting(campaign_id: CampaignId, check_id: str, desk: Desk) -> Campaign | None:
    try:
        campaign = desk.campaigns.get(campaign_id, desk.clock())
    except CampaignNotFoundError:  # deleted
        return None
    waits = campaign.status is CampaignStatus.CHECKING and campaign.check and campaign.check.check_id == check_id
    return campaign if waits else None


def _conclude(checked: Campaign, check: Check, desk: Desk) -> Campaign | None:
    status = CampaignStatus.INVALID if check.problems else CampaignStatus.READY
    for _ in range(_TRIES):
        campaign = _waiting(checked.campaign_id, check.check_id, desk)
        if campaign is None:
            return None
        if (campaign.settings.defaults, campaign.settings.axes) != (checked.settings.defaults, checked.settings.axes):
            raise CampaignChangedError()
        at_ms = max(desk.clock(), campaign.updated_at_ms + 1)
        concluded = dataclasses.replace(campaign, status=status, check=check, updated_at_ms=at_ms)
        try:
            desk.campaigns.change(campaign, concluded)
        except CampaignChangedError:
            continue
        return concluded
    raise CampaignChangedError()


def _rules(desk: Desk) -> Rules:
    return Rules(profile=desk.profile, policy=desk.policy(), dollars_per_hour=desk.dollars_per_hour, at_ms=desk.clock())


def _bound(campaign: Campaign, desk: Desk) -> RowBound:
    return row_bound(desk.quotas().with_override(desk.accounts.find(campaign.owner).override))


def _fetch(campaign_id: CampaignId, into: BinaryIO, desk: Desk) -> BinaryIO | None:
    """Copy the upload as it is at one moment, because it may be sent anew while it is read; None when nobody sent
    one. Of one that is too large no more is copied than shows it."""
    try:
        chunks = desk.files.read(upload_key(campaign_id))
    except CampaignNotFoundError:
        return None
    for chunk in chunks:
        into.write(chunk)
        if into.tell() > MAX_UPLOAD_BYTES:
            break
    return into


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
