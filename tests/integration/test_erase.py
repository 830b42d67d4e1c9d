"""An erased request is in no place of the cloud any more; a guessed, altered, old or ended link leads nowhere."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from integration.journey import (
    ask,
    attempts_of,
    job_item,
    links_in,
    mails_to,
    person,
    read,
    wait_for_end,
    wait_for_status,
)
from integration.places import sightings
from integration.test_cancel import execution_status, keys_below

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

GONE: tuple[str, ...] = ()


@pytest.fixture
def impatient_look(cloud: LocalCloud) -> Iterator[str]:
    """A copy of the machine that looks again, which does not wait."""
    states = cloud.client("stepfunctions")
    (arn,) = [
        machine["stateMachineArn"]
        for machine in states.list_state_machines()["stateMachines"]
        if "EraseLeftovers" in machine["name"]
    ]
    deployed = states.describe_state_machine(stateMachineArn=arn)
    definition = json.loads(deployed["definition"])
    assert definition["States"]["WaitForWork"]["Seconds"] == 9000
    definition["States"]["WaitForWork"]["Seconds"] = 0
    name = f"impatient-{secrets.token_hex(3)}"
    copy = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=deployed["roleArn"])[
        "stateMachineArn"
    ]
    yield copy
    states.delete_state_machine(stateMachineArn=copy)


def delete(cloud: LocalCloud, address: str, job_id: str) -> httpx.Response:
    return cloud.http("DELETE", f"/v1/images/{job_id}", token=cloud.token(address))


def share(cloud: LocalCloud, address: str, job_id: str, **wishes: Any) -> list[str]:
    answer = cloud.http("POST", f"/v1/images/{job_id}/share", token=cloud.token(address), body=wishes)
    assert answer.status_code == 201, answer.text
    return [item["url"] for item in answer.json()["items"]]


def token_of(link: str) -> str:
    return link.rsplit("/", 1)[1]


def second_look(cloud: LocalCloud, job_id: str) -> dict[str, Any]:
    """The execution that was started to look again at a job, and what it was given."""
    states = cloud.client("stepfunctions")
    (found,) = [
        states.describe_execution(executionArn=execution["executionArn"])
        for machine in states.list_state_machines()["stateMachines"]
        if "EraseLeftovers" in machine["name"]
        for execution in states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        if execution["name"] == job_id
    ]
    return dict(found)


def test_what_was_erased_is_in_no_place_any_more(cloud: LocalCloud) -> None:
    address = person()
    canary = "zyzzyva" + secrets.token_hex(4)
    job_id = ask(cloud, address, {"prompt": f"a {canary} in the snow", "count": 2}, key=canary)
    wait_for_end(cloud, address, job_id)
    links = [*links_in(mails_to(cloud, address)[0]), *share(cloud, address, job_id)]
    hashes = {f"hash {n}": hashlib.sha256(token_of(link).encode()).hexdigest() for n, link in enumerate(links)}
    canaries = {"prompt": canary, "address": address, "token": token_of(links[0])} | hashes
    before = sightings(cloud, canaries)
    assert before["prompt"] == ("bucket", "table")
    assert before["address"] == ("table",)
    assert {name: before[name] for name in hashes} == dict.fromkeys(hashes, ("table",))
    gallery = keys_below(cloud, "images/")
    assert delete(cloud, address, job_id).status_code == 204
    assert sightings(cloud, canaries) == dict.fromkeys(canaries, GONE)
    assert keys_below(cloud, f"jobs/{job_id}/") == [f"jobs/{job_id}/cancel"]
    assert keys_below(cloud, f"quarantine/{job_id}/") == []
    assert len(keys_below(cloud, "images/")) == len(gallery) - 6
    assert attempts_of(cloud, job_id) == []
    assert [cloud.http("GET", link).status_code for link in links] == [404] * 4
    assert delete(cloud, address, job_id).status_code == 404
    assert cloud.http("GET", "/v1/images", token=cloud.token(address)).json()["items"] == []
    looks = second_look(cloud, job_id)
    assert looks["status"] == "RUNNING"
    assert set(json.loads(looks["input"])) == {"job_id", "gallery"}
    assert ask(cloud, address, {"prompt": "something else"}, key=canary) != job_id, "the key is free again"


def test_a_running_request_is_erased_and_what_comes_late_is_found_by_the_second_look(
    cloud: LocalCloud, impatient_look: str
) -> None:
    address = person()
    canary = "zyzzyva" + secrets.token_hex(4)
    cloud.faults({"kind": "delay", "at": "notice", "seconds": 20, "document": canary})
    job_id = ask(cloud, address, {"prompt": f"a {canary}"})
    cloud.wait_until(lambda: bool(keys_below(cloud, f"quarantine/{job_id}/")), "the picture in quarantine")
    assert delete(cloud, address, job_id).status_code == 204
    assert execution_status(cloud, job_id) == "ABORTED"
    assert sightings(cloud, {"prompt": canary, "address": address}) == {"prompt": GONE, "address": GONE}
    cloud.wait_until(lambda: attempts_of(cloud, job_id)[0].get("outcome"), "the late success")
    s3, bucket = cloud.client("s3"), cloud.outputs["BucketName"]
    s3.put_object(Bucket=bucket, Key=f"quarantine/{job_id}/late/0.png", Body=canary.encode())
    s3.put_object(Bucket=bucket, Key=f"jobs/{job_id}/late.json", Body=canary.encode())
    assert sightings(cloud, {"prompt": canary}) == {"prompt": ("bucket",)}
    states = cloud.client("stepfunctions")
    execution = states.start_execution(
        stateMachineArn=impatient_look, name=job_id, input=second_look(cloud, job_id)["input"]
    )["executionArn"]
    cloud.wait_until(lambda: states.describe_execution(executionArn=execution)["status"] != "RUNNING", "the look")
    assert states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"
    assert sightings(cloud, {"prompt": canary}) == {"prompt": GONE}
    assert attempts_of(cloud, job_id) == []
    assert mails_to(cloud, address) == []
    waiting = cloud.client("sqs").receive_message(QueueUrl=cloud.outputs["DeadLettersUrl"], VisibilityTimeout=0)
    assert job_id not in json.dumps(waiting.get("Messages", []))


def test_a_stranger_erases_shares_and_takes_back_nothing(cloud: LocalCloud) -> None:
    address, stranger = person(), person()
    job_id = ask(cloud, address)
    view = wait_for_end(cloud, address, job_id)
    (link,) = links_in(mails_to(cloud, address)[0])
    for method, path in (("DELETE", ""), ("POST", "/share"), ("DELETE", "/share"), ("POST", "/cancel")):
        answer = cloud.http(method, f"/v1/images/{job_id}{path}", token=cloud.token(stranger))
        assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")
        assert cloud.http(method, f"/v1/images/{job_id}{path}").status_code == 401
    assert cloud.http("GET", link).status_code == 302
    assert cloud.http("GET", view["images"][0]["url"]).status_code == 200


def test_a_link_is_followed_until_it_is_altered_old_or_taken_back(cloud: LocalCloud) -> None:
    address = person()
    job_id = ask(cloud, address)
    wait_for_end(cloud, address, job_id)
    (mailed,) = links_in(mails_to(cloud, address)[0])
    (shared,) = share(cloud, address, job_id, picture=0, days=1)
    for link in (mailed, shared):
        followed = cloud.http("GET", link)
        assert followed.status_code == 302
        assert cloud.http("GET", followed.headers["Location"]).content.startswith(b"\x89PNG")
    base = shared.rsplit("/", 1)[0]
    guessed = [f"{base}/{secrets.token_urlsafe(32)}" for _ in range(20)]
    altered = [f"{base}/{other}" for other in alterations(token_of(shared))]
    assert {cloud.http("GET", link).json()["code"] for link in guessed + altered} == {"link_not_found"}
    (old,) = share(cloud, address, job_id, picture=0)
    cloud.client("dynamodb").update_item(
        TableName=cloud.outputs["TableName"],
        Key={"pk": {"S": f"LINK#{hashlib.sha256(token_of(old).encode()).hexdigest()}"}, "sk": {"S": "LINK"}},
        UpdateExpression="SET expires_at_s = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    assert (cloud.http("GET", old).status_code, cloud.http("GET", old).json()["code"]) == (410, "link_expired")
    for _ in range(2):
        back = cloud.http("DELETE", f"/v1/images/{job_id}/share", token=cloud.token(address))
        assert back.status_code == 204
        for link in (mailed, shared, old):
            assert (cloud.http("GET", link).status_code, cloud.http("GET", link).json()["code"]) == (
                404,
                "link_not_found",
            )


def alterations(token: str) -> list[str]:
    """A token with one character changed, at each end and in the middle, cut, doubled, and in the other case."""
    changed = [
        token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :] for place in (0, 21, len(token) - 2)
    ]
    return [*changed, token[:-1], token + "A", token * 2, token.swapcase()]


def test_what_is_not_there_yet_cannot_be_shared(cloud: LocalCloud) -> None:
    address = person()
    cloud.faults({"kind": "delay", "at": "container", "seconds": 2})
    job_id = ask(cloud, address)
    wait_for_status(cloud, address, job_id, "GENERATING")
    answer = cloud.http("POST", f"/v1/images/{job_id}/share", token=cloud.token(address), body={})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_share")
    delete(cloud, address, job_id)


def test_a_person_is_erased_whole_and_nobody_else(cloud: LocalCloud) -> None:
    address, other = person(), person()
    canary = "zyzzyva" + secrets.token_hex(4)
    done, kept = ask(cloud, address, {"prompt": f"a {canary}"}), ask(cloud, other, {"prompt": f"a {canary[::-1]}"})
    wait_for_end(cloud, address, done)
    wait_for_end(cloud, other, kept)
    (link,) = links_in(mails_to(cloud, address)[0])
    cloud.faults({"kind": "delay", "at": "container", "seconds": 30})
    running = ask(cloud, address, {"prompt": f"another {canary}"})
    wait_for_status(cloud, address, running, "GENERATING")
    owner = job_item(cloud, done)["owner"]["S"]
    canaries = {"prompt": canary, "address": address, "token": token_of(link)}
    before = sightings(cloud, canaries)
    assert (before["prompt"], before["address"]) == (("bucket", "table"), ("table",))
    for _ in range(2):  # asked twice, erased once
        begun = cloud.http("DELETE", "/v1/me", token=cloud.token(address))
        assert (begun.status_code, begun.json()) == (202, {"status": "erasing"})
    refused = cloud.http("POST", "/v1/images", token=cloud.token(address), body={"prompt": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "being_erased")
    cloud.wait_until(lambda: not signed_up(cloud, address), "the end of the sign-in", 180)
    cloud.wait_until(lambda: left_of(cloud, owner) == ["LIMITS"], "the end of the counters", 60)
    assert sightings(cloud, canaries) == dict.fromkeys(canaries, GONE)
    assert execution_status(cloud, running) == "ABORTED"
    assert cloud.http("GET", link).status_code == 404
    late = cloud.http("POST", "/v1/images", token=cloud.token(address), body={"prompt": "x"})
    assert (late.status_code, late.json()["code"]) == (403, "account_disabled")
    assert read(cloud, other, kept)["status"] == "SUCCEEDED"


def test_who_was_erased_and_is_let_in_again_is_somebody_new(cloud: LocalCloud) -> None:
    """Only an admin of the pool makes a sign-in; the token of the one before is refused, an admin's as well."""
    address = person()
    pool = {"UserPoolId": cloud.outputs["UserPoolId"], "Username": cloud.user(address)}
    cognito = cloud.client("cognito-idp")
    cognito.admin_add_user_to_group(**pool, GroupName="admin")
    before, sub = cloud.token(address), sub_of(cloud, address)
    assert cloud.http("GET", "/v1/admin/quotas", token=before).status_code == 200
    assert cloud.http("DELETE", "/v1/me", token=before).status_code == 202
    cloud.wait_until(lambda: left_of(cloud, f"user#{sub}") == ["LIMITS"], "the end of the counters", 180)
    for method, path in (("GET", "/v1/admin/quotas"), ("GET", "/v1/me")):
        refused = cloud.http(method, path, token=before)
        assert (refused.status_code, refused.json()["code"]) == (403, "account_disabled"), path
    cloud.forget(address)
    assert cloud.http("GET", "/v1/me", token=cloud.token(address)).json()["admin"] is False
    assert sub_of(cloud, address) != sub


def sub_of(cloud: LocalCloud, address: str) -> str:
    found = cloud.client("cognito-idp").admin_get_user(UserPoolId=cloud.outputs["UserPoolId"], Username=address)
    return str(next(entry["Value"] for entry in found["UserAttributes"] if entry["Name"] == "sub"))


def signed_up(cloud: LocalCloud, address: str) -> bool:
    client = cloud.client("cognito-idp")
    try:
        client.admin_get_user(UserPoolId=cloud.outputs["UserPoolId"], Username=address)
    except client.exceptions.UserNotFoundException:
        return False
    return True


def left_of(cloud: LocalCloud, owner: str) -> list[str]:
    found = cloud.client("dynamodb").query(
        TableName=cloud.outputs["TableName"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"OWNER#{owner}"}},
    )
    return [item["sk"]["S"] for item in found["Items"]]
