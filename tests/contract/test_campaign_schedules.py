"""Schedules of campaigns in EventBridge Scheduler by moto, and what of an expression is refused without asking it."""

from __future__ import annotations

import json
import os
import zoneinfo
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import boto3
import pytest
from afterimage.adapters.campaign_schedules import EventBridgeSchedules
from afterimage.domain.campaign import Schedule
from afterimage.domain.errors import CampaignInvalidError, WorkflowUnavailableError
from afterimage.domain.schedules import checked_schedule, fires, run_id_of
from botocore.exceptions import ClientError
from botocore.stub import ANY
from fakes.campaigns import CAMPAIGN_ID
from fakes.outside import NOW_MS
from fakes.stubbed import UNREACHED, stubbed, unreached
from moto import mock_aws

GROUP = "stack-campaigns"
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:start"
ROLE = "arn:aws:iam::123456789012:role/schedules"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:dead"
NIGHTLY = Schedule(expression="cron(0 2 * * ? *)", timezone="Europe/Berlin")
ONCE = Schedule(expression="at(2027-01-31T06:00:00)", timezone="UTC")


@pytest.fixture
def client(dynamodb: Any) -> Iterator[Any]:
    del dynamodb  # its credentials and its region are nobody's
    with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "eu-central-1"}), mock_aws():
        made = boto3.client("scheduler")
        made.create_schedule_group(Name=GROUP)
        yield made


def schedules(client: Any) -> EventBridgeSchedules:
    return EventBridgeSchedules(client, group=GROUP, function_arn=FUNCTION, role_arn=ROLE, dead_letters_arn=QUEUE)


def kept(client: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.get_schedule(Name=CAMPAIGN_ID, GroupName=GROUP)
    return found


def test_a_schedule_is_made_as_it_is_meant(client: Any) -> None:
    schedules(client).put(CAMPAIGN_ID, NIGHTLY)
    made = kept(client)
    assert (made["ScheduleExpression"], made["ScheduleExpressionTimezone"]) == ("cron(0 2 * * ? *)", "Europe/Berlin")
    assert (made["FlexibleTimeWindow"], made["State"]) == ({"Mode": "OFF"}, "ENABLED")
    target = made["Target"]
    assert (target["Arn"], target["RoleArn"], target["DeadLetterConfig"]) == (FUNCTION, ROLE, {"Arn": QUEUE})
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 8, "MaximumEventAgeInSeconds": 3600}
    assert json.loads(target["Input"]) == {
        "campaign_id": CAMPAIGN_ID,
        "scheduled_time": "<aws.scheduler.scheduled-time>",
    }


def test_a_schedule_is_replaced_and_taken_away_and_both_again(client: Any) -> None:
    ours = schedules(client)
    for schedule in (NIGHTLY, ONCE, ONCE):
        ours.put(CAMPAIGN_ID, schedule)
        assert kept(client)["ScheduleExpression"] == schedule.expression
    for _ in range(2):
        ours.remove(CAMPAIGN_ID)
    assert client.list_schedules(GroupName=GROUP)["Schedules"] == []


@pytest.mark.parametrize(("schedule", "after"), [(NIGHTLY, "NONE"), (ONCE, "DELETE")])
def test_only_what_comes_once_goes_by_itself(schedule: Schedule, after: str) -> None:
    client, stubber = stubbed("scheduler")
    any_other = dict.fromkeys(("ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target"), ANY)
    expected = {"Name": CAMPAIGN_ID, "GroupName": GROUP, "State": "ENABLED", "ActionAfterCompletion": after}
    stubber.add_response("update_schedule", {"ScheduleArn": FUNCTION}, {**any_other, **expected})
    schedules(client).put(CAMPAIGN_ID, schedule)
    stubber.assert_no_pending_responses()


def test_an_expression_that_the_scheduler_refuses_is_the_callers_mistake() -> None:
    client, stubber = stubbed("scheduler")
    stubber.add_client_error("update_schedule", "ValidationException")
    with pytest.raises(CampaignInvalidError) as caught:
        schedules(client).put(CAMPAIGN_ID, NIGHTLY)
    assert caught.value.code == "schedule_invalid"


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_scheduler_that_is_not_reached_may_be_asked_again(error: Exception) -> None:
    with pytest.raises(WorkflowUnavailableError):
        schedules(unreached("scheduler", error)).remove(CAMPAIGN_ID)


def test_what_is_not_foreseen_stays_what_it_is() -> None:
    client, stubber = stubbed("scheduler")
    stubber.add_client_error("delete_schedule", "AccessDeniedException")
    with pytest.raises(ClientError):
        schedules(client).remove(CAMPAIGN_ID)


# ── Expressions ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "expression",
    [
        "at(2027-01-31T07:00:00)",
        "rate(15 minutes)",
        "rate(1 hour)",
        "rate(7 days)",
        "cron(0 7 ? * MON-FRI *)",
        "cron(0/15 8-18 ? * MON *)",
        "cron(5,35 * 1 * ? 2027)",
        "cron(0 9 ? * 6#1 *)",
        "cron(0 9 L * ? *)",
    ],
)
def test_an_expression_is_taken_as_it_is(expression: str) -> None:
    assert checked_schedule(expression, "Europe/Berlin", NOW_MS) == Schedule(
        expression=expression, timezone="Europe/Berlin"
    )


@pytest.mark.parametrize(
    ("expression", "timezone", "code"),
    [
        ("tomorrow", "UTC", "schedule_invalid"),
        ("at(2027-02-30T07:00:00)", "UTC", "schedule_invalid"),
        ("at(2027-01-31T07:00)", "UTC", "schedule_invalid"),
        ("at(2020-01-31T07:00:00)", "UTC", "schedule_past"),
        ("rate(14 minutes)", "UTC", "schedule_too_often"),
        ("rate(1 hours)", "UTC", "schedule_invalid"),
        ("rate(2 hour)", "UTC", "schedule_invalid"),
        ("rate(0 days)", "UTC", "schedule_invalid"),
        ("cron(* * * * ? *)", "UTC", "schedule_too_often"),
        ("cron(0/5 * * * ? *)", "UTC", "schedule_too_often"),
        ("cron(0,50 * * * ? *)", "UTC", "schedule_too_often"),
        ("cron(0 7 * * * *)", "UTC", "schedule_invalid"),
        ("cron(0 7 ? * ? *)", "UTC", "schedule_invalid"),
        ("cron(0 7 * * ?)", "UTC", "schedule_invalid"),
        ("cron(61 7 * * ? *)", "UTC", "schedule_invalid"),
        ("cron(0/0 7 * * ? *)", "UTC", "schedule_invalid"),
        ("cron(0 7 * * ? *) ", "UTC", "schedule_invalid"),
        ("rate(1 day)", "Middle/Earth", "unknown_timezone"),
        ("rate(1 day)", "", "unknown_timezone"),
        ("rate(1 day)", "Europe", "unknown_timezone"),
        ("rate(1 day)", "../../etc/passwd", "unknown_timezone"),
        ("rate(1 day)", "/etc/localtime", "unknown_timezone"),
        ("rate(1 day)", "a\x00b", "unknown_timezone"),
    ],
)
def test_an_expression_that_means_nothing_or_too_much_is_refused(expression: str, timezone: str, code: str) -> None:
    with pytest.raises(CampaignInvalidError) as caught:
        checked_schedule(expression, timezone, NOW_MS)
    assert caught.value.code == code


def test_a_time_is_past_by_the_clock_of_its_zone() -> None:
    # NOW is 11:06:40 UTC on 18 November 2026.
    assert checked_schedule("at(2026-11-18T11:30:00)", "UTC", NOW_MS)
    for zone in ("Europe/Berlin", "Asia/Tokyo"):
        with pytest.raises(CampaignInvalidError):
            checked_schedule("at(2026-11-18T11:30:00)", zone, NOW_MS)


def test_summer_time_is_that_of_the_zone() -> None:
    summer = Schedule(expression="at(2027-07-01T07:00:00)", timezone="Europe/Berlin")
    assert fires(summer, 0, NOW_MS).expression == "at(2027-07-01T05:00:00)"
    gap = Schedule(expression="at(2027-03-28T02:30:00)", timezone="Europe/Berlin")
    assert fires(gap, 0, NOW_MS).expression == "at(2027-03-28T01:30:00)"


def test_a_start_that_would_be_past_by_the_warm_up_comes_at_once() -> None:
    soon = Schedule(expression="at(2026-11-18T11:20:00)", timezone="UTC")
    assert fires(soon, 30, NOW_MS).expression == "at(2026-11-18T11:07:40)"


def test_a_repeating_schedule_comes_at_its_time() -> None:
    assert fires(NIGHTLY, 30, NOW_MS) == NIGHTLY


def test_without_a_database_of_zones_the_scheduler_has_the_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> Any:
        raise zoneinfo.ZoneInfoNotFoundError(name)

    known = SimpleNamespace(ZoneInfo=unknown, ZoneInfoNotFoundError=zoneinfo.ZoneInfoNotFoundError)
    known.ZoneInfo.no_cache = unknown  # type: ignore[attr-defined]
    monkeypatch.setattr("afterimage.domain.schedules.zoneinfo", known)
    past = Schedule(expression="at(2020-01-31T07:00:00)", timezone="Europe/Berlin")
    assert checked_schedule(past.expression, past.timezone, NOW_MS) == past
    assert fires(past, 30, NOW_MS) == past
    assert fires(ONCE, 30, NOW_MS).expression == "at(2027-01-31T05:30:00)", "UTC needs no database"
    for wrong in ("../../etc/passwd", "Europe/", "a b"):
        with pytest.raises(CampaignInvalidError):
            checked_schedule("rate(1 day)", wrong, NOW_MS)


def test_one_time_is_one_run_however_it_is_written() -> None:
    assert run_id_of("2026-11-22T07:00:00Z") == run_id_of("2026-11-22T08:00:00+01:00") == "20261122t070000z"
    with pytest.raises(ValueError, match="isoformat"):
        run_id_of("<aws.scheduler.scheduled-time>")
