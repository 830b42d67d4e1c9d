"""Runs that were lost are found: begun and never executed, ended unseen, erased while they were written."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from afterimage.contracts.campaign import run_prefix
from afterimage.domain.campaign import ActiveRun, RunStatus
from afterimage.domain.errors import StoreUnavailableError, WorkflowUnavailableError
from afterimage.domain.row_ref import CampaignId
from afterimage.handlers import sweep_campaign_runs as handler
from afterimage.usecases.sweep_campaign_runs import GRACE_MS, RunBroom
from fakes.campaign_world import CampaignWorld


class FakeCapacity:
    """Implements `campaign_ports.Capacity`."""

    def __init__(self) -> None:
        self.gone: list[str] = []

    def warm(self, holder: str) -> bool:
        raise AssertionError("the sweep warms nothing")

    def let_go(self, holder: str) -> None:
        self.gone.append(holder)


class Sweeping:
    def __init__(self, world: CampaignWorld) -> None:
        self.world, self.capacity = world, FakeCapacity()
        self.reported: list[ActiveRun] = []

    def sweep(self, after_ms: int = GRACE_MS + 1) -> dict[str, int]:
        self.world.clock.pass_s(after_ms / 1000)
        broom = RunBroom(
            campaigns=self.world.campaigns,
            workflow=self.world.machine,
            capacity=self.capacity,
            files=self.world.files,
            report=lambda active, _: self.reported.append(active),
            clock=self.world.clock,
        )
        return {name: number for name, number in handler.handle(broom).items() if number}

    def execution(self, campaign_id: CampaignId, status: str) -> None:
        run = self.world.run(campaign_id)
        self.world.machine.statuses[campaign_id, run.run_id, run.leg] = status


@pytest.fixture
def sweeping(dynamodb: Any, table: str) -> Sweeping:
    return Sweeping(CampaignWorld(dynamodb, table))


def never_started(world: CampaignWorld) -> CampaignId:
    campaign_id = world.ready()
    world.machine.fail_next("start", WorkflowUnavailableError())
    assert world.call("POST", f"/{campaign_id}/run").status == 202
    return campaign_id


def test_a_run_without_an_execution_is_begun_after_a_minute(sweeping: Sweeping) -> None:
    campaign_id = never_started(sweeping.world)
    assert sweeping.sweep(after_ms=1000) == {}
    assert sweeping.sweep() == {"restarted": 1}
    assert sweeping.world.machine.started == [(campaign_id, sweeping.world.run(campaign_id).run_id, 1)]
    assert sweeping.sweep() == {"left": 1}


def test_a_leg_without_an_execution_is_begun_too(sweeping: Sweeping) -> None:
    world = sweeping.world
    campaign_id = world.running()
    world.call("POST", f"/{campaign_id}/pause")
    sweeping.execution(campaign_id, "SUCCEEDED")
    assert sweeping.sweep() == {"settled": 1}
    assert sweeping.sweep() == {}, "forgotten"
    world.machine.fail_next("start", WorkflowUnavailableError())
    assert world.call("POST", f"/{campaign_id}/resume").status == 202
    assert sweeping.sweep() == {"restarted": 1}
    assert world.machine.started[-1][2] == 2


@pytest.mark.parametrize("status", ["FAILED", "ABORTED", "TIMED_OUT"])
def test_a_run_whose_execution_ended_unseen_is_paused_and_its_machine_let_go(sweeping: Sweeping, status: str) -> None:
    campaign_id = sweeping.world.running()
    sweeping.execution(campaign_id, status)
    assert sweeping.sweep() == {"settled": 1}
    run = sweeping.world.run(campaign_id)
    assert (run.status, run.reason) == (RunStatus.PAUSED, "run_failed")
    assert sweeping.capacity.gone == [f"{campaign_id}/{run.run_id}"]
    assert sweeping.sweep() == {}


def test_a_run_at_work_is_left_alone(sweeping: Sweeping) -> None:
    campaign_id = sweeping.world.running()
    assert sweeping.sweep() == {"left": 1}
    assert sweeping.world.run(campaign_id).status is RunStatus.RUNNING


def test_what_an_erased_campaigns_execution_wrote_late_is_erased(sweeping: Sweeping) -> None:
    world = sweeping.world
    campaign_id = world.running()
    run = world.run(campaign_id)
    world.call("DELETE", f"/{campaign_id}")
    world.files.objects[f"{run_prefix(campaign_id, run.run_id)}manifest.csv"] = b"prompts"
    assert sweeping.sweep() == {"left": 1}, "it still writes"
    world.machine.statuses[campaign_id, run.run_id, 1] = "FAILED"
    assert sweeping.sweep() == {"settled": 1}
    assert world.files.objects == {}


def test_one_runs_trouble_is_its_own(sweeping: Sweeping) -> None:
    first, second = never_started(sweeping.world), never_started(sweeping.world)
    sweeping.world.machine.fail_next("status", StoreUnavailableError())
    assert sweeping.sweep() == {"restarted": 1, "skipped": 1}
    assert len(sweeping.reported) == 1
    assert {started[0] for started in sweeping.world.machine.started} < {first, second}


def test_a_mark_of_a_run_that_was_set_going_again_stays(sweeping: Sweeping) -> None:
    campaign_id = sweeping.world.running()
    (active,) = sweeping.world.campaigns.list_active(sweeping.world.clock() + 1, 10)
    assert active.campaign_id == campaign_id
    sweeping.world.campaigns.forget_active(dataclasses.replace(active, at_ms=active.at_ms - 1))
    assert sweeping.world.campaigns.list_active(sweeping.world.clock() + 1, 10) == (active,)
    sweeping.world.campaigns.forget_active(active)
    assert sweeping.world.campaigns.list_active(sweeping.world.clock() + 1, 10) == ()
