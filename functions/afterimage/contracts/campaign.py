"""Documents of a campaign in S3, and what its state machine passes on: ids and places only, because an execution's
history is kept for 90 days.

    campaigns/{id}/upload                                   the file as it was sent
    campaigns/{id}/checks/{check_id}/rows.jsonl             a `RowDocument` a line, combined and complete
    campaigns/{id}/checks/{check_id}/index.csv              row,start,length: where each line lies, in bytes
    campaigns/{id}/checks/{check_id}/problems.json          every `RowProblem`, as one array; the first 10,000 of more
    campaigns/{id}/checks/{check_id}/problems.csv           the file again, with all that is wrong beside each line, and
                                                            what its rows would cost and what moderation would say
    campaigns/{id}/checks/{check_id}/check.jsonl            a `RowForecast` a line: the dry run of each row
    campaigns/{id}/runs/{run_id}/manifest.jsonl, .csv       a `RowResult` a line
    campaigns/{id}/runs/{run_id}/sheet-01.jpg …             contact sheets
    campaigns/{id}/runs/{run_id}/pictures-01.zip …          on demand
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

INDEX_HEADER = ("row", "start", "length")


def campaign_prefix(campaign_id: str) -> str:
    """Return where everything of a campaign lies."""
    return f"campaigns/{campaign_id}/"


def upload_key(campaign_id: str) -> str:
    """Return where the rows are sent to."""
    return f"{campaign_prefix(campaign_id)}upload"


def check_prefix(campaign_id: str, check_id: str) -> str:
    """Return the folder of one check."""
    return f"{campaign_prefix(campaign_id)}checks/{check_id}/"


def run_prefix(campaign_id: str, run_id: str) -> str:
    """Return the folder of one run's results."""
    return f"{campaign_prefix(campaign_id)}runs/{run_id}/"


@dataclass(frozen=True, kw_only=True)
class RowDocument:
    """One row, checked: `line` is where it stood in the upload (1 is the first), `request` the fields of an
    `ImageRequest` that are not left to the model, `columns` what came along and goes back into the result. `micros` are
    millionths of a dollar, estimated."""

    row: int
    line: int
    request: dict[str, Any]
    columns: dict[str, str]
    pictures: int
    micros: int


@dataclass(frozen=True, kw_only=True)
class RowForecast:
    """What would become of a row: estimates, and what moderation says now (`allow`, `soften` or `block`), with its
    sentence. A row that would be blocked is no problem of the file: it is asked for, and ends BLOCKED. `warnings` are
    codes."""

    row: int
    line: int
    pictures: int
    seconds: float
    micros: int
    moderation: str
    categories: tuple[str, ...]
    sentence: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RowProblem:
    """What is wrong with a row; `column` is None for what concerns the whole line, `line` is 0 for what concerns the
    whole file or the campaign's settings."""

    line: int
    column: str | None
    code: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class RowPlace:
    """What one child of the Map gets. Numbers are texts, as the reader of a CSV hands them over."""

    campaign_id: str
    run_id: str
    leg: int
    row: str
    start: str
    length: str
    task_token: str
