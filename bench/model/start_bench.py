"""From nothing to ready, and the most memory held, each against a plain program that does the same with diffusers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.model import plain
from bench.model.conditions import compared
from bench.model.server import environment, serving, wait_until_ready

PLAIN = Path(plain.__file__)
PICTURES = 16


def start(model: Path, threads: int, rounds: int) -> dict[str, Any]:
    """Seconds from the start of the process to a green /ping, which includes a picture of one step; in turns."""
    ours, bare, imports = [], [], []
    for _ in range(rounds):
        told = _plain(model, threads, pictures=1, steps=1)
        bare.append(told["made_s"])  # by its own clock: without the start of Python, and without its end
        imports.append(told["imported_s"] / told["made_s"])
        started = time.perf_counter()
        with serving(model, threads) as server:
            wait_until_ready(server)
            ours.append(time.perf_counter() - started)
    share = round(sorted(imports)[len(imports) // 2], 3)
    return {"to_reach": "ratio <= 1.1", "imports_share_of_plain": share, **compared(ours, bare)}


def memory(model: Path, threads: int) -> dict[str, Any]:
    """The most memory each held while sixteen pictures went through at once."""
    bare = _plain(model, threads, pictures=PICTURES, steps=0)["peak_bytes"]
    with serving(model, threads) as server:
        wait_until_ready(server)
        with ThreadPoolExecutor(PICTURES) as pool:
            for _ in range(3):  # the first of a burst goes alone; by the third the batch is full
                list(
                    pool.map(lambda seed: server.post(plain.PROMPTS[seed % len(plain.PROMPTS)], seed), range(PICTURES))
                )
        ours = server.peak_bytes()
    mib = {name: round(value / 2**20) for name, value in (("ours_mib", ours), ("plain_mib", bare))}
    return {"to_reach": "ratio <= 1.1", "pictures": PICTURES, **mib, "ratio": round(ours / bare, 3)}


def _plain(model: Path, threads: int, *, pictures: int, steps: int) -> dict[str, Any]:
    command = [sys.executable, str(PLAIN), str(model), str(threads), str(pictures), str(steps)]
    done = subprocess.run(command, env=environment(), check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
