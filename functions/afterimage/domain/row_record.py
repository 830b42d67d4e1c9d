"""One row as it was sent: fields of a request, columns that come along, and what is wrong with either."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from afterimage.contracts.campaign import RowProblem
from afterimage.domain.row_fields import (
    ANNOTATIONS,
    MAX_COLUMNS,
    MAX_NAME_CHARACTERS,
    RECIPIENTS,
    REQUEST_FIELDS,
    ValueProblem,
    folded,
    is_writable,
    read_column,
    read_value,
)


@dataclass(frozen=True, kw_only=True)
class Record:
    """A row; `fields` is None where it could not be read. `spoilt` are fields whose value was refused already, `cells`
    what an annotated copy shows of it."""

    line: int
    fields: dict[str, Any] | None
    columns: dict[str, str]
    problems: tuple[RowProblem, ...]
    spoilt: frozenset[str]
    cells: tuple[str, ...]


class Kind(Enum):
    """What a column is to us."""

    FIELD = "field"
    FREE = "free"
    LEFT_ASIDE = "left aside"
    UNNAMED = "unnamed"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column by its name; `problem` is why it is refused."""

    kind: Kind
    name: str
    problem: ValueProblem | None = None


@functools.lru_cache(maxsize=256)
def column_named(written: str) -> Column:
    """Return what a column of this name is."""
    if not is_writable(written) or len(written) > MAX_NAME_CHARACTERS:
        problem = ValueProblem(
            "column_name_invalid", f"The name of a column must be text of at most {MAX_NAME_CHARACTERS} characters."
        )
        return Column(kind=Kind.REFUSED, name=written[:MAX_NAME_CHARACTERS], problem=problem)
    name = folded(written)
    if name in REQUEST_FIELDS:
        return Column(kind=Kind.FIELD, name=name)
    if name in RECIPIENTS:
        problem = ValueProblem(
            "recipient_in_row", "A row tells nobody: the recipients are the campaign's. Take this column out."
        )
        return Column(kind=Kind.REFUSED, name=written.strip(), problem=problem)
    if name in ANNOTATIONS:
        return Column(kind=Kind.LEFT_ASIDE, name=name)
    return Column(kind=Kind.FREE if name else Kind.UNNAMED, name=written.strip())


def column_problems(columns: Iterable[Column], line: int) -> list[RowProblem]:
    """Return what is wrong with a set of columns: refused ones, one twice, too many that only come along."""
    found: list[RowProblem] = []
    seen: set[str] = set()
    free = 0
    for column in columns:
        same = folded(column.name)
        if column.problem:
            found.append(problem(line, column.name, column.problem))
        elif column.kind in (Kind.FIELD, Kind.FREE) and same in seen:
            found.append(
                RowProblem(line=line, column=column.name, code="column_twice", sentence="There are two such columns.")
            )
        seen.add(same)
        free += column.kind is Kind.FREE
    if free > MAX_COLUMNS:
        sentence = f"At most {MAX_COLUMNS} columns may come along, not {free}."
        found.append(RowProblem(line=line, column=None, code="too_many_columns", sentence=sentence))
    return found


def record_of(
    line: int, values: Iterable[tuple[Column, Any]], cells: tuple[str, ...], problems: Iterable[RowProblem] = ()
) -> Record:
    """Build a record of columns with their values; the first of two alike counts."""
    found = list(problems)
    fields: dict[str, Any] = {}
    columns: dict[str, str] = {}
    spoilt: set[str] = set()
    for column, value in values:
        try:
            if column.kind is Kind.FIELD:
                read = read_value(column.name, value)
                if read is not None:
                    fields.setdefault(column.name, read)
            elif column.kind is Kind.FREE and len(columns) < MAX_COLUMNS:
                columns.setdefault(column.name, read_column(value))
            elif column.kind is Kind.UNNAMED and value not in ("", None):
                raise ValueProblem("column_without_name", "There is a value in a column that has no name.")
        except ValueProblem as exc:
            spoilt.add(column.name)
            found.append(problem(line, column.name or None, exc))
    return Record(
        line=line,
        fields=fields,
        columns=columns,
        problems=tuple(found),
        spoilt=frozenset(spoilt),
        cells=cells,
    )


def unreadable(line: int, code: str, sentence: str, shown: str) -> Record:
    """Return a record that could not be read at all."""
    told = RowProblem(line=line, column=None, code=code, sentence=sentence)
    return Record(line=line, fields=None, columns={}, problems=(told,), spoilt=frozenset(), cells=(shown,))


def problem(line: int, column: str | None, exc: ValueProblem) -> RowProblem:
    """Return a problem with a value or a name, as it is told."""
    return RowProblem(line=line, column=column, code=exc.code, sentence=exc.sentence)
