"""Leaving the mail of campaigns: by the secret of a mail, stored as its hash, for an address that is as well."""

from __future__ import annotations

from dataclasses import dataclass

_DAY_S = 86_400
# How long the link of a mail unsubscribes; RFC 8058 asks for a month at least.
LINK_LASTS_S = 365 * _DAY_S
# A person who has said so has said so: ten years stand for ever.
HOLDS_S = 3650 * _DAY_S


@dataclass(frozen=True, kw_only=True)
class UnsubscribeLink:
    """What the secret of one mail leads to."""

    token_hash: str
    address_hash: str
    created_at_ms: int
    expires_at_s: int


@dataclass(frozen=True, kw_only=True)
class Unsubscribed:
    """An address that gets no mail of campaigns any more."""

    address_hash: str
    at_ms: int
    expires_at_s: int
