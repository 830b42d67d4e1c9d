"""A server as a process of its own, for the tests that need one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
from afterimage.contracts.codec import to_json
from afterimage.contracts.generation import GenerationJob

ROOT = Path(__file__).parents[2]
FAILURE_MODES = Path(__file__).parent / "failure_modes"
JOB = GenerationJob(job_id="j-1", prompt="a secret wish", seeds=(1, 2), steps=2)


class Server:
    """A server process on a port of its own choosing; its log lines are collected as they come."""

    def __init__(self, *command: str, environment: dict[str, str] | None = None) -> None:
        """`environment` is added to the present one, of which nothing that could change a server is left."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERIMAGE_", "AWS_"))}
        kept |= {"PYTHONPATH": os.pathsep.join([str(ROOT / "functions"), str(ROOT / "model")]), **(environment or {})}
        self.process = subprocess.Popen(
            [sys.executable, *command, "--port", "0"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=kept,
            text=True,
        )
        self.log: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.wait_for('listening')['port']}", timeout=60)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.log.append(json.loads(line))
                self._changed.notify_all()

    def wait_for(self, event: str) -> dict[str, Any]:
        """The first log line of that event; fails after a minute."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.log if line["event"] == event]

        with self._changed:
            assert self._changed.wait_for(found, timeout=60), f"no {event} in {self.log}"
            return found()[0]

    def post(self, job: GenerationJob = JOB) -> httpx.Response:
        return self.client.post("/invocations", content=to_json(job), headers={"content-type": "application/json"})

    def release(self) -> None:
        """Let the job of `runs_until_released` end."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait(timeout=30)
        self._reader.join(timeout=30)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def exit_code(self) -> int:
        code = self.process.wait(timeout=30)
        self._reader.join(timeout=30)
        return code
