"""Under what conditions the numbers came about, and how a ratio is taken."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def model_conditions(threads: int, rounds: int) -> dict[str, Any]:
    """Date, processor, versions, load before anything ran."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": threads,
        "rounds": rounds,
        "load_1_5_15_min": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "diffusers", "transformers")},
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def compared(ours: Sequence[float], plain: Sequence[float]) -> dict[str, Any]:
    """Seconds of both sides, taken in turns; the ratio of their medians and of their least."""
    return {
        "ours_s": _spread(ours),
        "plain_s": _spread(plain),
        "ratio_of_medians": round(statistics.median(ours) / statistics.median(plain), 3),
        "ratio_of_least": round(min(ours) / min(plain), 3),
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "least": round(min(values), 4),
        "median": round(statistics.median(values), 4),
        "most": round(max(values), 4),
    }
