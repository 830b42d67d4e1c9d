"""What the endpoint said and nobody heard: the sweep finds the objects and has the same function hear of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from integration.journey import ask, attempts_of, invoke, job_item, mails_to, person, wait_for_end, wait_for_status
from integration.test_iam_enforced import without

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

THREE_MINUTES_MS = 3 * 60_000


def age(cloud: LocalCloud, job_id: str, by_ms: int = THREE_MINUTES_MS) -> None:
    """Let a job have been silent for longer than it was: no test waits for minutes."""
    silent_since = int(job_item(cloud, job_id)["updated_at_ms"]["N"]) - by_ms
    cloud.client("dynamodb").update_item(
        TableName=cloud.outputs["TableName"],
        Key={"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "JOB"}},
        UpdateExpression="SET updated_at_ms = :at",
        ExpressionAttributeValues={":at": {"N": str(silent_since)}},
    )


def there_is(cloud: LocalCloud, location: str) -> bool:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    found = cloud.client("s3").list_objects_v2(Bucket=bucket, Prefix=key)
    return bool(found.get("KeyCount"))


def lose(cloud: LocalCloud, address: str, *, failing: bool) -> str:
    """A job whose inference has ended and whose message never comes."""
    faults = [{"kind": "lose"}]
    if failing:
        faults.append({"kind": "fail", "at": "before"})
    cloud.faults(*faults)
    job_id = ask(cloud, address)
    wait_for_status(cloud, address, job_id, "GENERATING")
    place = "failure_location" if failing else "output_location"
    cloud.wait_until(lambda: attempts_of(cloud, job_id)[0].get(place), "where it will be written")
    location = attempts_of(cloud, job_id)[0][place]["S"]
    cloud.wait_until(lambda: there_is(cloud, location), f"an object at {location}")
    return job_id


@pytest.mark.parametrize(("failing", "end"), [(False, "SUCCEEDED"), (True, "FAILED")], ids=["success", "failure"])
def test_a_lost_message_is_said_again_by_the_sweep_and_the_job_ends_as_it_would_have(
    cloud: LocalCloud, failing: bool, end: str
) -> None:
    address = person()
    job_id = lose(cloud, address, failing=failing)
    age(cloud, job_id)
    assert invoke(cloud, "SweepOpenJobsFunction", {})["resumed"] >= 1
    view = wait_for_end(cloud, address, job_id)
    assert view["status"] == end
    assert len(mails_to(cloud, address)) == 1
    assert len(attempts_of(cloud, job_id)) == 1


@pytest.mark.parametrize("sid", ["LookAtJobAndAttempts", "SeeResults", "HaveHeard"])
def test_a_sweep_that_may_not_look_or_speak_leaves_the_message_lost(cloud: LocalCloud, sid: str) -> None:
    address = person()
    job_id = lose(cloud, address, failing=False)
    with without(cloud, "SweepOpenJobsFunction", sid):
        age(cloud, job_id)
        assert invoke(cloud, "SweepOpenJobsFunction", {})["resumed"] == 0
        wait_for_status(cloud, address, job_id, "GENERATING")
    age(cloud, job_id)
    invoke(cloud, "SweepOpenJobsFunction", {})
    assert wait_for_end(cloud, address, job_id)["status"] == "SUCCEEDED"


def test_a_job_that_its_function_died_with_before_the_endpoint_had_it_is_tried_again(cloud: LocalCloud) -> None:
    """As the record stands then: an attempt that knows no place, and an execution that waits."""
    address = person()
    cloud.faults({"kind": "lose"})
    job_id = ask(cloud, address)
    wait_for_status(cloud, address, job_id, "GENERATING")
    cloud.wait_until(lambda: attempts_of(cloud, job_id)[0].get("output_location"), "the end of the function")
    (attempt,) = attempts_of(cloud, job_id)
    cloud.client("dynamodb").update_item(
        TableName=cloud.outputs["TableName"],
        Key={"pk": attempt["pk"], "sk": attempt["sk"]},
        UpdateExpression="REMOVE output_location, failure_location",
    )
    age(cloud, job_id)
    assert invoke(cloud, "SweepOpenJobsFunction", {})["resumed"] >= 1
    assert wait_for_end(cloud, address, job_id)["status"] == "SUCCEEDED"
    assert len(attempts_of(cloud, job_id)) == 2
    assert len(mails_to(cloud, address)) == 1


def test_a_job_past_every_bound_is_closed_though_nobody_can_read_it(cloud: LocalCloud) -> None:
    address = person()
    done = ask(cloud, address)
    wait_for_end(cloud, address, done)
    item = job_item(cloud, done)
    ancient = "01m7000000" + done[10:]  # the first ten characters of an id are its time
    for name in ("notice", "pictures", "warnings", "failure", "spec"):
        item.pop(name, None)
    item |= {"pk": {"S": f"JOB#{ancient}"}, "job_id": {"S": ancient}}
    item |= {"status": {"S": "GENERATING"}, "open": {"S": "WORKING"}}
    table, dynamodb = cloud.outputs["TableName"], cloud.client("dynamodb")
    dynamodb.put_item(TableName=table, Item=item)
    age(cloud, ancient)
    assert invoke(cloud, "SweepOpenJobsFunction", {})["closed"] >= 1
    cloud.wait_until(lambda: job_item(cloud, ancient)["status"]["S"] == "FAILED", "its end")
    assert job_item(cloud, ancient).get("open", {}).get("S") != "WORKING"
