"""The alarm on failed requests closes the door, all the way: alarm, topic, function, switch, 503.

The emulator does not evaluate metric math, so the alarm is moved by SetAlarmState; its actions are the deployed ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from integration.journey import PROMPT, ask, person, resource_name, wait_for_end
from integration.test_iam_enforced import forget

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

    Switch = str


@pytest.fixture
def switch(cloud: LocalCloud) -> Iterator[Switch]:
    """The name of the switch, which is open again after the test."""
    name = resource_name(cloud, "AdmissionParameter")
    yield name
    set_alarm(cloud, "OK")
    cloud.client("ssm").put_parameter(Name=name, Value="open", Overwrite=True)
    forget(cloud, "RequestsApiFunction")


def set_alarm(cloud: LocalCloud, state: str) -> None:
    cloud.client("cloudwatch").set_alarm_state(
        AlarmName=resource_name(cloud, "FailedShareAlarm"), StateValue=state, StateReason="a test"
    )


def test_an_alarm_on_failures_closes_admission_until_a_person_opens_it(cloud: LocalCloud, switch: Switch) -> None:
    address = person()
    in_hand = ask(cloud, address)
    set_alarm(cloud, "ALARM")

    def value() -> str:
        return str(cloud.client("ssm").get_parameter(Name=switch)["Parameter"]["Value"])

    cloud.wait_until(lambda: value() == "closed", "the closed switch")

    forget(cloud, "RequestsApiFunction")

    def refusal() -> str:
        answer = cloud.http("POST", "/v1/images", token=cloud.token(address), body={"prompt": PROMPT})
        assert answer.status_code == 503  # never 202; a process that has just begun may be slow to reach anything
        return str(answer.json()["code"])

    cloud.wait_until(lambda: refusal() == "admission_closed", "the refusal of a closed door")
    assert wait_for_end(cloud, address, in_hand)["status"] == "SUCCEEDED", "work in hand goes on"

    set_alarm(cloud, "OK")
    assert value() == "closed", "an alarm that ends opens nothing"


def test_the_deployed_alarm_is_the_one_of_the_template(cloud: LocalCloud) -> None:
    (alarm,) = cloud.client("cloudwatch").describe_alarms(AlarmNames=[resource_name(cloud, "FailedShareAlarm")])[
        "MetricAlarms"
    ]
    assert alarm["AlarmActions"] == [resource_name(cloud, "BreakerTopic")]
    assert [metric["Id"] for metric in alarm["Metrics"]] == ["ended", "share", "failed"]


def test_the_deployed_dashboard_is_json_about_this_stack(cloud: LocalCloud) -> None:
    body = cloud.client("cloudwatch").get_dashboard(DashboardName=cloud.stack["stack_name"])["DashboardBody"]
    rows = [row for widget in json.loads(body)["widgets"] for row in widget["properties"]["metrics"]]
    ours = [row for row in rows if row[0] == "Afterimage"]
    assert ours
    assert {row[3] for row in ours} == {cloud.stack["stack_name"]}
    assert "${" not in body
