"""Leave the mail of campaigns by the link of one of them. Looking at the link changes nothing; asking twice is once."""

from __future__ import annotations

from afterimage.campaign_ports import UnsubscribeStore
from afterimage.domain.errors import LinkExpiredError, LinkNotFoundError
from afterimage.domain.expiry import is_expired
from afterimage.domain.links import hash_token, is_link_token
from afterimage.domain.unsubscribing import HOLDS_S, Unsubscribed, UnsubscribeLink
from afterimage.ports import Clock


def find_unsubscribe_link(token: str, *, unsubscribes: UnsubscribeStore, clock: Clock) -> UnsubscribeLink:
    """Return the living link of `token`. Raises LinkNotFoundError or LinkExpiredError."""
    link = unsubscribes.find_link(hash_token(token)) if is_link_token(token) else None
    if link is None:
        raise LinkNotFoundError()
    if is_expired(link.expires_at_s, clock()):
        raise LinkExpiredError()
    return link


def unsubscribe(token: str, *, unsubscribes: UnsubscribeStore, clock: Clock) -> None:
    """Leave the address of the link alone. Raises LinkNotFoundError or LinkExpiredError."""
    link = find_unsubscribe_link(token, unsubscribes=unsubscribes, clock=clock)
    now_ms = clock()
    unsubscribes.unsubscribe(
        Unsubscribed(address_hash=link.address_hash, at_ms=now_ms, expires_at_s=now_ms // 1000 + HOLDS_S)
    )
