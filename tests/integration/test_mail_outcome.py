"""A mail that bounces ends the mails to its address. SES's events are published to the stack's topic as SES writes
them, because the emulator publishes none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from integration.journey import admin_token, ask, job_item, mails_to, person, read, wait_for_end

from local.settings import ROOT

if TYPE_CHECKING:
    from integration.conftest import LocalCloud


def publish(cloud: LocalCloud, name: str, address: str, job_id: str) -> None:
    """Publish the event of events/ as if it were about this mail."""
    envelope = json.loads((ROOT / "events" / f"{name}.json").read_text())
    text = envelope["Records"][0]["Sns"]["Message"].replace("ada@example.com", address)
    message: dict[str, Any] = json.loads(text)
    message["mail"]["tags"]["afterimage-job"] = [job_id]
    cloud.client("sns").publish(TopicArn=cloud.outputs["MailTopicArn"], Message=json.dumps(message))


def notice_of(cloud: LocalCloud, address: str, job_id: str) -> str:
    return str(read(cloud, address, job_id)["notice"]["state"])


def succeed(cloud: LocalCloud, address: str) -> str:
    job_id = ask(cloud, address)
    assert wait_for_end(cloud, address, job_id)["status"] == "SUCCEEDED"
    return job_id


@pytest.mark.parametrize(
    ("event", "state"), [("sns_mail_bounce_permanent", "bounced"), ("sns_mail_complaint", "complained")]
)
def test_after_a_bounce_or_complaint_the_address_is_not_mailed_again(cloud: LocalCloud, event: str, state: str) -> None:
    address = person()
    first = succeed(cloud, address)
    assert len(mails_to(cloud, address)) == 1
    publish(cloud, event, address, first)
    cloud.wait_until(lambda: notice_of(cloud, address, first) == state, f"the notice {state}")
    publish(cloud, event, address, first)  # SNS delivers at least once

    second = succeed(cloud, address)
    notice = job_item(cloud, second)["notice"]["M"]
    assert (notice["state"]["S"], notice["failure_code"]["S"]) == ("failed", "address_suppressed")
    assert len(read(cloud, address, second)["images"]) == 1
    assert len(mails_to(cloud, address)) == 1
    assert notice_of(cloud, address, first) == state


def test_an_admin_lets_an_address_have_mail_again(cloud: LocalCloud) -> None:
    address, admin = person().replace("@", "+mail@"), admin_token(cloud)
    path = f"/v1/admin/suppressions/{quote(address)}"
    first = succeed(cloud, address)
    publish(cloud, "sns_mail_bounce_permanent", address, first)
    cloud.wait_until(lambda: notice_of(cloud, address, first) == "bounced", "the notice")
    assert cloud.http("GET", path, token=admin).json()["kind"] == "bounce"
    for _ in range(2):
        lifted = cloud.http("DELETE", path, token=admin)
        assert (lifted.status_code, lifted.json()["suppressed"]) == (200, False)
    succeed(cloud, address)
    assert len(mails_to(cloud, address)) == 2


def test_a_full_mailbox_is_tried_again_by_the_next_request(cloud: LocalCloud) -> None:
    address = person()
    first = succeed(cloud, address)
    publish(cloud, "sns_mail_bounce_transient", address, first)
    publish(cloud, "sns_mail_reject", address, first)  # handled after it, and visible
    cloud.wait_until(lambda: notice_of(cloud, address, first) == "failed", "the rejected mail's notice")
    succeed(cloud, address)
    assert len(mails_to(cloud, address)) == 2


def test_no_record_of_a_bounce_holds_the_address(cloud: LocalCloud) -> None:
    address = person()
    first = succeed(cloud, address)
    publish(cloud, "sns_mail_bounce_permanent", address, first)
    cloud.wait_until(lambda: notice_of(cloud, address, first) == "bounced", "the notice")
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.outputs["TableName"])
    suppressed = [item for page in pages for item in page["Items"] if item["sk"]["S"] == "SUPPRESSED"]
    assert suppressed
    assert address.partition("@")[0] not in json.dumps(suppressed)
    assert {tuple(sorted(item)) for item in suppressed} == {
        ("address_hash", "at_ms", "expires_at_s", "kind", "pk", "sk")
    }
