"""Two hundred requests of every kind at once: all are answered, and the server is afterwards what it was before."""

from __future__ import annotations

import random
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from afterimage.contracts.codec import from_json, to_json
from afterimage.contracts.generation import GenerationJob, GenerationResult, ModelError
from server_process import Server

CLIENTS = 12
REQUESTS = 200
LASTING_GROWTH = 1.05
Until = Callable[[Callable[[], bool]], None]


class Tombstones(BaseHTTPRequestHandler):
    """A store in which every job named `cancel…` has its tombstone, and which takes whatever is put."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(200 if "/jobs/cancel" in self.path else 404)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._answer(200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def server(tiny_folder: Path, until: Until) -> Iterator[Server]:
    store = ThreadingHTTPServer(("127.0.0.1", 0), Tombstones)
    threading.Thread(target=store.serve_forever, daemon=True).start()
    aws = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{store.server_port}",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    options = ("--model-dir", str(tiny_folder), "--threads", "1", "--device", "cpu", "--bucket", "pictures")
    server = Server("-m", "afterimage_model", "serve", *options, "--queue-size", "6", environment=aws)
    until(lambda: server.client.get("/ping").status_code == 200)
    yield server
    server.close()
    store.shutdown()
    store.server_close()


def job(number: int, dice: random.Random, **values: object) -> GenerationJob:
    seeds = tuple(dice.randrange(2**32) for _ in range(dice.choice((1, 1, 2))))
    prefix = f"s3://pictures/quarantine/j-{number}/" if dice.random() < 0.5 else None
    fields = {
        "job_id": f"j-{number}",
        "prompt": "a wish",
        "seeds": seeds,
        "steps": dice.choice((1, 2)),
        "output_prefix": prefix,
    }
    return GenerationJob(**{**fields, **values})  # type: ignore[arg-type]


def send(server: Server, number: int) -> str:
    """One request of a kind that the number decides; what came of it."""
    dice = random.Random(number)
    kind = dice.choice(("made", "made", "made", "made", "cancelled", "refused", "broken", "left", "half"))
    if kind in ("left", "half"):
        return leave(server, to_json(job(number, dice, steps=20)).encode(), whole=kind == "left")
    if kind == "broken":
        response = server.client.post("/invocations", content="{", headers={"content-type": "application/json"})
    elif kind == "cancelled":
        response = server.post(job(number, dice, job_id=f"cancel-{number}"))
    elif kind == "refused":
        response = server.post(job(number, dice, steps=1000))
    else:
        response = server.post(job(number, dice))
    assert int(response.headers["content-length"]) == len(response.content)
    if response.status_code == 200:
        from_json(GenerationResult, response.content)
        return f"{kind} 200"
    return f"{kind} {response.status_code} {from_json(ModelError, response.content).error.code}"


def leave(server: Server, body: bytes, *, whole: bool) -> str:
    """Close the connection before the answer, or in the middle of the request."""
    lines = ("POST /invocations HTTP/1.1", "host: x", "content-type: application/json", f"content-length: {len(body)}")
    head = "\r\n".join(lines) + "\r\n\r\n"
    with socket.create_connection((server.client.base_url.host, server.client.base_url.port or 80)) as connection:
        connection.sendall(head.encode() + (body if whole else body[: len(body) // 2]))
    return "left" if whole else "half"


def storm(server: Server, first: int, count: int) -> Counter[str]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(pool.map(lambda number: send(server, number), range(first, first + count)))


def status(server: Server, name: str) -> int:
    (found,) = re.findall(rf"^{name}:\s+(\d+)", Path(f"/proc/{server.process.pid}/status").read_text(), re.MULTILINE)
    return int(found)


def at_rest(server: Server) -> bool:
    text = server.client.get("/metrics").text
    return "afterimage_jobs_waiting 0.0" in text and "afterimage_jobs_in_hand 0.0" in text


def test_two_hundred_mixed_requests_are_answered_and_leave_nothing_behind(server: Server, until: Until) -> None:
    storm(server, 10_000, REQUESTS)  # sizes of batches are tried, pools of threads and connections fill up
    until(lambda: at_rest(server))
    threads, memory = status(server, "Threads"), status(server, "VmRSS")

    came_of_it = storm(server, 0, REQUESTS)
    assert sum(came_of_it.values()) == REQUESTS
    assert set(came_of_it) <= {
        "made 200", "made 503 busy", "cancelled 409 cancelled", "cancelled 503 busy", "refused 400 outside_limits",
        "refused 503 busy", "broken 400 invalid_document", "left", "half",
    }  # fmt: skip
    assert min(came_of_it[kind] for kind in ("made 200", "broken 400 invalid_document", "left", "half")) > 0

    until(lambda: at_rest(server))
    until(lambda: status(server, "Threads") <= threads)
    assert status(server, "VmRSS") < memory * LASTING_GROWTH
    assert server.client.get("/ping").json()["state"] == "ready"
    assert server.post(job(1, random.Random(1), output_prefix=None)).status_code == 200
