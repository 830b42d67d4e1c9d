"""An admin looks whether an address is left alone after a bounce or complaint, and lets it have mail again."""

from __future__ import annotations

from afterimage.domain.recipients import check_address
from afterimage.domain.suppression import Suppression, hash_address
from afterimage.ports import Clock, MailService, SuppressionStore


def read_suppression(address: str, *, suppressions: SuppressionStore, clock: Clock) -> Suppression | None:
    """Return why an address gets no mail, None for one that does. Raises InvalidRequestError for what is no address."""
    return suppressions.find(hash_address(check_address(address, "The address")), clock())


def lift_suppression(address: str, *, suppressions: SuppressionStore, mail_service: MailService) -> str:
    """Take an address off our list and off the mail service's; return its hash. May be repeated: ours goes last, so
    that until both are done it says that something is left to do. Raises InvalidRequestError for what is no address."""
    address_hash = hash_address(check_address(address, "The address"))
    mail_service.forgive(address)
    suppressions.lift(address_hash)
    return address_hash
