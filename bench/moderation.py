"""What the packaged policy finds and overlooks in the corpus of tests/moderation: precision and recall.

A category's precision is the share of lines judged to be of it that are; its recall the share of its lines that were
judged to be of it. Of a language or an evasion: how many lines that may not pass did not, and how many that may were
stopped. A line that was stopped for a wrong reason counts as stopped, and lowers precision and recall of categories.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afterimage.domain.moderation import Action, Decision, judge_prompt, packaged_policy

from bench.conditions import RESULTS, table

__all__ = ["CORPUS", "FRESH", "RESULTS", "Line", "lines", "measure", "show"]
CORPUS = Path(__file__).resolve().parent.parent / "tests" / "moderation" / "corpus"
FRESH = "fresh.csv"
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the corpus, and what became of it."""

    file: str
    number: int
    language: str
    expected: Action
    category: str
    evasion: str
    text: str
    decision: Decision

    @property
    def name(self) -> str:
        return f"{self.file}:{self.number}"

    @property
    def is_as_expected(self) -> bool:
        """True for the expected action, and for what is not allowed by the expected category too."""
        right = not self.category or self.category in self.decision.categories
        return self.decision.action is self.expected and right

    @property
    def may_pass(self) -> bool:
        return self.expected is Action.ALLOW

    @property
    def passed(self) -> bool:
        return self.decision.action is Action.ALLOW


def lines() -> list[Line]:
    """Judge every line of every file."""
    return [line for path in sorted(CORPUS.glob("*.csv")) for line in _judged(path)]


def _judged(path: Path) -> list[Line]:
    found = []
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            text = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), row["text"])
            prompt, negative = ("a portrait", text) if row["field"] == "negative_prompt" else (text, "")
            found.append(
                Line(
                    file=path.name,
                    number=number,
                    language=row.get("language") or path.stem,
                    expected=Action(row["expected"]),
                    category=row["category"],
                    evasion=row["evasion"] or "none",
                    text=text,
                    decision=judge_prompt(prompt, negative, packaged_policy(), 0),
                )
            )
    return found


def measure() -> dict[str, Any]:
    """Return the figures over all lines, and over the fresh ones alone."""
    judged = lines()
    fresh = [line for line in judged if line.file == FRESH]
    return {
        "policy_version": packaged_policy().version,
        "worked_with": _figures([line for line in judged if line.file != FRESH]),
        "fresh": _figures(fresh) if fresh else None,
    }


def _figures(judged: Sequence[Line]) -> dict[str, Any]:
    return {
        "lines": len(judged),
        "as_expected": sum(line.is_as_expected for line in judged),
        "categories": _categories(judged),
        "languages": _groups(judged, lambda line: line.language),
        "evasions": _groups([line for line in judged if not line.may_pass], lambda line: line.evasion),
        "not_as_expected": [line.name for line in judged if not line.is_as_expected],
    }


def _categories(judged: Sequence[Line]) -> dict[str, dict[str, Any]]:
    wanted = Counter(line.category for line in judged if line.category)
    said = Counter(name for line in judged for name in line.decision.categories)
    right = Counter(line.category for line in judged if line.category in line.decision.categories)
    return {
        name: {
            "lines": wanted[name],
            "precision": round(right[name] / said[name], 3) if said[name] else None,
            "recall": round(right[name] / wanted[name], 3) if wanted[name] else None,
        }
        for name in sorted(wanted | said)
    }


def _groups(judged: Sequence[Line], of: Callable[[Line], str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for line in judged:
        group = found.setdefault(of(line), {"forbidden": 0, "stopped": 0, "allowed": 0, "stopped_wrongly": 0})
        group["allowed" if line.may_pass else "forbidden"] += 1
        if not line.passed:
            group["stopped_wrongly" if line.may_pass else "stopped"] += 1
    return dict(sorted(found.items()))


def show(numbers: dict[str, Any]) -> str:
    """Return the report."""
    parts = [f"\nPolicy {numbers['policy_version']}"]
    for title, key in (("Lines that it was worked on with", "worked_with"), ("Fresh lines", "fresh")):
        figures = numbers[key]
        if figures:
            parts.append(_shown(f"{title}: {figures['as_expected']} of {figures['lines']} as expected", figures))
    return "\n".join(parts)


def _shown(title: str, figures: dict[str, Any]) -> str:
    rows: list[Sequence[Any]] = [("category", "lines", "precision", "recall")]
    rows += [(name, *(_or_none(row[c]) for c in rows[0][1:])) for name, row in figures["categories"].items()]
    parts = [table(title, rows)]
    for name in ("languages", "evasions"):
        head = (name, "forbidden", "stopped", "allowed", "stopped_wrongly")
        parts.append(table("", [head, *((key, *(row[c] for c in head[1:])) for key, row in figures[name].items())]))
    parts.append("\nNot as expected: " + (", ".join(figures["not_as_expected"]) or "none"))
    return "\n".join(parts)


def _or_none(value: Any) -> Any:
    return "–" if value is None else value
