"""The threat model names tests that exist, and leaves no threat without one or without saying what remains."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [line.strip("|").split("|") for line in PAGE.splitlines() if re.match(r"\| [STRIDE] \|", line)]


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`((?:unit|contract|integration|security|packaging|model)/[\w/.]*)`", PAGE))
    assert len(named) > 15
    assert sorted(name for name in named if not (ROOT / "tests" / name).exists()) == []


def test_every_threat_has_a_test_or_says_what_remains() -> None:
    assert {row[0].strip() for row in ROWS} == set("STRIDE")
    for row in ROWS:
        _, threat, stops, test, remains = (cell.strip() for cell in row)
        assert threat, row
        assert stops, row
        assert test or remains, row


def test_the_policy_and_the_page_lead_to_each_other() -> None:
    policy = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "(docs/security.md)" in policy
    assert "(../SECURITY.md)" in PAGE
    assert not re.search(r"\S+@\S+\.\S+", policy), "an invented address is worse than none"
