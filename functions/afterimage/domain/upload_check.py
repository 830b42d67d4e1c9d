"""The check of a whole upload: every row, with everything that is wrong, within the bounds of a campaign."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from afterimage.contracts.campaign import RowProblem
from afterimage.domain.campaign import MAX_ROWS, MAX_UPLOAD_BYTES, CampaignSettings, Check
from afterimage.domain.check_report import Report, Sheets
from afterimage.domain.quotas import Quotas
from afterimage.domain.row_check import RowChecker, Rules
from afterimage.domain.row_record import Record
from afterimage.domain.rows_reader import Upload, read_upload

# Combinations can make much of a small file, and a Lambda's disk holds 512 MB.
MAX_ROWS_BYTES = 200 * 1024 * 1024

# What makes a row out of a campaign's axes alone.
_EMPTY_ROW = Record(line=0, fields={}, columns={}, problems=(), spoilt=frozenset(), cells=())


@dataclass(frozen=True, kw_only=True)
class RowBound:
    """How many rows a campaign may have, and the code and words for one too many."""

    rows: int
    code: str
    whose: str


def row_bound(quotas: Quotas) -> RowBound:
    """Return the tighter of what a campaign may have and what its owner's quota allows."""
    if quotas.campaign_rows is not None and quotas.campaign_rows < MAX_ROWS:
        return RowBound(rows=quotas.campaign_rows, code="campaign_rows_reached", whose="a campaign of yours")
    return RowBound(rows=MAX_ROWS, code="too_many_rows", whose="a campaign")


class _EnoughError(Exception):
    """Raised where reading on would lead nowhere."""

    def __init__(self, line: int, code: str, sentence: str) -> None:
        super().__init__(code)
        self.problem = RowProblem(line=line, column=None, code=code, sentence=sentence)


def check_upload(
    file: BinaryIO | None, settings: CampaignSettings, rules: Rules, bound: RowBound, sheets: Sheets, check_id: str
) -> Check:
    """Check what is in `file` (None: nothing was sent, the axes alone make the rows) and write it to `sheets`.

    Nothing that a person may send makes this raise.
    """
    upload = _opened(file)
    checker = RowChecker(settings, rules, upload.named, upload.header_line)
    report = Report(sheets, upload.header)
    for told in (*checker.problems, *upload.problems):
        report.tell(told)
    rows = 0
    try:
        for record in _records(file, upload, checker):
            rows += checker.combinations
            if rows > bound.rows:
                raise _too_many(record.line, bound)
            _check_row(record, checker, report)
        if rows == 0 and not report.problems:
            raise _EnoughError(0, "no_rows", "There is no row in the file.")
    except _EnoughError as exc:
        report.tell(exc.problem)
    report.close()
    return Check(
        check_id=check_id,
        at_ms=rules.at_ms,
        rows=rows,
        pictures=report.pictures,
        seconds=round(report.seconds, 2),
        micros=report.micros,
        problems=report.problems,
        blocked=report.blocked,
        read_as=upload.read_as,
        warnings=(*upload.warnings, *_warnings(report)),
    )


def _opened(file: BinaryIO | None) -> Upload:
    if file is None:
        return Upload(records=iter(()), read_as="no file, the axes alone")
    if file.seek(0, io.SEEK_END) > MAX_UPLOAD_BYTES:
        sentence = f"The file is larger than {MAX_UPLOAD_BYTES} bytes. Send it as several campaigns."
        problem = RowProblem(line=0, column=None, code="upload_too_large", sentence=sentence)
        return Upload(records=iter(()), problems=(problem,))
    return read_upload(file)


def _records(file: BinaryIO | None, upload: Upload, checker: RowChecker) -> Iterator[Record]:
    if file is None:
        if not checker.gives_prompt:
            raise _EnoughError(0, "upload_missing", "No file was sent, and neither defaults nor axes name a prompt.")
        return iter((_EMPTY_ROW,))
    if upload.named is not None and "prompt" not in upload.named and not checker.gives_prompt:
        raise _EnoughError(
            upload.header_line,
            "prompt_column_missing",
            "The first line must name the columns, and one of them must be prompt. Nothing else was read.",
        )
    return upload.records


def _check_row(record: Record, checker: RowChecker, report: Report) -> None:
    report.begin(record)
    try:
        for found in checker.check(record):
            if isinstance(found, RowProblem):
                report.tell(found)
            else:
                report.request(record, found)
            if report.rows_bytes > MAX_ROWS_BYTES:
                raise _EnoughError(
                    record.line,
                    "rows_too_large",
                    f"The rows with all their columns are larger than {MAX_ROWS_BYTES} bytes. Nothing behind this line "
                    "was read.",
                )
    finally:
        report.end(record)


def _too_many(line: int, bound: RowBound) -> _EnoughError:
    sentence = f"With this line there are more than {bound.rows} rows, as many as {bound.whose} may have. It and what "
    return _EnoughError(line, bound.code, f"{sentence}follows it were not read.")


def _warnings(report: Report) -> list[str]:
    found = []
    if report.blocked:
        found.append(f"{report.blocked} of the rows would be taken, and then be blocked by the content policy.")
    if report.softened:
        found.append(f"{report.softened} of the rows would be drawn from a prompt that the content policy softens.")
    return found
