"""The server as a process of its own, as SageMaker would see it."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 300


def environment() -> dict[str, str]:
    """The present one without what would change the server's settings or lead to an account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERIMAGE_", "AWS_"))}
    return kept | {"PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("", "functions", "model"))}


class Server:
    """A running server; `post` asks for one picture inline and returns its seconds."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def post(self, prompt: str, seed: int) -> float:
        """Seconds until the whole answer is here."""
        body = json.dumps({"job_id": f"bench-{seed}", "prompt": prompt, "seeds": [seed]})
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request("POST", "/invocations", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        seconds = time.perf_counter() - started
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"the server answered {answer.status}: {content[:300]!r}")
        return seconds

    def ready(self) -> bool:
        """Whether /ping is green."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def peak_bytes(self) -> int:
        """The most memory it ever held."""
        return peak_bytes(self.process.pid)


def peak_bytes(process_id: int) -> int:
    """VmHWM of a process."""
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process_id}/status").read_text())
    return int(found) * 1024


@contextmanager
def serving(model: Path, threads: int, *more: str) -> Iterator[Server]:
    """A server that listens and, when the block begins, is not yet ready. It marks no pictures: nor does diffusers."""
    command = [sys.executable, "-m", "afterimage_model", "serve", "--model-dir", str(model), "--threads", str(threads)]
    command.append("--no-watermark")
    process = subprocess.Popen(
        [*command, "--device", "cpu", "--port", "0", "--queue-size", "64", *more],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Server(process, _port(process))
    finally:
        process.terminate()
        process.communicate(timeout=60)


def wait_until_ready(server: Server) -> None:
    """Poll /ping every ten milliseconds."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not server.ready():
        if time.monotonic() > deadline or server.process.poll() is not None:
            raise RuntimeError("the server did not become ready")
        time.sleep(0.01)


def _port(process: subprocess.Popen[str]) -> int:
    for text in process.stdout or ():
        line: dict[str, Any] = json.loads(text)
        if line["event"] == "listening":
            return int(line["port"])
    raise RuntimeError("the server ended before it listened")
