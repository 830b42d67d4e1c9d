"""What reaches the terminal: two consoles, and the care that text of others needs."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.errors import CliError, ProblemError

ACCENT = "bright_cyan"
GOOD = "green"
BAD = "red"
WARN = "yellow"
SOFT = "dim"
PLAIN_WIDTH = 120  # of a pipe or a log file, where rich would assume 80 and wrap links


def output() -> Console:
    """The console of results. Made at every call, so that a test or a shell may redirect stdout at any time."""
    return _console(stderr=False)


def complaints() -> Console:
    """The console of errors and hints."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else PLAIN_WIDTH
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=width)


def is_lively(console: Console) -> bool:
    """True when lines may be redrawn. Pipes, log files and dumb terminals get one line per event instead, also where
    FORCE_COLOR asks for colours."""
    return console.file.isatty() and not console.is_dumb_terminal


def emit_json(document: Any) -> None:
    """Print one JSON document and nothing else. Half a surrogate pair, which a file may hold, becomes a "?"."""
    text = json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8", "replace").decode()
    sys.stdout.write(text + "\n")


def printable(text: str) -> str:
    """Return `text` on one line without control characters: a prompt or a subject is foreign text and could move the
    cursor, hide a line or set the window's title."""
    kept = (" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)
    return " ".join("".join(kept).split())


def command(arguments: str) -> str:
    """Return what a person types for `arguments`: the installed command, or the script of the checkout."""
    installed = Path(sys.argv[0]).name == "afterimage"
    return f"{'afterimage' if installed else './afterimage'} {arguments}"


def address(url: str, label: str | None = None) -> Text:
    """Return a link that a terminal can open; without `label` the whole address is shown and can be copied."""
    return Text(label or url, style=f"{ACCENT} link {url}")


def short_path(path: Path) -> str:
    """Return `path` relative to the working folder where it lies below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def complain(error: CliError) -> None:
    """Print why a command ended, and what to do about it."""
    console = complaints()
    line = Text.assemble(("error: ", f"bold {BAD}"), _foreign_lines(error.sentence))
    if isinstance(error, ProblemError):
        line.append(f" ({printable(error.code)})", style=SOFT)
    console.print(line, soft_wrap=True)
    if error.hint:
        console.print(Text(f"       {error.hint}", style=SOFT), soft_wrap=True)


def _foreign_lines(text: str) -> str:
    # Messages of the local cloud carry the end of a log, whose line breaks are worth keeping.
    return "\n".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in line) for line in text.splitlines())
