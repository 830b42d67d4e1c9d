"""What goes wrong behind a request: each job ends truly, is told once, and leaves a record that says why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from integration.journey import (
    PROMPT,
    ask,
    attempts_of,
    execution_arn,
    invoke,
    job_item,
    mails_to,
    person,
    read,
    resource_name,
    wait_for_end,
    wait_for_status,
)

from local.settings import ROOT

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

_BUSY = json.dumps({"error": {"code": "busy", "message": "The queue is full.", "retryable": True}})


def wait_for_execution(cloud: LocalCloud, job_id: str) -> str:
    """Return how the execution ended."""
    states = cloud.client("stepfunctions")

    def ended() -> str | None:
        status = states.describe_execution(executionArn=execution_arn(cloud, job_id))["status"]
        return status if status != "RUNNING" else None

    return cloud.wait_until(ended, f"the execution of {job_id}", 120)


def knows_no_job(cloud: LocalCloud, job_id: str) -> bool:
    """True once CloseLostJob has met the execution of a job that is not there."""
    group = resource_name(cloud, "CloseLostJobLogGroup")
    events = cloud.client("logs").filter_log_events(logGroupName=group)["events"]
    return any("execution without a job" in event["message"] and job_id in event["message"] for event in events)


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ([{"kind": "fail", "at": "before"}], "generation_failed"),
        ([{"kind": "fail", "at": "after"}], "generation_failed"),
        ([{"kind": "garbage"}], "invalid_result"),
        ([{"kind": "garbage", "body": "{}"}], "invalid_result"),
        ([{"kind": "timeout", "seconds": 0.5}, {"kind": "silence"}], "generation_failed"),
    ],
    ids=["fails-before", "fails-after", "answers-garbage", "answers-another-shape", "never-answers"],
)
def test_a_container_that_fails_ends_the_job_failed_and_told_once(
    cloud: LocalCloud, faults: list[dict[str, Any]], code: str
) -> None:
    address = person()
    cloud.faults(*faults)
    job_id = ask(cloud, address)
    view = wait_for_end(cloud, address, job_id)
    assert view["status"] == "FAILED"
    assert view["failure"]["code"] == code
    assert view["images"] == []
    assert wait_for_execution(cloud, job_id) == "FAILED"
    assert len(mails_to(cloud, address)) == 1
    assert cloud.faults_left() == []


def test_a_busy_container_is_asked_again_with_a_new_attempt(cloud: LocalCloud) -> None:
    address = person()
    cloud.faults({"kind": "fail", "at": "before", "body": _BUSY})
    job_id = ask(cloud, address)
    assert wait_for_end(cloud, address, job_id)["status"] == "SUCCEEDED"
    assert sorted(attempt["outcome"]["S"] for attempt in attempts_of(cloud, job_id)) == ["failed", "succeeded"]
    assert len(mails_to(cloud, address)) == 1


def test_a_container_that_stays_busy_ends_the_job_with_that_code(cloud: LocalCloud) -> None:
    address = person()
    cloud.faults({"kind": "fail", "at": "before", "body": _BUSY, "times": 3})
    job_id = ask(cloud, address)
    view = wait_for_end(cloud, address, job_id)
    assert (view["status"], view["failure"]["code"]) == ("FAILED", "busy")
    assert len(attempts_of(cloud, job_id)) == 3


def test_messages_delivered_four_times_make_one_picture_and_one_mail(cloud: LocalCloud) -> None:
    address = person()
    cloud.faults({"kind": "duplicate", "copies": 3})
    job_id = ask(cloud, address)
    view = wait_for_end(cloud, address, job_id)
    assert view["status"] == "SUCCEEDED"
    assert wait_for_execution(cloud, job_id) == "SUCCEEDED"
    assert len(mails_to(cloud, address)) == 1
    assert len(attempts_of(cloud, job_id)) == 1


def test_results_out_of_order_reach_their_own_jobs(cloud: LocalCloud) -> None:
    address = person()
    cloud.faults({"kind": "reorder", "seconds": 5})
    first = ask(cloud, address, {"prompt": PROMPT, "seed": 1})
    second = ask(cloud, address, {"prompt": PROMPT, "seed": 2})
    views = [wait_for_end(cloud, address, job_id) for job_id in (first, second)]
    assert [view["images"][0]["seed"] for view in views] == [1, 2]


def test_a_stopped_execution_ends_the_job_cancelled_and_told(cloud: LocalCloud) -> None:
    address = person()
    cloud.faults({"kind": "delay", "at": "container", "seconds": 5})
    job_id = ask(cloud, address)
    wait_for_status(cloud, address, job_id, "GENERATING")
    cloud.client("stepfunctions").stop_execution(executionArn=execution_arn(cloud, job_id))
    view = wait_for_end(cloud, address, job_id)
    assert (view["status"], view["failure"]["code"]) == ("CANCELLED", "stopped")
    assert len(mails_to(cloud, address)) == 1
    cloud.wait_until(lambda: attempts_of(cloud, job_id)[0].get("outcome"), "the late success")
    assert read(cloud, address, job_id)["status"] == "CANCELLED"


def test_a_machine_that_timed_out_closes_its_job_once(cloud: LocalCloud) -> None:
    address = person()
    cloud.faults({"kind": "lose"})
    job_id = ask(cloud, address)
    wait_for_status(cloud, address, job_id, "GENERATING")
    event = json.loads((ROOT / "events" / "eventbridge_execution_timed_out.json").read_text())
    event["detail"]["name"] = job_id
    assert invoke(cloud, "CloseLostJobFunction", event) == "FAILED"
    view = wait_for_end(cloud, address, job_id)
    assert (view["status"], view["failure"]["code"]) == ("FAILED", "timed_out")
    assert invoke(cloud, "CloseLostJobFunction", event) == "FAILED"
    cloud.client("stepfunctions").stop_execution(executionArn=execution_arn(cloud, job_id))
    assert len(mails_to(cloud, address)) == 1


def test_the_sweep_starts_a_job_whose_door_died_before_the_start(cloud: LocalCloud) -> None:
    address = person()
    done = ask(cloud, address)
    wait_for_end(cloud, address, done)
    orphan = f"{done[:-1]}{'0' if done[-1] != '0' else '1'}"
    queued = {"M": {"status": {"S": "QUEUED"}, "at_ms": {"N": "1"}}}
    item = {
        **job_item(cloud, done),
        "pk": {"S": f"JOB#{orphan}"},
        "job_id": {"S": orphan},
        "status": {"S": "QUEUED"},
        "open": {"S": "QUEUED"},
        "gallery": {"S": "f" * 32},
        "timeline": {"L": [queued]},
    }
    now_ms = int(item["updated_at_ms"]["N"])
    item["updated_at_ms"] = {"N": str(now_ms - 2 * 60_000)}
    for name in ("notice", "pictures", "warnings", "failure"):
        item.pop(name, None)
    item["decisions"] = {"L": []}
    cloud.client("dynamodb").put_item(TableName=cloud.outputs["TableName"], Item=item)
    assert invoke(cloud, "SweepOpenJobsFunction", {})["restarted"] >= 1
    assert wait_for_end(cloud, address, orphan)["status"] == "SUCCEEDED"


def test_the_sweep_closes_a_silent_job_whose_execution_is_gone(cloud: LocalCloud) -> None:
    address = person()
    cloud.faults({"kind": "lose"})
    job_id = ask(cloud, address)
    wait_for_status(cloud, address, job_id, "GENERATING")
    # The event of this stop finds no job, so only the sweep is left to close it.
    key = {"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "JOB"}}
    table, dynamodb = cloud.outputs["TableName"], cloud.client("dynamodb")
    item = job_item(cloud, job_id)
    dynamodb.delete_item(TableName=table, Key=key)
    cloud.client("stepfunctions").stop_execution(executionArn=execution_arn(cloud, job_id))
    assert wait_for_execution(cloud, job_id) == "ABORTED"
    cloud.wait_until(lambda: knows_no_job(cloud, job_id), "the event of the stop")
    silent = int(item["updated_at_ms"]["N"]) - 16 * 60_000
    item["updated_at_ms"] = {"N": str(silent)}
    dynamodb.put_item(TableName=table, Item=item)
    assert invoke(cloud, "SweepOpenJobsFunction", {})["closed"] >= 1
    view = wait_for_end(cloud, address, job_id)
    assert (view["status"], view["failure"]["code"]) == ("CANCELLED", "stopped")  # as its execution ended
    assert len(mails_to(cloud, address)) == 1


def test_a_schedule_that_fires_twice_for_one_moment_starts_one_request(cloud: LocalCloud) -> None:
    address = person()
    event = json.loads((ROOT / "events" / "scheduler_request.json").read_text())
    event["scheduled_time"] = f"2026-11-22T07:00:00Z-{address}"
    event["request"]["email"] = address
    first, second = (invoke(cloud, "StartScheduledRequestFunction", event) for _ in range(2))
    assert first == second
    cloud.wait_for_mail(address, 120)
    assert wait_for_execution(cloud, first["job_id"]) == "SUCCEEDED"
    assert len(mails_to(cloud, address)) == 1


def test_a_message_that_nobody_waits_for_ends_as_a_dead_letter_or_no_effect(cloud: LocalCloud) -> None:
    address = person()
    job_id = ask(cloud, address)
    wait_for_end(cloud, address, job_id)
    (attempt,) = attempts_of(cloud, job_id)
    late = {
        "invocationStatus": "Failed",
        "inferenceId": f"{job_id}.{attempt['attempt_id']['S']}",
        "failureReason": "late",
    }
    event = {"Records": [{"Sns": {"Message": json.dumps(late)}}]}
    assert invoke(cloud, "ResumeOnCompletionFunction", event) == ["contradicted"]
    assert read(cloud, address, job_id)["status"] == "SUCCEEDED"
