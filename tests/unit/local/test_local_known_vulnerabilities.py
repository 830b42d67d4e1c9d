"""What pip-audit reports is never made to say more than it says."""

from __future__ import annotations

from typing import Any

import pytest

from local.known_vulnerabilities import FILES, NOBODY_ANSWERED, Answer, read, verdict

CLEAN = {"name": "jinja2", "version": "3.1.6", "vulns": []}
WEAK = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}]}
SKIPPED = {"name": "six", "skip_reason": "Dependency not found on PyPI"}


def status(*packages: dict[str, Any]) -> int:
    return verdict(dict.fromkeys(FILES, read({"dependencies": list(packages)})))


def test_answers_without_a_finding_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(CLEAN) == 0
    assert f"Nothing is known of {len(FILES)} packages." in capsys.readouterr().out


def test_a_known_weakness_fails_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(CLEAN, WEAK) == 1
    assert "old 1.0: PYSEC-2026-1" in capsys.readouterr().out


def test_a_package_that_was_skipped_was_not_judged(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(CLEAN, SKIPPED) == 1
    assert "no answer for six" in capsys.readouterr().out


def test_where_nobody_answers_nothing_has_passed_and_nothing_failed() -> None:
    assert status(SKIPPED) == NOBODY_ANSWERED
    assert verdict(dict.fromkeys(FILES)) == NOBODY_ANSWERED
    assert NOBODY_ANSWERED not in (0, 1)


def test_a_list_that_was_not_asked_about_is_not_clean() -> None:
    assert verdict({FILES[0]: Answer(known=(), unanswered=(), answered=3)}) == 1
