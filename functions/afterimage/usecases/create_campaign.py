"""Write a campaign down: its settings, and its rows where they came along."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from afterimage.campaign_ports import CampaignFiles, CampaignStore
from afterimage.contracts.campaign import upload_key
from afterimage.contracts.codec import to_json
from afterimage.domain.campaign import CAMPAIGN_KEPT_S, Campaign, CampaignSettings, CampaignStatus
from afterimage.domain.campaign_settings import checked_name, checked_settings, permitted_recipients
from afterimage.domain.errors import IdempotencyConflictError
from afterimage.domain.expiry import IDEMPOTENCY_TTL_S
from afterimage.domain.job import JobId, new_job_id
from afterimage.domain.model_profiles import ModelProfile
from afterimage.domain.recipients import Caller
from afterimage.domain.row_ref import CampaignId
from afterimage.ports import AccountStore, Clock, Entropy, IdempotencyClaim, KeyTakenError, People

ROWS_TYPE = "application/x-ndjson"


@dataclass(frozen=True, kw_only=True)
class CampaignDesk:
    """What writing campaigns down needs."""

    campaigns: CampaignStore
    files: CampaignFiles
    accounts: AccountStore
    people: People
    profile: ModelProfile
    clock: Clock
    entropy: Entropy


@dataclass(frozen=True, kw_only=True)
class NewCampaign:
    """What somebody asks for. `recipients` None takes the caller's own address, `rows` None waits for an upload."""

    name: str
    settings: CampaignSettings
    recipients: tuple[str, ...] | None
    rows: tuple[dict[str, Any], ...] | None


def create_campaign(
    asked: NewCampaign, caller: Caller, idempotency_key: str | None, desk: CampaignDesk
) -> tuple[Campaign, bool]:
    """Return the campaign, and whether this call only found it again by its key.

    Raises CampaignInvalidError, InvalidRequestError, AccountDisabledError, OwnerErasingError,
    RecipientNotPermittedError, IdempotencyConflictError and StoreUnavailableError.
    """
    now_ms = desk.clock()
    desk.accounts.find(caller.owner).check()
    key_hash = _hash_key(caller, idempotency_key) if idempotency_key is not None else None
    digest = hashlib.sha256(to_json(asked).encode("utf-8", "surrogatepass")).hexdigest()
    if key_hash and (claim := desk.campaigns.find_claim(key_hash, now_ms)):
        return _replay(claim, digest, asked, desk), True
    settings = dataclasses.replace(
        checked_settings(asked.settings, desk.profile), recipients=_recipients(asked.recipients, caller, desk)
    )
    campaign = Campaign(
        campaign_id=CampaignId(new_job_id(now_ms, desk.entropy(10))),
        owner=caller.owner,
        name=checked_name(asked.name),
        status=CampaignStatus.DRAFT,
        settings=settings,
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
        expires_at_s=now_ms // 1000 + CAMPAIGN_KEPT_S,
        claim_hash=key_hash,
    )
    claim = _claim(campaign, key_hash, digest) if key_hash else None
    try:
        desk.campaigns.put(campaign, claim)
    except KeyTakenError:  # a call with the same key was faster
        taken = desk.campaigns.find_claim(key_hash or "", now_ms)
        if taken is None:
            raise
        return _replay(taken, digest, asked, desk), True
    _write_rows(campaign, asked, desk)
    return campaign, False


def _recipients(wanted: tuple[str, ...] | None, caller: Caller, desk: CampaignDesk) -> tuple[str, ...]:
    own = desk.people.confirmed_address(caller.username) if caller.username else None
    return permitted_recipients(caller, own, wanted)


def _claim(campaign: Campaign, key_hash: str, digest: str) -> IdempotencyClaim:
    return IdempotencyClaim(
        key_hash=key_hash,
        body_digest=digest,
        job_id=JobId(campaign.campaign_id),
        expires_at_s=campaign.created_at_ms // 1000 + IDEMPOTENCY_TTL_S,
    )


def _hash_key(caller: Caller, key: str) -> str:
    """A key of a campaign is another than the same one of a request."""
    return hashlib.sha256(f"campaign\n{caller.owner}\n{key}".encode()).hexdigest()


def _replay(claim: IdempotencyClaim, digest: str, asked: NewCampaign, desk: CampaignDesk) -> Campaign:
    if claim.body_digest != digest:
        raise IdempotencyConflictError()
    campaign = desk.campaigns.get(CampaignId(claim.job_id), desk.clock())
    # The first call may have died before it could write the rows.
    if campaign.status is CampaignStatus.DRAFT and desk.files.size(upload_key(campaign.campaign_id)) is None:
        _write_rows(campaign, asked, desk)
    return campaign


def _write_rows(campaign: Campaign, asked: NewCampaign, desk: CampaignDesk) -> None:
    if asked.rows is not None:
        desk.files.write(upload_key(campaign.campaign_id), lines_of(asked.rows), ROWS_TYPE)


def lines_of(rows: tuple[dict[str, Any], ...]) -> Iterator[bytes]:
    """Yield rows as JSONL, as an upload would be."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=True).encode() + b"\n"
