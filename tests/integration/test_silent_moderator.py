"""A managed moderator that nobody reaches: the request fails, unless the deployment is set to go on without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from integration.journey import PROMPT, ask, job_item, mails_to, person, resource_name, wait_for_end
from integration.redeploy import deploy_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.conftest import LocalCloud

NOBODY = "http://127.0.0.1:9"


def deploy_silent(cloud: LocalCloud, *, fail_open: str) -> None:
    """Deploy the stack so that it asks Comprehend, where nobody answers."""
    deploy_with(cloud, UseComprehend="true", ModerationFailOpen=fail_open)
    client, name = cloud.client("lambda"), resource_name(cloud, "ModeratePromptFunction")
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    assert variables["MODERATION_FAIL_OPEN"] == fail_open
    changed = variables | {"AWS_ENDPOINT_URL_COMPREHEND": NOBODY}
    client.update_function_configuration(FunctionName=name, Environment={"Variables": changed})


@pytest.fixture(scope="module")
def restored(cloud: LocalCloud) -> Iterator[LocalCloud]:
    """The stack, put back as it was."""
    client, name = cloud.client("lambda"), resource_name(cloud, "ModeratePromptFunction")
    before = client.get_function_configuration(FunctionName=name)["Environment"]
    yield cloud
    deploy_with(cloud, UseComprehend="false", ModerationFailOpen="false")
    client.update_function_configuration(FunctionName=name, Environment=before)


def test_no_answer_is_not_a_yes_until_a_setting_says_so(restored: LocalCloud) -> None:
    cloud = restored
    deploy_silent(cloud, fail_open="false")
    address = person()
    view = wait_for_end(cloud, address, ask(cloud, address, {"prompt": PROMPT}))
    assert (view["status"], view["failure"]["code"], view["images"]) == ("FAILED", "moderation_unavailable", [])
    assert len(mails_to(cloud, address)) == 1
    deploy_silent(cloud, fail_open="true")
    job_id = ask(cloud, address, {"prompt": PROMPT})
    assert wait_for_end(cloud, address, job_id)["status"] == "SUCCEEDED"
    decision = job_item(cloud, job_id)["decisions"]["L"][0]["M"]
    assert [name["S"] for name in decision["not_judged_by"]["L"]] == ["comprehend"]
    assert [name["S"] for name in decision["layers"]["L"]] == ["policy"]
    refused = ask(cloud, address, {"prompt": "a nude statue"})
    assert wait_for_end(cloud, address, refused)["status"] == "BLOCKED"
