"""`make bench`, or `python -m bench [NAME ...]` for some: workflow, imports, artifact, costs, campaign, moderation,
seal."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "functions"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "imaging"))

from bench import artifact, cold_import, costs, workflow
from bench.conditions import RESULTS, conditions, keep
from bench.own_cloud import BenchError, own_cloud
from local import build
from local.settings import Settings

NAMES = ("artifact", "imports", "workflow", "costs", "campaign", "moderation", "seal")


def run(names: list[str], requests: int) -> None:
    """Measure, print and keep."""
    before = conditions()
    print("\n".join(f"{name:<16} {_short(value)}" for name, value in before.items()), flush=True)
    settings = Settings.from_environment()
    built = settings.build / "out" / "RequestsApiFunction"
    if {"artifact", "imports"} & {*names}:
        build.build(settings)
    if "artifact" in names:
        _report("artifact", artifact.measure(built), artifact.show, before)
    if "imports" in names:
        _report("imports", cold_import.measure(built), cold_import.show, conditions())
    if "workflow" in names:
        with own_cloud() as cloud:
            began = conditions()
            _report("workflow", workflow.measure(cloud, requests), workflow.show, began)
    if "costs" in names:
        from bench import operations  # moto takes a second to import

        kept = RESULTS / "workflow.json"
        if not kept.exists():
            raise BenchError("Costs need the counts of the workflow: run `python -m bench workflow` first.")
        _report("costs", costs.measure(operations.count(), json.loads(kept.read_text())), costs.show, before)
    if "campaign" in names:
        from bench import campaign

        _report("campaign", campaign.measure(), campaign.show, conditions())
    if "moderation" in names:
        from bench import moderation

        _report("moderation", moderation.measure(), moderation.show, conditions())
    if "seal" in names:
        from bench import seal

        build.build(settings)
        _report("seal", seal.measure(settings.build / "out" / "SealPicturesFunction"), seal.show, conditions())
    print(f"\nKept in {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}/")


def _report(name: str, numbers: dict[str, Any], show: Any, before: dict[str, Any]) -> None:
    print(show(numbers), flush=True)
    keep(name, numbers, before)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="all of them when none is named")
    parser.add_argument("--requests", type=int, default=50, help="requests of the workflow benchmark")
    arguments = parser.parse_args()
    try:
        run(arguments.names or list(NAMES), arguments.requests)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
