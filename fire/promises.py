"""The parts of `make fire`: which promise is held by what, how many cases that is, and how it is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.own_cloud import BenchError, own_cloud
from fire import campaign
from fire.verdict import table_of
from fire.world import FireError
from local.settings import ROOT

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line says: how much of each, and by which seed."""

    seed: int = 2026
    jobs: int = 200
    walks: int = 2000
    fuzz: int = 5000
    rows: int = 500


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One row of the closing table, and the numbers behind it."""

    promise: str
    cases: int
    kept: bool
    took_s: float
    told: str = ""
    numbers: dict[str, Any] = field(default_factory=dict, compare=False)


# What a campaign counts that should be none, by the promise that it would break.
COUNTED = {
    "every request ends, and as it must": ("stuck", "wrong", "jobs_of_nobody"),
    "nobody is told twice, everybody as often as recorded": ("mailed_twice", "mails_not_as_predicted"),
    "as many inferences as predicted": ("inferences_not_as_predicted",),
    "no execution is left over": ("orphan_executions",),
    "counters say what the jobs say": ("counters_wrong",),
    "no dead letter but what nobody can act upon": ("dead_letters",),
    "a second run of each state changes nothing": ("changed_by_a_second_run",),
}


def run_campaign(asked: Asked, say: Say) -> list[Outcome]:
    """The requests on a local cloud of their own; one outcome for each promise that they test."""
    began = time.monotonic()
    try:
        with own_cloud("fire") as cloud:
            numbers = campaign.run(cloud, seed=asked.seed, count=asked.jobs, hurry=False, say=say)
    except (BenchError, FireError) as error:
        took_s = time.monotonic() - began
        return [Outcome(promise=promise, cases=0, kept=False, took_s=took_s, told=str(error)) for promise in COUNTED]
    for row in table_of(numbers)[1:]:
        say("  ".join(map(str, row)))
    for line in (*numbers["findings"], *(f"{name}: {count}" for name, count in numbers["notes"].items())):
        say(line)
    counts, took_s = numbers["counts"], time.monotonic() - began
    outcomes = [
        Outcome(promise=promise, cases=asked.jobs, kept=not any(counts[name] for name in names), took_s=took_s)
        for promise, names in COUNTED.items()
    ]
    met = not any(finding.startswith("faults that nobody met") for finding in numbers["findings"])
    faults = Outcome(promise="every fault of the schedule was met", cases=asked.jobs, kept=met, took_s=took_s)
    return [*outcomes, Outcome(**{**vars(faults), "numbers": numbers})]


@dataclass(frozen=True, kw_only=True)
class Tests:
    """Tests that `make test` runs in a short form. `cases` counts what they generate, 0 where each test is a case."""

    promise: str
    files: tuple[str, ...]
    cases: Callable[[Asked], int] = lambda asked: 0
    variables: Callable[[Asked], dict[str, str]] = lambda asked: {}

    def run(self, asked: Asked, say: Say) -> list[Outcome]:
        """pytest's own exit status and closing line are what counts."""
        began = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", *self.files, "-q", "--no-header", f"--hypothesis-seed={asked.seed}"],
            cwd=ROOT,
            env={**os.environ, **self.variables(asked)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        closing = (ran.stdout.strip() or ran.stderr.strip() or "it said nothing").splitlines()[-1]
        if ran.returncode != 0:
            say(ran.stdout + ran.stderr)
        passed = re.search(r"(\d+) passed", closing)
        return [
            Outcome(
                promise=self.promise,
                cases=self.cases(asked) or int(passed[1] if passed else 0),
                kept=ran.returncode == 0 and passed is not None,
                took_s=time.monotonic() - began,
                told=closing,
            )
        ]


FUZZ = Tests(
    promise="generated requests of two people: nothing undocumented, nothing of the other's",
    files=("tests/security/test_api_fuzz.py",),
    cases=lambda asked: asked.fuzz,
    variables=lambda asked: {
        "AFTERIMAGE_FUZZ_REQUESTS": str(asked.fuzz),
        "AFTERIMAGE_FUZZ_SEED": str(asked.seed),
    },
)
FAULTS = Tests(
    promise="each call to AWS that a request makes may fail",
    files=tuple(sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "contract").glob("test_faults_*.py"))),
    variables=lambda asked: {"AFTERIMAGE_EXAMPLES": str(asked.walks)},
)
WALKS = Tests(
    promise="any order of messages, deaths, stops and sweeps: the end of the oracle",
    files=("tests/unit/test_completion_machine.py",),
    cases=lambda asked: asked.walks,
    variables=lambda asked: {"AFTERIMAGE_EXAMPLES": str(asked.walks)},
)
COUNTERS = Tests(
    promise="any order of requests, replays, ends and deaths: true counters",
    files=("tests/contract/test_counters_are_the_truth.py",),
    cases=lambda asked: asked.walks + asked.walks // 20,
    variables=lambda asked: {"AFTERIMAGE_EXAMPLES": str(asked.walks)},
)
AT_ONCE = Tests(
    promise="one key is one request; exactly as many as a quota lets through",
    files=("tests/integration/test_idempotency.py", "tests/integration/test_quotas.py"),
)
ROWS = Tests(
    promise="every row of a campaign is accounted for once",
    files=("tests/integration/test_campaign_rows.py",),
    cases=lambda asked: asked.rows,
    variables=lambda asked: {"AFTERIMAGE_CAMPAIGN_ROWS": str(asked.rows)},
)
# Two lanes for two cores: what has a cloud, which waits most of its time, and what only calculates.
LANES: tuple[dict[str, Callable[[Asked, Say], list[Outcome]]], ...] = (
    {"campaign": run_campaign, "at-once": AT_ONCE.run, "counters": COUNTERS.run, "rows": ROWS.run},
    {"fuzz": FUZZ.run, "faults": FAULTS.run, "walks": WALKS.run},
)
PARTS = tuple(name for lane in LANES for name in lane)
# Some ten minutes more, so that the rest stays within a quarter of an hour.
WHEN_NAMED = frozenset({"rows"})
