"""Who may receive mail. The product must not be an open relay: your own confirmed address, or one that you may name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from afterimage.domain.errors import InvalidRequestError, RecipientNotPermittedError

ADMIN_GROUP = "admin"
MAIL_ANY_SCOPE = "afterimage/mail:any"
MAX_ADDRESS_CHARACTERS = 254  # RFC 5321, 4.5.3.1.3
# Deliberately narrower than RFC 5322: no quoted parts, no comments, one @, no white space, hence no header injection.
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+"
)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks, as the checked token tells. `username` names a person in the pool; a machine client has none, and is in
    no group."""

    owner: str
    username: str | None
    scopes: frozenset[str]
    groups: frozenset[str] = frozenset()


def check_address(address: str, name: str = "notify.email") -> str:
    """Return `address`. Raises InvalidRequestError, with where it stood, for anything that is not plainly one mail
    address."""
    if len(address) > MAX_ADDRESS_CHARACTERS or not _ADDRESS.fullmatch(address):
        raise InvalidRequestError(f"{name} must be one mail address.", code="invalid_address")
    return address


def choose_recipient(caller: Caller, own_address: str | None, wanted: str | None) -> str:
    """Return the address to tell. `own_address` is the caller's confirmed one, None for a machine or when unconfirmed.

    Raises RecipientNotPermittedError when the caller names another address without the scope `mail:any`, or has none.
    """
    if wanted is not None:
        check_address(wanted)
        if MAIL_ANY_SCOPE in caller.scopes or (own_address and wanted.casefold() == own_address.casefold()):
            return wanted
        raise RecipientNotPermittedError()
    if own_address is None:
        raise RecipientNotPermittedError("Name a recipient in notify.email: this caller has no confirmed address.")
    return own_address
