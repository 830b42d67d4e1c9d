"""Under what conditions numbers came about, and how they are kept."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


def conditions() -> dict[str, Any]:
    """CPU, cores, Python, versions, date and load."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load_1_5_15_min": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {name: importlib.metadata.version(name) for name in ("boto3", "pydantic", "aws-lambda-powertools")},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def keep(name: str, numbers: dict[str, Any], before: dict[str, Any]) -> None:
    """Write `results/NAME.json`; `before` are the conditions when the run began."""
    RESULTS.mkdir(exist_ok=True)
    document = {"conditions": before, **numbers}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and the extremes, rounded to milliseconds where values are seconds."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {
        "p50": round(statistics.median(values), 4),
        "p95": round(cuts[94], 4),
        "least": round(min(values), 4),
        "most": round(max(values), 4),
    }


def table(title: str, rows: Sequence[Sequence[Any]]) -> str:
    """A table with the first row as its head; numbers to the right."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in texts) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in texts)
    ]
    rule = "  ".join("─" * width for width in widths)
    return "\n".join([f"\n{title}", lines[0].rstrip(), rule, *(line.rstrip() for line in lines[1:])])


def _text(cell: Any) -> str:
    return f"{cell:,.4f}".rstrip("0").rstrip(".") if isinstance(cell, float) else str(cell)
