"""How much may be asked for, and what one request takes of it.

Four bounds: pictures of an owner in a month, open requests of an owner, rows of a campaign, pictures of everybody in a
day. None is no bound; 0 lets nothing through. Months and days are those of UTC.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from afterimage.contracts.codec import ContractError, from_json
from afterimage.domain.errors import (
    DailyCapReachedError,
    MonthlyQuotaReachedError,
    QuotaExceededError,
    QuotasInvalidError,
    TooManyOpenRequestsError,
)

# Nobody knows when an open request will end; most do within this.
OPEN_WAIT_S = 60
# Longer than a job can stay open, so that what is given back finds where it was taken.
MONTH_KEPT_S = 400 * 86_400
DAY_KEPT_S = 40 * 86_400


@dataclass(frozen=True, kw_only=True)
class Quota:
    """The bounds of one owner."""

    monthly_pictures: int | None
    concurrent_jobs: int | None
    campaign_rows: int | None

    def __post_init__(self) -> None:
        for name, bound in dataclasses.asdict(self).items():
            if bound is not None and bound < 0:
                raise ContractError(f"{name} must be 0 or more, or null for no bound")


@dataclass(frozen=True, kw_only=True)
class Quotas(Quota):
    """The bounds that hold for a request: those of its owner, and the cap of everybody together."""

    daily_pictures: int | None

    def with_override(self, override: Quota | None) -> Quotas:
        """Return these bounds with an admin's decision about one owner in place of the general ones."""
        if override is None:
            return self
        return Quotas(
            monthly_pictures=override.monthly_pictures,
            concurrent_jobs=override.concurrent_jobs,
            campaign_rows=override.campaign_rows,
            daily_pictures=self.daily_pictures,
        )


UNLIMITED = Quotas(monthly_pictures=None, concurrent_jobs=None, campaign_rows=None, daily_pictures=None)


def parse_quotas(text: str) -> Quotas:
    """Read the operator's parameter: a JSON object with all four bounds. Raises QuotasInvalidError."""
    try:
        return from_json(Quotas, text)
    except ContractError as exc:
        raise QuotasInvalidError(f"The quotas cannot be read: {exc}.") from exc


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What a job has taken, and of which month and day, so that it goes back where it came from. Without a daily cap
    nothing is counted by day: one item that every request writes would be the narrowest point of the service."""

    month: str
    day: str | None
    pictures: int


def charge_for(pictures: int, at_ms: int, quotas: Quotas) -> Charge:
    """Return what a request of so many pictures takes at a moment."""
    day = day_of(at_ms) if quotas.daily_pictures is not None else None
    return Charge(month=month_of(at_ms), day=day, pictures=pictures)


def month_of(at_ms: int) -> str:
    """Return the month of a moment, as `2026-11`."""
    return f"{_moment(at_ms):%Y-%m}"


def day_of(at_ms: int) -> str:
    """Return the day of a moment, as `2026-11-22`."""
    return f"{_moment(at_ms):%Y-%m-%d}"


def next_month_ms(at_ms: int) -> int:
    """Return when the next month begins."""
    moment = _moment(at_ms)
    first = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    return int(first.timestamp()) * 1000


def next_day_ms(at_ms: int) -> int:
    """Return when the next day begins."""
    midnight = _moment(at_ms).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return int(midnight.timestamp()) * 1000


def month_is_full(at_ms: int) -> QuotaExceededError:
    """Return the refusal of one picture too many in a month."""
    return MonthlyQuotaReachedError(retry_after_s=_seconds(next_month_ms(at_ms) - at_ms))


def day_is_full(at_ms: int) -> QuotaExceededError:
    """Return the refusal of one picture too many in a day."""
    return DailyCapReachedError(retry_after_s=_seconds(next_day_ms(at_ms) - at_ms))


def too_many_open() -> QuotaExceededError:
    """Return the refusal of one open request too many."""
    return TooManyOpenRequestsError(retry_after_s=OPEN_WAIT_S)


def fits(used: int, more: int, bound: int | None) -> bool:
    """True when `more` may be taken on top of `used`."""
    return bound is None or used + more <= bound


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _seconds(ms: int) -> int:
    """Rounded up, so that who waits as told does not come too early."""
    return -(-ms // 1000)
