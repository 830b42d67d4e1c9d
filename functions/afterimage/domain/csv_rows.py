"""Rows of a CSV, as strict as RFC 4180 about quotes and as patient as people need about everything else."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

from afterimage.contracts.campaign import RowProblem
from afterimage.domain.row_record import Column, Kind, Record, column_named, column_problems, record_of, unreadable
from afterimage.domain.spreadsheet import as_written
from afterimage.domain.upload_text import Lines, TooLongError

# Of two that are found as often, the first is meant.
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
SHOWN_CHARACTERS = 1000
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
# What spreadsheet programs write in front to say so.
_SAID = re.compile(r'"?sep=([,;\t|])"?\s*', re.IGNORECASE)

_QUOTES = (
    "The quotes do not pair up. A cell that holds a separator, a line break or a quote stands between two quotes, and "
    "each quote inside it is written twice."
)


@dataclass(frozen=True, kw_only=True)
class CsvRows:
    """A CSV behind its header. `problems` of the header; without `columns` there is none, and no records."""

    separator: str
    header_line: int
    header: tuple[str, ...]
    columns: tuple[Column, ...]
    problems: tuple[RowProblem, ...]
    records: Iterator[Record]


def open_csv(lines: Lines) -> CsvRows:
    """Read the header and return what follows it."""
    separator = _separator(lines)
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True)
    lines.begin()
    try:
        header = next(reader, [])
    except (csv.Error, TooLongError):
        told = RowProblem(
            line=lines.first_number, column=None, code="header_broken", sentence=f"In the header: {_QUOTES}"
        )
        return _nothing(separator, lines.first_number, told)
    if not any(name.strip() for name in header):
        sentence = "There is nothing in the file. Its first line must name the columns."
        return _nothing(separator, 0, RowProblem(line=0, column=None, code="upload_empty", sentence=sentence))
    line = lines.first_number
    columns = tuple(column_named(as_written(name)) for name in header)
    return CsvRows(
        separator=separator,
        header_line=line,
        header=_without_annotations(header, columns),
        columns=columns,
        problems=tuple(column_problems(columns, line)),
        records=_records(lines, reader, columns),
    )


def _nothing(separator: str, line: int, told: RowProblem) -> CsvRows:
    return CsvRows(separator=separator, header_line=line, header=(), columns=(), problems=(told,), records=iter(()))


def _separator(lines: Lines) -> str:
    """Find the separator of the header, which has not been read yet, and leave it to be read."""
    for line in _held(lines):
        if said := _SAID.fullmatch(line):
            return said[1]
        if line.strip():
            bare = _QUOTED.sub("", line)
            lines.give_back(keep=0)
            return max(SEPARATORS, key=bare.count)
    return ","


def _held(lines: Lines) -> Iterator[str]:
    """Each line alone, however long: a header that is too long is told when it is read as one."""
    while True:
        lines.begin()
        try:
            yield next(lines)
        except TooLongError:
            yield lines.held[0]
        except StopIteration:
            return


def _records(lines: Lines, reader: Iterator[list[str]], columns: tuple[Column, ...]) -> Iterator[Record]:
    while True:
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, TooLongError) as exc:
            yield _broken(lines, exc)
            continue
        if any(cell.strip() for cell in cells):
            yield _record(lines.first_number, cells, columns)


def _broken(lines: Lines, exc: Exception) -> Record:
    line, shown = lines.first_number, lines.held[0].rstrip("\r\n")[:SHOWN_CHARACTERS]
    alone = len(lines.held) == 1
    lines.give_back()
    if alone and isinstance(exc, TooLongError):
        return unreadable(line, "line_too_long", "The line is longer than a row may be.", shown)
    return unreadable(line, "quotes_broken", _QUOTES, shown)


def _record(line: int, cells: list[str], columns: tuple[Column, ...]) -> Record:
    values = [as_written(cell) for cell in cells]
    problems = []
    more = len(values) - len(columns)
    if more > 0 and any(cell.strip() for cell in values[len(columns) :]):
        sentence = (
            f"The line has {len(values)} cells and the header {len(columns)}. "
            "A cell that holds the separator stands between quotes."
        )
        problems.append(RowProblem(line=line, column=None, code="too_many_cells", sentence=sentence))
    values += [""] * -more
    shown = _without_annotations(values, columns)
    return record_of(line, zip(columns, values, strict=False), shown, problems)


def _without_annotations(cells: list[str], columns: tuple[Column, ...]) -> tuple[str, ...]:
    aside = {place for place, column in enumerate(columns) if column.kind is Kind.LEFT_ASIDE}
    return tuple(cell for place, cell in enumerate(cells) if place not in aside)
