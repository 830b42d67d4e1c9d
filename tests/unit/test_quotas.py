"""Bounds, and the moments at which they are new."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from afterimage.domain.errors import QuotasInvalidError
from afterimage.domain.quotas import (
    UNLIMITED,
    Charge,
    Quota,
    Quotas,
    charge_for,
    day_is_full,
    fits,
    month_is_full,
    next_day_ms,
    next_month_ms,
    parse_quotas,
    too_many_open,
)

TEXT = '{"monthly_pictures": 500, "concurrent_jobs": 10, "campaign_rows": 0, "daily_pictures": null}'


def ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type,misc]


def test_the_parameter_names_every_bound() -> None:
    assert parse_quotas(TEXT) == Quotas(monthly_pictures=500, concurrent_jobs=10, campaign_rows=0, daily_pictures=None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        TEXT.replace("500", "-1"),
        TEXT.replace("500", "1.5"),
        TEXT.replace("500", "true"),
        TEXT.replace("500", '"500"'),
        TEXT.replace("campaign_rows", "campaign_lines"),
        TEXT.replace("{", '{"weekly_pictures": 1, '),
        TEXT.replace(', "daily_pictures": null', ""),
    ],
)
def test_bounds_that_cannot_be_read_let_nothing_through(text: str) -> None:
    with pytest.raises(QuotasInvalidError, match=r"^The quotas cannot be read: "):
        parse_quotas(text)


def test_an_override_stands_in_place_of_the_general_bounds_but_not_of_the_cap_of_everybody() -> None:
    general = parse_quotas(TEXT.replace("null", "7"))
    override = Quota(monthly_pictures=None, concurrent_jobs=0, campaign_rows=3)
    assert general.with_override(override) == Quotas(
        monthly_pictures=None, concurrent_jobs=0, campaign_rows=3, daily_pictures=7
    )
    assert general.with_override(None) == general


def test_a_charge_names_month_and_day_of_utc_and_the_day_only_under_a_cap() -> None:
    late = ms(2026, 12, 31, 23, 59, 59)
    assert charge_for(3, late, UNLIMITED) == Charge(month="2026-12", day=None, pictures=3)
    capped = dataclasses.replace(UNLIMITED, daily_pictures=0)
    assert charge_for(3, late, capped) == Charge(month="2026-12", day="2026-12-31", pictures=3)
    assert charge_for(3, late + 1000, capped) == Charge(month="2027-01", day="2027-01-01", pictures=3)


@pytest.mark.parametrize(
    ("now", "month", "day"),
    [
        ((2026, 11, 22, 15, 0, 0), (2026, 12, 1), (2026, 11, 23)),
        ((2026, 12, 31, 23, 59, 59), (2027, 1, 1), (2027, 1, 1)),
        ((2028, 2, 29, 0, 0, 0), (2028, 3, 1), (2028, 3, 1)),
    ],
)
def test_the_next_month_and_day_begin_at_midnight_of_utc(
    now: tuple[int, ...], month: tuple[int, ...], day: tuple[int, ...]
) -> None:
    assert next_month_ms(ms(*now)) == ms(*month)
    assert next_day_ms(ms(*now)) == ms(*day)


def test_who_waits_as_told_comes_when_the_bound_is_new() -> None:
    now = ms(2026, 11, 30, 23, 59, 58) + 1
    assert month_is_full(now).retry_after_s == 2
    assert day_is_full(now).retry_after_s == 2
    assert too_many_open().retry_after_s == 60


@pytest.mark.parametrize(
    ("used", "more", "bound", "does"), [(9, 1, 10, True), (10, 1, 10, False), (0, 1, 0, False), (10**9, 4, None, True)]
)
def test_a_bound_may_be_reached_but_not_passed(used: int, more: int, bound: int | None, does: bool) -> None:
    assert fits(used, more, bound) is does
