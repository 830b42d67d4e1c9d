"""The server as a process: it is up before the weights, makes real pictures, logs no prompt and ends in order."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from afterimage.contracts.codec import from_json, to_json
from afterimage.contracts.generation import GenerationJob, GenerationResult, ModelError
from PIL import Image
from server_process import FAILURE_MODES, JOB, Server

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def started(*command: str) -> Server:
        servers.append(Server(*command))
        return servers[-1]

    yield started
    for server in servers:
        server.close()


def test_a_real_model_is_served_from_first_ping_to_sigterm(
    start: Callable[..., Server], tiny_folder: Path, until: Until
) -> None:
    server = start(
        "-m", "afterimage_model", "serve", "--model-dir", str(tiny_folder), "--threads", "1", "--device", "cpu"
    )
    first = server.client.get("/ping")
    assert (first.status_code, first.json()["state"]) == (503, "starting")
    until(lambda: server.client.get("/ping").status_code == 200)

    response = server.post()
    assert response.status_code == 200
    assert int(response.headers["content-length"]) == len(response.content)
    assert "transfer-encoding" not in response.headers
    result = from_json(GenerationResult, response.content)
    assert [image.seed for image in result.images] == [1, 2]
    for image in result.images:
        assert image.base64 is not None
        body = base64.b64decode(image.base64)
        assert hashlib.sha256(body).hexdigest() == image.sha256
        picture = Image.open(io.BytesIO(body))
        assert picture.size == (64, 64)
        assert picture.text["prompt"] == "a secret wish"  # type: ignore[attr-defined]
    assert from_json(GenerationResult, server.post().content).images == result.images

    refused = server.post(GenerationJob(job_id="j-2", prompt="a secret wish", seeds=(1,), mode="inpaint"))
    assert refused.status_code == 400
    assert from_json(ModelError, refused.content).error.code == "mode_not_supported"

    server.terminate()
    assert server.exit_code() == 0
    events = [line["event"] for line in server.log]
    assert [
        event for event in events if event in ("started", "listening", "imported", "ready", "stopping", "stopped")
    ] == [
        "started",
        "listening",
        "imported",
        "ready",
        "stopping",
        "stopped",
    ]
    assert {line["job_id"] for line in server.log if line["event"].startswith("job_")} == {"j-1", "j-2"}
    assert "secret" not in json.dumps(server.log)


def test_a_folder_that_cannot_be_served_is_reported_and_does_not_end_the_process(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start("-m", "afterimage_model.serve", "--model-dir", str(tmp_path))
    assert "model_index.json" in server.wait_for("runner_failed")["reason"]
    response = server.client.get("/ping")
    assert (response.status_code, response.json()["state"]) == (503, "failed")
    assert server.process.poll() is None


def test_an_unforeseen_failure_of_the_set_up_is_reported_without_its_internals(start: Callable[..., Server]) -> None:
    server = start(str(FAILURE_MODES / "fails_in_set_up.py"))
    assert "the disk is gone" in server.wait_for("setup_failed")["traceback"]
    server.wait_for("runner_failed")
    response = server.client.get("/ping")
    assert (response.status_code, response.json()["state"]) == (503, "failed")
    assert b"disk" not in response.content


def test_sigterm_during_the_set_up_ends_the_process(start: Callable[..., Server]) -> None:
    server = start(str(FAILURE_MODES / "never_ready.py"))
    assert server.client.get("/ping").json()["state"] == "starting"
    server.terminate()
    server.exit_code()
    assert server.wait_for("stopped")["finished"] is False


def test_sigterm_lets_the_running_job_finish_and_takes_nothing_new(start: Callable[..., Server]) -> None:
    server = start(str(FAILURE_MODES / "runs_until_released.py"))
    with ThreadPoolExecutor() as pool:
        running = pool.submit(server.post)
        server.wait_for("job_began")
        assert server.client.get("/ping").json()["state"] == "busy"
        server.terminate()
        server.wait_for("stopping")
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.client.base_url}/ping")
        server.release()
        assert running.result().status_code == 200
    assert server.exit_code() == 0
    assert server.wait_for("stopped")["finished"] is True


def test_a_waiting_job_is_dropped_when_its_client_closes_the_connection(start: Callable[..., Server]) -> None:
    server = start(str(FAILURE_MODES / "runs_until_released.py"))
    with ThreadPoolExecutor() as pool:
        running = pool.submit(server.post)
        server.wait_for("job_began")
        body = to_json(JOB).encode()
        head = f"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        with socket.create_connection((server.client.base_url.host, server.client.base_url.port)) as connection:
            connection.sendall(head.encode() + b"\r\n\r\n" + body)
        assert server.wait_for("job_refused")["code"] == "client_gone"
        assert not running.done()
        server.release()
        assert running.result().status_code == 200


def test_a_job_that_does_not_end_does_not_hold_the_process(start: Callable[..., Server]) -> None:
    server = start(str(FAILURE_MODES / "runs_until_released.py"), "--stop-timeout", "1")
    with ThreadPoolExecutor() as pool:
        running = pool.submit(server.post)
        server.wait_for("job_began")
        before = time.monotonic()
        server.terminate()
        assert server.exit_code() == 1
        assert time.monotonic() - before < 30
        assert running.exception() is not None or running.result().status_code >= 500
    assert server.wait_for("stopped")["finished"] is False
