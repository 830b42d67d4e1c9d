"""Start and stop detached processes without ever leaving an orphan or killing a stranger.

Each process leads its own session. Its pid file keeps the start time as the kernel tells it, so that a pid that was
given to another program since then is recognised and left alone.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class Running:
    """What a pid file says. `started` is opaque: equal for the same process only. `made_from` is the starter's own."""

    pid: int
    started: str
    made_from: str = ""


@dataclass(frozen=True, kw_only=True)
class ProcessRow:
    """One line of the process table."""

    pid: int
    session: int
    started: str
    zombie: bool


def process_row(pid: int) -> ProcessRow | None:
    """Look `pid` up, or return None when there is no such process."""
    if _PROC.is_dir():
        try:
            text = (_PROC / str(pid) / "stat").read_text()
        except OSError:
            return None
        fields = text[text.rindex(")") + 2 :].split()  # the name in brackets may hold anything
        return ProcessRow(pid=pid, session=int(fields[3]), started=fields[19], zombie=fields[0] in "ZX")
    return next((row for row in _rows_by_ps() if row.pid == pid), None)


def session_members(session: int) -> list[ProcessRow]:
    """Every living process of a session."""
    if _PROC.is_dir():
        rows = (process_row(int(entry.name)) for entry in _PROC.iterdir() if entry.name.isdigit())
        found = [row for row in rows if row is not None]
    else:
        found = _rows_by_ps()
    return [row for row in found if row.session == session and not row.zombie]


def _rows_by_ps() -> list[ProcessRow]:
    # Where there is no /proc, `sess` is no number; the group stands for the session, since the leader leads both.
    command = ["ps", "-A", "-o", "pid=,pgid=,stat=,lstart="]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = []
    for line in output.splitlines():
        pid, group, stat, started = line.split(maxsplit=3)
        rows.append(ProcessRow(pid=int(pid), session=int(group), started=started, zombie=stat.startswith("Z")))
    return rows


def start(
    argv: list[str], *, environment: dict[str, str], cwd: Path, log: Path, pid_file: Path, made_from: str = ""
) -> Running:
    """Start `argv` detached from this terminal, its output in `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    row = process_row(process.pid)
    running = Running(pid=process.pid, started=row.started if row else "gone", made_from=made_from)
    temporary = pid_file.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(running)))
    temporary.replace(pid_file)
    # The process outlives this one on purpose; without this line Python warns about it.
    process.returncode = 0
    return running


def read(pid_file: Path) -> Running | None:
    """Return what `pid_file` says, or None without one or with a torn one."""
    try:
        return Running(**json.loads(pid_file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def is_alive(running: Running) -> bool:
    """True while the very process of the pid file lives; a later owner of the same pid does not count."""
    row = process_row(running.pid)
    return row is not None and not row.zombie and row.started == running.started


def stop(pid_file: Path, timeout_s: float = 10.0) -> bool:
    """End the process of `pid_file` and all it started; return whether anything had to be ended.

    A dead leader may leave members of its session behind. They are ours as long as no stranger has the leader's pid:
    the kernel gives a number that still names a session to nobody.
    """
    running = read(pid_file)
    if running is None:
        pid_file.unlink(missing_ok=True)
        return False
    leader = process_row(running.pid)
    stranger = leader is not None and leader.started != running.started
    ended = not stranger and _end_session(running.pid, timeout_s)
    pid_file.unlink(missing_ok=True)
    return ended


def _end_session(session: int, timeout_s: float) -> bool:
    members = session_members(session)
    if not members:
        return False
    # The leader first and alone: it may have work to finish; what it leaves behind is killed afterwards.
    _signal([row for row in members if row.pid == session] or members, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        alive = session_members(session)
        if not any(row.pid == session for row in alive):
            break
        time.sleep(0.05)
    for _ in range(40):
        _reap(session)
        alive = session_members(session)
        if not alive:
            break
        _signal(alive, signal.SIGKILL)
        time.sleep(0.05)
    return True


def _signal(rows: list[ProcessRow], number: signal.Signals) -> None:
    for row in rows:
        try:
            os.kill(row.pid, number)
        except ProcessLookupError:
            continue


def _reap(pid: int) -> None:
    """Collect the exit status where the process happens to be our own child, so that no zombie stays."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
