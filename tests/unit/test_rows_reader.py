"""An upload is read as it is meant, and what cannot be read is told by line, column and code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from afterimage.domain.request import ImageRequest
from afterimage.domain.row_fields import MAX_COLUMN_CHARACTERS, MAX_COLUMNS, REQUEST_FIELDS
from afterimage.domain.upload_text import MAX_RECORD_CHARACTERS
from fakes.checks import checked

LONG = "x" * (MAX_RECORD_CHARACTERS + 1)
Fault = tuple[int, str | None, str]


def requests(upload: bytes | str, **settings: Any) -> list[dict[str, Any]]:
    found = checked(upload, **settings)
    assert found.problems == []
    return [row.request for row in found.rows]


# ── What it is written in, and what it is ─────────────────────────────────────────────────────────────────────────────

CSV = "prompt;sku\r\nein Fuchs im Schnee – für Käthe;Ä1\r\n"


@pytest.mark.parametrize(
    ("upload", "read_as"),
    [
        (CSV.encode(), "CSV with semicolons, UTF-8"),
        (CSV.encode("utf-8-sig"), "CSV with semicolons, UTF-8"),
        (b"\xff\xfe" + CSV.encode("utf-16-le"), "CSV with semicolons, UTF-16"),
        (b"\xfe\xff" + CSV.encode("utf-16-be"), "CSV with semicolons, UTF-16"),
        (CSV.encode("cp1252"), "CSV with semicolons, Windows-1252"),
    ],
)
def test_an_encoding_is_found_out_and_told(upload: bytes, read_as: str) -> None:
    found = checked(upload)
    assert found.check.read_as == read_as
    assert [(row.request["prompt"], row.columns) for row in found.rows] == [
        ("ein Fuchs im Schnee – für Käthe", {"sku": "Ä1"})
    ]
    warned = [warning for warning in found.check.warnings if "Windows-1252" in warning]
    assert len(warned) == ("1252" in read_as)


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        (b"PK\x03\x04 and more", "upload_is_spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "upload_is_spreadsheet"),
        ("prompt\na fox\n".encode("utf-16-le"), "encoding_unknown"),
        (b"\xff\xfe\x00\x00" + "prompt\n".encode("utf-32-le"), "encoding_unknown"),
        (b"\x00" * 500, "encoding_unknown"),
        (b"\xff\xfe" + "prompt\na fox\n".encode("utf-16-le") + b"\x00", "encoding_broken"),
        (b"\xef\xbb\xbfprompt\na f\xff\n", "encoding_broken"),
        (b"", "upload_empty"),
        (b"\xef\xbb\xbf", "upload_empty"),
        (b"\r\n \r\n", "upload_empty"),
    ],
)
def test_what_is_no_text_is_one_problem_of_the_file(upload: bytes, code: str) -> None:
    assert checked(upload).faults == [(0, None, code)]


@pytest.mark.parametrize(
    ("upload", "separator"),
    [
        ("prompt,sku\na fox,1\n", "commas"),
        ("prompt;sku\na fox;1\n", "semicolons"),
        ("prompt\tsku\na fox\t1\n", "tabs"),
        ("prompt|sku\na fox|1\n", "pipes"),
        ('prompt;"sku, or what, we, call, so"\na fox;1\n', "semicolons"),
        ("sep=;\r\nprompt;sku\na fox;1\n", "semicolons"),
        ('"sep=|"\nprompt|sku\na fox|1\n', "pipes"),
        ("prompt\na fox\n", "commas"),
        # Only the header decides: what rows hold is anybody's text.
        ("prompt,sku\na fox; at night; in snow,1\n", "commas"),
    ],
)
def test_the_separator_is_that_of_the_header(upload: str, separator: str) -> None:
    found = checked(upload)
    assert found.problems == []
    assert found.check.read_as == f"CSV with {separator}, UTF-8"
    assert found.rows[0].request["prompt"].startswith("a fox")


@pytest.mark.parametrize(
    ("upload", "read_as"),
    [
        ('[{"prompt": "a fox"}, {"prompt": "an owl"}]', "JSON, UTF-8"),
        (' \n[\n{"prompt": "a fox"}\n,\n{"prompt": "an owl"}\n]\n', "JSON, UTF-8"),
        ('{"prompt": "a fox"}\n{"prompt": "an owl"}', "JSON Lines, UTF-8"),
        ('{"prompt": "a fox"}\r\n\r\n  {"prompt": "an owl"}  \r\n', "JSON Lines, UTF-8"),
    ],
)
def test_json_is_told_from_csv_by_its_first_character(upload: str, read_as: str) -> None:
    found = checked(upload)
    assert found.check.read_as == read_as
    assert [row.request for row in found.rows] == [{"prompt": "a fox"}, {"prompt": "an owl"}]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_json_may_begin_with_a_mark_too(encoding: str) -> None:
    assert requests('[{"prompt": "ein Kätzchen"}]'.encode(encoding)) == [{"prompt": "ein Kätzchen"}]


# ── Rows of a CSV ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["negative_prompt", "Negative Prompt", " NEGATIVE-PROMPT ", "negative  prompt", "Ｎegative_Ｐrompt"]
)
def test_a_column_is_known_however_its_name_is_written(name: str) -> None:
    assert requests(f"prompt,{name}\na fox,blurry\n") == [{"prompt": "a fox", "negative_prompt": "blurry"}]


def test_every_field_of_a_request_but_address_and_input_picture_may_be_a_column() -> None:
    assert set(REQUEST_FIELDS) == set(ImageRequest.__dataclass_fields__) - {"email", "upload", "strength"}
    values = ["a fox", "blurry", "photo", "2", "5", "64", "64", "9", "7.5", "DDIMScheduler", "oil"]
    (request,) = requests(",".join(REQUEST_FIELDS) + "\n" + ",".join(values) + "\n")
    assert ImageRequest(**request) == ImageRequest(
        prompt="a fox",
        negative_prompt="blurry",
        preset="photo",
        count=2,
        seed=5,
        width=64,
        height=64,
        steps=9,
        guidance=7.5,
        scheduler="DDIMScheduler",
        adapter="oil",
    )


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    upload = 'prompt,sku\r\n\r\n"a fox\r\nin the snow",1\r\n,2\n"an ""old"" owl",3\r,4'
    found = checked(upload)
    assert found.faults == [(5, "prompt", "prompt_empty"), (7, "prompt", "prompt_empty")]
    found = checked(upload, defaults={"prompt": "a house"})
    assert [(row.line, row.request["prompt"], row.columns["sku"]) for row in found.rows] == [
        (3, "a fox\r\nin the snow", "1"),
        (5, "a house", "2"),
        (6, 'an "old" owl', "3"),
        (7, "a house", "4"),
    ]


def test_empty_lines_and_lines_of_separators_are_no_rows() -> None:
    assert len(requests("prompt,sku\n\na fox,1\n,\n ,  \n\nan owl,2\n\n\n")) == 2


def test_a_line_may_be_shorter_than_the_header_and_end_in_separators() -> None:
    found = checked("prompt,preset,sku\na fox\nan owl,photo,1,,,\n")
    assert [(row.request, row.columns) for row in found.rows] == [
        ({"prompt": "a fox"}, {"sku": ""}),
        ({"prompt": "an owl", "preset": "photo"}, {"sku": "1"}),
    ]


def test_columns_that_are_no_fields_come_back_as_they_were() -> None:
    (row,) = checked('prompt,SKU,Ort und Zeit,\na fox,=1+1,"Hof, 7 Uhr",\n').rows
    assert row.columns == {"SKU": "=1+1", "Ort und Zeit": "Hof, 7 Uhr"}


CSV_FAULTS: dict[str, tuple[str, list[Fault]]] = {
    "no prompt column": ("promt,sku\na fox,1\n", [(1, None, "prompt_column_missing")]),
    "only a header": ("prompt,sku\n", [(0, None, "no_rows")]),
    "a column twice": ("prompt,Prompt ,sku\na,b,c\n", [(1, "prompt", "column_twice")]),
    "a free column twice": ("prompt,sku,SKU\na,b,c\n", [(1, "SKU", "column_twice")]),
    "a value without a column": ("prompt,,sku\na,b,c\n", [(2, None, "column_without_name")]),
    "too many cells": ("prompt,sku\na fox, red,1\n", [(2, None, "too_many_cells")]),
    "a recipient": ("prompt,email\na,b@example.com\n", [(1, "email", "recipient_in_row")]),
    "recipients by another name": ("prompt,Notify Email\na,b\n", [(1, "Notify Email", "recipient_in_row")]),
    "a name too long": (f"prompt,{'n' * 101}\na,b\n", [(1, "n" * 100, "column_name_invalid")]),
    "a NUL in a name": ("prompt,s\0ku\na,b\n", [(1, "s\0ku", "column_name_invalid")]),
    "a NUL in a prompt": ("prompt\na\0b\n", [(2, "prompt", "prompt_not_text")]),
    "a NUL in a column": ("prompt,sku\na,b\0\n", [(2, "sku", "value_not_text")]),
    "a bell": ("prompt\na\ab\n", [(2, "prompt", "prompt_not_text")]),
    "too many columns": (
        "prompt," + ",".join(f"c{n}" for n in range(MAX_COLUMNS + 1)) + "\na\n",
        [(1, None, "too_many_columns")],
    ),
    "a column too long": (f"prompt,sku\na,{'b' * (MAX_COLUMN_CHARACTERS + 1)}\n", [(2, "sku", "column_too_long")]),
    "a quote inside quotes": ('prompt\n"a "red" fox"\nan owl\n', [(2, None, "quotes_broken")]),
    "a quote never closed": (
        'prompt,sku\n"a fox,1\nan owl,2\n,3\n',
        [(2, None, "quotes_broken"), (4, "prompt", "prompt_empty")],
    ),
    "a quote that would swallow too much": (
        'prompt,sku\n"a fox,1\n' + "an owl,2\n" * 20_000 + ",3\n",
        [(2, None, "quotes_broken"), (20_003, "prompt", "prompt_empty")],
    ),
    "a line too long": (f"prompt\n{LONG}\n\nan owl,x\n", [(2, None, "line_too_long"), (4, None, "too_many_cells")]),
    "a cell too long": (f"prompt\n{'x' * 1001}\n", [(2, "prompt", "prompt_too_long")]),
    "quotes in the header": ('prompt,"sku\na,b\n', [(1, None, "header_broken")]),
    "a header too long": (f"{LONG}\na\n", [(1, None, "header_broken")]),
}


@pytest.mark.parametrize("name", CSV_FAULTS)
def test_a_fault_of_a_csv_is_told(name: str) -> None:
    upload, faults = CSV_FAULTS[name]
    found = checked(upload)
    assert found.faults == faults
    assert found.check.problems == len(faults)
    assert all(problem.sentence.endswith(".") for problem in found.problems)


# ── Numbers and text ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("count", "2", 2),
        ("count", " 2 ", 2),
        ("count", "2.0", 2),
        ("count", "+2", 2),
        ("steps", "008", 8),
        ("seed", "4294967295", 4294967295),
        ("guidance", "7.5", 7.5),
        ("guidance", "7", 7.0),
        ("guidance", ".5", 0.5),
        ("guidance", "1e1", 10.0),
        ("preset", " photo ", "photo"),
    ],
)
def test_a_number_may_be_written_as_text(field: str, text: str, value: Any) -> None:
    for upload in (f"prompt,{field}\na fox,{text}\n", json.dumps([{"prompt": "a fox", field: text}])):
        (request,) = requests(upload)
        assert (request[field], type(request[field])) == (value, type(value))


@pytest.mark.parametrize(
    ("field", "text", "code"),
    [
        ("count", "two", "value_not_whole"),
        ("count", "1.5", "value_not_whole"),
        ("count", "1 000", "value_not_whole"),
        ("count", "0x2", "value_not_whole"),
        ("count", "1_0", "value_not_whole"),
        ("count", "٣", "value_not_whole"),
        ("seed", "9" * 5000, "value_not_whole"),
        ("count", "9", "count_out_of_bounds"),
        ("count", "0", "count_out_of_bounds"),
        ("seed", "-1", "seed_out_of_bounds"),
        ("seed", "4294967296", "seed_out_of_bounds"),
        ("steps", "51", "steps_out_of_bounds"),
        ("guidance", "much", "value_not_number"),
        ("guidance", "nan", "value_not_number"),
        ("guidance", "inf", "value_not_number"),
        ("guidance", "1e999", "value_not_number"),
        ("guidance", "-0.5", "guidance_out_of_bounds"),
        ("preset", "oil-painting", "unknown_preset"),
        ("scheduler", "no such one!", "invalid_scheduler"),
        ("width", "64", "size_incomplete"),
    ],
)
def test_a_value_that_no_request_may_have_is_told(field: str, text: str, code: str) -> None:
    column = "height" if code == "size_incomplete" else field
    assert checked(f"prompt,{field}\na fox,{text}\n").faults == [(2, column, code)]


@pytest.mark.parametrize("field", ["count", "guidance"])
def test_a_decimal_comma_is_told_as_one(field: str) -> None:
    (problem,) = checked(f'prompt,{field}\na fox,"1,5"\n').problems
    assert problem.sentence.endswith("decimals are written with a point, not with a comma.")


@pytest.mark.parametrize(
    ("value", "read"),
    [(2, 2), (2.0, 2), ("2", 2), (None, None), ("", None)],
)
def test_a_number_of_json_is_a_number(value: Any, read: Any) -> None:
    (request,) = requests(json.dumps([{"prompt": "a fox", "count": value}]))
    assert request.get("count") == read


def test_columns_of_json_come_back_as_text() -> None:
    (row,) = checked('{"prompt": "a fox", "sku": 7, "price": 1.5, "on": true, "off": false, "none": null}').rows
    assert row.columns == {"sku": "7", "price": "1.5", "on": "true", "off": "false", "none": ""}


# ── Rows of JSON ──────────────────────────────────────────────────────────────────────────────────────────────────────

GOOD = '{"prompt": "a fox"}'
JSON_FAULTS: dict[str, tuple[str, list[Fault]]] = {
    "a boolean for a number": ('{"prompt": "a", "count": true}', [(1, "count", "value_not_whole")]),
    "a boolean for a decimal": ('{"prompt": "a", "guidance": true}', [(1, "guidance", "value_not_number")]),
    "half a picture": ('{"prompt": "a", "count": 1.5}', [(1, "count", "value_not_whole")]),
    "a number for text": ('{"prompt": 5}', [(1, "prompt", "value_not_text")]),
    "a list for text": ('{"prompt": ["a"]}', [(1, "prompt", "value_nested")]),
    "an object for a number": ('{"prompt": "a", "count": {"n": 1}}', [(1, "count", "value_nested")]),
    "a nested column": ('{"prompt": "a", "size": {"x": 1}}', [(1, "size", "value_nested")]),
    "somebody to notify": ('{"prompt": "a", "notify": {"email": "b"}}', [(1, "notify", "recipient_in_row")]),
    "not a number": ('{"prompt": "a", "guidance": NaN}', [(1, "guidance", "value_not_number")]),
    "too large a number": ('{"prompt": "a", "guidance": 1e999}', [(1, "guidance", "value_not_number")]),
    "a number of many digits": (f'{{"prompt": "a", "seed": {"9" * 5000}}}', [(1, "seed", "value_not_whole")]),
    "a name twice": ('{"prompt": "a", "Prompt": "b"}', [(1, "prompt", "column_twice")]),
    "no prompt": (f'{GOOD}\n{{"sku": "1"}}', [(2, "prompt", "prompt_empty")]),
    "half a character": ('{"prompt": "a", "sku": "\\ud800"}', [(1, "sku", "value_not_text")]),
    "half a character in a prompt": ('{"prompt": "a\\ud800"}', [(1, "prompt", "prompt_not_text")]),
    "a NUL": ('{"prompt": "a", "sku": "\\u0000"}', [(1, "sku", "value_not_text")]),
    "a line that is broken": (f'{GOOD}\n{{"prompt": "b"\n{GOOD}', [(2, None, "json_invalid")]),
    "two on a line": (f"{GOOD}\n{GOOD} {GOOD}", [(2, None, "json_invalid")]),
    "a line that is no object": (f'{GOOD}\n"b"\n[{GOOD}]\n7', [(n, None, "row_not_object") for n in (2, 3, 4)]),
    "a line too long": (
        f'{GOOD}\n{{"a": "{LONG}"}}\n{{}}',
        [(2, None, "line_too_long"), (3, "prompt", "prompt_empty")],
    ),
    "a line too deep": (f'{GOOD}\n{{"a": {"[" * 60_000}', [(2, None, "json_invalid")]),
    "an array of others": (f"[{GOOD},\n5,\n[],\nnull\n]", [(n, None, "row_not_object") for n in (2, 3, 4)]),
    "an array that ends early": (f"[{GOOD},\n{GOOD}\n", [(3, None, "json_invalid")]),
    "an array without a comma": (f"[{GOOD}\n{GOOD}]", [(2, None, "json_invalid")]),
    "an array with a comma too many": (f"[{GOOD},\n]", [(2, None, "json_invalid")]),
    "something behind an array": (f"[{GOOD}]\nx", [(2, None, "json_invalid")]),
    "an array with a fault inside": (f'[{GOOD},\n{{"prompt": "a"\n "b"}}]', [(3, None, "json_invalid")]),
    "an array too deep": (f"[{GOOD},\n{'[' * 60_000}", [(2, None, "json_invalid")]),
    "a row of an array too long": (f'[{GOOD},\n{{"a": "{LONG * 3}', [(2, None, "json_invalid")]),
    "an array of nothing": ("[]", [(0, None, "no_rows")]),
    "a wrapped array": (f'{{"rows": [{GOOD}]}}', [(1, "rows", "value_nested"), (1, "prompt", "prompt_empty")]),
}


@pytest.mark.parametrize("name", JSON_FAULTS)
def test_a_fault_of_json_is_told(name: str) -> None:
    upload, faults = JSON_FAULTS[name]
    found = checked(upload)
    assert found.faults == faults
    assert all(problem.sentence.endswith(".") for problem in found.problems)


def test_an_array_is_read_across_the_borders_of_what_is_held() -> None:
    rows = [{"prompt": f"a fox, number {number}", "sku": "x" * (number % 997)} for number in range(2000)]
    upload = json.dumps(rows, indent=1)
    found = checked(upload)
    assert found.problems == []
    assert [row.request["prompt"] for row in found.rows] == [row["prompt"] for row in rows]
    lines = upload.splitlines()
    assert all(lines[row.line - 1].strip() == "{" for row in found.rows)


@pytest.mark.parametrize("blanks", range(65_530, 65_540))
def test_a_number_is_not_cut_where_reading_pauses(blanks: int) -> None:
    assert checked("[" + " " * blanks + "12345]").faults == [(1, None, "row_not_object")]


def test_line_ends_of_json_count_once() -> None:
    upload = json.dumps([{"prompt": "a fox"}, {"sku": "1"}], indent=0)
    for end in ("\n", "\r\n", "\r"):
        assert checked(upload.replace("\n", end)).faults == [(5, "prompt", "prompt_empty")]
