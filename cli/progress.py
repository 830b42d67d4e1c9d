"""How a request's way through its states looks: a row per state with its seconds, drawn as a waterfall."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cli.jobs import ROUTE, SUCCEEDED, Job
from cli.terminal import ACCENT, BAD, GOOD, SOFT, is_lively, printable

WATERFALL_CELLS = 36
DRAWINGS_PER_S = 12.0
_NARROW = 64  # below this many columns the waterfall would wrap


class Waterfall:
    """The rows of one request. Drawn anew many times a second, so the running state's seconds are counted here."""

    def __init__(self, job: Job, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spinner = Spinner("dots", style=ACCENT)
        self._seen_at = clock()
        self.job = job

    def update(self, job: Job) -> None:
        """Take over a newer look. The service's clock is not ours, so a state counts from when it was first seen."""
        if len(job.timeline) != len(self.job.timeline):
            self._seen_at = self._clock()
        self.job = job

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        job = self.job
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=1)
        table.add_column(min_width=11)
        table.add_column(justify="right", min_width=8)
        if options.max_width >= _NARROW:
            table.add_column(min_width=WATERFALL_CELLS)
        open_s = 0.0 if job.is_final else self._clock() - self._seen_at
        total = max(job.seconds + open_s, 0.001)
        first = job.timeline[0].at if job.timeline else 0.0
        ends = [entry.at for entry in job.timeline[1:]]
        for entry, end in zip(job.timeline, [*ends, None], strict=True):
            name = entry.status.lower()
            begins = entry.at - first
            mark: RenderableType
            if end is not None:
                mark, style = Text("✓", style=GOOD), GOOD
                seconds = end - entry.at
            elif job.is_final:
                break
            else:
                mark, style = self._spinner.render(console.get_time()), ACCENT
                seconds = open_s
                if job.progress is not None:
                    name += f" {job.progress[0]}/{job.progress[1]}"
            row = [mark, Text(name), Text(f"{seconds:.2f} s"), _bar(begins / total, seconds / total, style)]
            table.add_row(*row[: len(table.columns)])
        for name in _ahead(job):
            table.add_row(Text("·", style=SOFT), Text(name.lower(), style=SOFT))
        if job.is_final:
            table.add_row(*_end(job))
        yield table
        if job.waiting:
            yield Text(f"\n{printable(job.waiting)}", style=ACCENT)


def _bar(begins: float, share: float, style: str) -> Text:
    start = min(round(begins * WATERFALL_CELLS), WATERFALL_CELLS - 1)
    end = max(round((begins + share) * WATERFALL_CELLS), start + 1)
    return Text(" " * start + "━" * (end - start), style=style)


def _ahead(job: Job) -> tuple[str, ...]:
    """The states that still follow when nothing stops the request."""
    if job.is_final:
        return ()
    seen = {entry.status for entry in job.timeline}
    last = max((ROUTE.index(name) for name in seen if name in ROUTE), default=-1)
    return ROUTE[last + 1 :]


def _end(job: Job) -> tuple[Text, Text, Text]:
    good = job.status == SUCCEEDED
    style = f"bold {GOOD if good else BAD}"
    total = Text(f"{job.seconds:.2f} s", style="bold")
    return Text("●" if good else "✗", style=style), Text(job.status.lower(), style=style), total


def show(looks: Iterable[Job], console: Console) -> Job:
    """Draw every look of `looks` and return the last. Without a lively terminal each new state is one line."""
    job: Job | None = None
    if not is_lively(console):
        told = 0
        for job in looks:
            for entry in job.timeline[told:]:
                console.print(f"{entry.at - job.timeline[0].at:7.2f} s  {entry.status.lower()}", soft_wrap=True)
            if job.waiting and told < len(job.timeline):
                console.print(Text(printable(job.waiting)), soft_wrap=True)
            told = len(job.timeline)
    else:
        looks = iter(looks)
        waterfall = Waterfall(next(looks))
        with Live(waterfall, console=console, refresh_per_second=DRAWINGS_PER_S):
            for job in looks:
                waterfall.update(job)
        job = waterfall.job
    if job is None:
        raise ValueError("a request that nobody looked at cannot be shown")
    return job
