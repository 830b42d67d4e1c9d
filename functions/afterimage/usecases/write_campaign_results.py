"""Write down what became of the rows of a run, five hundred at a time, and at the end the manifest of all of them.

A page is written once: its head is there when its rows are, so a repeated page makes no second links. A process that
dies between the links and the head leaves links whose secret nobody knows; they expire with the others. A row is read
from the place where the page before it ended, so no index is read and no list of rows is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from afterimage.campaign_ports import CampaignFiles, CampaignStore, JobsById
from afterimage.contracts.campaign import RowDocument, check_prefix
from afterimage.contracts.campaign_results import (
    DELETED,
    NOT_STARTED,
    PartHead,
    PartRow,
    PlacedPicture,
    RowResult,
    part_key,
)
from afterimage.contracts.codec import from_json, to_json
from afterimage.domain.campaign import Row, Run
from afterimage.domain.errors import AfterimageError, CampaignNotFoundError, InternalError, leaves
from afterimage.domain.job import Job, JobId
from afterimage.domain.links import TOKEN_BYTES, Link, hash_token, link_token
from afterimage.domain.row_ref import CampaignId
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, Entropy, LinkStore
from afterimage.usecases.gather_campaign_results import gather_campaign_results, read_results

PAGE = 500
# Rows that one query takes: with their task tokens they stay far below a megabyte, where DynamoDB cuts an answer.
_QUERY_ROWS = 250
_BLOCK_BYTES = 1024 * 1024
_HEAD_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Archive:
    """What writing results needs."""

    campaigns: CampaignStore
    jobs: JobsById
    links: LinkStore
    files: CampaignFiles
    link_base: str
    link_ttl_s: Callable[[], int]
    clock: Clock
    entropy: Entropy


@dataclass(frozen=True, kw_only=True)
class Written:
    """How far it is."""

    after: int
    done: bool


def write_campaign_results(campaign_id: CampaignId, run_id: str, leg: int, after: int, archive: Archive) -> Written:
    """Write the page of rows behind `after`; with the last of them everything else. Repeating is harmless.

    A run that is in another leg by now is left to that leg. Raises CampaignNotFoundError when the campaign was deleted.
    """
    name = archive.campaigns.get(campaign_id, archive.clock()).name  # nothing is written below a deleted campaign
    run = archive.campaigns.get_run(campaign_id, run_id)
    if run.leg != leg or _is_done(run, archive):
        return Written(after=run.rows, done=True)
    if after < run.rows:
        _write_page(run, after, archive)
        after = min(after + PAGE, run.rows)
        if after < run.rows:
            return Written(after=after, done=False)
    gather_campaign_results(run, name, range(0, run.rows, PAGE), archive.files, archive.clock())
    return Written(after=run.rows, done=True)


def _is_done(run: Run, archive: Archive) -> bool:
    results = read_results(run.campaign_id, run.run_id, archive.files)
    return results is not None and results.leg == run.leg


def _write_page(run: Run, after: int, archive: Archive) -> None:
    key = part_key(run.campaign_id, run.run_id, run.leg, after)
    if _head(f"{key}.json", archive) is not None:
        return
    start = 0
    if after:
        before = _head(f"{part_key(run.campaign_id, run.run_id, run.leg, after - PAGE)}.json", archive)
        if before is None:
            raise InternalError()  # pages come in their order
        start = before.next_start
    documents, next_start = _documents(run, start, min(PAGE, run.rows - after), archive.files)
    rows = _rows(run, after, archive)
    job_ids = tuple(row.job_id for row in rows.values() if row.job_id)
    made = archive.jobs.get_many(job_ids, archive.clock())
    told, links = _results(documents, rows, made, archive)
    archive.links.put_all(links)
    archive.files.write(f"{key}.jsonl", (f"{to_json(row)}\n".encode() for row in told), "application/x-ndjson")
    columns = dict.fromkeys(name for document in documents for name in document.columns)
    head = PartHead(next_start=next_start, columns=tuple(columns))
    archive.files.write(f"{key}.json", [to_json(head).encode()], "application/json")


def _head(key: str, archive: Archive) -> PartHead | None:
    try:
        return from_json(PartHead, archive.files.read_range(key, 0, _HEAD_BYTES))
    except CampaignNotFoundError:
        return None


def _documents(run: Run, start: int, wanted: int, files: CampaignFiles) -> tuple[list[RowDocument], int]:
    """Return the next rows as they were checked, and where the ones behind them begin."""
    key = f"{check_prefix(run.campaign_id, run.check_id)}rows.jsonl"
    gathered, lines = b"", 0
    while lines < wanted:
        block = files.read_range(key, start + len(gathered), _BLOCK_BYTES)
        lines += block.count(b"\n")
        gathered += block
    found, at = [], 0
    for _ in range(wanted):
        end = gathered.index(b"\n", at) + 1
        found.append(from_json(RowDocument, gathered[at:end]))
        at = end
    return found, start + at


def _rows(run: Run, after: int, archive: Archive) -> dict[int, Row]:
    """Return what became of those rows of the page that anybody claimed."""
    last = min(after + PAGE, run.rows)
    return {row.row: row for row in _rows_behind(run, after, last, archive) if row.row <= last}


def _rows_behind(run: Run, after: int, last: int, archive: Archive) -> Iterator[Row]:
    while after < last:
        found = archive.campaigns.list_rows(run.campaign_id, run.run_id, after, _QUERY_ROWS)
        yield from found
        after = found[-1].row if found else last


def _results(
    documents: list[RowDocument], rows: dict[int, Row], made: dict[JobId, Job], archive: Archive
) -> tuple[list[PartRow], list[Link]]:
    now_ms = archive.clock()
    longest_s = now_ms // 1000 + archive.link_ttl_s()
    told: list[PartRow] = []
    links: list[Link] = []
    for document in documents:
        row = rows.get(document.row)
        job = made.get(row.job_id) if row and row.job_id else None
        urls: list[str] = []
        for picture in job.pictures if job and row and row.outcome is JobStatus.SUCCEEDED else ():
            token = link_token(archive.entropy(TOKEN_BYTES))
            urls.append(f"{archive.link_base}/i/{token}")
            links.append(
                Link(
                    token_hash=hash_token(token),
                    job_id=job.job_id if job else JobId(""),
                    key=picture.share_key,
                    created_at_ms=now_ms,
                    expires_at_s=min(longest_s, job.expires_at_s if job else 0),
                )
            )
        told.append(_told(document, row, job, tuple(urls)))
    return told, links


def _told(document: RowDocument, row: Row | None, job: Job | None, links: tuple[str, ...]) -> PartRow:
    delivered = job.pictures if job and links else ()
    code, sentence = _why(row, job, has_pictures=bool(links))
    asked = job.spec.seeds if job else ()
    return PartRow(
        result=RowResult(
            row=document.row,
            line=document.line,
            status=_status(row, job),
            code=code,
            sentence=sentence,
            job_id=row.job_id if row else None,
            seeds=tuple(picture.seed for picture in delivered) or asked,
            links=links,
            prompt=str(document.request.get("prompt", "")),
            columns=document.columns,
        ),
        pictures=tuple(
            PlacedPicture(
                seed=picture.seed,
                key=picture.key,
                thumbnail_key=picture.thumbnail_key,
                size_bytes=picture.size_bytes,
            )
            for picture in delivered
        ),
    )


def _status(row: Row | None, job: Job | None) -> str:
    """The outcome; of a row that is at work, which a paused run may have, how far its request is."""
    if row is None:
        return NOT_STARTED
    return (row.outcome or (job.status if job else JobStatus.QUEUED)).value


def _why(row: Row | None, job: Job | None, *, has_pictures: bool) -> tuple[str | None, str | None]:
    if row is None or row.outcome is None or has_pictures:
        return None, None
    if row.outcome is JobStatus.SUCCEEDED:
        return DELETED, "The pictures have been deleted or have expired."
    if job and job.failure:
        return job.failure.code, job.failure.sentence
    code = row.failure_code or row.outcome.value.lower()
    known = {kind.code: kind.sentence for kind in leaves(AfterimageError)}
    return code, known.get(code, "No picture was made for this row.")
