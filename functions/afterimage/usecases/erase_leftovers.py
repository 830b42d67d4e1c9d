"""Erase what is under a job in table and bucket, all but its record; and the second look, which takes that too.

Links go first: from there on nothing can be followed.
"""

from __future__ import annotations

import contextlib

from afterimage.domain.errors import JobNotFoundError
from afterimage.domain.job import Attempt, JobId
from afterimage.ports import AttemptStore, Clock, HoldStore, JobObjects, JobStore, LinkStore


def erase_leftovers(
    job_id: JobId,
    gallery: str,
    *,
    jobs: JobStore,
    attempts: AttemptStore,
    holds: HoldStore,
    links: LinkStore,
    objects: JobObjects,
    clock: Clock,
) -> None:
    """Erase what was written after a job was erased, or what a call that died half-way has left of it."""
    found = erase_links_and_objects(job_id, gallery, attempts=attempts, holds=holds, links=links, objects=objects)
    for attempt in found:
        attempts.erase(attempt)
    with contextlib.suppress(JobNotFoundError):
        jobs.erase(jobs.get(job_id, clock()))


def erase_links_and_objects(
    job_id: JobId, gallery: str, *, attempts: AttemptStore, holds: HoldStore, links: LinkStore, objects: JobObjects
) -> tuple[Attempt, ...]:
    """Erase links, holds, job documents, pictures and results. Return the attempts, by which the results were found."""
    for token_hash in links.list_by_job(job_id):
        links.erase(job_id, token_hash)
    holds.erase(job_id)
    found = attempts.list_by_job(job_id)
    locations = tuple(
        location for attempt in found for location in (attempt.output_location, attempt.failure_location) if location
    )
    objects.erase(job_id, gallery, locations)
    return found
