"""What a dry run says, and that it leaves nothing behind."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from afterimage.domain.account import Account
from afterimage.domain.errors import (
    AccountDisabledError,
    InvalidRequestError,
    ModeratorUnavailableError,
    RecipientNotPermittedError,
)
from afterimage.domain.estimate import SERVICE_DOLLARS, Price, estimate
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.moderation import Action, parse_policy
from afterimage.domain.quotas import UNLIMITED, Quota
from afterimage.domain.request import ImageRequest
from afterimage.usecases.create_request import Door, create_request
from afterimage.usecases.price_request import PriceList, price_request
from fakes.outside import Dice, FakePeople, FakeWorkflow, Ticker
from fakes.samples import ADA, ADDRESS, DAY_S, HOLDING_POLICY, PRICES, SPEC
from fakes.stores import MemoryAccountStore, MemoryJobStore

ASKED = ImageRequest(prompt="a lighthouse at dusk", count=3)
ROOT = Path(__file__).parents[2]


class World:
    def __init__(self) -> None:
        self.jobs = MemoryJobStore()
        self.accounts = MemoryAccountStore(self.jobs)
        self.workflow = FakeWorkflow()
        self.door = Door(
            jobs=self.jobs,
            workflow=self.workflow,
            people=FakePeople(ada=ADDRESS),
            accounts=self.accounts,
            profile=model_profiles()["sd15"],
            admission_is_open=lambda: True,
            quotas=lambda: UNLIMITED,
            job_ttl_s=DAY_S,
            clock=Ticker(),
            entropy=Dice(),
        )

    def price(self, asked: ImageRequest = ASKED, *, has_key: bool = False, prices: PriceList = PRICES) -> Price:
        priced = price_request(asked, ADA, has_key, self.door, prices)
        assert (self.jobs.records, self.jobs.claims, self.workflow.started) == ({}, {}, [])
        assert not +self.jobs.months + +self.jobs.open  # type: ignore[operator]
        return priced

    def bounds(self, **bounds: int | None) -> None:
        self.door = dataclasses.replace(self.door, quotas=lambda: dataclasses.replace(UNLIMITED, **bounds))


@pytest.fixture
def world() -> World:
    return World()


def codes(price: Price) -> list[str]:
    return [warning.code for warning in price.warnings]


def test_a_request_is_priced_by_its_pictures(world: World) -> None:
    price = world.price()
    assert price.estimate.pictures == 3
    assert price.estimate.seconds == 7.5  # three times the profile's
    assert price.estimate.model_dollars == 0.0075  # at 3.6 dollars an hour a second is a tenth of a cent
    assert price.estimate.dollars == round(0.0075 + SERVICE_DOLLARS, 6)
    assert (price.decision.action, price.warnings, price.refusal) == (Action.ALLOW, (), None)


@pytest.mark.parametrize(("changes", "factor"), [({"steps": 60}, 2.0), ({"width": 512, "height": 1024}, 2.0)])
def test_steps_and_pixels_scale_the_time(changes: dict[str, Any], factor: float) -> None:
    profile = model_profiles()["sd15"]
    one = dataclasses.replace(SPEC, width=512, height=512, steps=30, seeds=(1,))
    assert estimate(one, profile, 1.0).seconds == profile.seconds_per_picture
    more = dataclasses.replace(one, **changes)
    assert estimate(more, profile, 1.0).seconds == factor * profile.seconds_per_picture


def test_the_services_cost_what_the_benchmark_counts() -> None:
    costs = json.loads((ROOT / "bench" / "results" / "costs.json").read_text(encoding="utf-8"))
    assert pytest.approx(sum(costs["dollars"].values()) / 1000, abs=0.0001) == SERVICE_DOLLARS


def test_what_is_left_counts_what_was_taken_before(world: World) -> None:
    world.bounds(monthly_pictures=10)
    create_request(ASKED, ADA, None, world.door)
    priced = price_request(ASKED, ADA, False, world.door, PRICES)
    assert (priced.usage.monthly_pictures, priced.usage.open_requests, priced.refusal) == (3, 1, None)


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        ({"monthly_pictures": 2}, "monthly_quota_reached"),
        ({"daily_pictures": 2}, "daily_cap_reached"),
        ({"concurrent_jobs": 0}, "too_many_open_requests"),
        ({"monthly_pictures": 2, "daily_pictures": 0, "concurrent_jobs": 0}, "monthly_quota_reached"),
    ],
)
def test_a_bound_that_would_refuse_is_told_by_the_code_that_would_answer(
    world: World, bounds: dict[str, int], code: str
) -> None:
    world.bounds(**bounds)
    assert world.price().refusal == code


def test_an_override_is_what_is_priced_against(world: World) -> None:
    world.bounds(monthly_pictures=0)
    world.accounts.set_override(ADA.owner, Quota(monthly_pictures=None, concurrent_jobs=1, campaign_rows=None))
    assert world.price().refusal is None


def test_a_closed_door_is_told_before_any_bound(world: World) -> None:
    world.bounds(monthly_pictures=0)
    world.door = dataclasses.replace(world.door, admission_is_open=lambda: False)
    assert world.price().refusal == "admission_closed"


def test_the_prompt_is_judged_as_the_workflow_would(world: World) -> None:
    blocked = world.price(dataclasses.replace(ASKED, prompt="a nude child"))
    assert blocked.decision.action is Action.BLOCK
    assert (codes(blocked), blocked.refusal) == (["prompt_blocked"], None)


def test_a_prompt_that_would_wait_for_a_person_is_told_so(world: World) -> None:
    prices = PriceList(policy=lambda: parse_policy(HOLDING_POLICY), dollars_per_hour=1.0)
    held = world.price(dataclasses.replace(ASKED, prompt="a duck"), prices=prices)
    assert (held.decision.action, held.refusal) == (Action.HOLD, None)
    assert codes(held) == ["prompt_held"]


def test_a_moderator_that_does_not_answer_is_not_a_yes(world: World) -> None:
    def silent() -> Any:
        raise ModeratorUnavailableError

    with pytest.raises(ModeratorUnavailableError):
        world.price(prices=PriceList(policy=silent, dollars_per_hour=1.0))


def test_a_long_prompt_and_an_unused_key_are_warned_of(world: World) -> None:
    assert codes(world.price(dataclasses.replace(ASKED, prompt="word " * 56))) == ["prompt_may_be_cut"]
    assert codes(world.price(has_key=True)) == ["idempotency_key_ignored"]


def test_what_is_wrong_in_itself_is_refused_as_it_would_be(world: World) -> None:
    with pytest.raises(InvalidRequestError):
        world.price(dataclasses.replace(ASKED, count=9))
    with pytest.raises(RecipientNotPermittedError):
        world.price(dataclasses.replace(ASKED, email="eve@example.com"))
    world.accounts.records[ADA.owner] = Account(disabled=True)
    with pytest.raises(AccountDisabledError):
        world.price()


def test_an_adapters_name_is_judged_in_a_dry_run_too(world: World) -> None:
    priced = world.price(dataclasses.replace(ASKED, adapter="porn-v2"))
    assert (priced.decision.action, codes(priced)) == (Action.BLOCK, ["prompt_blocked"])
