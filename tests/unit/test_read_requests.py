"""A caller reads what is theirs; another's job, an expired one and none at all look the same."""

from __future__ import annotations

import pytest
from afterimage.domain.errors import InvalidCursorError, JobNotFoundError
from afterimage.domain.job import Job
from afterimage.usecases.read_requests import Page, list_requests, read_request
from fakes.outside import NOW_MS, Ticker
from fakes.samples import ADA, BOB, MACHINE, a_job, job_id
from fakes.stores import MemoryJobStore


def read(job_id_text: str, *jobs: Job, caller: object = ADA) -> Job:
    return read_request(job_id_text, caller, jobs=MemoryJobStore(*jobs), clock=Ticker())  # type: ignore[arg-type]


def test_the_owner_reads_the_job() -> None:
    assert read(job_id(1), a_job()) == a_job()


@pytest.mark.parametrize("stranger", [BOB, MACHINE])
def test_anothers_job_looks_exactly_like_none(stranger: object) -> None:
    with pytest.raises(JobNotFoundError) as theirs:
        read(job_id(1), a_job(), caller=stranger)
    with pytest.raises(JobNotFoundError) as none:
        read(job_id(2), a_job(), caller=stranger)
    assert (theirs.value.code, theirs.value.sentence) == (none.value.code, none.value.sentence)


def test_an_expired_job_is_not_found() -> None:
    with pytest.raises(JobNotFoundError):
        read(job_id(1), a_job(expires_at_s=NOW_MS // 1000))


@pytest.mark.parametrize("text", ["", "x", job_id(1).upper(), f"{job_id(1)} ", "../etc", "u" * 26, "ı" * 26])
def test_a_text_that_is_no_job_id_is_not_found_without_a_look_up(text: str) -> None:
    jobs = MemoryJobStore(a_job())
    jobs.fail_next("get", AssertionError("looked up"))
    with pytest.raises(JobNotFoundError):
        read_request(text, ADA, jobs=jobs, clock=Ticker())


def walk(jobs: MemoryJobStore, limit: int) -> list[Page]:
    """Follow cursors to the last page."""
    pages = [list_requests(ADA, limit, None, jobs=jobs, clock=Ticker())]
    while pages[-1].cursor is not None:
        assert len(pages) < 20
        pages.append(list_requests(ADA, limit, pages[-1].cursor, jobs=jobs, clock=Ticker()))
    return pages


@pytest.mark.parametrize(("limit", "sizes"), [(2, [2, 2, 1]), (5, [5]), (4, [4, 1]), (50, [5]), (1, [1] * 5)])
def test_pages_hold_every_job_once_newest_first(limit: int, sizes: list[int]) -> None:
    mine = [a_job(number=n, job_id=job_id(n, NOW_MS + n)) for n in range(5)]
    theirs = [a_job(number=n, job_id=job_id(n, NOW_MS + n), owner=BOB.owner) for n in range(5, 9)]
    pages = walk(MemoryJobStore(*mine, *theirs), limit)
    assert [len(page.jobs) for page in pages] == sizes
    assert [job for page in pages for job in page.jobs] == mine[::-1]


def test_no_jobs_are_one_empty_page() -> None:
    assert walk(MemoryJobStore(), 10) == [Page(jobs=(), cursor=None)]


@pytest.mark.parametrize("cursor", ["", "x", "' OR 1=1", job_id(1).upper(), "0" * 27])
def test_a_cursor_that_no_list_gave_out_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        list_requests(ADA, 10, cursor, jobs=MemoryJobStore(), clock=Ticker())


def test_a_cursor_of_somebody_else_shows_nothing_of_theirs() -> None:
    jobs = MemoryJobStore(a_job(number=1, owner=BOB.owner), a_job(number=2, owner=BOB.owner))
    assert list_requests(ADA, 10, job_id(2), jobs=jobs, clock=Ticker()).jobs == ()
