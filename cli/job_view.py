"""A request in words: the result after waiting, and the lists."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table
from rich.text import Text

from cli.jobs import FINAL, SUCCEEDED, Job
from cli.mailbox import Mail
from cli.terminal import ACCENT, BAD, GOOD, SOFT, address, printable, short_path

_MAIL_WORDS = {
    "sending": "on its way",
    "sent": "sent",
    "failed": "could not be sent",
    "uncertain": "may not have arrived",
    "not_wanted": "none wanted",
    "bounced": "came back: the address does not take it",
    "complained": "was reported as unwanted",
}


def facts(rows: list[tuple[str, Text]]) -> Text:
    """Return names and values, a line each. Print it with `soft_wrap`: a link that is broken cannot be copied."""
    width = max((len(name) for name, _ in rows), default=0) + 2
    return Text("\n").join(Text.assemble((name.ljust(width), SOFT), value) for name, value in rows)


def status_text(status: str) -> Text:
    """Return a status in the colour that says how it stands."""
    style = GOOD if status == SUCCEEDED else BAD if status in FINAL else ACCENT
    return Text(status.lower(), style=style)


def result(job: Job, saved: list[Path], mail: Mail | None) -> Text:
    """Return what became of a request: pictures, link and mail, or why there is none."""
    rows: list[tuple[str, Text]] = []
    if job.status in FINAL and job.status != SUCCEEDED:
        rows.append(("reason", Text(printable(job.reason) or "No reason was recorded.")))
        if job.categories:
            rows.append(("category", Text(", ".join(map(printable, job.categories)))))
    if job.note:
        rows.append(("a person says", Text(printable(job.note))))
    for picture, path in zip(job.pictures, saved, strict=False):
        about = f"  {picture.width}×{picture.height}, seed {picture.seed}"
        rows.append(("picture", Text.assemble((short_path(path), "bold"), (about, SOFT))))
    links = list(mail.links) if mail else []
    if links:
        rows += [("link", address(link)) for link in links]
    else:
        rows += [("link", _fresh_link(picture.url)) for picture in job.pictures]
    rows += _mail_rows(job, mail)
    rows += [("note", Text(printable(warning), style="yellow")) for warning in job.warnings]
    rows.append(("request", Text(job.job_id, style=SOFT)))
    return facts(rows)


def _fresh_link(url: str) -> Text:
    return Text.assemble(address(url), ("  for five minutes", SOFT))


def _mail_rows(job: Job, mail: Mail | None) -> list[tuple[str, Text]]:
    if mail:
        return [("mail", Text(f"“{printable(mail.subject)}” to {printable(mail.recipient)}"))]
    return [("mail", Text(_MAIL_WORDS.get(job.notice, printable(job.notice))))] if job.notice else []


def details(job: Job) -> Text:
    """Return what was asked and what the model read."""
    rows: list[tuple[str, Text]] = [("prompt", Text(printable(job.prompt), style="bold"))]
    if job.model_prompt != job.prompt:
        rows.append(("model read", Text(printable(job.model_prompt))))
    if job.preset:
        rows.append(("preset", Text(printable(job.preset))))
    width, height = job.size
    settings = f"{width}×{height}, {job.steps} steps, guidance {job.guidance:g}, seed {', '.join(map(str, job.seeds))}"
    rows.append(("settings", Text(settings)))
    if job.strength is not None:
        rows.append(("begun from", Text(f"a picture of yours, strength {job.strength:g}")))
    if job.adapter:
        rows.append(("adapter", Text(printable(job.adapter))))
    rows.append(("asked", Text(f"{_clock(job.created_at)}, {age(job.created_at)} ago")))
    return facts(rows)


def job_table(jobs: list[Job]) -> Table:
    """Return the gallery as a table, a line per request."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=SOFT)
    table.add_column("request", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("age", justify="right", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("prompt", no_wrap=True, overflow="ellipsis", ratio=1)
    for job in jobs:
        took = f"{job.seconds:.1f} s" if job.is_final else ""
        table.add_row(Text(job.job_id), status_text(job.status), age(job.created_at), took, Text(printable(job.prompt)))
    return table


def age(moment: float) -> str:
    """Return how long ago a moment was, in its largest unit."""
    seconds = max(0, int(time.time() - moment))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
