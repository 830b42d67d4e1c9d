"""What is left of a run, in S3, and who reads it.

runs/{run_id}/parts/001-000500.jsonl    a `PartRow` a line, those behind row 500 in leg 1; ours only, it holds keys
runs/{run_id}/parts/001-000500.json     its `PartHead`, written last: with it the part is whole
runs/{run_id}/manifest.jsonl, .csv      every `RowResult`, for the owner and whoever gets the mail
runs/{run_id}/sheets.json               a `SheetPlan`, from which imaging/ draws sheet-01.jpg …
runs/{run_id}/results.json              `Results`, written last of all: with it the rest is whole
runs/{run_id}/zip.json                  `ZipState`; pictures-01.zip … lie beside it
"""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.contracts.campaign import run_prefix

# Of a row that nobody began: the budget was used up before, or the run was stopped.
NOT_STARTED = "NOT_STARTED"
# Beside SUCCEEDED: the pictures were made, and have been deleted or have expired.
DELETED = "deleted"


@dataclass(frozen=True, kw_only=True)
class RowResult:
    """What became of a row. `seeds` and `links` go together, one each for a delivered picture; a row without pictures
    has the seeds that it was asked with. `sentence` says in words what `code` says."""

    row: int
    line: int
    status: str
    code: str | None
    sentence: str | None
    job_id: str | None
    seeds: tuple[int, ...]
    links: tuple[str, ...]
    prompt: str
    columns: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class PlacedPicture:
    """Where a delivered picture lies."""

    seed: int
    key: str
    thumbnail_key: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class PartRow:
    """A row as the parts hold it."""

    result: RowResult
    pictures: tuple[PlacedPicture, ...]


@dataclass(frozen=True, kw_only=True)
class PartHead:
    """What is known of a part without reading it: where in rows.jsonl the next one begins, and its free columns."""

    next_start: int
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why rows have no picture, and how many."""

    code: str
    sentence: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a leg of a run left. `statuses` counts rows by their status, `reasons` those without a picture, most
    frequent first."""

    leg: int
    at_ms: int
    rows: int
    parts: tuple[str, ...]
    pictures: int
    sheets: int
    statuses: dict[str, int]
    reasons: tuple[Reason, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One field of a contact sheet: a picture's thumbnail, or the mark of a row that has none."""

    label: str
    thumbnail_key: str | None = None
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class SheetPlan:
    """What the contact sheets of a leg show. `left_out` tells how many tiles there were no sheets for."""

    leg: int
    title: str
    day: str
    per_sheet: int
    tiles: tuple[Tile, ...]
    left_out: int


ZIP_MAKING = "making"
ZIP_READY = "ready"
ZIP_FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class ZipPart:
    """One zip file, beside its state."""

    name: str
    pictures: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class ZipState:
    """How far the zips of a leg's pictures are: `parts` are whole, the rows up to `after` are in them. `missing`
    counts pictures that were deleted meanwhile. What is still `making` after twenty minutes may be asked for again."""

    status: str
    leg: int
    at_ms: int
    parts: tuple[ZipPart, ...] = ()
    after: int = 0
    missing: int = 0
    code: str | None = None


def zip_state_key(campaign_id: str, run_id: str) -> str:
    """Return the state of the zips."""
    return f"{run_prefix(campaign_id, run_id)}zip.json"


def part_key(campaign_id: str, run_id: str, leg: int, after: int) -> str:
    """Return where the rows behind `after` lie, without the ending."""
    return f"{run_prefix(campaign_id, run_id)}parts/{leg:03}-{after:06}"


def manifest_key(campaign_id: str, run_id: str, ending: str) -> str:
    """Return the manifest as `jsonl` or `csv`."""
    return f"{run_prefix(campaign_id, run_id)}manifest.{ending}"


def plan_key(campaign_id: str, run_id: str) -> str:
    """Return what the sheets are drawn from."""
    return f"{run_prefix(campaign_id, run_id)}sheets.json"


def sheet_key(campaign_id: str, run_id: str, sheet: int) -> str:
    """Return a contact sheet, counted from 1."""
    return f"{run_prefix(campaign_id, run_id)}sheet-{sheet:02}.jpg"


def results_key(campaign_id: str, run_id: str) -> str:
    """Return what sums everything up."""
    return f"{run_prefix(campaign_id, run_id)}results.json"
