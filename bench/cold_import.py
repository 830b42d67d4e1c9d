"""How long a handler's import takes in a new process, as a ratio to bare boto3 with one client.

Seconds of one machine say little about another; the ratio holds better. Every sample is an interpreter of its own that
sees the built artifact and boto3, and samples alternate between programs so that a busy moment hits all of them.
"""

from __future__ import annotations

import importlib.metadata
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.conditions import table
from local.settings import ROOT

SAMPLES = 7
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
BASE = "boto3 and one client"
_CLIENT = (
    "import boto3; boto3.client('dynamodb', region_name='us-east-1', aws_access_key_id='x', aws_secret_access_key='x')"
)
_TIMED = """
import sys, time
sys.path[:0] = {paths!r}
began = time.perf_counter()
{program}
print(time.perf_counter() - began)
"""


def measure(artifact: Path) -> dict[str, Any]:
    """Return the median of each handler and its ratio to the base."""
    handlers = sorted(path.stem for path in (ROOT / "functions" / "afterimage" / "handlers").glob("[!_]*.py"))
    programs = {BASE: _CLIENT, **{name: f"import afterimage.handlers.{name}" for name in handlers}}
    with tempfile.TemporaryDirectory() as runtime:
        runtime_in(Path(runtime))
        paths = [str(artifact), runtime]
        for program in programs.values():
            _sample(program, paths)  # compiled files and the disk's cache
        taken: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(SAMPLES):
            for name, program in programs.items():
                taken[name].append(_sample(program, paths))
    base = statistics.median(taken[BASE])
    return {
        "samples": SAMPLES,
        "base": BASE,
        "base_s": round(base, 4),
        "ratio": {name: round(statistics.median(taken[name]) / base, 3) for name in handlers},
        "seconds": {name: round(statistics.median(times), 4) for name, times in taken.items()},
    }


def runtime_in(folder: Path) -> None:
    """Make a folder look like what a Lambda has beside the artifact."""
    for name in RUNTIME:
        distribution = importlib.metadata.distribution(name)
        for top in {Path(file).parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            (folder / top).symlink_to(Path(str(distribution.locate_file(top))))


def _sample(program: str, paths: list[str]) -> float:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _TIMED.format(paths=paths, program=program)],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def show(numbers: dict[str, Any]) -> str:
    """The ratios as a table, the slowest first."""
    rows: list[list[Any]] = [["handler", "ratio", "seconds"], [numbers["base"], 1.0, numbers["base_s"]]]
    for name, ratio in sorted(numbers["ratio"].items(), key=lambda pair: -pair[1]):
        rows.append([name, ratio, numbers["seconds"][name]])
    return table(f"Import in a new process, median of {numbers['samples']}", rows)
