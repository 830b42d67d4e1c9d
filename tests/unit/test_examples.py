"""The files in examples/ are what they say they are."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from afterimage.contracts.codec import from_document
from afterimage.domain.campaign import CampaignSettings
from afterimage.domain.model_profiles import model_profiles
from fakes.checks import RULES, checked

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
    assert {path.name for path in EXAMPLES.iterdir()} == tested
