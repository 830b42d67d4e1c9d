"""What strangers wrote is text in every spreadsheet program."""

from __future__ import annotations

import csv
import io

import pytest
from afterimage.domain.spreadsheet import BOM, csv_line, safe_cell
from hypothesis import given
from hypothesis import strategies as st

FORMULAS = [
    "=1+1",
    '=HYPERLINK("https://example.org","here")',
    "+1+1",
    "-1+1",
    "-cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\tanything",
    " =1+1",
    "\N{NO-BREAK SPACE}=1+1",
    "\N{ZERO WIDTH SPACE}=1+1",
    "\0=1+1",
    "\N{FULLWIDTH EQUALS SIGN}1+1",
    "\N{FULLWIDTH PLUS SIGN}1+1",
    "\N{FULLWIDTH HYPHEN-MINUS}1+A1",
    "\N{FULLWIDTH COMMERCIAL AT}SUM(A1)",
]
PLAIN = ["", "a lighthouse at dusk", "-5", "+3.5", "-1,5", "1e5", "-2.5E-3", "4 = 4", "a@b.example", "'quoted'", "ꙮ"]


def read_back(line: bytes) -> list[str]:
    (cells,) = csv.reader(io.StringIO(line.decode("utf-8"), newline=""))
    return cells


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_other_text_and_numbers_stay(text: str) -> None:
    assert safe_cell(text) == text


@pytest.mark.parametrize("text", FORMULAS)
def test_a_line_holds_no_formula_whatever_it_is_given(text: str) -> None:
    assert all(not cell or cell[0] not in "=+-@\t\r\n" for cell in read_back(csv_line([text, "x", text])))


def test_a_line_is_one_of_rfc_4180() -> None:
    assert csv_line(["a", 'say "hi"', "x,y", "two\nlines", 3, None, 2.5]) == (
        b'a,"say ""hi""","x,y","two\nlines",3,,2.5\r\n'
    )


@pytest.mark.parametrize("separator", ";\t|")
def test_a_cell_does_not_fall_apart_where_another_separator_is_usual(separator: str) -> None:
    line = csv_line([f"red{separator}=1+1", "b"])
    assert line.startswith(b'"red')


def test_what_utf_8_cannot_write_is_shown_as_missing() -> None:
    assert read_back(csv_line(["a\0b", "c\ud800d"])) == ["a\N{REPLACEMENT CHARACTER}b", "c?d"]


def test_a_spreadsheet_knows_the_file_by_its_beginning() -> None:
    assert "é".encode("utf-8-sig") == BOM + "é".encode()


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1))
def test_cells_come_back_as_they_were_made_safe(values: list[str]) -> None:
    assert read_back(csv_line(values)) == [safe_cell(value) for value in values]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_safe_cell_is_safe_already(text: str) -> None:
    assert safe_cell(safe_cell(text)) == safe_cell(text)
