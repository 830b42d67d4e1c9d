"""A leg begins and comes to rest: what is warmed, what is waited for, and what the record then says."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from afterimage.domain.campaign import RUN_FAILED, Campaign, Run, RunStatus
from afterimage.domain.row_ref import CampaignId
from afterimage.usecases.begin_campaign_run import begin_campaign_run
from afterimage.usecases.settle_campaign_run import Rest, settle_campaign_run
from fakes.campaigns import CAMPAIGN_ID, RUN_ID, a_campaign, a_run
from fakes.outside import Ticker

HOLDER = f"{CAMPAIGN_ID}/{RUN_ID}"


class OneRun:
    """As much of a `CampaignStore` as a leg asks for."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def get(self, campaign_id: CampaignId, now_ms: int) -> Campaign:
        return a_campaign()

    def get_run(self, campaign_id: CampaignId, run_id: str) -> Run:
        return self.run

    def move_run(self, run: Run, to: RunStatus, at_ms: int, *, reason: str | None = None) -> Run:
        self.run = dataclasses.replace(run, status=to, reason=reason)
        return self.run


class Machines:
    def __init__(self, there: bool = True) -> None:
        self.there = there
        self.calls: list[tuple[str, str]] = []

    def warm(self, holder: str) -> bool:
        self.calls.append(("warm", holder))
        return self.there

    def let_go(self, holder: str) -> None:
        self.calls.append(("let_go", holder))


def begin(run: Run, machines: Machines, leg: int = 1) -> Any:
    store: Any = OneRun(run)
    return begin_campaign_run(CAMPAIGN_ID, RUN_ID, leg, campaigns=store, capacity=machines, clock=Ticker())


def settle(run: Run, leg: int = 1) -> tuple[Rest, Run, list[tuple[str, str]]]:
    store: Any = OneRun(run)
    machines = Machines()
    rest, settled = settle_campaign_run(CAMPAIGN_ID, RUN_ID, leg, campaigns=store, capacity=machines, clock=Ticker())
    assert settled == store.run
    return rest, settled, machines.calls


def test_a_leg_warms_the_endpoint_and_waits_the_minutes_of_its_campaign() -> None:
    machines = Machines()
    leg = begin(a_run(concurrency=7), machines)
    assert (leg.goes, leg.concurrency, leg.wait_seconds) == (True, 7, 300)
    assert leg.index_key == f"campaigns/{CAMPAIGN_ID}/checks/{'c' * 16}/index.csv"
    assert machines.calls == [("warm", HOLDER)]


def test_a_stack_without_an_endpoint_does_not_wait() -> None:
    assert begin(a_run(), Machines(there=False)).wait_seconds == 0


@pytest.mark.parametrize("changes", [{"status": RunStatus.PAUSED}, {"leg": 2}])
def test_a_leg_that_was_overtaken_does_not_go_and_warms_nothing(changes: dict[str, Any]) -> None:
    machines = Machines()
    assert begin(a_run(**changes), machines).goes is False
    assert machines.calls == []


def test_rows_at_work_are_waited_for_and_keep_the_endpoint() -> None:
    rest, run, calls = settle(a_run(claimed=2, succeeded=1))
    assert (rest, run.status, calls) == (Rest.WAITING, RunStatus.RUNNING, [])


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"claimed": 3, "succeeded": 2, "failed": 1}, RunStatus.FINISHED, None),
        ({"claimed": 1, "succeeded": 1}, RunStatus.PAUSED, RUN_FAILED),
        ({"claimed": 1, "succeeded": 1, "status": RunStatus.PAUSED, "reason": "x"}, RunStatus.PAUSED, "x"),
        ({"claimed": 3, "blocked": 3, "status": RunStatus.PAUSED, "reason": "x"}, RunStatus.FINISHED, None),
        ({"claimed": 1, "cancelled": 1, "status": RunStatus.STOPPED}, RunStatus.STOPPED, None),
    ],
)
def test_a_leg_at_rest_says_how_its_run_stands(changes: dict[str, Any], status: RunStatus, reason: str | None) -> None:
    rest, run, calls = settle(a_run(**changes))
    assert (rest, run.status, run.reason) == (Rest.RESTS, status, reason)
    assert calls == [("let_go", HOLDER)]


def test_a_leg_that_was_overtaken_touches_nothing() -> None:
    rest, run, calls = settle(a_run(leg=2))
    assert (rest, run.status, calls) == (Rest.SUPERSEDED, RunStatus.RUNNING, [])
