"""Put the pictures of a run into zip files, on demand: a thousand pictures or a gigabyte each, stored as they are.

A part is told of when it is whole, so whoever is run again goes on behind it. One picture is in memory at a time.
"""

from __future__ import annotations

import dataclasses
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from afterimage.campaign_ports import CampaignFiles
from afterimage.contracts.campaign import run_prefix
from afterimage.contracts.campaign_results import (
    ZIP_FAILED,
    ZIP_MAKING,
    ZIP_READY,
    Results,
    ZipPart,
    ZipState,
    zip_state_key,
)
from afterimage.contracts.codec import from_json, to_json
from afterimage.domain.errors import CampaignNotFoundError, StoreUnavailableError, TransientError
from afterimage.domain.row_ref import CampaignId
from afterimage.ports import Clock
from afterimage.usecases.gather_campaign_results import manifest_head, manifest_line, read_results, rows_of

MAX_PICTURES = 1000
MAX_BYTES = 1_000_000_000
# A part of a gigabyte takes about a minute; with less than three left the next run makes it.
LEAST_LEFT_S = 180
_STATE_BYTES = 1024 * 1024
_ENDING = re.compile(r"\.(png|jpg|webp)$")
_SLUG_CHARACTERS = 40


@dataclass(frozen=True, kw_only=True)
class Packer:
    """What packing needs. `seconds_left` is how long this run may still take."""

    files: CampaignFiles
    clock: Clock
    seconds_left: Callable[[], float]


@dataclass
class _Part:
    """A zip that is being written."""

    rows: Iterator[dict[str, Any]]
    results: Results
    files: CampaignFiles
    after: int
    pictures: int = 0
    size_bytes: int = 0
    missing: int = 0
    whole: bool = False

    def body(self, first: dict[str, Any]) -> Iterator[bytes]:
        """Yield the file: rows with their pictures from `first` on until it is full, and a manifest of them."""
        out = _Drained()
        moment = datetime.fromtimestamp(self.results.at_ms / 1000, UTC).timetuple()[:6]
        columns = self.results.columns
        manifest = [manifest_head(columns, "files")]
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
            row: dict[str, Any] | None = first
            while row is not None:
                names = []
                for name, key in _names(row, self.results.rows):
                    try:
                        picture = b"".join(self.files.read(key))
                    except CampaignNotFoundError:
                        self.missing += 1
                        continue
                    packed.writestr(_entry(name, moment), picture)
                    names.append(name)
                    self.pictures += 1
                    yield self._counted(out.take())
                manifest.append(manifest_line(row["result"], columns, " ".join(names)))
                self.after = row["result"]["row"]
                full = self.pictures >= MAX_PICTURES or self.size_bytes >= MAX_BYTES
                row = None if full else next(self.rows, None)
                self.whole = not full
            packed.writestr(_entry("manifest.csv", moment), b"".join(manifest))
        yield self._counted(out.take())

    def _counted(self, piece: bytes) -> bytes:
        self.size_bytes += len(piece)
        return piece


class _Drained(io.RawIOBase):
    """A file that gives away what is finished. The zip writer goes back within the entry that it is writing only, to
    put its size in front; so entries have it there, and every program reads them."""

    def __init__(self) -> None:
        super().__init__()
        self._kept = io.BytesIO()
        self._given = 0

    def write(self, piece: Any) -> int:
        return self._kept.write(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            return self._given + self._kept.seek(offset, whence)
        return self._given + self._kept.seek(offset - self._given)

    def tell(self) -> int:
        return self._given + self._kept.tell()

    def seekable(self) -> bool:
        return True

    def take(self) -> bytes:
        """Return what was written since the last time."""
        piece = self._kept.getvalue()
        self._given += len(piece)
        self._kept = io.BytesIO()
        return piece


def zip_campaign_pictures(campaign_id: CampaignId, run_id: str, packer: Packer) -> ZipState:
    """Pack what is not packed yet and return how it stands. Raises StoreUnavailableError when there is more to do than
    there is time for: the next run goes on."""
    results = read_results(campaign_id, run_id, packer.files)
    state = _state(campaign_id, run_id, packer.files)
    if results is None:
        nothing = ZipState(status=ZIP_FAILED, leg=0, at_ms=packer.clock(), code="no_results")
        return _note(campaign_id, run_id, nothing, packer.files)
    if state is None or state.leg != results.leg:
        state = ZipState(status=ZIP_MAKING, leg=results.leg, at_ms=packer.clock())
    if state.status == ZIP_READY:
        return state
    state = dataclasses.replace(state, status=ZIP_MAKING, at_ms=packer.clock(), code=None)
    _note(campaign_id, run_id, state, packer.files)
    try:
        return _pack(campaign_id, run_id, results, state, packer)
    except TransientError:
        raise
    except Exception:  # whatever it was, whoever waits is told
        found = _state(campaign_id, run_id, packer.files) or state
        failed = dataclasses.replace(found, status=ZIP_FAILED, at_ms=packer.clock(), code="internal_error")
        _note(campaign_id, run_id, failed, packer.files)
        raise


def _pack(campaign_id: CampaignId, run_id: str, results: Results, state: ZipState, packer: Packer) -> ZipState:
    packed = state.after
    rows = (
        row
        for part in results.parts
        for row in rows_of(part, packer.files)
        if row["pictures"] and row["result"]["row"] > packed
    )
    first = next(rows, None)
    while first is not None:
        if packer.seconds_left() < LEAST_LEFT_S:
            raise StoreUnavailableError()
        name = f"pictures-{len(state.parts) + 1:02}.zip"
        part = _Part(rows=rows, results=results, files=packer.files, after=state.after)
        packer.files.write(f"{run_prefix(campaign_id, run_id)}{name}", part.body(first), "application/zip")
        made = ZipPart(name=name, pictures=part.pictures, size_bytes=part.size_bytes)
        state = dataclasses.replace(
            state,
            parts=(*state.parts, made),
            after=part.after,
            missing=state.missing + part.missing,
            at_ms=packer.clock(),
        )
        _note(campaign_id, run_id, state, packer.files)
        first = None if part.whole else next(rows, None)
    return _note(campaign_id, run_id, dataclasses.replace(state, status=ZIP_READY), packer.files)


def _state(campaign_id: CampaignId, run_id: str, files: CampaignFiles) -> ZipState | None:
    try:
        return from_json(ZipState, files.read_range(zip_state_key(campaign_id, run_id), 0, _STATE_BYTES))
    except CampaignNotFoundError:
        return None


def _note(campaign_id: CampaignId, run_id: str, state: ZipState, files: CampaignFiles) -> ZipState:
    files.write(zip_state_key(campaign_id, run_id), [to_json(state).encode()], "application/json")
    return state


def _names(row: dict[str, Any], rows: int) -> Iterator[tuple[str, str]]:
    """Name and key of each picture: the row's number makes names unique and sorts them, the prompt makes them speak."""
    result, pictures = row["result"], row["pictures"]
    words = re.findall(r"[a-z0-9]+", result["prompt"].lower())
    slug = "-".join(words)[:_SLUG_CHARACTERS].strip("-")
    stem = "-".join(filter(None, [f"{result['row']:0{max(4, len(str(rows)))}}", slug]))
    for number, picture in enumerate(pictures, start=1):
        ending = _ENDING.search(picture["key"])
        several = f"-{number}" if len(pictures) > 1 else ""
        yield f"{stem}{several}{ending[0] if ending else '.png'}", picture["key"]


def _entry(name: str, moment: tuple[int, ...]) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=moment)  # type: ignore[arg-type]
    entry.external_attr = 0o644 << 16
    return entry
