"""`afterimage admin held`: what waits for a person. List it, look at it, release it, refuse it."""

from __future__ import annotations

import base64
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table
from rich.text import Text

from cli.api import Api
from cli.errors import CliError
from cli.job_view import facts
from cli.options import AsJson, Profile, Region, StackName, api_of
from cli.pictures import can_preview, preview_row
from cli.terminal import ACCENT, SOFT, command, emit_json, output, printable, short_path


class What(StrEnum):
    """What of a request waits."""

    PROMPT = "prompt"
    PICTURE = "picture"


app = typer.Typer(help="What waits for a person: list, show, release, refuse.", invoke_without_command=True)
_Id = Annotated[str, typer.Argument(metavar="ID", help="The id of a request.", show_default=False)]
_Stage = Annotated[
    What | None,
    typer.Option("--stage", help="What you looked at; nothing else is decided. Without it, what waits now."),
]
_Note = Annotated[str | None, typer.Option("--note", help="What its owner is told beside it, at most 500 characters.")]


@app.callback()
def held(context: typer.Context) -> None:
    """List what waits, unless something else is asked for."""
    if context.invoked_subcommand is None:
        show_list()


@app.command("list")
def show_list(as_json: AsJson = False, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """List what waits for a person, longest waiting first."""
    api, items, cursor = api_of(stack, profile, region), [], None
    while True:
        page = api.admin("GET", "held", params={"limit": 50} | ({"cursor": cursor} if cursor else {}))
        items += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            break
    if as_json:
        emit_json({"items": items})
        return
    if not items:
        output().print("Nothing waits for a person.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=SOFT)
    for title in ("id", "what waits", "category", "since", "refused at"):
        table.add_column(title, style=ACCENT if title == "id" else None, no_wrap=title == "id")
    for item in items:
        what = "the prompt" if item["stage"] == "prompt" else "the pictures"
        categories = Text(printable(", ".join(item["categories"])))
        table.add_row(item["id"], what, categories, _moment(item["since"]), _moment(item["until"]))
    output().print(table)


@app.command()
def show(
    job_id: _Id,
    folder: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", file_okay=False, help="Save held pictures in this folder."),
    ] = None,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Show what waits: the prompt, how it was judged, and the pictures. The look is logged."""
    api = api_of(stack, profile, region)
    document = api.admin("GET", _path(job_id))
    if as_json:
        emit_json(document)
        return
    console, known, where = output(), document["id"], api.stack.choice.words()
    console.print(_details(document), soft_wrap=True)
    numbers: list[int | str] = list(document["held_pictures"])
    contents = [_picture(api, job_id, number) for number in document["held_pictures"]]
    if document["begins_from_picture"]:
        numbers.append("input")
        contents.append(_input(api, job_id))
    if contents and can_preview(console):
        console.print("", preview_row([content for content, _ in contents], console.width), sep="\n")
    if folder is not None:
        for number, (content, suffix) in zip(numbers, contents, strict=True):
            console.print(f"saved {short_path(_save(folder, known, number, content, suffix))}", soft_wrap=True)
    elif contents:
        console.print(f"\nSave the pictures: {command(f'admin held show {known} --output .{where}')}", soft_wrap=True)
    decide = [
        command(f"admin held {what} {known} --stage {document['stage']}{where}") for what in ("release", "refuse")
    ]
    console.print(f"\nDecide: {' or '.join(decide)}", soft_wrap=True)


@app.command()
def release(
    job_id: _Id,
    note: _Note = None,
    stage: _Stage = None,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Let a held request go on."""
    _decide(api_of(stack, profile, region), job_id, "release", stage, note)
    output().print(f"{printable(job_id)} goes on.")


@app.command()
def refuse(
    job_id: _Id,
    note: _Note = None,
    stage: _Stage = None,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """End a held request; its owner is told in the words of its category."""
    _decide(api_of(stack, profile, region), job_id, "refuse", stage, note)
    output().print(f"{printable(job_id)} is refused.")


def _decide(api: Api, job_id: str, what: str, stage: What | None, note: str | None) -> None:
    """Decide about one stage, which every try names: one after a lost answer must not decide about the next."""
    about = stage.value if stage else api.admin("GET", _path(job_id))["stage"]
    api.admin("POST", _path(job_id, what), json={"stage": about} | ({"note": note} if note else {}))


def _path(job_id: str, what: str = "") -> str:
    return f"held/{quote(job_id, safe='')}" + (f"/{what}" if what else "")


def _picture(api: Api, job_id: str, number: int) -> tuple[bytes, str]:
    """Return a picture that waits, and the suffix of its file."""
    document = api.admin("GET", _path(job_id, f"pictures/{number}"))
    return base64.b64decode(document["base64"]), ".png" if document["whole"] else ".jpg"


def _input(api: Api, job_id: str) -> tuple[bytes, str]:
    """Return the picture that a held request begins from, which comes in parts, and the suffix of its file."""
    content = b""
    while True:
        part = api.admin("GET", _path(job_id, "input"), params={"start": len(content)})
        content += base64.b64decode(part["base64"])
        if len(content) >= part["size_bytes"] or not part["base64"]:
            return content, "." + str(part["content_type"]).rpartition("/")[2]


def _save(folder: Path, job_id: str, number: int | str, content: bytes, suffix: str) -> Path:
    path = folder / f"held-{job_id[-6:]}-{number + 1 if isinstance(number, int) else number}{suffix}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as exc:
        raise CliError(f"The picture cannot be written to {folder}: {exc.strerror}.", "Choose another folder.") from exc
    return path


def _details(document: dict[str, Any]) -> Text:
    rows = [
        ("prompt", Text(printable(document["prompt"]), style="bold")),
        ("model read", Text(printable(document["model_prompt"]))),
        ("keep out", Text(printable(document["negative_prompt"]))),
        ("adapter", Text(printable(document["adapter"] or ""))),
        ("owner", Text(printable(document["owner"]))),
        ("waits", Text(f"since {_moment(document['since'])}, refused at {_moment(document['until'])}")),
    ]
    for decision in document["decisions"]:
        words = f"{decision['action']} {', '.join(decision['categories'])} {decision['sentence']}".strip()
        scores = ", ".join(f"{name} {score:.2f}" for name, score in (decision["scores"] or {}).items())
        rows.append((decision["stage"], Text.assemble(printable(words), (f"  {printable(scores)}".rstrip(), SOFT))))
    return facts([(name, value) for name, value in rows if value.plain])


def _moment(text: str) -> str:
    return f"{text[:16].replace('T', ' ')} UTC"
