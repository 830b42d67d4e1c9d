"""Whatever somebody sends, a check ends in rows or in problems, and its memory does not grow with the file."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import tracemalloc

import pytest
from afterimage.contracts.codec import from_document
from afterimage.domain import upload_check
from afterimage.domain.campaign import CampaignSettings
from afterimage.domain.quotas import UNLIMITED
from afterimage.domain.request import ImageRequest, specify
from afterimage.domain.row_fields import ANNOTATIONS, REQUEST_FIELDS
from fakes.checks import RULES, annotated, checked
from hypothesis import given, settings
from hypothesis import strategies as st

_SYNTAX = (b",", b";", b"\t", b'"', b'""', b"\n", b"\r\n", b"\r", b"[", b"{", b"}", b"]", b":")
_TEXTS = (b"prompt", b"seed", b"1,5", b"a fox", b'{"prompt": "a"}', b"\\u0000", b"\\ud800", b"1e999")
_BYTES = (b"\xff\xfe", b"\xef\xbb\xbf", b"\x00", b"\xe9")
PIECES = st.sampled_from((*_SYNTAX, *_TEXTS, *_BYTES))


@settings(deadline=None)
@given(st.binary(max_size=300) | st.lists(PIECES, max_size=40).map(b"".join))
def test_any_bytes_end_in_rows_or_in_problems(upload: bytes) -> None:
    found = checked(upload)
    assert found.check.problems == len(found.problems)
    assert bool(found.problems) or found.check.rows == len(found.rows) > 0
    for row in found.rows if not found.problems else ():
        specify(from_document(ImageRequest, row.request), RULES.profile, lambda: 0)
    assert all(len(cells) >= len(ANNOTATIONS) for cells in annotated(found))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
NAMES = st.sampled_from([*REQUEST_FIELDS, "email", "sku"])


@settings(deadline=None)
@given(st.lists(st.dictionaries(NAMES, JSON, max_size=4) | JSON, max_size=4), st.booleans())
def test_any_json_ends_in_rows_or_in_problems(rows: list[object], lines: bool) -> None:
    upload = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)
    found = checked(upload)
    assert bool(found.problems) or found.check.rows == len(found.rows) > 0


SETTING = st.dictionaries(st.sampled_from([*REQUEST_FIELDS, "email", "x"]), JSON, max_size=3)
AXES = st.dictionaries(st.sampled_from([*REQUEST_FIELDS, "x"]), st.lists(JSON, max_size=3).map(tuple), max_size=2)


@settings(deadline=None)
@given(SETTING, AXES)
def test_any_settings_end_in_rows_or_in_problems(defaults: dict[str, object], axes: dict[str, tuple[object]]) -> None:
    found = checked("sku\n1\n", defaults={"prompt": "a fox"} | defaults, axes=axes)
    assert bool(found.problems) or found.check.rows == len(found.rows) > 0


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


@settings(deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=5), st.sampled_from(",;\t|"), st.sampled_from(["utf-8", "utf-16"]))
def test_cells_come_through_whatever_they_hold(cells: list[str], separator: str, encoding: str) -> None:
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerow(["prompt", "sku"])
    writer.writerows([f"a fox {cell}", f"_{cell}"] for cell in cells)
    found = checked(sheet.getvalue().encode(encoding))
    assert found.problems == []
    assert [row.columns["sku"] for row in found.rows] == [f"_{cell}" for cell in cells]
    assert [row.request["prompt"] for row in found.rows] == [f"a fox {cell}".strip() for cell in cells]


class Nowhere(io.RawIOBase):
    """Takes what is written and keeps none of it."""

    def write(self, data: object) -> int:
        return len(data)  # type: ignore[arg-type]


TEN_MB = 10 * 1024 * 1024
ROW = b"a lighthouse at dusk," + b"x" * 900 + b"\n"
LARGE = {
    "rows": b"prompt,sku\n" + ROW * (TEN_MB // len(ROW) - 1),
    "faults": b"prompt,sku\n" + (b"," + b"x" * 900 + b"\n") * (TEN_MB // 903),
    "an array": b"[" + (b'{"prompt": "a fox", "sku": "' + b"x" * 900 + b'"},') * (TEN_MB // 1000),
    "one cell": b"prompt\n" + b"x" * (TEN_MB - 10),
    "a quote": b'prompt\n"' + b"a fox\n" * 10_000 + b"x" * (TEN_MB - 100_000),
    "separators": b"prompt\n" + b"," * (TEN_MB - 10),
    "quoted separators": b"prompt\n" + b'"\n","' * 15_000 + b"," * (TEN_MB - 100_000),
    "brackets": b"[" * (TEN_MB - 10),
    "blanks": b" " * (TEN_MB - 10),
    "not UTF-8": b"prompt,sku\n" + b"a f\xe9x," + b"\xe9" * (TEN_MB - 100),
}


@pytest.mark.parametrize("name", LARGE)
def test_memory_does_not_grow_with_the_file(name: str) -> None:
    """The file itself lies on a disk, and what is written goes there; half of its size is far more than is held."""
    file = io.BytesIO(LARGE[name])
    written = {field.name: Nowhere() for field in dataclasses.fields(upload_check.Sheets)}
    sheets = upload_check.Sheets(**written)  # type: ignore[arg-type]
    bound = upload_check.row_bound(UNLIMITED)
    tracemalloc.start()
    try:
        upload_check.check_upload(file, CampaignSettings(), RULES, bound, sheets, "c1")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < TEN_MB // 2
