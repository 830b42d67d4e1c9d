"""Failure modes, each a server of its own: what the caller is told, and what the server is afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from afterimage.contracts.codec import from_json
from afterimage.contracts.generation import GenerationJob, ModelError
from server_process import FAILURE_MODES, Server

JOB = GenerationJob(job_id="j-1", prompt="a secret wish", seeds=(1,), steps=4)
Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def start(tiny_folder: Path, until: Until) -> Iterator[Callable[[str], Server]]:
    servers: list[Server] = []

    def started(name: str) -> Server:
        options = ("--model-dir", str(tiny_folder), "--threads", "1", "--device", "cpu", "--no-warm-up")
        server = Server(str(FAILURE_MODES / name), *options)
        servers.append(server)
        until(lambda: server.client.get("/ping").status_code == 200)
        return server

    yield started
    for server in servers:
        server.close()


def problem(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, from_json(ModelError, response.content).error.code


def ping(server: Server) -> tuple[int, str]:
    response = server.client.get("/ping")
    return response.status_code, response.json()["state"]


def test_a_network_that_raises_in_step_three_costs_one_job(start: Callable[[str], Server]) -> None:
    server = start("raises_in_step_three.py")
    response = server.post(JOB)
    assert problem(response) == (500, "generation_failed")
    assert b"cuDNN" not in response.content
    assert "cuDNN" in server.wait_for("job_refused")["traceback"]
    assert "secret" not in json.dumps(server.log)
    assert server.post(JOB).status_code == 200
    assert ping(server) == (200, "ready")


def test_numbers_that_make_no_picture_are_told_and_not_delivered(start: Callable[[str], Server]) -> None:
    server = start("returns_nan.py")
    assert [problem(server.post(JOB)) for _ in range(2)] == [(500, "generation_failed")] * 2
    assert ping(server) == (200, "ready")


def test_a_network_that_eats_all_memory_is_told_once_and_then_the_server_is_unhealthy(
    start: Callable[[str], Server],
) -> None:
    server = start("eats_memory.py")
    assert (problem(server.post(JOB)), ping(server)) == ((507, "out_of_memory"), (200, "ready"))
    assert (problem(server.post(JOB)), ping(server)) == ((507, "out_of_memory"), (503, "failed"))
    assert problem(server.post(JOB)) == (503, "not_ready")


def test_a_server_that_is_killed_leaves_nobody_waiting(start: Callable[[str], Server]) -> None:
    server = start("killed_in_a_step.py")
    with pytest.raises(httpx.TransportError):
        server.post(JOB)
    assert server.process.wait(timeout=30) == -9
