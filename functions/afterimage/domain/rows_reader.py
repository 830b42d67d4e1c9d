"""The rows of an upload, one after the other: CSV, a JSON array or a JSON object a line, found out by its content.

Whatever the bytes, what comes out is rows and problems; nothing is raised and no list of rows is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from afterimage.contracts.campaign import RowProblem
from afterimage.domain.csv_rows import SEPARATORS, open_csv
from afterimage.domain.json_rows import array_records, line_records
from afterimage.domain.row_record import Kind, Record
from afterimage.domain.upload_text import Lines, NotTextError, find_encoding, first_character, open_text


@dataclass(frozen=True, kw_only=True)
class Upload:
    """An upload that is being read. `problems` concern the file or its header, in line `header_line`; `header` are the
    columns of an annotated copy. `named` are the fields that the header of a CSV names, None where each row names its
    own or there is no header."""

    records: Iterator[Record]
    read_as: str = ""
    warnings: tuple[str, ...] = ()
    problems: tuple[RowProblem, ...] = ()
    header_line: int = 0
    header: tuple[str, ...] = ()
    named: frozenset[str] | None = None


def read_upload(file: BinaryIO) -> Upload:
    """Return what is in `file`, which is read as records are asked for and must stay open for them."""
    try:
        encoding = find_encoding(file)
    except NotTextError as exc:
        told = RowProblem(line=0, column=None, code=exc.code, sentence=exc.sentence)
        return Upload(records=iter(()), problems=(told,))
    warnings = (encoding.warning,) if encoding.warning else ()
    begins = first_character(file, encoding)
    if begins == "[":
        records = array_records(open_text(file, encoding, newline=None))
        return Upload(records=records, read_as=f"JSON, {encoding.title}", warnings=warnings, header=("row",))
    lines = Lines(open_text(file, encoding))
    if begins == "{":
        read_as = f"JSON Lines, {encoding.title}"
        return Upload(records=line_records(lines), read_as=read_as, warnings=warnings, header=("row",))
    csv = open_csv(lines)
    return Upload(
        records=csv.records,
        read_as=f"CSV with {SEPARATORS[csv.separator]}, {encoding.title}",
        warnings=warnings,
        problems=csv.problems,
        header_line=csv.header_line,
        header=csv.header,
        named=frozenset(column.name for column in csv.columns if column.kind is Kind.FIELD) if csv.columns else None,
    )
