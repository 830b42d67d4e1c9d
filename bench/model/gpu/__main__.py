"""`python -m bench.model.gpu [--budget SECONDS] [--out FILE] [--tiny]`: everything, unattended, within the budget.

Run it with the model's environment on a machine with a GPU. The most telling comparisons come first; what does not fit
into the budget, or cannot be done on the device, is named in the document. `--tiny` runs the same code on tiny networks
on whatever is there, which proves the code and nothing about speed.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.model.conditions import model_conditions
from bench.model.gpu.architectures import TASKS, TINY_TASKS, Task, build, call
from bench.model.server import ROOT

BUDGET_S = 450.0
REPEATS = 3
RESULT = ROOT / ".afterimage" / "bench" / "model-gpu.json"
Clock = Callable[[], float]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.model.gpu", description=__doc__)
    parser.add_argument("--budget", type=float, default=BUDGET_S, help="seconds after which nothing new is begun")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not arguments.tiny:
        print("There is no GPU that torch can use. --tiny runs the code without one.", file=sys.stderr)
        return 2
    document = measure(tiny=arguments.tiny, device=device, budget_s=arguments.budget)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(json.dumps(document, indent=2, sort_keys=True))
    return 0


def measure(*, tiny: bool, device: str, budget_s: float, clock: Clock = time.perf_counter) -> dict[str, Any]:
    """Run every task in every variant while the budget lasts. The document is whole whatever fails."""
    import torch

    from bench.model.gpu.variants import STACKED, WITH_FP8

    began = clock()
    conditions = model_conditions(torch.get_num_threads(), REPEATS)
    conditions |= {"device": torch.cuda.get_device_name() if device == "cuda" else "cpu", "tiny": tiny}
    document: dict[str, Any] = {"conditions": conditions, "tasks": {}, "left_out": []}
    tasks = TINY_TASKS if tiny else TASKS
    for stack in (STACKED, WITH_FP8):
        for task in tasks:
            rows = document["tasks"].setdefault(task.name, {})
            pipeline: Any = None
            for name, change in stack:
                if clock() - began > budget_s:
                    document["left_out"].append({"task": task.name, "variant": name, "why": "the budget was spent"})
                    continue
                try:
                    pipeline = pipeline or build(xl=task.xl, tiny=tiny, device=device, dtype=torch.bfloat16)
                    change(pipeline)
                    rows[name] = timed(pipeline, task, device, clock)
                except Exception as exc:  # one variant's trouble is its own, and nobody is there to be asked
                    why = f"{type(exc).__name__}: {str(exc)[:200]}"
                    document["left_out"].append({"task": task.name, "variant": name, "why": why})
            pipeline = None
            gc.collect()
            if device == "cuda":
                torch.cuda.empty_cache()
            compare(rows)
    conditions["seconds_in_all"] = round(clock() - began, 1)
    return document


def timed(pipeline: Any, task: Task, device: str, clock: Clock) -> dict[str, Any]:
    """Seconds of a call after two that compile, choose kernels and record; the median of three."""
    import torch

    def once() -> float:
        started = clock()
        pictures = call(pipeline, task)
        if device == "cuda":
            torch.cuda.synchronize()
        if not bool(torch.isfinite(pictures).all()):
            raise ArithmeticError("the network gave numbers that make no picture")
        return clock() - started

    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    first = once()
    once()
    median = statistics.median(once() for _ in range(REPEATS))
    found = {
        "first_call_s": round(first, 3),
        "call_s": round(median, 4),
        "pictures_per_s": round(task.batch / median, 3),
        "batch": task.batch,
    }
    if device == "cuda":
        found["peak_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    return found


def compare(rows: dict[str, Any]) -> None:
    """How many times faster than plain each variant of a task is."""
    if rows:
        base = next(iter(rows.values()))["call_s"]
        for row in rows.values():
            row["times_plain"] = round(base / max(row["call_s"], 1e-9), 2)


if __name__ == "__main__":
    sys.exit(main())
