"""Make of the pages of a run what people read: manifest, plan of the contact sheets, and the sums of a mail."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from afterimage.campaign_ports import CampaignFiles
from afterimage.contracts.campaign_results import (
    NOT_STARTED,
    PartHead,
    Reason,
    Results,
    SheetPlan,
    Tile,
    manifest_key,
    part_key,
    plan_key,
    results_key,
)
from afterimage.contracts.codec import from_json, to_json
from afterimage.domain.campaign import Run
from afterimage.domain.errors import CampaignNotFoundError
from afterimage.domain.row_ref import CampaignId
from afterimage.domain.spreadsheet import BOM, csv_line
from afterimage.domain.status import JobStatus

# A sheet is eight tiles wide and six high; more sheets than these nobody looks through.
PER_SHEET = 48
MAX_SHEETS = 25
COLUMNS = ("row", "line", "status", "code", "sentence", "job_id", "seeds", "links", "prompt")
_READ_BYTES = 1024 * 1024
_REASONS = 50


@dataclass
class _Sums:
    """What is counted while the manifest is written."""

    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    pictures: int = 0
    tiles: list[Tile] = field(default_factory=list)
    left_out: int = 0

    def add(self, row: dict[str, Any]) -> None:
        """Count one row of a part."""
        result, pictures = row["result"], row["pictures"]
        self.statuses[result["status"]] += 1
        if result["code"]:
            self.reasons[result["code"], result["sentence"]] += 1
        self.pictures += len(pictures)
        for tile in _tiles(result, pictures):
            if len(self.tiles) < PER_SHEET * MAX_SHEETS:
                self.tiles.append(tile)
            else:
                self.left_out += 1


def read_results(campaign_id: CampaignId, run_id: str, files: CampaignFiles) -> Results | None:
    """Return the sums of a run's latest results, None where there are none yet."""
    try:
        return from_json(Results, files.read_range(results_key(campaign_id, run_id), 0, _READ_BYTES))
    except CampaignNotFoundError:
        return None


def gather_campaign_results(run: Run, name: str, pages: Sequence[int], files: CampaignFiles, at_ms: int) -> None:
    """Write manifest.jsonl, manifest.csv, sheets.json and, when these are whole, results.json."""
    ids = run.campaign_id, run.run_id
    parts = tuple(f"{part_key(*ids, run.leg, page)}.jsonl" for page in pages)
    sums = _Sums()
    files.write(manifest_key(*ids, "jsonl"), _as_jsonl(parts, files, sums), "application/x-ndjson")
    columns = _free_columns(parts, files)
    files.write(manifest_key(*ids, "csv"), _as_csv(parts, columns, files), "text/csv; charset=utf-8")
    plan = SheetPlan(
        leg=run.leg,
        title=name,
        day=datetime.fromtimestamp(run.started_at_ms / 1000, UTC).strftime("%-d %B %Y"),
        per_sheet=PER_SHEET,
        tiles=tuple(sums.tiles),
        left_out=sums.left_out,
    )
    files.write(plan_key(*ids), [to_json(plan).encode()], "application/json")
    results = Results(
        leg=run.leg,
        at_ms=at_ms,
        rows=run.rows,
        parts=parts,
        pictures=sums.pictures,
        sheets=-(-len(sums.tiles) // PER_SHEET),
        statuses=dict(sums.statuses),
        reasons=tuple(
            Reason(code=code, sentence=sentence, rows=rows)
            for (code, sentence), rows in sums.reasons.most_common(_REASONS)
        ),
        columns=columns,
    )
    files.write(results_key(*ids), [to_json(results).encode()], "application/json")


def rows_of(part: str, files: CampaignFiles) -> Iterator[dict[str, Any]]:
    """Yield the rows of a part, decoded; one piece of it is in memory at a time."""
    rest = b""
    for chunk in files.read(part):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from map(json.loads, lines)


def manifest_line(result: dict[str, Any], columns: Iterable[str], *more: str) -> bytes:
    """Return a row of the CSV: our columns, `more`, and then the free ones."""
    ours = [" ".join(map(str, value)) if isinstance(value, list) else value for value in map(result.get, COLUMNS)]
    return csv_line([*ours, *more, *(result["columns"].get(name) for name in columns)])


def manifest_head(columns: Iterable[str], *more: str) -> bytes:
    """Return the first line; a free column that is called as one of ours says whose it is."""
    taken = {*COLUMNS, *more}
    return BOM + csv_line([*COLUMNS, *more, *(f"{name} (uploaded)" if name in taken else name for name in columns)])


def _as_jsonl(parts: Iterable[str], files: CampaignFiles, sums: _Sums) -> Iterator[bytes]:
    for part in parts:
        for row in rows_of(part, files):
            sums.add(row)
            yield f"{to_json(row['result'])}\n".encode()


def _as_csv(parts: Iterable[str], columns: tuple[str, ...], files: CampaignFiles) -> Iterator[bytes]:
    yield manifest_head(columns)
    for part in parts:
        for row in rows_of(part, files):
            yield manifest_line(row["result"], columns)


def _free_columns(parts: Iterable[str], files: CampaignFiles) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for part in parts:
        head = from_json(PartHead, files.read_range(part.removesuffix("l"), 0, _READ_BYTES))
        names |= dict.fromkeys(head.columns)
    return tuple(names)


def _tiles(result: dict[str, Any], pictures: list[dict[str, Any]]) -> Iterator[Tile]:
    label = str(result["row"])
    if not pictures:
        yield Tile(label=label, mark=_mark(result))
    for number, picture in enumerate(pictures, start=1):
        shown = f"{label}.{number}" if len(pictures) > 1 else label
        yield Tile(label=shown, thumbnail_key=picture["thumbnail_key"])


def _mark(result: dict[str, Any]) -> str:
    """A short word for why there is no picture."""
    status = result["status"]
    if status == JobStatus.SUCCEEDED:
        return "deleted"
    ended = status == NOT_STARTED or JobStatus(status).is_final
    return str(status).lower().replace("_", " ") if ended else "at work"
