"""What a run left, on disk: manifest, contact sheets, and every picture under the number of its row."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from cli.api import Api
from cli.campaigns import RUNNING
from cli.errors import CliError, ProblemError
from cli.jobs import parse_job
from cli.pictures import fetch, slug
from cli.terminal import command

PAUSE_S = 1.0
_MANIFEST = "manifest.jsonl"
_SHEET = "sheet-"
_LOOKS = 60
_LOOKS_FOR_SHEETS = 20


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What lies in the folder now. `missing` counts rows whose request is gone, or is somebody else's; `undrawn` the
    contact sheets that were not there yet."""

    folder: Path
    files: list[str]
    pictures: int
    missing: int
    undrawn: int


def fetch_results(
    api: Api, campaign: dict[str, Any], folder: Path | None, run_id: str | None, *, with_pictures: bool
) -> Fetched:
    """Save the files of a run and, if wanted, its pictures. Raises CliError."""
    found = _when_written(api, campaign["id"], {"run": run_id} if run_id else {})
    into = folder or Path(slug(campaign["name"]))
    files: list[str] = []
    manifest = b""
    for file in found["files"]:
        name = PurePosixPath(file["name"]).name
        content = api.download(file["url"])
        _write(into / name, content)
        files.append(name)
        manifest = content if name == _MANIFEST else manifest
    saved, missing = _save_pictures(api, manifest, into / "pictures") if with_pictures else (0, 0)
    return Fetched(folder=into, files=files, pictures=saved, missing=missing, undrawn=_undrawn(found))


def make_zips(api: Api, campaign: dict[str, Any], timeout_s: float, sleep: Callable[[float], None] = time.sleep) -> int:
    """Have the pictures of the latest run packed, wait for it, and return how many are in. Raises CliError."""
    state = api.campaigns("POST", f"/{campaign['id']}/zip")
    waited = 0.0
    while state["status"] == "making":
        if waited >= timeout_s:
            raise CliError("The pictures are still being packed.", "Ask again; what is packed stays.")
        sleep(PAUSE_S)
        waited += PAUSE_S
        state = api.campaigns("GET", f"/{campaign['id']}/results")["zip"] or state
    if state["status"] != "ready":
        raise CliError(f"The pictures could not be packed ({state['code']}).")
    return int(state["pictures"])


def _when_written(
    api: Api, campaign_id: str, params: dict[str, str], sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Return the results: they are written within seconds after a run has come to rest, contact sheets last."""
    looks_for_sheets = 0
    for _ in range(_LOOKS):
        found = api.campaigns("GET", f"/{campaign_id}/results", params=params)
        if found["files"]:
            if not _undrawn(found) or looks_for_sheets == _LOOKS_FOR_SHEETS:
                return found
            looks_for_sheets += 1
        if found["run"]["status"] == RUNNING or found["run"]["open"]:
            break
        sleep(PAUSE_S)
    raise CliError(
        "There are no results yet: they are written when a run rests.",
        f"Watch it: {command('campaign watch ' + campaign_id)}",
    )


def _undrawn(found: dict[str, Any]) -> int:
    there = sum(PurePosixPath(file["name"]).name.startswith(_SHEET) for file in found["files"])
    return max(0, int(found["sheets"]) - there)


def _save_pictures(api: Api, manifest: bytes, folder: Path) -> tuple[int, int]:
    saved = missing = 0
    for line in manifest.splitlines():
        row = json.loads(line)
        if row["status"] != "SUCCEEDED" or not row["job_id"]:
            continue
        name = f"{row['row']:06}-{slug(row['prompt'])}"
        there = list(folder.glob(f"{row['row']:06}-*"))
        if there and len(there) == len(row["seeds"]):
            saved += len(there)
            continue
        try:
            job = parse_job(api.job(row["job_id"]))
        except ProblemError as error:
            if error.code != "job_not_found":
                raise
            missing += 1
            continue
        for picture in job.pictures:
            number = f"-{picture.number + 1}" if len(job.pictures) > 1 else ""
            suffix = Path(urlsplit(picture.url).path).suffix or ".png"
            _write(folder / f"{name}{number}{suffix}", fetch(api, picture))
            saved += 1
    return saved, missing


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as exc:
        raise CliError(f"{path} cannot be written: {exc.strerror}.", "Choose a folder with --output.") from exc
