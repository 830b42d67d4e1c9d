"""`afterimage up`, `down` and `status`: the local cloud, by the same functions as `make up`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.table import Table
from rich.text import Text

from cli.options import AsJson
from cli.stacks import local_settings
from cli.terminal import ACCENT, BAD, GOOD, SOFT, address, command, emit_json, output, short_path
from local import cloud
from local.__main__ import up as bring_up
from local.deploy import read_stack
from local.environment import clean_environment
from local.services import services
from local.settings import HOST, Settings


def up() -> None:
    """Start the local cloud and deploy to it; what runs already is left alone."""
    with away_from_real_accounts() as settings:
        bring_up(settings, say)


def down() -> None:
    """Stop the local cloud. Mails and logs stay."""
    with away_from_real_accounts() as settings, cloud.exclusive(settings):
        stopped = cloud.stop_all(settings)
    titles = ", ".join(service.title for service in stopped)
    say(f"Stopped {titles}." if stopped else "The local cloud was not running.")


def status(as_json: AsJson = False) -> None:
    """Show what of the local cloud is running. Ends with exit code 1 unless all of it is ready."""
    with away_from_real_accounts() as settings:
        rows = [
            {
                "service": service.name,
                "title": service.title,
                "state": "stopped" if not cloud.is_running(service) else "ready" if service.ready() else "starting",
                "address": f"{HOST}:{service.port}",
                "log": str(service.log),
            }
            for service in services(settings)
        ]
        stack = read_stack(settings)
    ready = stack is not None and all(row["state"] == "ready" for row in rows)
    if as_json:
        emit_json({"ready": ready, "services": rows, "api_base": stack and stack["api_base"]})
    else:
        _print_status(settings, rows, stack is not None, ready)
    if not ready:
        raise typer.Exit(1)


def _print_status(settings: Settings, rows: list[dict[str, str]], deployed: bool, ready: bool) -> None:
    colours = {"ready": GOOD, "starting": ACCENT, "stopped": BAD}
    table = Table.grid(padding=(0, 2, 0, 0))
    for row in rows:
        style = colours[row["state"]]
        table.add_row(Text("●", style=style), row["title"], Text(row["state"], style=style), Text(row["address"], SOFT))
    mark = GOOD if deployed else BAD
    where = address(settings.api_base) if deployed else Text("")
    table.add_row(Text("●", style=mark), "stack", Text("deployed" if deployed else "absent", style=mark), where)
    console = output()
    console.print(table)
    console.print(Text(f"\nlogs   {short_path(settings.logs)}\nmails  {short_path(settings.mail)}", style=SOFT))
    if not ready:
        console.print(f"\nStart it: {command('up')}")


def say(text: str) -> None:
    """Print a line of progress as it comes."""
    output().print(text, soft_wrap=True)


@contextmanager
def away_from_real_accounts() -> Iterator[Settings]:
    """Give this process an environment without a trace of AWS while it works on the local cloud.

    A terminated command tidies up like an interrupted one.
    """
    settings = local_settings()
    before = dict(os.environ)
    handlers = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    clean = clean_environment(settings)
    try:
        os.environ.clear()
        os.environ.update(clean)
        yield settings
    finally:
        os.environ.clear()
        os.environ.update(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
