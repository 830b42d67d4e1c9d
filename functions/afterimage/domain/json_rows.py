"""Rows as JSON: one array of objects, or one object a line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, TextIO

from afterimage.domain.row_record import Record, column_named, column_problems, record_of, unreadable
from afterimage.domain.upload_text import MAX_RECORD_CHARACTERS, Lines, TooLongError

# A cell of a spreadsheet holds 32,767 characters.
SHOWN_CHARACTERS = 32_000
# More than any number of a request, and few enough for Python to read at once.
_DIGITS = 40
_CHUNK = 65_536
_LINE_END = "\n"
_WHITE_SPACE = re.compile(r"[ \t\r\n]*")
_NO_OBJECT = 'A row must be a JSON object, such as {"prompt": "a lighthouse at dusk"}.'


class _Object(list[tuple[str, Any]]):
    """The pairs of a JSON object: a dict would hide a name that is there twice."""


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Object, parse_int=lambda digits: int(digits) if len(digits) <= _DIGITS else math.inf
)


class _BrokenError(ValueError):
    """Raised where a text is no JSON."""

    def __init__(self, line: int, code: str, sentence: str, shown: str) -> None:
        super().__init__(sentence)
        self.record = unreadable(line, code, sentence, shown[:SHOWN_CHARACTERS])


def line_records(lines: Lines) -> Iterator[Record]:
    """Yield the objects of JSON Lines; a line that is broken costs nothing but itself."""
    while True:
        lines.begin()
        try:
            text = next(lines).strip()
        except StopIteration:
            return
        except TooLongError:
            shown = lines.held[0][:SHOWN_CHARACTERS]
            yield unreadable(lines.number, "line_too_long", "The line is longer than a row may be.", shown)
            continue
        if not text:
            continue
        try:
            value, end = _DECODER.raw_decode(text)
            if text[end:].strip():
                raise ValueError("more than one value")
        except (ValueError, RecursionError) as exc:
            sentence = f"The line is not a JSON object of its own: {_reason(exc)}."
            yield unreadable(lines.number, "json_invalid", sentence, text[:SHOWN_CHARACTERS])
            continue
        yield _record(lines.number, value, text)


def array_records(text: TextIO) -> Iterator[Record]:
    """Yield the objects of a JSON array. Behind a fault nobody can say where the next one begins, so it is the last."""
    scanner = _Scanner(text)
    try:
        scanner.skip("[")
        while scanner.peek() != "]":
            line = scanner.line
            value, shown = scanner.value()
            yield _record(line, value, shown)
            if scanner.peek() != "]":
                scanner.skip(",")
                if scanner.peek() == "]":
                    raise scanner.broken("there is a comma behind the last row")
        scanner.skip("]")
        if scanner.peek():
            raise scanner.broken("there is more behind the array")
    except _BrokenError as exc:
        yield exc.record


def _record(line: int, value: Any, shown: str) -> Record:
    if not isinstance(value, _Object):
        return unreadable(line, "row_not_object", _NO_OBJECT, shown[:SHOWN_CHARACTERS])
    values = [(column_named(name), item) for name, item in value]
    problems = column_problems((column for column, _ in values), line)
    return record_of(line, values, (shown[:SHOWN_CHARACTERS],), problems)


def _reason(exc: Exception) -> str:
    if isinstance(exc, RecursionError):
        return "it is nested too deeply"
    reason = exc.msg if isinstance(exc, json.JSONDecodeError) else str(exc)
    return reason[:1].lower() + reason[1:]


class _Scanner:
    """Reads values out of a long text with one of them in memory at a time."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._buffer = ""
        self._at = 0
        self.line = 1

    def peek(self) -> str:
        """Return the next character that is no white space, empty at the end."""
        while True:
            blank = _WHITE_SPACE.match(self._buffer, self._at)
            self._pass(blank.end() if blank else self._at)
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._fill():
                return ""

    def skip(self, character: str) -> None:
        """Pass by a character that has to stand here."""
        if self.peek() != character:
            raise self.broken(f"'{character}' was expected")
        self._pass(self._at + 1)

    def value(self) -> tuple[Any, str]:
        """Return the value that begins here, and its text."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError) as exc:
                if len(self._buffer) - self._at > MAX_RECORD_CHARACTERS:
                    raise self.broken("it is longer than a row may be, or never ends") from exc
                if not self._fill():
                    raise self.broken(_reason(exc), getattr(exc, "pos", self._at)) from exc
                continue
            if end == len(self._buffer) and self._fill():
                continue  # a number may go on
            shown = self._buffer[self._at : end]
            self._pass(end)
            return value, shown

    def broken(self, reason: str, at: int | None = None) -> _BrokenError:
        """Return the fault that ends the reading, `at` a place in what is held."""
        line = self.line + self._buffer.count(_LINE_END, self._at, at if at is not None else self._at)
        shown = self._buffer[self._at : self._at + SHOWN_CHARACTERS]
        sentence = f"From here on the file is not JSON, and was not read: {reason}."
        return _BrokenError(line, "json_invalid", sentence, shown)

    def _pass(self, end: int) -> None:
        self.line += self._buffer.count(_LINE_END, self._at, end)
        self._at = end

    def _fill(self) -> bool:
        """Read on, as much again as is held; False at the end."""
        held = self._buffer[self._at :]
        more = self._text.read(max(_CHUNK, len(held)))
        self._buffer, self._at = held + more, 0
        return bool(more)
