"""The transition table as properties that every later status must keep."""

from __future__ import annotations

import pytest
from afterimage.domain.status import JobStatus, predecessors, sources
from hypothesis import given
from hypothesis import strategies as st

STATUSES = st.sampled_from(list(JobStatus))
FINAL = {JobStatus.SUCCEEDED, JobStatus.BLOCKED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED}


def reachable(start: JobStatus) -> set[JobStatus]:
    """Return every status that a job can come to from `start`."""
    found, pending = {start}, [start]
    while pending:
        here = pending.pop()
        following = {status for status in JobStatus if here.may_become(status)} - found
        found |= following
        pending += following
    return found


def test_the_final_ones_are_the_five_ends_of_the_design() -> None:
    assert {status for status in JobStatus if status.is_final} == FINAL


@given(STATUSES, STATUSES)
def test_there_is_no_way_out_of_an_end_not_even_into_itself(end: JobStatus, other: JobStatus) -> None:
    assert not (end.is_final and end.may_become(other))


@given(STATUSES)
def test_every_open_status_can_end(status: JobStatus) -> None:
    assert reachable(status) & FINAL


@given(STATUSES)
def test_every_open_status_may_be_written_again(status: JobStatus) -> None:
    assert status.may_become(status) == (not status.is_final)


@given(STATUSES, STATUSES)
def test_predecessors_are_the_table_read_backwards(one: JobStatus, other: JobStatus) -> None:
    assert (one in predecessors(other)) == one.may_become(other)


@given(st.lists(STATUSES.filter(lambda status: status is not JobStatus.HELD), max_size=12))
def test_a_job_never_comes_back_to_what_it_left(wishes: list[JobStatus]) -> None:
    """But for HELD, from where a person's release sends a job back, nothing is entered twice."""
    here, entered = JobStatus.QUEUED, [JobStatus.QUEUED]
    for wish in wishes:
        if here.may_become(wish) and wish is not here:
            here = wish
            entered.append(wish)
    assert len(entered) == len(set(entered))
    assert not any(status.is_final for status in entered[:-1])


def test_every_status_can_come_about() -> None:
    assert reachable(JobStatus.QUEUED) == set(JobStatus)


@pytest.mark.parametrize("status", [s for s in JobStatus if not s.is_final and s is not JobStatus.DELIVERING])
def test_what_is_not_delivered_can_fail_be_cancelled_and_expire(status: JobStatus) -> None:
    assert all(status.may_become(end) for end in (JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED))


def test_delivered_pictures_can_only_succeed() -> None:
    assert reachable(JobStatus.DELIVERING) == {JobStatus.DELIVERING, JobStatus.SUCCEEDED}


def test_nothing_is_made_before_it_was_judged_nor_delivered_before_it_was_reviewed() -> None:
    assert set(predecessors(JobStatus.GENERATING)) == {JobStatus.MODERATING, JobStatus.GENERATING}
    assert set(predecessors(JobStatus.DELIVERING)) == {JobStatus.REVIEWING, JobStatus.DELIVERING}
    assert set(predecessors(JobStatus.SUCCEEDED)) == {JobStatus.DELIVERING}


@pytest.mark.parametrize("back", [JobStatus.MODERATING, JobStatus.REVIEWING])
def test_only_who_names_held_leads_a_job_back_to_work(back: JobStatus) -> None:
    assert JobStatus.HELD.may_become(back)
    assert JobStatus.HELD not in sources(back)
    assert sources(back, JobStatus.HELD) == (JobStatus.HELD,)


@given(STATUSES, STATUSES)
def test_a_named_status_narrows_the_table_and_widens_it_nowhere(to: JobStatus, named: JobStatus) -> None:
    assert sources(to, named) == ((named,) if named.may_become(to) else ())
    assert set(sources(to)) <= set(predecessors(to))
