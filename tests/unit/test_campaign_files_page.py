"""The page about the rows of a campaign names every code that a problem can have, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from afterimage.domain.row_fields import ANNOTATIONS, REQUEST_FIELDS

ROOT = Path(__file__).parents[2]
MODULES = (
    "upload_check",
    "upload_text",
    "csv_rows",
    "json_rows",
    "row_record",
    "row_fields",
    "row_check",
    "check_report",
)
# The code is a keyword, or stands behind a place or a line in what is raised or returned.
_TOLD = re.compile(
    r"(?:code=|(?:ValueProblem|NotTextError)\(\s*|_EnoughError\(\s*[^\"]*?,\s*"
    r"|(?:unreadable|_no_number|_BrokenError)\([^\"]*?)\"([a-z_]+)\""
)


def test_every_code_of_a_problem_is_documented() -> None:
    domain = ROOT / "functions" / "afterimage" / "domain"
    text = "".join((domain / f"{name}.py").read_text(encoding="utf-8") for name in MODULES)
    page = (ROOT / "docs" / "campaign-files.md").read_text(encoding="utf-8")
    section = page.split("## Codes")[1].split("## ")[0]
    assert set(re.findall(r"`([a-z_]+)`", section)) == set(_TOLD.findall(text))


def test_the_columns_of_the_annotated_copy_are_named() -> None:
    page = (ROOT / "docs" / "campaign-files.md").read_text(encoding="utf-8")
    assert [name for name in (*ANNOTATIONS, *REQUEST_FIELDS) if f"`{name}`" not in page] == []
