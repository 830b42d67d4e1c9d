"""A check of some bytes, and what it wrote, for the tests of checking."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, fields
from typing import Any

from afterimage.contracts.campaign import RowDocument, RowForecast, RowProblem
from afterimage.contracts.codec import from_document, from_json
from afterimage.domain.campaign import CampaignSettings, Check
from afterimage.domain.check_report import Sheets
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.moderation import packaged_policy
from afterimage.domain.quotas import UNLIMITED, Quotas
from afterimage.domain.row_check import Rules
from afterimage.domain.upload_check import check_upload, row_bound

RULES = Rules(profile=model_profiles()["demo"], policy=packaged_policy(), dollars_per_hour=1.0, at_ms=7)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a check found, and every file that it wrote."""

    check: Check
    files: dict[str, bytes]

    @property
    def problems(self) -> list[RowProblem]:
        return [from_document(RowProblem, entry) for entry in json.loads(self.files["problems"])]

    @property
    def faults(self) -> list[tuple[int, str | None, str]]:
        return [(problem.line, problem.column, problem.code) for problem in self.problems]

    @property
    def rows(self) -> list[RowDocument]:
        return [from_json(RowDocument, line) for line in self.files["rows"].splitlines()]

    @property
    def forecasts(self) -> list[RowForecast]:
        return [from_json(RowForecast, line) for line in self.files["forecast"].splitlines()]


def checked(upload: bytes | str | None, quotas: Quotas = UNLIMITED, rules: Rules = RULES, **settings: Any) -> Checked:
    """Check an upload with these settings of its campaign."""
    file = io.BytesIO(upload.encode() if isinstance(upload, str) else upload) if upload is not None else None
    written = {field.name: io.BytesIO() for field in fields(Sheets)}
    check = check_upload(file, CampaignSettings(**settings), rules, row_bound(quotas), Sheets(**written), "c1")
    return Checked(check=check, files={name: sheet.getvalue() for name, sheet in written.items()})


def annotated(found: Checked) -> list[list[str]]:
    """Read the annotated copy as a spreadsheet program does."""
    return list(csv.reader(io.StringIO(found.files["annotated"].decode("utf-8-sig"), newline="")))
