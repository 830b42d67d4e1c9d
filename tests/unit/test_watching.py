"""Alarms and dashboard look at metrics that exist, in the dimensions in which they are published."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from fakes.template import template
from unit.test_documents import counted_metrics

RESOURCES: dict[str, Any] = template()["Resources"]
ALARMS = {name: entry["Properties"] for name, entry in RESOURCES.items() if entry["Type"] == "AWS::CloudWatch::Alarm"}
OURS = "Afterimage"
# What AWS publishes, by the dimensions that we ask for. Sources: the monitoring chapter of each service's guide.
PUBLISHED: dict[tuple[str, frozenset[str]], set[str]] = {
    ("AWS/SageMaker", frozenset({"EndpointName"})): {
        "ApproximateBacklogSize",
        "HasBacklogWithoutCapacity",
        "NotificationFailures",
    },
    ("/aws/sagemaker/Endpoints", frozenset({"EndpointName", "VariantName"})): {
        "CPUUtilization",
        "GPUUtilization",
        "GPUMemoryUtilization",
    },
    ("AWS/States", frozenset({"StateMachineArn"})): {"ExecutionsFailed", "ExecutionTime"},
    ("AWS/ApiGateway", frozenset({"ApiId"})): {"4xx", "5xx", "Count", "Latency"},
    ("AWS/SQS", frozenset({"QueueName"})): {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    ("AWS/Lambda", frozenset()): {"Throttles", "Errors"},
    ("AWS/SES", frozenset()): {"Reputation.BounceRate", "Reputation.ComplaintRate"},
}


def check(namespace: str, name: str, dimensions: dict[str, Any]) -> None:
    """The metric is one that somebody publishes."""
    if namespace == OURS:
        assert name in counted_metrics(), f"{name} is published by no code of ours"
        assert dimensions in ({"service": {"Ref": "AWS::StackName"}}, {"service": "${AWS::StackName}"}), name
    else:
        assert name in PUBLISHED[namespace, frozenset(dimensions)], f"{namespace} {name} by {set(dimensions)}"


def named(dimensions: list[dict[str, Any]]) -> dict[str, Any]:
    return {entry["Name"]: entry["Value"] for entry in dimensions}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_looks_at_a_metric_that_is_published(name: str) -> None:
    alarm = ALARMS[name]
    if "Metrics" not in alarm:
        check(alarm["Namespace"], alarm["MetricName"], named(alarm.get("Dimensions", [])))
        return
    measured = [entry for entry in alarm["Metrics"] if "MetricStat" in entry]
    for entry in measured:
        metric = entry["MetricStat"]["Metric"]
        check(metric["Namespace"], metric["MetricName"], named(metric["Dimensions"]))
    (shown,) = [entry for entry in alarm["Metrics"] if entry["ReturnData"]]
    expression = shown["Expression"] if isinstance(shown["Expression"], str) else shown["Expression"]["Sub"]
    used = set(re.findall(r"\b[a-z]\w*\b", re.sub(r"\$\{\w+\}", "", expression)))
    assert used == {entry["Id"] for entry in measured}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_it_is_and_whom_it_tells(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["TreatMissingData"] in ("notBreaching", "breaching", "missing")
    if name == "BacklogWithoutCapacityAlarm":  # it wakes the endpoint, nobody needs to know
        return
    assert alarm["AlarmDescription"].endswith("See docs/operations.md")
    assert "AlarmTopicArn" in json.dumps(alarm["AlarmActions"])


def test_an_alarm_on_days_or_hours_is_one_that_cloudwatch_takes() -> None:
    """All periods together may be a day, or a week where one is at least an hour."""
    for name, alarm in ALARMS.items():
        period = alarm.get("Period") or alarm["Metrics"][0]["MetricStat"]["Period"]
        assert period in (10, 30) or period % 60 == 0, name
        assert period * alarm["EvaluationPeriods"] <= (604_800 if period >= 3600 else 86_400), name


def widgets() -> list[dict[str, Any]]:
    text, names = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Sub"]
    assert set(names) == {"Name"}
    body: dict[str, Any] = json.loads(text)
    return [widget["properties"] | {"place": widget} for widget in body["widgets"]]


@pytest.mark.parametrize("widget", widgets(), ids=lambda widget: widget["title"])
def test_a_widget_shows_metrics_that_are_published(widget: dict[str, Any]) -> None:
    assert widget["region"] == "${AWS::Region}"
    for row in widget["metrics"]:
        entries = [entry for entry in row if not isinstance(entry, dict)]
        if not entries:
            assert row[0]["expression"]
            continue
        namespace, name, *pairs = entries
        check(namespace, name, dict(zip(pairs[::2], pairs[1::2], strict=True)))


def test_the_dashboard_names_only_resources_that_exist_and_no_widget_covers_another() -> None:
    text, _ = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Sub"]
    for name in set(re.findall(r"\$\{(\w+)[.}]", text)) - {"Name"}:
        assert name in RESOURCES, name
    places = [widget["place"] for widget in widgets()]
    cells = [(place["x"] // 8, place["y"] // 6) for place in places]
    assert len(cells) == len(set(cells)) == 12
    assert all(place["x"] + place["width"] <= 24 for place in places)


def test_every_end_of_a_request_is_on_the_dashboard() -> None:
    shown = {row[1] for widget in widgets() for row in widget["metrics"] if len(row) > 1}
    assert {"JobSucceeded", "JobBlocked", "JobFailed", "JobCancelled", "JobExpired", "RequestFaulted"} <= shown
