"""A campaign in words: its facts, what is wrong with its rows, and a run's progress as it goes on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.campaigns import FINISHED, RUNNING, Progress, progress_of
from cli.job_view import facts
from cli.terminal import ACCENT, BAD, GOOD, SOFT, WARN, is_lively, printable

_BAR_CELLS = 40
_DRAWINGS_PER_S = 4.0
# Of a run that nobody draws: a line for every twentieth of the rows, and for every other status.
_LINES = 20
REASONS = {
    "paused_by_owner": "you have paused it",
    "picture_budget_reached": "its budget of pictures is used up",
    "dollar_budget_reached": "its budget of dollars is used up",
    "too_many_failures": "more rows have failed than it bears",
    "run_failed": "its execution ended before its rows did; resume it",
    "admission_closed": "an operator has closed the door for new requests",
    "monthly_quota_reached": "your pictures of this month are used up",
    "daily_cap_reached": "the service has taken its pictures for today",
    "account_disabled": "the account has been disabled",
}


def campaign_facts(document: dict[str, Any]) -> Text:
    """Return a campaign with its check, its schedule and its run, a line each."""
    rows = [("campaign", Text(printable(document["name"]), style="bold")), ("id", Text(document["id"], style=SOFT))]
    rows.append(("rows", _rows_words(document)))
    settings = document["settings"]
    if settings["defaults"] or settings["axes"]:
        rows.append(("every row", Text(_settings_words(settings))))
    bounds = [
        f"{settings['budget_pictures']} pictures" if settings["budget_pictures"] is not None else "",
        f"${settings['budget_dollars']:g}" if settings["budget_dollars"] is not None else "",
    ]
    if any(bounds):
        rows.append(("budget", Text(" and ".join(filter(None, bounds)) + " a run")))
    rows.append(("mail to", Text(", ".join(map(printable, settings["recipients"])) or "nobody")))
    if schedule := document["schedule"]:
        rows.append(("schedule", Text(f"{printable(schedule['expression'])}, {printable(schedule['timezone'])}")))
    if passed := document["passed_over"]:
        rows.append(("passed over", Text(f"{passed['at'][:16]}: {printable(passed['code'])}", style=WARN)))
    if document["run"]:
        progress = progress_of(document)
        rows.append(("run", Text.assemble(status_text(progress), "  ", counts_text(progress))))
    return facts(rows)


def _rows_words(document: dict[str, Any]) -> Text:
    check, status = document["check"], document["status"]
    if status == "CHECKING":
        return Text("are being checked", style=ACCENT)
    if check is None:
        return Text("not checked yet", style=WARN)
    words = f"{check['rows']}, {check['pictures']} pictures, about {_duration(check['estimated_seconds'])} of the model"
    words += f" and ${check['estimated_dollars']:.4f}"
    if check["blocked"]:
        words += f"; {check['blocked']} would be blocked"
    if check["problems"]:
        return Text.assemble(words, (f"; {check['problems']} problems", BAD))
    return Text(words)


def _settings_words(settings: dict[str, Any]) -> str:
    said = [f"{name} {printable(str(value))}" for name, value in settings["defaults"].items()]
    axes = settings["axes"].items()
    said += [f"{name} in {', '.join(printable(str(value)) for value in values)}" for name, values in axes]
    return "; ".join(said)


def problem_table(problems: list[dict[str, Any]]) -> Table:
    """Return what is wrong, by line and column."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=SOFT)
    table.add_column("line", justify="right", no_wrap=True)
    table.add_column("column", no_wrap=True)
    table.add_column("what is wrong")
    for problem in problems:
        line = str(problem["line"]) if problem["line"] else ""
        column = printable(problem["column"] or "")
        table.add_row(line, Text(column, style=ACCENT), Text(printable(problem["sentence"])))
    return table


def campaign_table(documents: list[dict[str, Any]]) -> Table:
    """Return campaigns, a line each."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=SOFT)
    for title in ("campaign", "rows", "status", "done"):
        table.add_column(title, no_wrap=True)
    table.add_column("name", no_wrap=True, overflow="ellipsis", ratio=1)
    for document in documents:
        progress = progress_of(document) if document["run"] else None
        table.add_row(
            Text(document["id"]),
            str((document["check"] or {}).get("rows", "")),
            status_text(progress) if progress else Text(document["status"].lower(), style=SOFT),
            f"{progress.settled}/{progress.rows}" if progress else "",
            Text(printable(document["name"])),
        )
    return table


def status_text(progress: Progress) -> Text:
    """Return a run's status in the colour that says how it stands."""
    style = ACCENT if progress.status == RUNNING else GOOD if progress.status == FINISHED else WARN
    said = progress.status.lower()
    return Text(f"{said}: {REASONS.get(progress.reason, progress.reason)}" if progress.reason else said, style=style)


def counts_text(progress: Progress) -> Text:
    """Return what became of the rows so far."""
    text = Text(f"{progress.settled} of {progress.rows} rows")
    counted = (
        ("made", progress.succeeded, GOOD),
        ("blocked", progress.blocked, WARN),
        ("failed", progress.failed, BAD),
    )
    for word, number, style in (*counted, ("cancelled", progress.cancelled, SOFT), ("at work", progress.open, ACCENT)):
        if number:
            text.append(", ")
            text.append(f"{number} {word}", style=style)
    return text


def show_run(documents: Iterable[dict[str, Any]], console: Console) -> Progress:
    """Draw every look and return the last. Without a lively terminal some lines tell the same."""
    last: Progress | None = None
    if is_lively(console):
        with Live(console=console, refresh_per_second=_DRAWINGS_PER_S) as live:
            for document in documents:
                last = progress_of(document)
                live.update(_drawn(last))
    else:
        told: tuple[Any, ...] = ()
        for document in documents:
            last = progress_of(document)
            step = (last.status, last.reason, last.settled * _LINES // max(last.rows, 1), last.rests)
            if step != told:
                console.print(
                    Text.assemble(counts_text(last), "  ", _pace(last), "  ", status_text(last)), soft_wrap=True
                )
                told = step
    if last is None:
        raise ValueError("a run that nobody looked at cannot be shown")
    return last


def _drawn(progress: Progress) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    bar = ProgressBar(total=max(progress.rows, 1), completed=progress.settled, width=_BAR_CELLS)
    share = f"{100 * progress.settled // max(progress.rows, 1)} %"
    table.add_row(bar, Text(share, style="bold"), _pace(progress))
    whole = Table.grid()
    whole.add_row(table)
    whole.add_row(Text.assemble(counts_text(progress), "  ", status_text(progress)))
    return whole


def _pace(progress: Progress) -> Text:
    said = f"{progress.rows_per_minute:g} rows a minute"
    if progress.seconds_left is not None:
        said += f", about {_duration(progress.seconds_left)} left"
    return Text(said, style=SOFT)


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
