"""Strikes: whose requests are blocked again and again waits before asking anew, each time twice as long.

What is kept is when an owner's requests were blocked. What follows from it is worked out when the owner asks, so that
other rules hold at once, and nothing has to be undone when a strike is forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afterimage.contracts.codec import ContractError, from_json
from afterimage.domain.errors import StrikesInvalidError
from afterimage.domain.holds import REVIEW_REFUSED
from afterimage.domain.status import JobStatus

# By which codes a request ends BLOCKED through its owner's doing. That no person came in time is none's.
STRIKING = frozenset({"prompt_blocked", "input_blocked", "pictures_blocked", REVIEW_REFUSED})
STRIKE_KEPT_S = 30 * 86_400
# More of them change nothing: by then a cool-down is as long as it gets.
MOST_STRIKES = 64
_HOUR_MS = 3600_000


@dataclass(frozen=True, kw_only=True)
class StrikeRules:
    """So many strikes within a window begin a cool-down, the first so long, each later one twice as long as the one
    before up to a bound. 0 strikes is no cool-down for anybody."""

    strikes: int = 3
    window_hours: int = 24
    first_cool_down_minutes: int = 60
    longest_cool_down_hours: int = 24

    def __post_init__(self) -> None:
        if min(self.strikes, self.window_hours, self.first_cool_down_minutes, self.longest_cool_down_hours) < 0:
            raise ContractError("no number may be below 0")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How an owner stands: strikes that count towards the next cool-down, and until when the present one lasts."""

    strikes: int = 0
    bound: int = 0
    until_ms: int | None = None


def parse_strike_rules(text: str) -> StrikeRules:
    """Read the operator's parameter. Raises StrikesInvalidError."""
    try:
        return from_json(StrikeRules, text)
    except ContractError as exc:
        raise StrikesInvalidError(f"The rules of strikes cannot be read: {exc}.") from exc


def is_strike(status: JobStatus, code: str | None, *, of_campaign: bool) -> bool:
    """True for an end that counts against its owner. Rows of a campaign do not: their check has told before how each
    would be judged, and three of a thousand must not lock out whoever sent them."""
    return status is JobStatus.BLOCKED and code in STRIKING and not of_campaign


def standing(struck_at_ms: Sequence[int], rules: StrikeRules, now_ms: int) -> Standing:
    """Return how an owner stands whose requests were blocked at these moments.

    What was blocked during a cool-down was asked for before it, and counts for nothing.
    """
    recent: list[int] = []
    coolings, until_ms = 0, 0
    for at_ms in sorted(struck_at_ms):
        if not rules.strikes or at_ms < until_ms:
            continue
        recent = [*_within(recent, at_ms, rules), at_ms]
        if len(recent) >= rules.strikes:
            until_ms = at_ms + _length_ms(coolings, rules)
            recent, coolings = [], coolings + 1
    cooling = now_ms < until_ms
    counted = _within(recent, now_ms, rules)
    return Standing(strikes=len(counted), bound=rules.strikes, until_ms=until_ms if cooling else None)


def _within(moments: Sequence[int], at_ms: int, rules: StrikeRules) -> list[int]:
    return [moment for moment in moments if at_ms - moment < rules.window_hours * _HOUR_MS]


def _length_ms(coolings: int, rules: StrikeRules) -> int:
    # Bounded before it is doubled: 2 to the power of a thousand is no number of hours.
    doubled = rules.first_cool_down_minutes * 60_000 << min(coolings, 16)
    return min(doubled, rules.longest_cool_down_hours * _HOUR_MS)
