"""A guardrail of Amazon Bedrock beside the policy, run for real: the emulator enforces its word lists."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from integration.journey import (
    PROMPT,
    admin_token,
    ask,
    job_item,
    mails_to,
    person,
    read,
    wait_for_end,
    wait_for_status,
)
from integration.redeploy import deploy_with
from integration.test_iam_enforced import denials, without

from local.settings import ROOT

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

WORD = "kumquat"  # no word of the policy


@pytest.fixture(scope="module")
def guarded(cloud: LocalCloud) -> Iterator[LocalCloud]:
    """The stack with a guardrail that refuses one word."""
    client = cloud.client("bedrock")
    example = json.loads((ROOT / "examples" / "guardrail.json").read_text(encoding="utf-8"))
    example |= {"name": f"words-{secrets.token_hex(4)}", "wordPolicyConfig": {"wordsConfig": [{"text": WORD}]}}
    guardrail = client.create_guardrail(**example)["guardrailId"]
    deploy_with(cloud, GuardrailId=guardrail)
    yield cloud
    deploy_with(cloud, GuardrailId="none")
    client.delete_guardrail(guardrailIdentifier=guardrail)


def decisions(cloud: LocalCloud, job_id: str) -> list[dict[str, Any]]:
    """What was recorded of a request's prompt."""
    found = [entry["M"] for entry in job_item(cloud, job_id)["decisions"]["L"]]
    return [entry for entry in found if entry["stage"]["S"] == "prompt"]


def test_a_word_that_only_the_guardrail_knows_is_refused_by_it(guarded: LocalCloud) -> None:
    address = person()
    job_id = ask(guarded, address, {"prompt": f"a {WORD} on a plate"})
    view = wait_for_end(guarded, address, job_id)
    assert (view["status"], view["failure"]["code"], view["images"]) == ("BLOCKED", "prompt_blocked", [])
    (verdict,) = view["verdicts"]
    assert (verdict["action"], verdict["categories"]) == ("block", ["denied_word"])
    assert not {"scores", "threshold", "layers"} & set(verdict)
    (decision,) = decisions(guarded, job_id)
    assert [layer["S"] for layer in decision["layers"]["L"]] == ["policy", "guardrail"]
    assert WORD not in json.dumps(decision)
    (mail,) = mails_to(guarded, address)
    assert WORD not in mail.as_string()


def test_what_the_policy_refuses_is_not_sent_to_the_guardrail(guarded: LocalCloud) -> None:
    address = person()
    job_id = ask(guarded, address, {"prompt": f"a nude {WORD}"})
    assert wait_for_end(guarded, address, job_id)["verdicts"][0]["categories"] == ["sexual"]
    assert [layer["S"] for layer in decisions(guarded, job_id)[0]["layers"]["L"]] == ["policy"]


def test_what_both_allow_is_made(guarded: LocalCloud) -> None:
    address = person()
    job_id = ask(guarded, address, {"prompt": PROMPT, "negative_prompt": WORD})
    assert wait_for_end(guarded, address, job_id)["status"] == "SUCCEEDED"
    assert [layer["S"] for layer in decisions(guarded, job_id)[0]["layers"]["L"]] == ["policy", "guardrail"]


def test_without_the_right_to_ask_it_nothing_passes(guarded: LocalCloud) -> None:
    before = denials(guarded, "ModeratePromptFunction")
    with without(guarded, "ModeratePromptFunction", "JudgeByGuardrail"):
        address = person()
        view = wait_for_end(guarded, address, ask(guarded, address))
    assert (view["status"], view["failure"]["code"], view["images"]) == ("FAILED", "internal_error", [])
    assert denials(guarded, "ModeratePromptFunction") > before


def test_pictures_that_the_guardrail_does_not_look_at_wait_for_a_person_who_sees_and_releases_them(
    guarded: LocalCloud,
) -> None:
    """The emulator's guardrails look at no picture and say so; nobody may take that for a yes."""
    deploy_with(guarded, GuardrailPictures="true")
    try:
        address = person()
        job_id = ask(guarded, address)
        wait_for_status(guarded, address, job_id, "HELD")
    finally:
        deploy_with(guarded, GuardrailPictures="false")
    view = read(guarded, address, job_id)
    assert (view["held"]["stage"], view["images"]) == ("picture", [])
    assert view["verdicts"][-1]["categories"] == ["not_judged"]
    token, path = admin_token(guarded), f"/v1/admin/held/{job_id}"
    assert guarded.http("GET", path, token=token).json()["held_pictures"] == [0]
    shown = guarded.http("GET", f"{path}/pictures/0", token=token).json()
    assert base64.b64decode(shown["base64"]).startswith(b"\x89PNG")
    released = guarded.http("POST", f"{path}/release", token=token, body={"stage": "picture"})
    assert released.json()["status"] == "REVIEWING"
    view = wait_for_end(guarded, address, job_id)
    assert (view["status"], len(view["images"])) == ("SUCCEEDED", 1)
    assert guarded.http("GET", view["images"][0]["url"]).content.startswith(b"\x89PNG")
