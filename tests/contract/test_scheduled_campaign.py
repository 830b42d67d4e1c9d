"""A schedule begins runs: one for each time, none beside another, and a campaign that it brings with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from afterimage.contracts.campaign import upload_key
from afterimage.domain.account import Account
from afterimage.domain.campaign import CampaignStatus, RunStatus
from afterimage.domain.errors import StoreUnavailableError, WorkflowUnavailableError
from afterimage.domain.row_ref import CampaignId
from afterimage.handlers import start_scheduled_campaign as handler
from afterimage.usecases.start_scheduled_campaign import carried_campaign_id
from fakes.campaign_world import CampaignWorld
from fakes.samples import OWNER
from security.template import ROOT, resources

SEVEN, EIGHT = "2026-11-22T07:00:00Z", "2026-11-22T08:00:00Z"


@pytest.fixture
def world(dynamodb: Any, table: str) -> CampaignWorld:
    return CampaignWorld(dynamodb, table)


def fire(world: CampaignWorld, event: dict[str, Any]) -> dict[str, str]:
    return handler.handle(event, handler.Dependencies(desk=world.desk, starter=world.starter, checks=world.checks))


def at(campaign_id: str, time: str) -> dict[str, Any]:
    return {"campaign_id": campaign_id, "scheduled_time": time}


def test_a_time_begins_one_run_however_often_it_comes(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    answers = [fire(world, at(campaign_id, SEVEN)) for _ in range(3)]
    assert answers == [{"campaign_id": campaign_id, "run_id": "20261122t070000z"}] * 3
    assert {started[1:] for started in world.machine.started} == {("20261122t070000z", 1)}
    assert world.campaign(campaign_id).passed_over is None


def test_a_time_that_comes_again_after_its_run_begins_nothing(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    fire(world, at(campaign_id, SEVEN))
    world.ends(campaign_id, RunStatus.FINISHED)
    fire(world, at(campaign_id, EIGHT))
    world.ends(campaign_id, RunStatus.FINISHED)
    assert fire(world, at(campaign_id, SEVEN))["run_id"] == "20261122t070000z"
    assert world.run(campaign_id).run_id == "20261122t080000z"
    assert len(world.machine.started) == 2


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.PAUSED])
def test_a_time_at_which_a_run_is_active_is_passed_over_and_said_so(world: CampaignWorld, status: RunStatus) -> None:
    campaign_id = world.ready()
    fire(world, at(campaign_id, SEVEN))
    if status is RunStatus.PAUSED:
        world.ends(campaign_id, status, "paused_by_owner")
    assert fire(world, at(campaign_id, EIGHT)) == {"campaign_id": campaign_id, "refused": "run_active"}
    shown = world.call("GET", f"/{campaign_id}").body
    assert (shown["passed_over"]["run"], shown["passed_over"]["code"]) == ("20261122t080000z", "run_active")
    assert shown["run"]["id"] == "20261122t070000z"


def test_what_refuses_a_run_is_written_down(world: CampaignWorld) -> None:
    campaign_id, draft = world.ready(), world.created()
    world.open = False
    assert fire(world, at(campaign_id, SEVEN))["refused"] == "admission_closed"
    world.open = True
    world.accounts.records[OWNER] = Account(disabled=True)
    assert fire(world, at(campaign_id, EIGHT))["refused"] == "account_disabled"
    noted = world.campaign(campaign_id).passed_over
    assert noted and (noted.run_id, noted.code) == ("20261122t080000z", "account_disabled")
    assert fire(world, at(draft, SEVEN))["refused"] == "campaign_not_ready"
    assert world.machine.started == []


def test_what_may_pass_is_left_to_be_delivered_again(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    world.accounts.fail_next("find", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        fire(world, at(campaign_id, SEVEN))
    world.machine.fail_next("start", WorkflowUnavailableError())
    assert "run_id" in fire(world, at(campaign_id, SEVEN)), "recorded: the sweep starts it"


def test_a_schedule_that_came_once_is_forgotten(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    world.call("PUT", f"/{campaign_id}/schedule", {"expression": "at(2027-01-31T07:00:00)"})
    fire(world, at(campaign_id, SEVEN))
    assert world.campaign(campaign_id).schedule is None
    other = world.ready()
    world.call("PUT", f"/{other}/schedule", {"expression": "rate(1 day)"})
    fire(world, at(other, SEVEN))
    assert world.campaign(other).schedule


def test_an_event_of_an_erased_campaign_begins_nothing(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    world.call("DELETE", f"/{campaign_id}")
    assert fire(world, at(campaign_id, SEVEN)) == {"campaign_id": campaign_id, "refused": "campaign_not_found"}


# ── A schedule of the template that brings its campaign ───────────────────────────────────────────────────────────────


def sample(time: str) -> dict[str, Any]:
    """What the sample campaign of the template sends."""
    text = resources("AWS::Scheduler::Schedule")["SampleCampaign"]["Properties"]["Target"]["Input"]["Sub"]
    for name, value in (("${ScheduledRecipient}", "afterimage@example.com"), ("${ScheduledPrompt}", "a sunrise")):
        text = text.replace(name, value)
    event: dict[str, Any] = json.loads(text.replace("<aws.scheduler.scheduled-time>", time))
    return event


def test_the_sample_campaign_of_the_template_runs(world: CampaignWorld) -> None:
    begun = fire(world, sample(SEVEN))
    campaign = world.campaign(CampaignId(begun["campaign_id"]))
    assert (campaign.owner, campaign.status) == ("schedule#sample-campaign", CampaignStatus.READY)
    assert campaign.settings.recipients == ("afterimage@example.com",)
    assert campaign.settings.axes["seed"] == (1, 2)
    assert world.files.objects[upload_key(campaign.campaign_id)] == b'{"prompt": "a sunrise"}\n'
    assert world.machine.started == [(campaign.campaign_id, "20261122t070000z", 1)]


def test_the_sample_campaign_is_one_campaign_and_read_anew_at_each_time(world: CampaignWorld) -> None:
    first = fire(world, sample(SEVEN))
    assert fire(world, sample(SEVEN)) == first
    assert len(world.checks.begun) == 1, "the same time: nothing is read again"
    assert fire(world, sample(EIGHT))["refused"] == "run_active"
    assert len(world.checks.begun) == 1, "while a run is active its rows stay"
    world.ends(CampaignId(first["campaign_id"]), RunStatus.FINISHED)
    changed = sample(EIGHT)
    changed["scheduled_time"] = "2026-11-22T09:00:00Z"
    changed["campaign"]["rows"] = [{"prompt": "a barn"}]
    assert fire(world, changed)["campaign_id"] == first["campaign_id"] == carried_campaign_id("sample-campaign")
    assert world.files.objects[upload_key(first["campaign_id"])] == b'{"prompt": "a barn"}\n'


def test_the_sample_campaign_is_off_until_somebody_turns_it_on() -> None:
    schedule = resources()["SampleCampaign"]["Properties"]
    assert schedule["State"] == {"Ref": "CampaignScheduleState"}
    assert "CampaignScheduleState:" in (ROOT / "template.yaml").read_text(encoding="utf-8")
