"""The files in examples/ are what they say they are."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from afterimage.contracts.codec import from_document
from afterimage.domain.campaign import CampaignSettings
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.moderation import Action, judge_prompt, parse_policy
from fakes.checks import RULES, checked
from fakes.stubbed import stubbed

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("profile", ["demo", "sd15"])
@pytest.mark.parametrize("name", ["autumn.csv", "autumn.jsonl"])
def test_the_rows_may_run(name: str, profile: str) -> None:
    rules = dataclasses.replace(RULES, profile=model_profiles()[profile])
    found = checked((EXAMPLES / name).read_bytes(), rules=rules)
    assert found.problems == []
    assert found.check.rows == 12
    assert {row.moderation for row in found.forecasts} == {"allow"}
    assert all(row.columns["sku"] for row in found.rows)


def test_the_policy_of_an_operator_says_what_its_document_shows() -> None:
    text = (EXAMPLES / "moderation-policy.json").read_text(encoding="utf-8")
    assert f"```json\n{text}```" in (EXAMPLES.parent / "docs" / "moderation.md").read_text(encoding="utf-8")
    policy = parse_policy(text)
    assert judge_prompt("an ACME rocket", "", policy, 0).action is Action.HOLD
    assert judge_prompt("the point of acme", "", policy, 0).action is Action.ALLOW
    assert judge_prompt("un perro empapado", "", policy, 0).softened_prompt == "un perro húmedo"
    assert judge_prompt("a deepfake", "", policy, 0).action is Action.ALLOW
    assert judge_prompt("porn", "", policy, 0).action is Action.BLOCK


def test_the_guardrail_is_one_that_bedrock_makes() -> None:
    client, stubber = stubbed("bedrock")
    made = {"guardrailId": "g1", "guardrailArn": "arn:g1", "version": "DRAFT", "createdAt": 0}
    stubber.add_response("create_guardrail", made)  # the call is checked against the service's model
    document = json.loads((EXAMPLES / "guardrail.json").read_text(encoding="utf-8"))
    assert client.create_guardrail(**document)["guardrailId"] == "g1"
    filters = document["contentPolicyConfig"]["filtersConfig"]
    assert {"SEXUAL", "VIOLENCE", "HATE"} == {
        entry["type"] for entry in filters if "IMAGE" in entry.get("inputModalities", [])
    }


def test_both_files_say_the_same() -> None:
    a, b = (checked((EXAMPLES / name).read_bytes()).rows for name in ("autumn.csv", "autumn.jsonl"))
    assert [(row.request, row.columns) for row in a] == [(row.request, row.columns) for row in b]


def test_the_product_is_one_and_its_settings_are_a_campaign_s() -> None:
    document = json.loads((EXAMPLES / "cross-product.json").read_text(encoding="utf-8"))
    assert document.pop("name") == "Three scenes, four styles, five seeds"
    campaign = from_document(CampaignSettings, document)
    found = checked(None, defaults=campaign.defaults, axes=campaign.axes)
    assert (found.problems, found.check.rows) == ([], 3 * 4 * 5)
    assert campaign.budget_pictures == found.check.pictures


def test_the_faults_are_those_that_they_show() -> None:
    found = checked((EXAMPLES / "faulty.csv").read_bytes())
    assert found.check.read_as == "CSV with semicolons, UTF-8"
    assert found.faults == [
        (3, "prompt", "prompt_empty"),
        (4, "preset", "unknown_preset"),
        (4, "count", "count_out_of_bounds"),
        (5, "count", "value_not_whole"),
        (5, "guidance", "value_not_number"),
        (6, "seed", "value_not_whole"),
        (7, "width", "size_out_of_bounds"),
        (8, None, "too_many_cells"),
        (10, None, "quotes_broken"),
        (12, "height", "size_incomplete"),
    ]
    assert found.check.blocked == 1


def test_every_example_is_tested() -> None:
    tested = {"autumn.csv", "autumn.jsonl", "cross-product.json", "faulty.csv"}
    tested |= {"guardrail.json", "moderation-policy.json"}
    assert {path.name for path in EXAMPLES.iterdir()} == tested
