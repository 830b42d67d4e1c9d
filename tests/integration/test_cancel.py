"""A request is cancelled while it runs: the execution stops, the work stops, and nothing comes of it later."""

from __future__ import annotations

import concurrent.futures
import json
from typing import TYPE_CHECKING

import httpx
from integration.journey import (
    ask,
    attempts_of,
    execution_arn,
    job_item,
    mails_to,
    person,
    read,
    wait_for_end,
    wait_for_status,
)

if TYPE_CHECKING:
    from integration.conftest import LocalCloud


def cancel(cloud: LocalCloud, address: str, job_id: str) -> httpx.Response:
    return cloud.http("POST", f"/v1/images/{job_id}/cancel", token=cloud.token(address))


def execution_status(cloud: LocalCloud, job_id: str) -> str:
    states = cloud.client("stepfunctions")
    return str(states.describe_execution(executionArn=execution_arn(cloud, job_id))["status"])


def keys_below(cloud: LocalCloud, prefix: str) -> list[str]:
    found = cloud.client("s3").list_objects_v2(Bucket=cloud.outputs["BucketName"], Prefix=prefix)
    return [entry["Key"] for entry in found.get("Contents", ())]


def used(cloud: LocalCloud, job_id: str) -> dict[str, int]:
    """What the owner of a job has on account, by counter."""
    owner = job_item(cloud, job_id)["owner"]["S"]
    items = cloud.client("dynamodb").query(
        TableName=cloud.outputs["TableName"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"OWNER#{owner}"}},
    )["Items"]
    return {
        item["sk"]["S"].partition("#")[0]: int(next(item[name]["N"] for name in ("pictures", "jobs") if name in item))
        for item in items
    }


def see_nothing_came_of_it(cloud: LocalCloud, address: str, job_id: str) -> None:
    view = read(cloud, address, job_id)
    assert (view["status"], view["failure"]["code"], view["images"]) == ("CANCELLED", "cancelled", [])
    assert view["notice"]["state"] == "not_wanted"
    assert keys_below(cloud, f"images/{job_item(cloud, job_id)['gallery']['S']}/") == []
    assert mails_to(cloud, address) == []
    assert used(cloud, job_id) == {"OPEN": 0, "USE": 0}


def test_a_cancelled_request_stops_and_its_container_refuses_the_work(cloud: LocalCloud) -> None:
    address = person()
    cloud.faults({"kind": "delay", "at": "container", "seconds": 3})
    job_id = ask(cloud, address)
    wait_for_status(cloud, address, job_id, "GENERATING")
    assert used(cloud, job_id) == {"OPEN": 1, "USE": 1}
    assert cancel(cloud, address, job_id).status_code == 200
    assert execution_status(cloud, job_id) == "ABORTED"
    see_nothing_came_of_it(cloud, address, job_id)
    cloud.wait_until(lambda: attempts_of(cloud, job_id)[0].get("outcome"), "the container's refusal")
    (attempt,) = attempts_of(cloud, job_id)
    assert attempt["outcome"]["S"] == "failed"
    key = attempt["failure_location"]["S"].split("/", 3)[3]
    body = cloud.client("s3").get_object(Bucket=cloud.outputs["BucketName"], Key=key)["Body"].read()
    assert json.loads(body)["error"]["code"] == "cancelled"
    assert keys_below(cloud, f"quarantine/{job_id}/") == []
    see_nothing_came_of_it(cloud, address, job_id)


def test_a_success_that_comes_late_changes_nothing(cloud: LocalCloud) -> None:
    address = person()
    cloud.faults({"kind": "delay", "at": "notice", "seconds": 3})
    job_id = ask(cloud, address)
    cloud.wait_until(lambda: bool(keys_below(cloud, f"quarantine/{job_id}/")), "the picture in quarantine")
    assert cancel(cloud, address, job_id).status_code == 200
    cloud.wait_until(lambda: attempts_of(cloud, job_id)[0].get("outcome"), "the late success")
    (attempt,) = attempts_of(cloud, job_id)
    assert attempt["outcome"]["S"] == "succeeded"
    assert execution_status(cloud, job_id) == "ABORTED"
    see_nothing_came_of_it(cloud, address, job_id)


def test_of_many_who_cancel_at_once_all_hear_the_same(cloud: LocalCloud) -> None:
    address = person()
    cloud.faults({"kind": "delay", "at": "container", "seconds": 3})
    job_id = ask(cloud, address)
    wait_for_status(cloud, address, job_id, "GENERATING")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: cancel(cloud, address, job_id), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert [entry["status"] for entry in answers[0].json()["timeline"]].count("CANCELLED") == 1
    see_nothing_came_of_it(cloud, address, job_id)


def test_cancelling_against_a_delivery_exactly_one_wins(cloud: LocalCloud) -> None:
    """Cancelled again and again from the moment the picture is there: it is delivered, or it is not."""
    address = person()
    job_id = ask(cloud, address)
    cloud.wait_until(lambda: bool(keys_below(cloud, f"quarantine/{job_id}/")), "the picture in quarantine")
    answer = cancel(cloud, address, job_id)
    if answer.status_code == 200:
        see_nothing_came_of_it(cloud, address, job_id)
        return
    assert (answer.status_code, answer.json()["code"]) == (409, "job_closed")
    view = wait_for_end(cloud, address, job_id)
    assert (view["status"], len(view["images"])) == ("SUCCEEDED", 1)
    assert len(mails_to(cloud, address)) == 1


def test_what_is_done_or_anothers_cannot_be_cancelled(cloud: LocalCloud) -> None:
    address = person()
    job_id = ask(cloud, address)
    before = wait_for_end(cloud, address, job_id)
    stranger = cancel(cloud, person(), job_id)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "job_not_found")
    late = cancel(cloud, address, job_id)
    assert (late.status_code, late.json()["code"]) == (409, "job_closed")
    after = read(cloud, address, job_id)
    assert (after["status"], after["timeline"]) == (before["status"], before["timeline"])


def test_an_execution_that_nobody_stopped_ends_quietly(cloud: LocalCloud) -> None:
    """As when the call dies right after the record: the state that comes next finds the job closed."""
    address = person()
    cloud.faults({"kind": "delay", "at": "notice", "seconds": 2})
    job_id = ask(cloud, address)
    cloud.wait_until(lambda: bool(keys_below(cloud, f"quarantine/{job_id}/")), "the picture in quarantine")
    item = job_item(cloud, job_id)
    item |= {
        "status": {"S": "CANCELLED"},
        "failure": {"M": {"code": {"S": "cancelled"}, "sentence": {"S": "The request was cancelled."}}},
        "notice": {"M": {"state": {"S": "not_wanted"}, "at_ms": item["updated_at_ms"]}},
    }
    item.pop("open")
    cloud.client("dynamodb").put_item(TableName=cloud.outputs["TableName"], Item=item)
    cloud.wait_until(lambda: execution_status(cloud, job_id) != "RUNNING", "the end of the execution", 120)
    assert execution_status(cloud, job_id) == "SUCCEEDED"
    assert read(cloud, address, job_id)["status"] == "CANCELLED"
    assert keys_below(cloud, f"images/{item['gallery']['S']}/") == []
    assert mails_to(cloud, address) == []
