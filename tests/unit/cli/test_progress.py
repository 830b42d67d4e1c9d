"""How a request's way looks, on a terminal that redraws and on one that does not."""

from __future__ import annotations

import io

from rich.console import Console

from cli.jobs import parse_job
from cli.progress import WATERFALL_CELLS, Waterfall, show
from tests.unit.cli.service import job_document


def rows(*statuses: str, width: int = 100, clock: float = 0.0) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    times = iter([0.0])
    waterfall = Waterfall(parse_job(job_document(*statuses)), lambda: next(times, clock))
    with console.capture() as capture:
        console.print(waterfall)
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_finished_request_shows_every_state_with_its_seconds_and_the_total() -> None:
    shown = rows()
    assert [line.split()[1] for line in shown] == [
        "queued",
        "moderating",
        "generating",
        "reviewing",
        "delivering",
        "succeeded",
    ]
    assert [line.split()[2] for line in shown] == ["0.50", "0.50", "0.50", "0.50", "0.50", "2.50"]


def test_bars_follow_each_other_over_the_whole_width() -> None:
    bars = [line[line.index("━") :] for line in rows()[:-1]]
    assert sum(len(bar) for bar in bars) == WATERFALL_CELLS
    starts = [line.index("━") for line in rows()[:-1]]
    assert starts == sorted(starts)
    assert len(set(starts)) == 5


def test_the_running_state_counts_by_our_own_clock_and_the_next_ones_are_announced() -> None:
    shown = rows("QUEUED", "MODERATING", "GENERATING", clock=4.0)
    assert shown[2].split()[1:4] == ["generating", "4.00", "s"]
    assert shown[3:] == ["·  reviewing", "·  delivering"]


def test_the_running_state_tells_how_many_steps_are_done() -> None:
    told = {"step": 12, "steps": 60, "picture": 0, "pictures": 2}
    console = Console(file=io.StringIO(), width=100, color_system=None)
    with console.capture() as capture:
        console.print(Waterfall(parse_job(job_document("QUEUED", "GENERATING", progress=told))))
    assert "generating 12/60" in capture.get()


def test_what_will_not_happen_any_more_is_not_announced() -> None:
    shown = rows("QUEUED", "MODERATING", "BLOCKED")
    assert [line.split()[1] for line in shown] == ["queued", "moderating", "blocked"]
    assert shown[-1].startswith("✗")


def test_a_held_request_shows_that_it_waits() -> None:
    assert any("held" in line for line in rows("QUEUED", "MODERATING", "HELD"))


def test_a_narrow_terminal_goes_without_bars() -> None:
    assert "━" not in "".join(rows(width=40))


def test_without_a_lively_terminal_each_state_is_told_once() -> None:
    console = Console(file=io.StringIO(), width=100)
    looks = [parse_job(job_document(*statuses)) for statuses in (("QUEUED",), ("QUEUED",), ("QUEUED", "MODERATING"))]
    with console.capture() as capture:
        assert show(looks, console) is looks[-1]
    assert capture.get().splitlines() == ["   0.00 s  queued", "   0.50 s  moderating"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_lively_terminal_is_left_with_the_last_look() -> None:
    terminal = Terminal()
    console = Console(file=terminal, width=100, force_terminal=True, color_system=None, _environ={"TERM": "xterm"})
    last = show([parse_job(job_document("QUEUED")), parse_job(job_document())], console)
    assert last.status == "SUCCEEDED"
    assert "succeeded" in terminal.getvalue().splitlines()[-2]
    assert terminal.getvalue().endswith("\x1b[?25h")  # the cursor is given back
