"""What waits for a person on the local cloud: released, refused, cancelled, and left until its time is over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fakes.samples import HOLDING_POLICY
from integration.journey import admin_token, ask, job_item, links_in, mails_to, person, read, text_of, wait_for_end
from integration.test_input_pictures import file_of, landscape, send
from integration.test_token_timeout import queued_copy

from local.settings import ROOT

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

DUCK = {"prompt": "a duck"}
WAIT_S = 3


@pytest.fixture(scope="module", autouse=True)
def policy_that_holds(cloud: LocalCloud) -> Iterator[None]:
    """An operator's policy by which ducks wait for a person, and what it replaced afterwards. It refuses nudity as
    well, so that a process which remembers it for half a minute more does the next test no harm."""
    ssm, name = cloud.client("ssm"), f"/{cloud.stack['stack_name']}/moderation-policy"
    before = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    policy = json.loads(HOLDING_POLICY)
    nudity = {"name": "nudity", "action": "block", "sentence": "Explicit sexual content is not made here."}
    policy["categories"].append(nudity | {"everywhere": True, "terms": ["nude", "naked", "porn"]})
    ssm.put_parameter(Name=name, Value=json.dumps(policy), Overwrite=True)
    # A process remembers the parameter for half a minute.
    cloud.wait_until(lambda: _would_hold(cloud), "the policy to be noticed", 60)
    yield
    ssm.put_parameter(Name=name, Value=before, Overwrite=True)


def _would_hold(cloud: LocalCloud) -> bool:
    address = person()
    view = read(cloud, address, ask(cloud, address, DUCK))
    ended = cloud.wait_until(lambda: _settled(cloud, address, view["id"]), "a first request")
    return bool(ended == "HELD")


def _settled(cloud: LocalCloud, address: str, job_id: str) -> str | None:
    status = str(read(cloud, address, job_id)["status"])
    return status if status in ("HELD", "SUCCEEDED", "BLOCKED", "FAILED") else None


def held(cloud: LocalCloud) -> tuple[str, str]:
    """Somebody new, and a request of theirs that waits for a person."""
    address = person()
    job_id = ask(cloud, address, DUCK)
    cloud.wait_until(lambda: read(cloud, address, job_id)["status"] == "HELD", f"{job_id} to be held")
    return address, job_id


def admin(cloud: LocalCloud, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`afterimage admin held …` of somebody who is an admin."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "cli", "admin", "held", *arguments],
        env={**os.environ, **cloud.environment, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture(scope="module")
def demo_is_an_admin(cloud: LocalCloud) -> None:
    """The command line signs in as the local cloud's own user, who may now decide."""
    cloud.client("cognito-idp").admin_add_user_to_group(
        UserPoolId=cloud.outputs["UserPoolId"], Username=cloud.stack["user"]["username"], GroupName="admin"
    )
    Path(cloud.settings.folder / "state" / "sign_in.json").unlink(missing_ok=True)


def test_a_held_prompt_is_released_by_command_and_delivered(cloud: LocalCloud, demo_is_an_admin: None) -> None:
    address, job_id = held(cloud)
    view = read(cloud, address, job_id)
    assert (view["held"]["stage"], view["verdicts"][0]["categories"]) == ("prompt", ["ducks"])
    assert "scores" not in json.dumps(view)
    assert job_id in admin(cloud).stdout
    shown = admin(cloud, "show", job_id)
    assert "a duck" in shown.stdout, shown.stderr
    done = admin(cloud, "release", job_id, "--note", "It is only a duck.")
    assert done.returncode == 0, done.stderr
    view = wait_for_end(cloud, address, job_id)
    assert view["status"] == "SUCCEEDED"
    assert [entry["status"] for entry in view["timeline"]][:5] == [
        "QUEUED",
        "MODERATING",
        "HELD",
        "MODERATING",
        "GENERATING",
    ]
    assert [(verdict["stage"], verdict["note"]) for verdict in view["verdicts"]][1] == ("person", "It is only a duck.")
    (mail,) = mails_to(cloud, address)
    assert "It is only a duck." in text_of(mail)
    (link,) = links_in(mail)
    assert cloud.http("GET", link).status_code == 302
    assert job_id not in admin(cloud).stdout


def decide(cloud: LocalCloud, token: str, job_id: str, what: str) -> Any:
    return cloud.http("POST", f"/v1/admin/held/{job_id}/{what}", token=token, body={"stage": "prompt"})


def test_a_refused_prompt_is_blocked_and_told_and_cannot_be_released_any_more(cloud: LocalCloud) -> None:
    address, job_id = held(cloud)
    token = admin_token(cloud)
    assert decide(cloud, token, job_id, "refuse").json()["status"] == "BLOCKED"
    view = wait_for_end(cloud, address, job_id)
    assert (view["status"], view["failure"]["code"]) == ("BLOCKED", "review_refused")
    assert view["failure"]["sentence"] == "A person looks at every duck."
    assert len(mails_to(cloud, address)) == 1
    assert decide(cloud, token, job_id, "refuse").status_code == 200
    late = decide(cloud, token, job_id, "release")
    assert (late.status_code, late.json()["code"]) == (409, "already_decided")


def test_a_held_request_that_is_cancelled_waits_no_more(cloud: LocalCloud) -> None:
    address, job_id = held(cloud)
    answer = cloud.http("POST", f"/v1/images/{job_id}/cancel", token=cloud.token(address))
    assert answer.json()["status"] == "CANCELLED"
    token = admin_token(cloud)
    listed = cloud.http("GET", "/v1/admin/held", token=token).json()["items"]
    assert job_id not in [item["id"] for item in listed]
    late = decide(cloud, token, job_id, "release")
    assert (late.status_code, late.json()["code"]) == (409, "not_held")


def test_a_held_request_that_is_erased_leaves_no_token(cloud: LocalCloud) -> None:
    address, job_id = held(cloud)
    assert cloud.http("DELETE", f"/v1/images/{job_id}", token=cloud.token(address)).status_code == 204
    key = {"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "HOLD#prompt"}}
    assert "Item" not in cloud.client("dynamodb").get_item(TableName=cloud.outputs["TableName"], Key=key)


@pytest.fixture
def impatient_machine(cloud: LocalCloud) -> Iterator[str]:
    """A copy of the machine as it is deployed, whose HoldPrompt waits for seconds."""
    states = cloud.client("stepfunctions")
    deployed = states.describe_state_machine(stateMachineArn=cloud.outputs["StateMachineArn"])
    definition = json.loads(deployed["definition"])
    assert definition["States"]["HoldPrompt"]["TimeoutSeconds"] == 172_800
    definition["States"]["HoldPrompt"]["TimeoutSeconds"] = WAIT_S
    arn = states.create_state_machine(
        name="impatient-with-people", definition=json.dumps(definition), roleArn=deployed["roleArn"]
    )["stateMachineArn"]
    yield arn
    states.delete_state_machine(stateMachineArn=arn)


def test_what_nobody_looks_at_in_time_is_refused_and_told(cloud: LocalCloud, impatient_machine: str) -> None:
    address = person()
    job_id = queued_copy(cloud, address)
    item = job_item(cloud, job_id)
    item["spec"]["M"] |= {"prompt": {"S": "a duck"}, "model_prompt": {"S": "a duck"}}
    cloud.client("dynamodb").put_item(TableName=cloud.outputs["TableName"], Item=item)
    mails_before = len(mails_to(cloud, address))
    states = cloud.client("stepfunctions")
    execution = states.start_execution(
        stateMachineArn=impatient_machine, name=job_id, input=json.dumps({"job_id": job_id})
    )["executionArn"]
    view = wait_for_end(cloud, address, job_id)
    assert (view["status"], view["failure"]["code"]) == ("BLOCKED", "review_timed_out")
    cloud.wait_until(lambda: states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED", "its end")
    assert len(mails_to(cloud, address)) == mails_before + 1
    late = decide(cloud, admin_token(cloud), job_id, "release")
    assert (late.status_code, late.json()["code"]) == (409, "not_held")


def test_an_admin_sees_the_picture_that_a_held_request_begins_from_and_releases_it(
    cloud: LocalCloud, demo_is_an_admin: None, tmp_path: Path
) -> None:
    address, photo = person(), file_of(landscape())
    upload = send(cloud, address, photo)
    job_id = ask(cloud, address, DUCK | {"input": {"upload": upload}, "strength": 0.3})
    cloud.wait_until(lambda: read(cloud, address, job_id)["status"] == "HELD", f"{job_id} to be held")
    shown = admin(cloud, "show", job_id, "--output", str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    (saved,) = tmp_path.iterdir()
    assert (saved.name, saved.read_bytes()) == (f"held-{job_id[-6:]}-input.png", photo)
    assert admin(cloud, "release", job_id).returncode == 0
    view = wait_for_end(cloud, address, job_id)
    assert view["status"] == "SUCCEEDED"
    assert (view["input"]["upload"], view["strength"]) == (upload, 0.3)
