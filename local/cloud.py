"""Start and stop of the whole local cloud: what `make up` and `make down` do."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import socket
import time
from collections.abc import Callable, Iterator

from local import processes
from local.services import Service, services
from local.settings import HOST, Settings

Say = Callable[[str], None]
LOG_LINES = 20


class CloudError(RuntimeError):
    """Raised when the local cloud cannot do what was asked; the message tells a person what to do about it."""


@contextlib.contextmanager
def exclusive(settings: Settings) -> Iterator[None]:
    """Let one command at a time change this local cloud."""
    settings.run.mkdir(parents=True, exist_ok=True)
    with (settings.run / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_running(service: Service) -> bool:
    running = processes.read(service.pid_file)
    return running is not None and processes.is_alive(running)


def is_current(service: Service) -> bool:
    """True when the service runs and was started from what would start it now."""
    running = processes.read(service.pid_file)
    return is_running(service) and running is not None and running.made_from == service.fingerprint()


def start_missing(settings: Settings) -> list[Service]:
    """Start every service that does not run, or runs with other settings or code than now, and return those.

    Raises CloudError before anything is started when a port is taken.
    """
    every = services(settings)
    if not is_current(every[0]):
        # The emulator keeps everything in memory. What talked to a former one holds credentials that are void now.
        stop_services(every)
    missing = [service for service in every if not is_current(service)]
    if not (settings.model_dir / "model_index.json").is_file():
        raise CloudError(
            f"There is no model in {settings.model_dir}. AFTERIMAGE_MODEL_DIR names a folder in diffusers' format."
        )
    for service in missing:
        processes.stop(service.pid_file, service.stop_s)  # also what a crashed leader left behind still holds its port
        check_port(service)
    for service in missing:
        service.cwd.mkdir(parents=True, exist_ok=True)
        processes.start(
            service.argv,
            environment=service.environment,
            cwd=service.cwd,
            log=service.log,
            pid_file=service.pid_file,
            made_from=service.fingerprint(),
        )
    return missing


def check_port(service: Service) -> None:
    """Raise CloudError when another program listens where `service` wants to."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, service.port))
        except OSError as exc:
            raise CloudError(
                f"Port {service.port} for the {service.title} is taken by another program. Stop that program, or "
                f"choose another port: {service.port_variable}={service.port + 100} make up"
            ) from exc


def wait_ready(service: Service) -> None:
    """Return when `service` answers. Raises CloudError with the end of its log when it ends or stays silent."""
    deadline = time.monotonic() + service.patience_s
    while True:
        if not is_running(service):
            raise CloudError(f"The {service.title} ended while it started.\n{log_tail(service)}")
        if service.ready():
            return
        if time.monotonic() > deadline:
            raise CloudError(
                f"The {service.title} did not answer within {service.patience_s:.0f} s.\n{log_tail(service)}"
            )
        time.sleep(0.1)


def log_tail(service: Service, lines: int = LOG_LINES) -> str:
    """The last lines of the log and where the rest is."""
    try:
        text = service.log.read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        text = []
    return "\n".join([*(f"    {line}" for line in text), f"The whole log: {service.log}"])


def stop_services(wanted: list[Service]) -> list[Service]:
    """Stop in reverse order; return those that had been running."""
    return [service for service in reversed(wanted) if processes.stop(service.pid_file, service.stop_s)]


def stop_all(settings: Settings) -> list[Service]:
    """Stop everything and forget what lived in the emulator's memory; mail and logs stay for reading."""
    stopped = stop_services(services(settings))
    (settings.state / "stack.json").unlink(missing_ok=True)
    shutil.rmtree(settings.run / "tmp", ignore_errors=True)
    return stopped
