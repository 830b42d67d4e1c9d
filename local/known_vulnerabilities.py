"""`make audit`: ask PyPI which weaknesses are known of every pinned package, by pip-audit.

The exit status tells three things apart: 0, everything was answered and nothing is known; 1, something is known, or
some packages were not answered for; 75, nobody answered. `make check` shows the last as `unknown` and goes on, because
a laptop may be offline; `make audit` and CI fail with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.lock import LISTS
from local.settings import ROOT, Settings

NOBODY_ANSWERED = os.EX_TEMPFAIL
FILES = (*(f"{name}.txt" for name in LISTS), "model/requirements-torch.txt")


@dataclass(frozen=True)
class Answer:
    """What was said about the packages of one list."""

    known: tuple[str, ...]
    unanswered: tuple[str, ...]
    answered: int


def read(report: dict[str, Any]) -> Answer:
    """Return what pip-audit's JSON says. A package that it skips has not been judged, whatever its exit status."""
    known: list[str] = []
    unanswered: list[str] = []
    answered = 0
    for package in report["dependencies"]:
        if "skip_reason" in package:
            unanswered.append(package["name"])
            continue
        answered += 1
        known += [f"{package['name']} {package['version']}: {found['id']}" for found in package["vulns"]]
    return Answer(tuple(known), tuple(unanswered), answered)


def ask(pip_audit: Path, requirements: Path) -> Answer | None:
    """Return what is known of a list, None where the service cannot be reached at all."""
    argv = [str(pip_audit), "--format", "json", "--progress-spinner", "off", "--disable-pip", "--no-deps"]
    done = subprocess.run(
        [*argv, "--requirement", str(requirements)],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    try:
        return read(json.loads(done.stdout))
    except json.JSONDecodeError:  # it ends without a report when a connection fails
        print("\n".join(done.stderr.splitlines()[-1:]), file=sys.stderr)
        return None


def verdict(answers: dict[str, Answer | None]) -> int:
    """Print what was found; return the exit status."""
    heard = {name: found for name, found in answers.items() if found}
    if not any(found.answered for found in heard.values()):
        print("Nobody answered: what is known of these packages is not known here.")
        return NOBODY_ANSWERED
    problems = [f"{name}: {line}" for name, found in heard.items() for line in found.known]
    problems += [f"{name}: no answer for {package}" for name, found in heard.items() for package in found.unanswered]
    problems += [f"{name}: nobody answered" for name in answers if name not in heard]
    problems += [f"{name}: not asked" for name in FILES if name not in answers]
    print("\n".join(problems) or f"Nothing is known of {sum(found.answered for found in heard.values())} packages.")
    return 1 if problems else 0


def main() -> int:
    pip_audit = Settings.from_environment().environments / "audit" / "bin" / "pip-audit"
    answers: dict[str, Answer | None] = {}
    for name in FILES:
        found = answers[name] = ask(pip_audit, ROOT / name)
        if found is None or not found.answered:  # who does not answer for one list will not for the next
            break
    return verdict(answers)


if __name__ == "__main__":
    sys.exit(main())
