"""Every line of the corpus is judged as it ought to be, or stands in the list of those that are not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from afterimage.domain.moderation import Action, packaged_policy

from bench.moderation import CORPUS, FRESH, RESULTS, Line, lines, measure

KNOWN = Path(__file__).with_name("known_misses.txt")


@pytest.fixture(scope="module")
def judged() -> list[Line]:
    return lines()


def test_the_lines_that_are_judged_wrongly_are_those_that_are_known(judged: list[Line]) -> None:
    """A known miss that is mended leaves the list, so that the list says what is so."""
    assert [line.name for line in judged if not line.is_as_expected] == KNOWN.read_text(encoding="utf-8").split()


def test_the_corpus_is_large_and_of_many_languages_and_disguises(judged: list[Line]) -> None:
    assert len(judged) >= 400
    by_language = {line.language: [other for other in judged if other.language == line.language] for line in judged}
    assert len(by_language) >= 5
    for language, found in by_language.items():
        assert sum(line.may_pass for line in found) >= 10, language
        assert sum(not line.may_pass for line in found) >= 20, language
    assert len({line.evasion for line in judged}) >= 10
    assert {line.category for line in judged} - {""} == {category.name for category in packaged_policy().categories}
    assert {line.expected for line in judged} == set(Action)


def test_a_line_says_what_it_expects_and_stands_there_once(judged: list[Line]) -> None:
    assert all(bool(line.category) is not line.may_pass for line in judged)
    texts = [line.text for line in judged if line.may_pass or line.evasion == "none"]
    assert sorted(text for text in set(texts) if texts.count(text) > 1) == []
    assert (CORPUS / FRESH).exists()


def test_the_figures_of_the_document_are_those_that_are_measured() -> None:
    figures = measure()
    text = (CORPUS.parents[2] / "docs" / "moderation.md").read_text(encoding="utf-8").replace("**", "")
    assert f"Policy {figures['policy_version']}," in text
    for key, about in (("worked_with", "that the policy was worked on with"), ("fresh", "that it never saw")):
        found, groups = figures[key], figures[key]["languages"].values()
        sums = {name: sum(group[name] for group in groups) for name in ("forbidden", "stopped", "allowed")}
        wrongly = sum(group["stopped_wrongly"] for group in groups)
        row = f"| {found['lines']} {about} | {found['as_expected']} | {sums['stopped']} of {sums['forbidden']} "
        assert f"{row}| {wrongly} of {sums['allowed']} |" in text
    categories = figures["fresh"]["categories"]
    for name, row in ((name, row) for name, row in categories.items() if row["lines"] > 1):
        shares = [float(share) for share in re.findall(rf"\| `{name}` \| {row['lines']} \| (\S+) \| (\S+) \|", text)[0]]
        assert shares == [round(row["precision"], 2), round(row["recall"], 2)], name


def test_the_figures_that_are_kept_are_those_of_this_policy() -> None:
    kept = json.loads((RESULTS / "moderation.json").read_text(encoding="utf-8"))
    assert {key: value for key, value in kept.items() if key != "conditions"} == measure()
