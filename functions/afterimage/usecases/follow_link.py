"""Turn the link of a mail into the picture behind it. Mail scanners follow links too, so this changes nothing."""

from __future__ import annotations

from afterimage.domain.errors import LinkExpiredError, LinkNotFoundError
from afterimage.domain.expiry import is_expired
from afterimage.domain.links import Link, hash_token, is_link_token
from afterimage.ports import Clock, LinkStore


def follow_link(token: str, *, links: LinkStore, clock: Clock) -> Link:
    """Return the living link of `token`. Raises LinkNotFoundError (unknown, altered, revoked) or LinkExpiredError."""
    link = links.find(hash_token(token)) if is_link_token(token) else None
    if link is None or link.revoked:
        raise LinkNotFoundError()
    if is_expired(link.expires_at_s, clock()):
        raise LinkExpiredError()
    return link
