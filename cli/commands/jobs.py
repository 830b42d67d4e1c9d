"""`afterimage jobs` and `afterimage show`: requests of the person who is signed in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.commands.generate import follow, mail_about
from cli.job_view import details, job_table, result
from cli.jobs import SUCCEEDED, parse_job
from cli.options import DEFAULT_TIMEOUT_S, AsJson, Profile, Region, StackName, Timeout, api_of
from cli.pictures import fetch, save
from cli.progress import Waterfall
from cli.terminal import command, emit_json, output

_PAGE = 50


def jobs(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many, the newest first.")] = 20,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """List your requests, newest first."""
    api = api_of(stack, profile, region)
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while len(items) < limit:
        page = api.jobs(min(_PAGE, limit - len(items)), cursor)
        items += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            break
    if as_json:
        emit_json({"items": items, "cursor": cursor})
    elif items:
        output().print(job_table([parse_job(item) for item in items]))
    else:
        output().print(f'No requests yet. Make one: {command("generate")} "a red circle on a blue background"')


def show(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a request.", show_default=False)],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is done, then save its pictures.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", file_okay=False, help="Save its pictures in this folder."),
    ] = None,
    timeout: Timeout = DEFAULT_TIMEOUT_S,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show one request: what was asked, its way through the states, and fresh links."""
    api = api_of(stack, profile, region)
    job = parse_job(api.job(job_id))
    if not as_json:
        output().print(details(job), "", sep="\n", soft_wrap=True)
    if wait:
        follow(api, job, folder or Path(), timeout, as_json=as_json)
        return
    pictures = job.pictures if folder is not None else ()
    saved = [save(job, picture, fetch(api, picture), folder or Path()) for picture in pictures]
    if as_json:
        emit_json(job.document | ({"saved": [str(path) for path in saved]} if folder is not None else {}))
        return
    console = output()
    console.print(Waterfall(job))
    console.print()
    console.print(result(job, saved, mail_about(api, job)), soft_wrap=True)
    if job.status == SUCCEEDED and not saved:
        where = api.stack.choice.words()
        console.print(f"\nSave the pictures: {command(f'show {job.job_id} --output .{where}')}", soft_wrap=True)
