"""`python -m bench.model [--rounds N] [--threads N] [--out FILE] [NAME ...]`: http, concurrent, start, memory.

Run it with the model's environment (`.afterimage/env/model/bin/python`). It needs nobody and takes a few minutes. What
is compared runs in turns, so that whatever else the machine does falls on both; the load is written down all the same.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from bench.model import requests_bench, start_bench
from bench.model.conditions import model_conditions
from bench.model.server import ROOT

NAMES = ("http", "concurrent", "start", "memory")
RESULT = ROOT / ".afterimage" / "bench" / "model.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.model", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="all of them when none is named")
    parser.add_argument("--rounds", type=int, default=5, help="turns of what is compared")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="torch's threads, on both sides")
    parser.add_argument("--model-dir", type=Path, default=ROOT / "model" / "demo" / "weights")
    parser.add_argument("--out", type=Path, default=RESULT, help="where the numbers are kept")
    arguments = parser.parse_args()
    names = arguments.names or list(NAMES)
    document = {"conditions": model_conditions(arguments.threads, arguments.rounds)}
    print(json.dumps(document["conditions"], indent=2), flush=True)
    if {"http", "concurrent"} & set(names):
        document |= requests_bench.measure(arguments.model_dir, arguments.threads, arguments.rounds, names)
    if "start" in names:
        document["start"] = start_bench.start(arguments.model_dir, arguments.threads, arguments.rounds)
    if "memory" in names:
        document["memory"] = start_bench.memory(arguments.model_dir, arguments.threads)
    document["conditions"]["load_at_the_end"] = [round(load, 2) for load in os.getloadavg()]
    print(json.dumps({name: value for name, value in document.items() if name != "conditions"}, indent=2))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
