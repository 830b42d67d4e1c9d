"""Run as `python -m local up|down|status|deploy|logs`; `make` has the same words."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from local import build, cloud, deploy
from local.cloud import CloudError, Say
from local.environment import clean_environment
from local.runtime_control import configure_endpoint
from local.services import Service, services
from local.settings import Settings, SettingsError


def say(text: str) -> None:
    print(text, flush=True)


def up(settings: Settings, say: Say = say) -> None:
    """Start what is missing, deploy what has changed. A failure leaves nothing running that did not run before."""
    with cloud.exclusive(settings):
        began = time.monotonic()
        started = cloud.start_missing(settings)
        try:
            _bring_up(settings, started, say)
        except BaseException:
            # Also for Ctrl-C: half a cloud would only hold the ports.
            cloud.stop_services(started)
            raise
        seconds = time.monotonic() - began
        if started:
            say(f"The local cloud is up after {seconds:.1f} s. Its API: {settings.api_base}")
        else:
            say(f"The local cloud was up already. Its API: {settings.api_base}")


def _bring_up(settings: Settings, started: list[Service], say: Say) -> None:
    names = {service.name for service in started}
    if started:
        say(f"Starting {', '.join(service.title for service in started)} ...")
    every = services(settings)
    timed(say, "Building the functions ...", None, lambda: build.build(settings))  # while the services start
    for service in every:
        if service.name != "model":  # it loads for seconds, during which the stack is deployed
            cloud.wait_ready(service)
    timed(say, "Deploying the stack ...", "The stack is unchanged.", lambda: deploy.deploy(settings))
    configure_endpoint(settings)
    model = next(service for service in every if service.name == "model")
    timed(say, "Waiting for the model ..." if "model" in names else None, None, lambda: cloud.wait_ready(model))


def timed(say: Say, before: str | None, unchanged: str | None, work: Callable[[], bool | None]) -> None:
    """Say what takes a while, if it does, and how long it took."""
    began = time.monotonic()
    told = threading.Event()

    def tell() -> None:
        told.set()
        say(str(before))

    timer = threading.Timer(0.7, tell)
    timer.daemon = True
    if before:
        timer.start()
    try:
        changed = work()
    finally:
        timer.cancel()
    if changed is False and unchanged:
        say(unchanged)
    elif told.is_set():
        say(f"  done in {time.monotonic() - began:.1f} s")


def down(settings: Settings) -> None:
    with cloud.exclusive(settings):
        stopped = cloud.stop_all(settings)
    if stopped:
        say(f"Stopped {', '.join(service.title for service in stopped)}.")
    else:
        say("The local cloud was not running.")


def status(settings: Settings) -> int:
    """Print one line per service; 0 when everything runs, 3 otherwise (as `systemctl status` has it)."""
    healthy = True
    for service in services(settings):
        running = cloud.is_running(service)
        word = "stopped" if not running else "ready" if service.ready() else "starting"
        healthy = healthy and word == "ready"
        say(f"{service.title:<20}{word:<10}{settings_host(service)}  log: {service.log}")
    stack = deploy.read_stack(settings)
    say(f"{'stack':<20}{'deployed' if stack else 'absent':<10}{settings.api_base if stack else ''}")
    return 0 if healthy and stack else 3


def settings_host(service: Service) -> str:
    return f"127.0.0.1:{service.port}"


def deploy_again(settings: Settings) -> None:
    with cloud.exclusive(settings):
        missing = [service.title for service in services(settings) if not cloud.is_running(service)]
        if missing:
            raise CloudError(f"Not running: {', '.join(missing)}. Start the local cloud first: make up")
        timed(say, "Building and deploying the stack ...", "The stack is unchanged.", lambda: deploy.deploy(settings))
        configure_endpoint(settings)


def logs(settings: Settings, lines: int) -> None:
    for service in services(settings):
        say(f"== {service.title}")
        say(cloud.log_tail(service, lines))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description="The cloud on a laptop.")
    parser.add_argument("command", choices=("up", "down", "status", "deploy", "logs"))
    parser.add_argument("--lines", type=int, default=40, help="how much of each log `logs` shows")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # tidied up after like Ctrl-C
    try:
        settings = Settings.from_environment()
        clean = clean_environment(settings)
        os.environ.clear()
        os.environ.update(clean)
        if arguments.command == "status":
            return status(settings)
        if arguments.command == "logs":
            logs(settings, arguments.lines)
        else:
            {"up": up, "down": down, "deploy": deploy_again}[arguments.command](settings)
    except (CloudError, SettingsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; nothing new was left running.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
