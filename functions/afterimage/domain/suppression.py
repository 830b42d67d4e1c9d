"""Addresses that are not written to any more, stored only as a hash: the list tells nobody whom we know."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

# On the notice of a job whose recipient gets no mail.
ADDRESS_SUPPRESSED = "address_suppressed"
_DAY_S = 86_400


class SuppressionKind(StrEnum):
    """Why an address is left alone."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"

    @property
    def lasts_s(self) -> int:
        """Seconds that it holds: a mailbox may be made again, so a bounce is tried once more after half a year; a
        person who complained has said so, and ten years stand for ever."""
        return 180 * _DAY_S if self is SuppressionKind.BOUNCE else 3650 * _DAY_S


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """One address, by `hash_address`, and how long it is left alone."""

    address_hash: str
    kind: SuppressionKind
    at_ms: int
    expires_at_s: int


def hash_address(address: str) -> str:
    """Return the SHA-256 of an address in hex, the same in either case."""
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()


def suppression_of(address: str, kind: SuppressionKind, at_ms: int) -> Suppression:
    """Return the record that leaves `address` alone from `at_ms` on."""
    return Suppression(
        address_hash=hash_address(address), kind=kind, at_ms=at_ms, expires_at_s=at_ms // 1000 + kind.lasts_s
    )
