"""What a person writes, where it is mailed, and every secret that the service makes: in no log at DEBUG, with
everything switched on that a function's environment can switch on."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from integration.journey import attempts_of, links_in, mails_to, wait_for_end, wait_for_status
from integration.redeploy import deploy_with

from local.signing_key import SECRET_NAME

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

# The emulator's SES says whom it sends to. On AWS that is a part of SES, and nothing there is logged for us.
OF_SES = ("INFO [ses] SMTP relay: ", "INFO [ses-v2] SESv2 SendEmail: ")
CANARY = f"canary{secrets.token_hex(6)}"
# What no parameter of the template switches on, and somebody in the console may.
WORSE = {
    "POWERTOOLS_LOGGER_LOG_EVENT": "true",
    "POWERTOOLS_LOGGER_SAMPLE_RATE": "1",
    "POWERTOOLS_DEV": "true",
    "POWERTOOLS_DEBUG": "true",
}


@pytest.fixture
def loud(cloud: LocalCloud) -> Iterator[LocalCloud]:
    """The cloud deployed with LogLevel=DEBUG, and worse, until the test ends."""
    client = cloud.client("lambda")
    deploy_with(cloud, LogLevel="DEBUG")
    names = [
        function["FunctionName"]
        for page in client.get_paginator("list_functions").paginate()
        for function in page["Functions"]
    ]
    assert len(names) >= 11
    for name in names:
        variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        assert variables["POWERTOOLS_LOG_LEVEL"] == "DEBUG", f"the template leaves {name} as it was"
        client.update_function_configuration(FunctionName=name, Environment={"Variables": variables | WORSE})
    yield cloud
    for name in names:
        variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        kept = {key: value for key, value in variables.items() if key not in WORSE}
        client.update_function_configuration(FunctionName=name, Environment={"Variables": kept})
    deploy_with(cloud, LogLevel="INFO")


def logs_of(cloud: LocalCloud) -> dict[str, str]:
    """Every log there is: the groups of the stack, and the files of the processes."""
    client = cloud.client("logs")
    found: dict[str, str] = {}
    for path in cloud.settings.logs.iterdir():
        lines = path.read_text(errors="replace").splitlines()
        found[path.name] = "\n".join(line for line in lines if not any(mark in line for mark in OF_SES))
    for page in client.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            pages = client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
            found[group["logGroupName"]] = "\n".join(event["message"] for page in pages for event in page["events"])
    return found


def places_of(secret: str, logs: dict[str, str]) -> list[str]:
    return [name for name, text in logs.items() if secret in text]


def post(cloud: LocalCloud, address: str, **body: Any) -> str:
    answer = cloud.http(
        "POST",
        "/v1/images",
        token=cloud.token(address),
        body={"prompt": f"a red circle {CANARY}", "negative_prompt": CANARY, **body},
        headers={"Idempotency-Key": f"{CANARY}-{secrets.token_hex(4)}"},
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_no_log_holds_what_was_asked_for_or_any_secret(loud: LocalCloud) -> None:
    cloud = loud
    address = f"{CANARY}@afterimage.example"
    secret: set[str] = {CANARY, cloud.token(address), "X-Amz-Signature="}
    signing = cloud.client("secretsmanager").get_secret_value(SecretId=SECRET_NAME)["SecretString"]
    secret |= set(json.loads(signing)["private_key"].splitlines()[1:-1])

    made = post(cloud, address)
    assert wait_for_end(cloud, address, made)["status"] == "SUCCEEDED"
    (mail,) = mails_to(cloud, address)
    (link,) = links_in(mail)
    assert CANARY in str(mail), "the journey carries what is looked for"
    secret.add(link.rpartition("/")[2])
    assert cloud.http("GET", link).status_code == 302
    secret |= {attempt["task_token"]["S"] for attempt in attempts_of(cloud, made)}

    blocked = post(cloud, address, prompt=f"a fake passport of {CANARY}")
    assert wait_for_end(cloud, address, blocked)["status"] == "BLOCKED"

    shared = cloud.http("POST", f"/v1/images/{made}/share", token=cloud.token(address), body={})
    assert shared.status_code == 201, shared.text
    (item,) = shared.json()["items"]
    secret.add(item["url"].rpartition("/")[2])
    assert cloud.http("GET", item["url"]).status_code == 302

    cloud.faults({"kind": "fail", "at": "before", "body": json.dumps({"error": {"message": f"about {CANARY}"}})})
    failed = post(cloud, address)
    assert wait_for_end(cloud, address, failed)["status"] == "FAILED"

    cloud.faults({"kind": "timeout", "seconds": 20}, {"kind": "silence"})
    stopped = post(cloud, address)
    wait_for_status(cloud, address, stopped, "GENERATING")
    secret |= {attempt["task_token"]["S"] for attempt in attempts_of(cloud, stopped)}
    assert cloud.http("POST", f"/v1/images/{stopped}/cancel", token=cloud.token(address)).status_code == 200
    assert wait_for_end(cloud, address, stopped)["status"] == "CANCELLED"

    for wrong in (f"/i/{CANARY}", f"/v1/images/{CANARY}", f"/v1/images?cursor={CANARY}", f"/v1/{CANARY}"):
        assert cloud.http("GET", wrong, token=cloud.token(address)).status_code in (404, 422)
    for body in (b'{"prompt": "' + CANARY.encode(), json.dumps({"prompt": CANARY, CANARY: 1}).encode()):
        assert cloud.http("POST", "/v1/images", token=cloud.token(address), body=body).status_code in (400, 422)

    assert cloud.http("DELETE", f"/v1/images/{made}", token=cloud.token(address)).status_code == 204
    logs = cloud.wait_until(lambda: logs_that_follow(cloud, (made, blocked, failed, stopped)), "the logs of four jobs")
    assert {name: places for name in secret if (places := places_of(name, logs))} == {}


def logs_that_follow(cloud: LocalCloud, jobs: tuple[str, ...]) -> dict[str, str] | None:
    """Return all logs once each job is spoken of in some."""
    logs = logs_of(cloud)
    return logs if all(places_of(job, logs) for job in jobs) else None


def test_the_scan_sees_what_is_planted(cloud: LocalCloud) -> None:
    planted = f"planted{secrets.token_hex(6)}"
    client = cloud.client("logs")
    client.create_log_group(logGroupName=planted)
    client.create_log_stream(logGroupName=planted, logStreamName="a")
    event = {"timestamp": 1_795_000_000_000, "message": json.dumps({"prompt": planted})}
    client.put_log_events(logGroupName=planted, logStreamName="a", logEvents=[event])
    file = cloud.settings.logs / "planted.log"
    file.write_text(f"debug: {planted}\n")
    try:
        assert set(places_of(planted, logs_of(cloud))) == {planted, "planted.log"}
    finally:
        client.delete_log_group(logGroupName=planted)
        file.unlink()
