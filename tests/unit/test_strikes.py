"""Three strikes and a cool-down: the rules, and the door that keeps them."""

from __future__ import annotations

import dataclasses

import pytest
from afterimage.domain.errors import CoolingDownError, StrikesInvalidError
from afterimage.domain.holds import NEEDS_REVIEW, NOBODY_CAME
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.quotas import UNLIMITED
from afterimage.domain.request import ImageRequest
from afterimage.domain.status import JobStatus
from afterimage.domain.strikes import STRIKING, StrikeRules, is_strike, parse_strike_rules, standing
from afterimage.usecases.create_request import Door, create_request
from afterimage.usecases.price_request import price_request
from fakes.outside import NOW_MS, Dice, FakePeople, FakeWorkflow, Ticker
from fakes.samples import ADA, ADDRESS, DAY_S, OWNER, PRICES, job_id
from fakes.stores import MemoryAccountStore, MemoryJobStore
from hypothesis import given
from hypothesis import strategies as st

RULES = StrikeRules()
HOUR_MS = 3600_000
DAY_MS = 24 * HOUR_MS


def until(*struck_ms: int, now_ms: int | None = None, rules: StrikeRules = RULES) -> int | None:
    return standing(struck_ms, rules, max(struck_ms, default=0) if now_ms is None else now_ms).until_ms


def test_two_strikes_are_none_and_the_third_begins_an_hour() -> None:
    assert until(0, 1) is None
    assert standing((0, 1), RULES, 2).strikes == 2
    assert until(0, 1, 2) == 2 + HOUR_MS
    assert until(0, 1, 2, now_ms=2 + HOUR_MS) is None


def test_strikes_a_day_apart_do_not_add_up() -> None:
    assert until(0, 1, DAY_MS) is None  # the first is a day old by then
    assert until(0, 1, DAY_MS - 1) == DAY_MS - 1 + HOUR_MS
    assert standing((0, 1), RULES, DAY_MS + 1).strikes == 0


def cooled(times: int) -> list[int]:
    """Strikes by which somebody came into so many cool-downs, each begun right after the one before."""
    struck: list[int] = []
    for _ in range(times):
        begin = until(*struck) or 0 if struck else 0
        struck += [begin, begin + 1, begin + 2]
    return struck


@pytest.mark.parametrize(("times", "hours"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 24), (7, 24), (40, 24)])
def test_each_cool_down_is_twice_as_long_up_to_a_day(times: int, hours: int) -> None:
    struck = cooled(times)
    assert until(*struck) == max(struck) + hours * HOUR_MS


def test_what_is_blocked_during_a_cool_down_was_asked_for_before_and_counts_for_nothing() -> None:
    assert until(0, 1, 2, 3, 4, 5, 6, 7, 8) == 2 + HOUR_MS
    after = standing((0, 1, 2, 3, 4, 5), RULES, 2 + HOUR_MS)
    assert (after.strikes, after.until_ms) == (0, None)


@given(st.lists(st.integers(0, 40 * DAY_MS), max_size=64), st.integers(0, 50 * DAY_MS))
def test_nobody_waits_longer_than_the_longest_nor_for_what_is_not_yet(struck: list[int], now_ms: int) -> None:
    past = [at_ms for at_ms in struck if at_ms <= now_ms]
    stands = standing(past, RULES, now_ms)
    assert stands.strikes < RULES.strikes
    assert stands.until_ms is None or now_ms < stands.until_ms <= now_ms + DAY_MS


def test_without_a_bound_nobody_ever_waits() -> None:
    assert until(*range(60), rules=dataclasses.replace(RULES, strikes=0)) is None


@pytest.mark.parametrize("code", sorted(STRIKING))
def test_what_the_policy_or_a_person_blocks_is_a_strike_and_only_of_a_single_request(code: str) -> None:
    assert is_strike(JobStatus.BLOCKED, code, of_campaign=False)
    assert not is_strike(JobStatus.BLOCKED, code, of_campaign=True)
    assert not is_strike(JobStatus.FAILED, code, of_campaign=False)


@pytest.mark.parametrize("code", [NOBODY_CAME.code, NEEDS_REVIEW, "cancelled", None])
def test_nothing_else_is_a_strike(code: str | None) -> None:
    assert not is_strike(JobStatus.BLOCKED, code, of_campaign=False)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "not JSON"),
        ('{"strikes": "3"}', "$.strikes"),
        ('{"strikes": -1}', "below 0"),
        ('{"after": 3}', "after"),
    ],
)
def test_rules_that_cannot_be_read_are_refused(text: str, named: str) -> None:
    with pytest.raises(StrikesInvalidError) as caught:
        parse_strike_rules(text)
    assert named in caught.value.sentence
    assert parse_strike_rules("{}") == RULES


# ── The door ───────────────────────────────────────────────────────────────────────────────────────────────────────

ASKED = ImageRequest(prompt="a lighthouse")


class World:
    """Ada, whose last requests were blocked at these moments before now."""

    def __init__(self, *ago_ms: int) -> None:
        self.jobs, self.clock = MemoryJobStore(), Ticker()
        self.jobs.strikes[OWNER] = {job_id(90 + n): NOW_MS - ago for n, ago in enumerate(ago_ms)}
        self.door = Door(
            jobs=self.jobs,
            workflow=FakeWorkflow(),
            people=FakePeople(ada=ADDRESS),
            accounts=MemoryAccountStore(self.jobs),
            profile=model_profiles()["sd15"],
            admission_is_open=lambda: True,
            quotas=lambda: UNLIMITED,
            job_ttl_s=DAY_S,
            clock=self.clock,
            entropy=Dice(),
        )


def test_who_is_cooling_down_is_told_when_to_come_back_and_nothing_is_recorded() -> None:
    world = World(3, 2, 1)
    with pytest.raises(CoolingDownError) as caught:
        create_request(ASKED, ADA, None, world.door)
    assert 3500 < caught.value.retry_after_s <= 3600
    assert world.jobs.records == {}
    world.clock.pass_s(caught.value.retry_after_s)
    assert create_request(ASKED, ADA, None, world.door).job.status is JobStatus.QUEUED


def test_a_replay_is_one_whatever_was_blocked_since() -> None:
    world = World()
    first = create_request(ASKED, ADA, "key", world.door)
    world.jobs.strikes[OWNER] = {job_id(n): NOW_MS for n in (91, 92, 93)}
    assert create_request(ASKED, ADA, "key", world.door).job.job_id == first.job.job_id


def test_a_dry_run_says_that_it_would_be_refused_and_counts_nothing() -> None:
    world = World(3, 2, 1)
    assert price_request(ASKED, ADA, False, world.door, PRICES).refusal == "cooling_down"
    world = World()
    blocked = dataclasses.replace(ASKED, prompt="a nude child")
    for _ in range(4):
        assert price_request(blocked, ADA, False, world.door, PRICES).refusal is None
    assert world.jobs.strikes[OWNER] == {}


def test_another_owner_does_not_wait() -> None:
    world = World()
    world.jobs.strikes["user#bob"] = {job_id(n): NOW_MS for n in (91, 92, 93)}
    assert create_request(ASKED, ADA, None, world.door)
