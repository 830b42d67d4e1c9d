"""Show an admin what waits for a person: who waits longest, what was asked and how it was judged, and the pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass

from afterimage.contracts.codec import ContractError
from afterimage.contracts.generation import GeneratedImage
from afterimage.domain.errors import InvalidCursorError, InvalidResultError, JobNotFoundError, NotHeldError
from afterimage.domain.holds import Stage, held_stage
from afterimage.domain.job import InputPicture, Job, JobId, is_job_id
from afterimage.domain.status import JobStatus
from afterimage.ports import AttemptStore, Clock, HeldSince, JobStore, Quarantine, Results
from afterimage.usecases.look_at_jobs import look_at_job
from afterimage.usecases.resume_on_completion import SUCCEEDED

_CURSOR = re.compile(r"([0-9]{1,16})-([a-z0-9]{26})")
# An answer of Lambda takes 6 MB, and base64 a third more than the bytes.
MOST_BYTES = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Lamp:
    """What looking needs."""

    jobs: JobStore
    attempts: AttemptStore
    results: Results
    quarantine: Quarantine
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class HeldPage:
    """Some jobs that wait for a person, longest first; `cursor` asks for the next, None on the last page."""

    jobs: tuple[Job, ...]
    cursor: str | None


@dataclass(frozen=True, kw_only=True)
class HeldPicture:
    """A picture in quarantine, or its thumbnail where the whole is too large for an answer."""

    content: bytes
    content_type: str
    is_whole: bool


@dataclass(frozen=True, kw_only=True)
class HeldInput:
    """A part of an input picture, which begins at its byte `start`."""

    picture: InputPicture
    start: int
    content: bytes


def list_held(limit: int, cursor: str | None, lamp: Lamp) -> HeldPage:
    """Return a page. One that was decided since the index was read is left out. Raises InvalidCursorError."""
    found = lamp.jobs.list_held(limit + 1, _after(cursor))
    page, jobs = found[:limit], []
    for one in page:
        try:
            job = lamp.jobs.get(one.job_id, lamp.clock())
        except (JobNotFoundError, ContractError):
            continue
        if job.status is JobStatus.HELD:
            jobs.append(job)
    more = f"{page[-1].since_ms}-{page[-1].job_id}" if len(found) > limit else None
    return HeldPage(jobs=tuple(jobs), cursor=more)


def _after(cursor: str | None) -> HeldSince | None:
    if cursor is None:
        return None
    parts = _CURSOR.fullmatch(cursor)
    if parts is None or not is_job_id(parts[2]):
        raise InvalidCursorError()
    return HeldSince(job_id=JobId(parts[2]), since_ms=int(parts[1]))


def look_at_held(job_id: str, lamp: Lamp) -> Job:
    """Return a job that waits for a person. Raises JobNotFoundError, NotHeldError."""
    job = look_at_job(job_id, jobs=lamp.jobs, clock=lamp.clock)
    if job.status is not JobStatus.HELD:
        raise NotHeldError()
    return job


def look_at_picture(job_id: str, number: int, lamp: Lamp) -> HeldPicture:
    """Return a picture of a job whose pictures wait for a person; of no other is one shown.

    Raises JobNotFoundError for no such job or picture, NotHeldError.
    """
    job = look_at_held(job_id, lamp)
    if held_stage(job) is not Stage.PICTURE:
        raise NotHeldError()
    images = _images(job, lamp)
    if number >= len(images):
        raise JobNotFoundError()
    image = images[number]
    whole = image.size_bytes <= MOST_BYTES
    key = (image.key if whole else image.thumbnail_key) or ""
    if not key.startswith(f"quarantine/{job.job_id}/") or ".." in key:
        raise InvalidResultError()
    content = lamp.quarantine.read(key)
    return HeldPicture(content=content, content_type="image/png" if whole else "image/jpeg", is_whole=whole)


def look_at_input(job_id: str, start: int, lamp: Lamp) -> HeldInput:
    """Return a part of the picture that a held request begins from: what waits may be about it, and it may be larger
    than an answer. Raises JobNotFoundError where there is none, or nothing from `start` on, NotHeldError."""
    job = look_at_held(job_id, lamp)
    picture = job.spec.input
    if picture is None or start >= picture.size_bytes:
        raise JobNotFoundError()
    return HeldInput(picture=picture, start=start, content=lamp.quarantine.read_input(job.job_id, start, MOST_BYTES))


def _images(job: Job, lamp: Lamp) -> tuple[GeneratedImage, ...]:
    """Return what the attempt made whose pictures were judged: the newest that succeeded."""
    made = [attempt for attempt in lamp.attempts.list_by_job(job.job_id) if attempt.outcome == SUCCEEDED]
    newest = max(made, key=lambda attempt: attempt.started_at_ms, default=None)
    if newest is None or newest.output_location is None:
        raise InvalidResultError()
    return lamp.results.read_result(newest.output_location).images
