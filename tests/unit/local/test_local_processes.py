"""Processes are stopped with everything they started, and a stranger with an old pid is left alone."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from local import processes

SLEEP = "import time; time.sleep(60)"
WITH_CHILD = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); {SLEEP}"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); " + SLEEP


def launch(folder: Path, code: str) -> tuple[processes.Running, Path]:
    pid_file = folder / "run" / "process.json"
    running = processes.start(
        [sys.executable, "-c", code],
        environment=dict(os.environ),
        cwd=folder,
        log=folder / "logs" / "process.log",
        pid_file=pid_file,
    )
    return running, pid_file


def wait_for(condition: object, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)


def test_a_started_process_is_alive_until_it_is_stopped(tmp_path: Path) -> None:
    running, pid_file = launch(tmp_path, SLEEP)
    assert processes.read(pid_file) == running
    assert processes.is_alive(running)
    assert processes.stop(pid_file)
    assert not processes.is_alive(running)
    assert not pid_file.exists()
    assert not processes.stop(pid_file)


def test_stopping_ends_what_the_process_started(tmp_path: Path) -> None:
    running, pid_file = launch(tmp_path, WITH_CHILD)
    wait_for(lambda: len(processes.session_members(running.pid)) == 2)
    processes.stop(pid_file)
    assert processes.session_members(running.pid) == []


def test_children_of_a_crashed_leader_are_ended_too(tmp_path: Path) -> None:
    running, pid_file = launch(tmp_path, WITH_CHILD)
    wait_for(lambda: len(processes.session_members(running.pid)) == 2)
    os.kill(running.pid, 9)
    wait_for(lambda: not processes.is_alive(running))
    assert len(processes.session_members(running.pid)) == 1
    assert processes.stop(pid_file)
    assert processes.session_members(running.pid) == []


def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    running, pid_file = launch(tmp_path, STUBBORN)
    wait_for(lambda: (tmp_path / "logs" / "process.log").read_text() == "deaf\n")
    assert processes.stop(pid_file, timeout_s=0.3)
    assert processes.session_members(running.pid) == []


def test_a_stranger_that_got_the_pid_is_neither_alive_for_us_nor_killed(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    try:
        former = processes.Running(pid=stranger.pid, started="before the machine was born")
        pid_file = tmp_path / "process.json"
        pid_file.write_text(json.dumps(asdict(former)))
        assert not processes.is_alive(former)
        assert not processes.stop(pid_file)
        assert stranger.poll() is None
        assert not pid_file.exists()
    finally:
        stranger.kill()
        stranger.wait()


def test_a_torn_pid_file_counts_as_none(tmp_path: Path) -> None:
    pid_file = tmp_path / "process.json"
    pid_file.write_text('{"pid": 1')
    assert processes.read(pid_file) is None
    assert not processes.stop(pid_file)
