"""`afterimage cancel`, `delete`, `share`, `unshare` and `erase-me`: what owners may do with what is theirs."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from cli.errors import FAILURE
from cli.jobs import parse_job
from cli.options import AsJson, Profile, Region, StackName, api_of
from cli.terminal import address, command, emit_json, output, printable

_Id = Annotated[str, typer.Argument(metavar="ID", help="The id of a request.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether it is meant.")]


def confirm(question: str, *, yes: bool) -> None:
    """Return when `question` is answered with yes; whoever cannot be asked has to say --yes."""
    if yes:
        return
    try:
        agreed = typer.confirm(question)
    except typer.Abort:
        agreed = False
    if not agreed:
        output().print("Nothing was changed. Without a question: --yes")
        raise typer.Exit(FAILURE)


def cancel(
    job_id: _Id, as_json: AsJson = False, stack: StackName = None, profile: Profile = None, region: Region = None
) -> None:
    """Stop a request that is not done yet. What it took of your quota comes back, and nobody is mailed."""
    job = parse_job(api_of(stack, profile, region).cancel(job_id))
    if as_json:
        emit_json(job.document)
    else:
        output().print(f"Cancelled: {printable(job.prompt)}", soft_wrap=True)


def delete(
    job_id: _Id, yes: Yes = False, stack: StackName = None, profile: Profile = None, region: Region = None
) -> None:
    """Erase a request for good: its pictures, its links, and every record of it."""
    api = api_of(stack, profile, region)
    if not yes:
        job = parse_job(api.job(job_id))
        pictures = f" with {len(job.pictures)} picture{'s' if len(job.pictures) > 1 else ''}" if job.pictures else ""
        confirm(f'Erase "{printable(job.prompt)}"{pictures}? It cannot be brought back.', yes=False)
    api.delete(job_id)
    output().print("Erased.")


def share(
    job_id: _Id,
    picture: Annotated[
        int | None, typer.Option("--picture", min=0, help="Only this one, by its number; else every one.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How long the links work.")] = 7,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Make links to its pictures that anybody may open. They are shown this once."""
    api = api_of(stack, profile, region)
    items = api.share(job_id, {"days": days} | ({} if picture is None else {"picture": picture}))
    if as_json:
        emit_json({"items": items})
        return
    console = output()
    for item in items:
        console.print(_line(item), soft_wrap=True)
    where = api.stack.choice.words()
    console.print(f"\nTake every link back, the mailed ones too: {command(f'unshare {job_id}{where}')}", soft_wrap=True)


def _line(item: dict[str, Any]) -> Text:
    return Text.assemble(f"picture {item['picture']}  ", address(item["url"]), f"  until {item['expires_at'][:10]}")


def unshare(job_id: _Id, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """End every link to its pictures, those of the mail as well."""
    api_of(stack, profile, region).unshare(job_id)
    output().print("No link leads to its pictures any more.")


def erase_me(yes: Yes = False, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """Erase everything of yours: every request, picture and link, and your sign-in."""
    api = api_of(stack, profile, region)
    confirm("Erase every request, picture and link of yours, and your sign-in? Nothing can be brought back.", yes=yes)
    api.erase_me()
    output().print("Erasing has begun; it takes some minutes, and nothing new is accepted from you.")
