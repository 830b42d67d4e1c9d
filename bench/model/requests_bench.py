"""One request through HTTP against one call of the pipeline, and sixteen clients at once against one after the other.

Sixteen clients are measured twice: each sends one request (a burst, of which the server makes the first picture alone,
because it cannot know that more will come), and each sends four, one after the other (what a busy server sees).
"""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.model import plain
from bench.model.conditions import compared
from bench.model.server import Server, serving, wait_until_ready

SINGLES_PER_ROUND = 8
CLIENTS = 16
REQUESTS_OF_A_CLIENT = 4


def measure(model: Path, threads: int, rounds: int, names: list[str]) -> dict[str, Any]:
    """Both, with the same pipeline and the same server."""
    pipeline, arguments = plain.load(model, threads), plain.defaults(model)
    with serving(model, threads) as server:
        wait_until_ready(server)
        _one(pipeline, arguments, 0)
        server.post(plain.PROMPTS[0], 0)
        found: dict[str, Any] = {}
        if "http" in names:
            found["http"] = _http(pipeline, arguments, server, rounds)
        if "concurrent" in names:
            found["concurrent"] = _concurrent(pipeline, arguments, server, rounds)
        return found


def _one(pipeline: Any, arguments: dict[str, Any], seed: int) -> float:
    started = time.perf_counter()
    plain.make(pipeline, [plain.PROMPTS[seed % len(plain.PROMPTS)]], [seed], **arguments)
    return time.perf_counter() - started


def _posted(server: Server, seed: int) -> float:
    return server.post(plain.PROMPTS[seed % len(plain.PROMPTS)], seed)


def _http(pipeline: Any, arguments: dict[str, Any], server: Server, rounds: int) -> dict[str, Any]:
    ours, bare = [], []
    for seed in range(rounds * SINGLES_PER_ROUND):
        bare.append(_one(pipeline, arguments, seed))
        ours.append(_posted(server, seed))
    return {"to_reach": "ratio <= 1.03", **compared(ours, bare)}


def _concurrent(pipeline: Any, arguments: dict[str, Any], server: Server, rounds: int) -> dict[str, Any]:
    seeds = list(range(CLIENTS))
    together_s, sustained_s, apart_s, bare_s, bare_batch_s = [], [], [], [], []
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda seed: _posted(server, seed), seeds))  # the trial of this size of batch happens here
        list(pool.map(lambda seed: _posted(server, seed), seeds))
        for _ in range(rounds):
            started = time.perf_counter()
            list(pool.map(lambda seed: _posted(server, seed), seeds))
            together_s.append(time.perf_counter() - started)
            started = time.perf_counter()
            list(pool.map(lambda seed: _one_after_the_other(server, seed), seeds))
            sustained_s.append((time.perf_counter() - started) / REQUESTS_OF_A_CLIENT)
            apart_s.append(sum(_posted(server, seed) for seed in seeds))
            bare_s.append(sum(_one(pipeline, arguments, seed) for seed in seeds))
            started = time.perf_counter()
            prompts = [plain.PROMPTS[seed % len(plain.PROMPTS)] for seed in seeds]
            plain.make(pipeline, prompts, seeds, **arguments)
            bare_batch_s.append(time.perf_counter() - started)
    return {
        "to_reach": "throughput >= 3",
        "clients": CLIENTS,
        "requests_of_a_client": REQUESTS_OF_A_CLIENT,
        **_gains("sustained", apart_s, sustained_s),
        **_gains("burst", apart_s, together_s),
        "plain_pipeline_batch_gain": round(statistics.median(bare_s) / statistics.median(bare_batch_s), 2),
        "sustained_against_plain_one_by_one": round(statistics.median(bare_s) / statistics.median(sustained_s), 2),
        "sustained_s": round(statistics.median(sustained_s), 3),
        "burst_s": round(statistics.median(together_s), 3),
        "one_by_one_s": round(statistics.median(apart_s), 3),
    }


def _one_after_the_other(server: Server, seed: int) -> None:
    for _ in range(REQUESTS_OF_A_CLIENT):
        _posted(server, seed)


def _gains(name: str, apart_s: list[float], together_s: list[float]) -> dict[str, Any]:
    """How many times faster sixteen pictures were than one by one: the median of the rounds, and each."""
    gains = [apart / together for apart, together in zip(apart_s, together_s, strict=True)]
    return {f"{name}_gain": round(statistics.median(gains), 2), f"{name}_gain_each_round": [round(g, 2) for g in gains]}
