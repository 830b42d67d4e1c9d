"""`make fire`, or `python -m fire [--jobs N] [--seed S]`: the campaign, then the generated tests, longer.

Prints a table and keeps it in `fire/results/`; docs/reliability.md quotes that file. Ends with 1 when anything came out
otherwise than the schedule says.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "functions"))

from bench.conditions import conditions, table
from bench.own_cloud import BenchError, own_cloud
from fire import campaign
from fire.verdict import table_of
from fire.world import FireError
from local.settings import ROOT

RESULTS = Path(__file__).resolve().parent / "results"
GENERATED = (
    "tests/unit/test_completion_machine.py",
    "tests/contract/test_faults_at_the_client.py",
    "tests/contract/test_counters_are_the_truth.py",
    "tests/integration/test_idempotency.py",
    "tests/integration/test_quotas.py",
)
EXAMPLES = "2000"


def run(jobs: int, seed: int, tests: bool) -> bool:
    """Run everything, print it, keep it, and tell whether all came out as predicted."""
    before = conditions()
    numbers: dict[str, Any] = {}
    with own_cloud("fire") as cloud:
        numbers |= campaign.run(cloud, seed=seed, count=jobs, hurry=False, say=campaign.to_terminal)
    print(table(f"Under fire, {jobs} requests, seed {seed}, {numbers['took_s']} s", table_of(numbers)))
    print(table("What should be none", [["count", ""], *([name, n] for name, n in numbers["counts"].items())]))
    print("\n".join(numbers["findings"]))
    if tests:
        numbers["tests"] = _tests()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "fire.json").write_text(json.dumps({"conditions": before, **numbers}, indent=2, sort_keys=True) + "\n")
    return bool(numbers["clean"]) and all(part["passed"] for part in numbers.get("tests", {}).values())


def _tests() -> dict[str, Any]:
    """The generated tests with many more examples; pytest's own closing line is what counts."""
    done: dict[str, Any] = {}
    for name in GENERATED:
        began = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", name, "-q", "--no-header"],
            cwd=ROOT,
            env={**os.environ, "AFTERIMAGE_EXAMPLES": EXAMPLES},
            capture_output=True,
            text=True,
            check=False,
        )
        closing = ran.stdout.strip().splitlines()[-1]
        print(f"{name}: {closing}" if ran.returncode == 0 else ran.stdout, flush=True)
        done[name] = {"passed": ran.returncode == 0, "closing": closing, "took_s": round(time.monotonic() - began, 1)}
    return done


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fire", description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--no-tests", action="store_true", help="the campaign alone")
    arguments = parser.parse_args()
    try:
        return 0 if run(arguments.jobs, arguments.seed, not arguments.no_tests) else 1
    except (BenchError, FireError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
