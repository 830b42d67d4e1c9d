"""CSV that people open in a spreadsheet: what strangers wrote stays text, and no cell is run as a formula."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Spreadsheet programs take a file for UTF-8 only when it begins so.
BOM = b"\xef\xbb\xbf"

# A line of one empty cell, which would read as no line at all.
_EMPTY = '""'

_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]{1,3})?")
# What begins a formula, or is cut off by some program so that what follows begins one.
_BEGINS_FORMULA = frozenset("=+-@")
_CUT_OFF = frozenset("\t\r\n")
# Beside comma and quote what a program of another country takes for a separator: a cell must not fall apart there.
_NEEDS_QUOTES = re.compile(r'[",;|\t\r\n]|^\s|\s$')


def safe_cell(text: str) -> str:
    """Return `text` as a cell that no spreadsheet program runs: what could begin a formula gets an apostrophe in front.

    Full-width signs count as the plain ones, as programs of East Asia take them, and so do signs behind blanks or
    invisible characters. Numbers stay numbers.
    """
    if _NUMBER.fullmatch(text):
        return text
    begun = next((c for c in text if not _is_blank(c)), "")
    if text[:1] in _CUT_OFF or (begun and unicodedata.normalize("NFKC", begun)[:1] in _BEGINS_FORMULA):
        return f"'{text}"
    return text


def as_written(cell: str) -> str:
    """Return what was meant with a cell: the apostrophe that `safe_cell` puts in front, and people do, is taken off."""
    return cell[1:] if cell[:1] == "'" and safe_cell(cell[1:]) == cell else cell


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")


def csv_line(values: Iterable[object]) -> bytes:
    """Return one line of CSV (RFC 4180, CRLF, UTF-8), each value a `safe_cell`; None is an empty one."""
    line = ",".join(_quoted(safe_cell(_text(value))) for value in values)
    return (f"{line or _EMPTY}\r\n").encode()


def _text(value: object) -> str:
    """NUL ends a cell for some readers, and half a surrogate pair cannot be written in UTF-8."""
    text = "" if value is None else str(value)
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _quoted(cell: str) -> str:
    if _NEEDS_QUOTES.search(cell):
        return '"' + cell.replace('"', '""') + '"'
    return cell
