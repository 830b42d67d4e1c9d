"""`make fire`, or `python -m fire`: every promise under fire, in two lanes at once, and one table at the end.

Parts: campaign (requests on a local cloud by a schedule of faults), at-once (idempotency and quotas on a local
cloud), walks and counters (generated orders of events), faults (each call to AWS fails), fuzz (generated requests).
Only when it is named: rows (a campaign of many rows on a local cloud, ten minutes).
What came out is kept in `fire/results/`; docs/reliability.md quotes it. Ends with 1 when a promise was not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "functions"))

from bench.conditions import conditions, table
from fire.promises import LANES, PARTS, WHEN_NAMED, Asked, Outcome

RESULTS = Path(__file__).resolve().parent / "results"


def run(asked: Asked, parts: tuple[str, ...], results: Path) -> bool:
    """Run the parts, print and keep what came out, and tell whether every promise was kept."""
    before, began = conditions(), time.monotonic()

    def speaker(part: str) -> Callable[[str], None]:
        return lambda line: print(f"{time.monotonic() - began:4.0f} s  {part:<9} {line}", flush=True)

    def drive(lane: int) -> list[Outcome]:
        found = []
        for part, run_part in LANES[lane].items():
            if part not in parts:
                continue
            say = speaker(part)
            say("begins")
            outcomes = run_part(asked, say)
            say("kept" if all(outcome.kept for outcome in outcomes) else "NOT KEPT")
            _keep(results / f"{part}.json", {"conditions": before, "asked": vars(asked)}, outcomes)
            found += outcomes
        return found

    with ThreadPoolExecutor(len(LANES)) as pool:
        outcomes = [outcome for lane in pool.map(drive, range(len(LANES))) for outcome in lane]
    rows = [[one.promise, one.cases, "kept" if one.kept else "NOT KEPT", round(one.took_s)] for one in outcomes]
    took_s = time.monotonic() - began
    load = "{:.1f} before, {:.1f} after".format(before["load_1_5_15_min"][0], os.getloadavg()[0])
    title = f"Under fire, seed {asked.seed}, {took_s:.0f} s, load {load}"
    print(table(title, [["promise", "cases", "outcome", "seconds"], *rows]))
    print("\n".join(f"{one.promise}: {one.told}" for one in outcomes if not one.kept and one.told))
    return bool(outcomes) and all(outcome.kept for outcome in outcomes)


def _keep(path: Path, head: dict[str, object], outcomes: list[Outcome]) -> None:
    path.parent.mkdir(exist_ok=True)
    document = {**head, "outcomes": [vars(outcome) for outcome in outcomes]}
    path.write_text(json.dumps(document, indent=2, sort_keys=True, default=list) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m fire", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=Asked.seed, help="of schedule, walks and requests (%(default)s)")
    parser.add_argument("--jobs", type=int, default=Asked.jobs, help="requests of the campaign (%(default)s)")
    parser.add_argument("--walks", type=int, default=Asked.walks, help="generated walks (%(default)s)")
    parser.add_argument("--fuzz", type=int, default=Asked.fuzz, help="generated requests, at least (%(default)s)")
    parser.add_argument("--only", choices=PARTS, action="append", help="run this part; may be said again")
    parser.add_argument("--rows", type=int, default=Asked.rows, help="rows of a campaign (%(default)s)")
    given = parser.parse_args()
    asked = Asked(seed=given.seed, jobs=given.jobs, walks=given.walks, fuzz=given.fuzz, rows=given.rows)
    parts = given.only or [part for part in PARTS if part not in WHEN_NAMED]
    return 0 if run(asked, tuple(parts), RESULTS) else 1


if __name__ == "__main__":
    sys.exit(main())
