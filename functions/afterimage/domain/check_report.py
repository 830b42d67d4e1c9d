"""What a check writes: rows that may run with their index, the forecast of each, and every problem, twice.

Everything goes straight into files; of a whole upload only sums are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from afterimage.contracts.campaign import INDEX_HEADER, RowDocument, RowForecast, RowProblem
from afterimage.contracts.codec import to_json
from afterimage.domain.moderation import Action
from afterimage.domain.row_check import Requested
from afterimage.domain.row_fields import ANNOTATIONS
from afterimage.domain.row_record import Record
from afterimage.domain.spreadsheet import BOM, csv_line

PROBLEMS_LISTED = 10_000
# Beside one line: a row of a cross product can have many, and a cell of a spreadsheet has an end.
_BESIDE_A_LINE = 20


@dataclass(frozen=True, kw_only=True)
class Sheets:
    """Files open for writing, one of each name in the check's folder."""

    rows: BinaryIO
    index: BinaryIO
    forecast: BinaryIO
    problems: BinaryIO
    annotated: BinaryIO


class Report:
    """Writes the sheets of one check, and sums up."""

    def __init__(self, sheets: Sheets, header: tuple[str, ...]) -> None:
        self._sheets = sheets
        self.rows = self.pictures = self.micros = self.blocked = self.softened = self.problems = 0
        self.seconds = 0.0
        self.rows_bytes = 0
        self._beside = _Beside()
        self._line: int | None = None
        sheets.index.write((",".join(INDEX_HEADER) + "\n").encode())
        sheets.annotated.write(BOM + csv_line((*ANNOTATIONS, *header)))

    def begin(self, record: Record) -> None:
        """What follows is about this row."""
        self._line = record.line
        self._beside = _Beside()

    def tell(self, problem: RowProblem) -> None:
        """Note a problem; it stands beside the row that it is about, or on a line of its own."""
        self.problems += 1
        if self.problems <= PROBLEMS_LISTED:
            self._list(problem)
        named = problem.column is None or problem.sentence.startswith(problem.column)
        said = problem.sentence if named else f"{problem.column}: {problem.sentence}"
        if problem.line == self._line:
            self._beside.add(said)
        else:
            self._sheets.annotated.write(csv_line((problem.line, said, "", "", "")))

    def _list(self, problem: RowProblem) -> None:
        self._sheets.problems.write(b"[\n" if self.problems == 1 else b",\n")
        self._sheets.problems.write(to_json(problem).encode())

    def request(self, record: Record, requested: Requested) -> None:
        """Note a request of the row; it is one to be made only as long as there are no problems."""
        self.rows += 1
        self.pictures += requested.estimate.pictures
        self.seconds += requested.estimate.seconds
        self.micros += requested.micros
        # What waits for a person elsewhere is blocked in a campaign, which waits for nobody.
        self.blocked += requested.decision.action in (Action.HOLD, Action.BLOCK)
        self.softened += requested.decision.action is Action.SOFTEN
        self._beside.count(requested)
        self._sheets.forecast.write(_line(self._forecast(requested, record.line)))
        if not self.problems:
            self._write_row(requested, record)

    def _forecast(self, requested: Requested, line: int) -> RowForecast:
        return RowForecast(
            row=self.rows,
            line=line,
            pictures=requested.estimate.pictures,
            seconds=requested.estimate.seconds,
            micros=requested.micros,
            moderation=requested.decision.action.value,
            categories=requested.decision.categories,
            sentence=requested.decision.sentence,
            warnings=tuple(warning.code for warning in requested.warnings),
        )

    def _write_row(self, requested: Requested, record: Record) -> None:
        document = RowDocument(
            row=self.rows,
            line=record.line,
            request=requested.request,
            columns=record.columns,
            pictures=requested.estimate.pictures,
            micros=requested.micros,
        )
        line = _line(document)
        self._sheets.rows.write(line)
        self._sheets.index.write(f"{self.rows},{self.rows_bytes},{len(line)}\n".encode())
        self.rows_bytes += len(line)

    def end(self, record: Record) -> None:
        """The row is complete: show it with what was said beside it."""
        self._sheets.annotated.write(csv_line((record.line, *self._beside.cells(), *record.cells)))
        self._line = None

    def close(self) -> None:
        """End the list of problems, and say so where it is cut."""
        if self.problems > PROBLEMS_LISTED:
            sentence = f"There are {self.problems} problems; the first {PROBLEMS_LISTED} are listed here."
            closing = RowProblem(line=0, column=None, code="more_problems", sentence=sentence)
            self._sheets.problems.write(b",\n" + to_json(closing).encode())
        self._sheets.problems.write(b"\n]\n" if self.problems else b"[]\n")


class _Beside:
    """What stands beside one row in the annotated copy, in the order of `ANNOTATIONS` behind the line."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._more = self._rows = self._micros = 0
        self._action = Action.ALLOW

    def add(self, said: str) -> None:
        if len(self._said) < _BESIDE_A_LINE:
            self._said.append(said)
        else:
            self._more += 1

    def count(self, requested: Requested) -> None:
        self._rows += 1
        self._micros += requested.micros
        self._action = max(self._action, requested.decision.action, key=list(Action).index)

    def cells(self) -> tuple[str, str, str, str]:
        said = [*self._said, f"{self._more} more."] if self._more else self._said
        if not self._rows:
            return " ".join(said), "", "", ""
        return " ".join(said), str(self._rows), f"{self._micros / 1_000_000:.6f}", self._action.value


def _line(value: object) -> bytes:
    return to_json(value).encode() + b"\n"
