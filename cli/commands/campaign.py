"""`afterimage campaign`: many pictures from a file of rows, within a budget and on a schedule."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.api import Api
from cli.campaign_results import fetch_results, make_zips
from cli.campaign_view import campaign_facts, campaign_table, problem_table, show_run, status_text
from cli.campaigns import CHECKING, READY, find, looks, progress_of
from cli.commands.owner import Yes, confirm
from cli.errors import INTERRUPTED, UNSUCCESSFUL, CliError, ProblemError
from cli.options import AsJson, Profile, Region, StackName, api_of
from cli.terminal import command, complaints, emit_json, output, printable, short_path

MAX_BYTES = 10 * 1024 * 1024
_TYPES = {".json": "application/json", ".jsonl": "application/x-ndjson", ".ndjson": "application/x-ndjson"}
_WHOLE = frozenset({"seed", "width", "height", "steps", "count"})
_LONG_S = 14 * 86_400.0
_CHECK_S = 600.0

app = typer.Typer(help="Many pictures from a file of rows.", no_args_is_help=True)
Which = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="Its name (the newest of it), or its id.", show_default=False)
]
File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="CSV, JSON or JSONL: a line per row, with a column `prompt` and any of `preset`, `seed`, `count`, `width`,"
        " `height`, `steps`, `guidance`, `negative_prompt`, `scheduler`; other columns come back in the result.",
        exists=True,
        dir_okay=False,
        readable=True,
        show_default=False,
    ),
]
Default = Annotated[
    list[str] | None,
    typer.Option("--default", "--defaults", metavar="FIELD=VALUE", help="For every row that does not say otherwise."),
]
Axis = Annotated[
    list[str] | None,
    typer.Option("--axis", metavar="FIELD=A,B,C", help="Make each row for each of these; several axes are combined."),
]
Budget = Annotated[int | None, typer.Option("--budget", min=1, metavar="PICTURES", help="Most pictures of a run.")]
BudgetDollars = Annotated[
    float | None,
    typer.Option("--budget-dollars", min=0, metavar="DOLLARS", help="Most dollars of a run, as estimated."),
]
Failures = Annotated[
    str | None, typer.Option("--max-failures", metavar="N or N%", help="Pause a run of which more rows have failed.")
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.", show_default=False)],
    file: File,
    default: Default = None,
    axis: Axis = None,
    budget: Budget = None,
    budget_dollars: BudgetDollars = None,
    recipients: Annotated[
        str | None, typer.Option(metavar="A,B", help="Who gets the mail; `none` for nobody. Left out: you.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=40, help="Rows that are made at a time.")] = 5,
    max_failures: Failures = None,
    warm_up: Annotated[int, typer.Option(min=0, max=30, help="Minutes for which a machine is waited.")] = 5,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Make a campaign from FILE and have its rows checked; nothing is made yet. Ends with 3 when rows have faults."""
    settings: dict[str, Any] = {
        "defaults": dict(_pairs(default, "--default", _value)),
        "axes": dict(_pairs(axis, "--axis", _values)),
        "concurrency": concurrency,
        "warm_up_minutes": warm_up,
        "budget_pictures": budget,
        "budget_dollars": budget_dollars,
        **_failures(max_failures),
    }
    if recipients is not None:
        wanted = [part.strip() for part in recipients.split(",") if part.strip()]
        settings["recipients"] = [] if wanted == ["none"] else wanted
    content = _content(file)
    api = api_of(stack, profile, region)
    body = {"name": name, "settings": {key: value for key, value in settings.items() if value is not None}}
    made = api.campaigns("POST", json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
    _checked(api, made["id"], _type_of(file), content, as_json=as_json)


@app.command()
def check(
    which: Which,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="Other rows in place of those that are there.", exists=True, dir_okay=False
        ),
    ] = None,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Have the rows checked again. Ends with 3 when they have faults."""
    content = _content(file) if file else None
    api = api_of(stack, profile, region)
    _checked(api, find(api, which)["id"], _type_of(file) if file else "", content, as_json=as_json)


def _checked(api: Api, campaign_id: str, kind: str, content: bytes | None, *, as_json: bool) -> None:
    """Upload, have read, and show what was found."""
    if content is not None:
        form = api.campaigns("POST", f"/{campaign_id}/upload", json={"content_type": kind})
        api.send_form(form["url"], form["fields"], content)
    try:
        api.campaigns("POST", f"/{campaign_id}/check")
    except ProblemError as error:
        if error.code != "campaign_checking":  # a repeat after an answer that was lost
            raise
    *_, document = looks(api, campaign_id, lambda seen: seen["status"] != CHECKING, _CHECK_S)
    problems = api.campaigns("GET", f"/{campaign_id}/problems") if document["check"]["problems"] else None
    if as_json:
        emit_json(document | {"problems": problems})
    else:
        if problems:
            output().print(problem_table(problems["items"]), "", sep="\n")
        output().print(campaign_facts(document), soft_wrap=True)
        for warning in document["check"]["warnings"]:
            output().print(Text(printable(warning), style="yellow"), soft_wrap=True)
        if problems:
            more = problems["total"] - len(problems["items"])
            rest = f"{more} more; all of them: " if more > 0 else "All of them beside your rows: "
            output().print(f"\n{rest}{command(f'campaign problems {campaign_id} > problems.csv')}", soft_wrap=True)
        elif document["status"] == READY:
            output().print(f"\nRun it: {command(f'campaign run {campaign_id} --watch')}", soft_wrap=True)
    if document["status"] != READY:
        raise typer.Exit(UNSUCCESSFUL)


@app.command()
def problems(which: Which, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """Print your rows as CSV, with what is wrong beside each."""
    api = api_of(stack, profile, region)
    found = api.campaigns("GET", f"/{find(api, which)['id']}/problems")
    if found["csv_url"] is None:
        raise CliError("The rows have no faults.")
    typer.echo(api.download(found["csv_url"]), nl=False)


@app.command()
def run(
    which: Which,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would take; nothing begins.")] = False,
    watch_it: Annotated[bool, typer.Option("--watch", "-w", help="Watch it to its end.")] = False,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Begin to make the rows of a campaign."""
    api = api_of(stack, profile, region)
    campaign_id = find(api, which)["id"]
    if dry_run:
        _show_price(api.campaigns("POST", f"/{campaign_id}/run", json={"dry_run": True}), as_json=as_json)
        return
    begun = api.campaigns("POST", f"/{campaign_id}/run", headers={"Idempotency-Key": str(uuid.uuid4())})
    _begun(api, campaign_id, begun, watch_it=watch_it, as_json=as_json)


def _show_price(price: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit_json(price)
        return
    lines = [
        f"Estimate: {price['pictures']} pictures from {price['rows']} rows.",
        f"About {price['estimated_seconds']:g} s of the model and ${price['estimated_dollars']:.4f}.",
        f"The content policy would block {price['blocked']} of the rows.",
    ]
    left = price["left_after"]["monthly_pictures"]
    if left is not None:
        lines.append(f"Of your pictures of this month {left} would be left.")
    lines += [f"It would pause before its last row: {code}." for code in price["pauses"]]
    if not price["would_be_accepted"]:
        lines.append(f"It would be refused now: {price['refusal']}.")
    output().print("\n".join(map(printable, lines)), soft_wrap=True)


@app.command()
def resume(
    which: Which,
    budget: Budget = None,
    budget_dollars: BudgetDollars = None,
    max_failures: Annotated[int | None, typer.Option(min=0, help="Failed rows that the run bears.")] = None,
    watch_it: Annotated[bool, typer.Option("--watch", "-w", help="Watch it to its end.")] = False,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Go on with a paused run, within larger bounds if need be."""
    api = api_of(stack, profile, region)
    _go_on(api, which, "resume", (budget, budget_dollars, max_failures), watch_it=watch_it, as_json=as_json)


@app.command()
def retry(
    which: Which,
    budget: Budget = None,
    budget_dollars: BudgetDollars = None,
    max_failures: Annotated[int | None, typer.Option(min=0, help="Failed rows that the run bears.")] = None,
    watch_it: Annotated[bool, typer.Option("--watch", "-w", help="Watch it to its end.")] = False,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Make the failed rows of a run again."""
    api = api_of(stack, profile, region)
    _go_on(api, which, "retry", (budget, budget_dollars, max_failures), watch_it=watch_it, as_json=as_json)


def _go_on(
    api: Api,
    which: str,
    verb: str,
    bounds: tuple[int | None, float | None, int | None],
    *,
    watch_it: bool,
    as_json: bool,
) -> None:
    names = ("budget_pictures", "budget_dollars", "max_failures")
    body = {name: value for name, value in zip(names, bounds, strict=True) if value is not None}
    campaign_id = find(api, which)["id"]
    begun = api.campaigns("POST", f"/{campaign_id}/{verb}", json=body)
    _begun(api, campaign_id, begun, watch_it=watch_it, as_json=as_json)


def _begun(api: Api, campaign_id: str, run_document: dict[str, Any], *, watch_it: bool, as_json: bool) -> None:
    if watch_it:
        _watch(api, campaign_id, _LONG_S, as_json=as_json)
    elif as_json:
        emit_json(run_document)
    else:
        output().print(f"Run {run_document['id']} is at work: {run_document['rows']} rows.")
        output().print(f"Watch it: {command(f'campaign watch {campaign_id}')}", soft_wrap=True)


@app.command()
def watch(
    which: Which,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="Watch no longer.")] = _LONG_S,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Watch a run until it rests. Ends with 3 unless every row got its pictures; Ctrl-C leaves the run alone."""
    api = api_of(stack, profile, region)
    _watch(api, find(api, which)["id"], timeout, as_json=as_json)


def _watch(api: Api, campaign_id: str, timeout_s: float, *, as_json: bool) -> None:
    seen = looks(api, campaign_id, lambda document: progress_of(document).rests, timeout_s)
    try:
        if as_json:
            *_, document = seen
            emit_json(document)
            last = progress_of(document)
        else:
            last = show_run(seen, output())
    except KeyboardInterrupt as error:
        complaints().print(f"\nThe run goes on without you. Look again: {command(f'campaign watch {campaign_id}')}")
        raise typer.Exit(INTERRUPTED) from error
    if not as_json and last.succeeded:
        output().print(f"\nFetch the pictures: {command(f'campaign results {campaign_id}')}", soft_wrap=True)
    if not last.is_whole:
        raise typer.Exit(UNSUCCESSFUL)


@app.command()
def pause(which: Which, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """Begin no more rows for now; those at work come to their end."""
    _move(api_of(stack, profile, region), which, "pause")


@app.command()
def stop(which: Which, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """End the run for good; rows at work come to their end."""
    _move(api_of(stack, profile, region), which, "stop")


def _move(api: Api, which: str, verb: str) -> None:
    campaign_id = find(api, which)["id"]
    api.campaigns("POST", f"/{campaign_id}/{verb}")
    output().print(status_text(progress_of(api.campaigns("GET", f"/{campaign_id}"))))


@app.command()
def schedule(
    which: Which,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="Once: 2026-11-30T07:00:00.")] = None,
    cron: Annotated[str | None, typer.Option(metavar="FIELDS", help="Again and again: '0 7 ? * MON-FRI *'.")] = None,
    rate: Annotated[str | None, typer.Option(metavar="RATE", help="Again and again: '1 day', from now on.")] = None,
    timezone: Annotated[str, typer.Option("--timezone", "-z", help="A name such as Europe/Berlin.")] = "UTC",
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Have a campaign run by itself: once, or again and again."""
    given = [f"{kind}({text})" for kind, text in (("at", at), ("cron", cron), ("rate", rate)) if text is not None]
    if len(given) != 1:
        raise typer.BadParameter("say one of --at, --cron and --rate.")
    api = api_of(stack, profile, region)
    body = {"expression": given[0], "timezone": timezone}
    planned = api.campaigns("PUT", f"/{find(api, which)['id']}/schedule", json=body)
    output().print(campaign_facts(planned), soft_wrap=True)


@app.command()
def unschedule(which: Which, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """Have a campaign run by itself no more."""
    api = api_of(stack, profile, region)
    api.without(f"/{find(api, which)['id']}/schedule")
    output().print("It runs by itself no more.")


@app.command("list")
def list_all(
    everybody: Annotated[bool, typer.Option("--all", help="Everybody's, for admins.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many.")] = 20,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """List your campaigns, newest first."""
    params: dict[str, Any] = {"limit": limit} | ({"all": "true"} if everybody else {})
    page = api_of(stack, profile, region).campaigns("GET", params=params)
    if as_json:
        emit_json(page)
    elif page["items"]:
        output().print(campaign_table(page["items"]))
    else:
        output().print(f"No campaigns yet. Make one: {command('campaign create --help')}")


@app.command()
def show(
    which: Which, as_json: AsJson = False, stack: StackName = None, profile: Profile = None, region: Region = None
) -> None:
    """Show a campaign and how its latest run stands."""
    document = find(api_of(stack, profile, region), which)
    if as_json:
        emit_json(document)
    else:
        output().print(campaign_facts(document), soft_wrap=True)


@app.command()
def results(
    which: Which,
    folder: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", file_okay=False, help="Where to; else a folder of its name."),
    ] = None,
    run_id: Annotated[str | None, typer.Option("--run", metavar="ID", help="A run; the latest without it.")] = None,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="The pictures as well.")] = True,
    as_json: AsJson = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Save manifest, contact sheets and pictures of a run. What is there already is not fetched again."""
    api = api_of(stack, profile, region)
    document = find(api, which)
    fetched = fetch_results(api, document, folder, run_id, with_pictures=pictures)
    if as_json:
        emit_json({"folder": str(fetched.folder), "files": fetched.files, "pictures": fetched.pictures})
        return
    for name in fetched.files:
        output().print(short_path(fetched.folder / name))
    if pictures:
        output().print(f"{fetched.pictures} pictures in {short_path(fetched.folder / 'pictures')}", soft_wrap=True)
    if fetched.missing:
        output().print(f"{fetched.missing} rows have no pictures any more.", soft_wrap=True)
    if fetched.undrawn:
        output().print("The contact sheet is not drawn yet; ask again in a while.", soft_wrap=True)


@app.command("zip")
def zip_pictures(
    which: Which,
    folder: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", file_okay=False, help="Where to; else a folder of its name."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="Wait no longer.")] = 3600.0,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Have the pictures of the latest run packed, and save the zip files with manifest and contact sheets."""
    api = api_of(stack, profile, region)
    document = find(api, which)
    packed = make_zips(api, document, timeout)
    fetched = fetch_results(api, document, folder, None, with_pictures=False)
    for name in fetched.files:
        output().print(short_path(fetched.folder / name))
    output().print(f"{packed} pictures are packed.")


@app.command()
def delete(
    which: Which, yes: Yes = False, stack: StackName = None, profile: Profile = None, region: Region = None
) -> None:
    """Erase a campaign with its rows and results. Its pictures stay among your requests."""
    api = api_of(stack, profile, region)
    document = find(api, which)
    confirm(f'Erase the campaign "{printable(document["name"])}"? Its pictures stay.', yes=yes)
    api.without(f"/{document['id']}")
    output().print("Erased. Its pictures are among your requests.")


def _content(file: Path) -> bytes:
    if file.stat().st_size > MAX_BYTES:
        raise typer.BadParameter("a file of rows has 10 MB at most.", param_hint="FILE")
    return file.read_bytes()


def _type_of(file: Path) -> str:
    return _TYPES.get(file.suffix.lower(), "text/csv")


def _pairs(texts: list[str] | None, option: str, read: Callable[[str, str], Any]) -> list[tuple[str, Any]]:
    found = []
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{text!r} is not FIELD=VALUE.", param_hint=option)
        field = "preset" if name.strip() == "style" else name.strip()
        found.append((field, read(field, value)))
    return found


def _value(field: str, text: str) -> str | int | float:
    """Return a value as the field has it; what is no number is left for the API to refuse."""
    try:
        return int(text) if field in _WHOLE else float(text) if field == "guidance" else text
    except ValueError:
        return text


def _values(field: str, text: str) -> list[str | int | float]:
    """Return a list: values behind commas, or a JSON list where a value has commas of its own."""
    if text.lstrip().startswith("["):
        try:
            listed = json.loads(text)
        except ValueError as exc:
            raise typer.BadParameter(f"{text!r} is no list.", param_hint="--axis") from exc
        return list(listed)
    return [_value(field, part.strip()) for part in text.split(",") if part.strip()]


def _failures(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    number = text.strip().removesuffix("%")
    try:
        if text.strip().endswith("%"):
            return {"max_failed_share": float(number) / 100}
        return {"max_failures": int(number)}
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r} is neither a number nor a share such as 5%.", param_hint="--max-failures"
        ) from exc
