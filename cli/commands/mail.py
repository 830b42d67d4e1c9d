"""`afterimage mail`: what the local cloud sent, kept by its sink instead of being delivered."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from cli.job_view import age, facts
from cli.mailbox import Mail, Mailbox, write_page
from cli.options import AsJson
from cli.stacks import local_settings
from cli.terminal import ACCENT, SOFT, address, command, emit_json, output, printable, short_path

app = typer.Typer(help="Read the mails that the local cloud sent.", invoke_without_command=True)


@app.callback()
def mail(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, the newest last.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the mails that the local cloud sent; none of them left this machine."""
    if context.invoked_subcommand:
        return
    mails = Mailbox(local_settings().mail).mails()[-limit:]
    if as_json:
        emit_json({"items": [_document(item) for item in mails]})
        return
    console = output()
    if not mails:
        console.print(f"No mail has arrived yet. Ask for a picture: {command('demo')}")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=SOFT)
    table.add_column("N", justify="right", style=ACCENT)
    for name in ("age", "to", "subject", "request"):
        table.add_column(name, no_wrap=True, justify="right" if name == "age" else "left")
    for item in mails:
        when = age(item.sent_at.timestamp()) if item.sent_at else ""
        cells = (when, printable(item.recipient), printable(item.subject), item.job_id or "")
        table.add_row(str(item.number), *map(Text, cells))
    console.print(table)
    console.print(Text(f"\nRead one: {command('mail open N')}", style=SOFT))


@app.command("open")
def open_mail(
    number: Annotated[
        int | None,
        typer.Argument(metavar="N", help="The number in the list; left out, the newest.", show_default=False),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Open the HTML part in your browser as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a mail: headers, text part, links, and a file with its HTML part that a browser opens."""
    settings = local_settings()
    found = Mailbox(settings.mail).mail(number)
    page = write_page(found, settings.folder / "mail_pages")
    if as_json:
        emit_json(_document(found) | {"text": found.text, "html_file": str(page) if page else None})
        return
    console = output()
    sent = found.sent_at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if found.sent_at else "unknown"
    headers = (("from", found.sender), ("to", found.recipient), ("date", sent), ("subject", found.subject))
    console.print(
        facts([(name, Text(printable(value), "bold" if name == "subject" else "")) for name, value in headers]),
        soft_wrap=True,
    )
    console.print(Rule(style=SOFT))
    for line in found.text.strip().splitlines():
        console.print(_line(line), soft_wrap=True)
    console.print(Rule(style=SOFT))
    rows = [("message", Text(short_path(found.path)))]
    if page:
        rows.insert(0, ("as HTML", address(page.resolve().as_uri(), short_path(page))))
    console.print(facts([*[("link", address(link)) for link in found.links], *rows]), soft_wrap=True)
    if browser and page:
        webbrowser.open(page.resolve().as_uri())


def _line(line: str) -> Text:
    text = Text(" ".join(map(printable, line.split(" "))))
    text.highlight_regex(r"https?://\S+", ACCENT)
    return text


def _document(item: Mail) -> dict[str, object]:
    return {
        "number": item.number,
        "file": str(item.path),
        "from": item.sender,
        "to": item.recipient,
        "subject": item.subject,
        "sent_at": item.sent_at.isoformat() if item.sent_at else None,
        "job_id": item.job_id,
        "links": list(item.links),
    }
