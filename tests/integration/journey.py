"""What the integration tests do again and again: ask for a picture, wait for its end, find its mail."""

from __future__ import annotations

import email.message
import json
import re
import secrets
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

FINAL = ("SUCCEEDED", "BLOCKED", "FAILED", "CANCELLED", "EXPIRED")
PROMPT = "a red circle on a blue background"
_LINK = re.compile(r"https?://\S+/i/[\w-]+")


def person() -> str:
    """The address of somebody new, so that their mails are this test's alone."""
    return f"p{secrets.token_hex(6)}@afterimage.example"


def admin_token(cloud: LocalCloud) -> str:
    """The token of somebody new, who was put into the group of admins before signing in."""
    address = person()
    cloud.user(address)
    cloud.client("cognito-idp").admin_add_user_to_group(
        UserPoolId=cloud.outputs["UserPoolId"], Username=address, GroupName="admin"
    )
    return cloud.token(address)


def ask(cloud: LocalCloud, address: str, body: dict[str, Any] | None = None, key: str | None = None) -> str:
    """Post a request and return its id."""
    headers = {"Idempotency-Key": key} if key else {}
    answer = cloud.http(
        "POST", "/v1/images", token=cloud.token(address), body=body or {"prompt": PROMPT}, headers=headers
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def read(cloud: LocalCloud, address: str, job_id: str) -> dict[str, Any]:
    """Return a request as its owner sees it."""
    answer = cloud.http("GET", f"/v1/images/{job_id}", token=cloud.token(address))
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


def wait_for_end(cloud: LocalCloud, address: str, job_id: str) -> dict[str, Any]:
    """Return the request once it has ended and its owner was told."""

    def ended() -> dict[str, Any] | None:
        answer = cloud.http("GET", f"/v1/images/{job_id}", token=cloud.token(address))
        if answer.status_code == 503 and "Retry-After" in answer.headers:
            return None  # busy for a moment, and it says so
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        told = view["notice"] and view["notice"]["state"] != "sending"
        return view if view["status"] in FINAL and told else None

    return cloud.wait_until(ended, f"the end of {job_id}", 120)


def wait_for_status(cloud: LocalCloud, address: str, job_id: str, status: str) -> None:
    """Return once the request stands there."""
    cloud.wait_until(lambda: read(cloud, address, job_id)["status"] == status, f"{status} of {job_id}")


def mails_to(cloud: LocalCloud, address: str) -> list[email.message.EmailMessage]:
    """Every mail that was sent to this person. SES answers before its relay has delivered, so what it took is counted
    first, and waited for."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        sent = client.get(f"{cloud.settings.emulator_url}/_ministack/ses/messages").json()["messages"]
    taken = [message for account in sent.values() for message in account]
    expected = sum(address in message["To"] for message in taken)

    def arrived() -> list[email.message.EmailMessage] | None:
        found = [mail for mail in cloud.mails() if address in str(mail["To"])]
        return found if len(found) >= expected else None

    return cloud.wait_until(arrived, f"{expected} mails to one person") if expected else []


def text_of(mail: email.message.EmailMessage) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def links_in(mail: email.message.EmailMessage) -> list[str]:
    """The links of our own in a mail's text."""
    return _LINK.findall(text_of(mail))


def resource_name(cloud: LocalCloud, logical_id: str) -> str:
    """The deployed name of a resource of the template."""
    found = cloud.client("cloudformation").describe_stack_resource(
        StackName=cloud.stack["stack_name"], LogicalResourceId=logical_id
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def invoke(cloud: LocalCloud, logical_id: str, event: dict[str, Any]) -> Any:
    """Invoke a function and return its answer."""
    answer = cloud.client("lambda").invoke(
        FunctionName=resource_name(cloud, logical_id), Payload=json.dumps(event).encode()
    )
    payload = json.loads(answer["Payload"].read() or b"null")
    assert "FunctionError" not in answer, payload
    return payload


def execution_arn(cloud: LocalCloud, job_id: str) -> str:
    """The execution of a job."""
    return f"{cloud.outputs['StateMachineArn'].replace(':stateMachine:', ':execution:')}:{job_id}"


def job_item(cloud: LocalCloud, job_id: str) -> dict[str, Any]:
    """The stored record of a job, in DynamoDB's own notation."""
    key = {"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "JOB"}}
    item: dict[str, Any] = cloud.client("dynamodb").get_item(
        TableName=cloud.outputs["TableName"], Key=key, ConsistentRead=True
    )["Item"]
    return item


def attempts_of(cloud: LocalCloud, job_id: str) -> list[dict[str, Any]]:
    """The stored attempts of a job, in DynamoDB's own notation."""
    found = cloud.client("dynamodb").query(
        TableName=cloud.outputs["TableName"],
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": f"JOB#{job_id}"}, ":sk": {"S": "ATTEMPT#"}},
    )
    return list(found["Items"])
