"""What the workflow adds to the model's own time, and what one delivered picture takes.

Overhead of a request = mail in the sink − acceptance on the job's record − the container's own `timings_s.total`. All
three clocks are this machine's. Requests go one after the other, so nothing waits in a queue.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.conditions import percentiles, table
from bench.own_cloud import BenchError, OwnCloud

WARM_UP = 5
PATIENCE_S = 60
PROMPT = "a red circle on a blue background"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One request, in seconds."""

    job_id: str
    post_s: float
    accepted_to_mail_s: float
    model_s: float

    @property
    def overhead_s(self) -> float:
        return self.accepted_to_mail_s - self.model_s


def measure(cloud: OwnCloud, requests: int) -> dict[str, Any]:
    """Run the requests and return the numbers."""
    token = cloud.sign_in("bench@afterimage.example")
    with httpx.Client(trust_env=False, timeout=30, headers={"Authorization": f"Bearer {token}"}) as http:
        for _ in range(WARM_UP):
            _request(cloud, http)
        before = _invocations(cloud)
        measured = [_request(cloud, http) for _ in range(requests)]
        after = _wait_for_invocations(cloud, before, requests)
    entered = [_states_entered(cloud, one.job_id) for one in measured]
    invoked = {
        name: (after[name] - before.get(name, 0)) / requests for name in after if after[name] > before.get(name, 0)
    }
    invoked.pop("SweepOpenJobs", None)  # every minute, whatever is asked for
    return {
        "requests": requests,
        "warm_up": WARM_UP,
        "overhead_s": percentiles([one.overhead_s for one in measured]),
        "accepted_to_mail_s": percentiles([one.accepted_to_mail_s for one in measured]),
        "model_s": percentiles([one.model_s for one in measured]),
        "post_s": percentiles([one.post_s for one in measured]),
        # Counted generously: each state that was entered, and one each for start and end.
        "transitions_per_picture": max(len(states) for states in entered) + 2,
        "states_entered": entered[0],
        "invocations_per_picture": round(sum(invoked.values()), 2),
        "invocations_by_function": {name: round(count, 2) for name, count in sorted(invoked.items())},
        "model": cloud.settings.model_dir.name,
    }


def _request(cloud: OwnCloud, http: httpx.Client) -> Measured:
    known = set(cloud.settings.mail.glob("*.eml"))
    began = time.monotonic()
    answer = http.post(f"{cloud.settings.api_base}/v1/images", json={"prompt": PROMPT})
    post_s = time.monotonic() - began
    if answer.status_code != httpx.codes.ACCEPTED:
        raise BenchError(f"A request was answered {answer.status_code}: {answer.text}")
    job_id = answer.json()["id"]
    mail = _new_mail(cloud, known, job_id)
    job = _item(cloud, job_id, "JOB")
    accepted_s = int(job["created_at_ms"]["N"]) / 1000
    return Measured(
        job_id=job_id,
        post_s=post_s,
        accepted_to_mail_s=mail.stat().st_mtime - accepted_s,
        model_s=_model_s(cloud, job_id),
    )


def _new_mail(cloud: OwnCloud, known: set[Path], job_id: str) -> Path:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for path in set(cloud.settings.mail.glob("*.eml")) - known:
            if job_id.encode() in path.read_bytes():
                return path
        time.sleep(0.02)
    raise BenchError(f"No mail about {job_id} came within {PATIENCE_S} s.")


def _item(cloud: OwnCloud, job_id: str, sort: str) -> dict[str, Any]:
    key = {"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": sort}}
    item: dict[str, Any] = cloud.client("dynamodb").get_item(TableName=cloud.outputs["TableName"], Key=key)["Item"]
    return item


def _model_s(cloud: OwnCloud, job_id: str) -> float:
    found = cloud.client("dynamodb").query(
        TableName=cloud.outputs["TableName"],
        KeyConditionExpression="pk = :pk AND begins_with(sk, :attempt)",
        ExpressionAttributeValues={":pk": {"S": f"JOB#{job_id}"}, ":attempt": {"S": "ATTEMPT#"}},
    )["Items"]
    bucket, _, key = found[0]["output_location"]["S"].removeprefix("s3://").partition("/")
    result = json.loads(cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    return float(result["timings_s"]["total"])


def _states_entered(cloud: OwnCloud, job_id: str) -> list[str]:
    arn = f"{cloud.outputs['StateMachineArn'].replace(':stateMachine:', ':execution:')}:{job_id}"
    pages = cloud.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
    return [
        event["stateEnteredEventDetails"]["name"]
        for page in pages
        for event in page["events"]
        if event["type"].endswith("StateEntered")
    ]


def _invocations(cloud: OwnCloud) -> dict[str, int]:
    """Function → invocations so far, from the START lines of its log."""
    logs = cloud.client("logs")
    counted: dict[str, int] = {}
    for group in logs.describe_log_groups()["logGroups"]:
        name = group["logGroupName"].rsplit("/", 1)[-1]
        if name.endswith("LogGroup"):
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
            events = [event["message"] for page in pages for event in page["events"]]
            counted[name.removesuffix("LogGroup")] = sum(text.startswith("START RequestId") for text in events)
    return counted


def _wait_for_invocations(cloud: OwnCloud, before: dict[str, int], requests: int) -> dict[str, int]:
    """The log of the last notification follows its mail, so wait for it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        after = _invocations(cloud)
        if after["NotifyRequester"] - before["NotifyRequester"] >= requests:
            return after
        time.sleep(0.2)
    raise BenchError("The log shows fewer notifications than mails.")


def show(numbers: dict[str, Any]) -> str:
    """The numbers as tables."""
    names = ("overhead_s", "accepted_to_mail_s", "model_s", "post_s")
    rows = [["seconds", "p50", "p95", "least", "most"]]
    rows += [[name.removesuffix("_s").replace("_", " "), *numbers[name].values()] for name in names]
    counts = [
        ["per delivered picture", "count"],
        ["state transitions", numbers["transitions_per_picture"]],
        ["Lambda invocations", numbers["invocations_per_picture"]],
        *([f"  {name}", count] for name, count in numbers["invocations_by_function"].items()),
    ]
    return table(f"Workflow, {numbers['requests']} requests one by one", rows) + "\n" + table("Counts", counts)
