"""Waiting for a request, by a clock that only moves when somebody sleeps."""

from __future__ import annotations

import pytest

from cli.jobs import parse_job
from cli.watch import LONGEST_PAUSE_S, SHORTEST_PAUSE_S, StillRunningError, watch
from tests.unit.cli.service import JOB_ID, job_document

OPEN = parse_job(job_document("QUEUED", "MODERATING", "GENERATING"))
DONE = parse_job(job_document())


class Time:
    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_a_final_request_is_not_looked_at_again() -> None:
    time = Time()
    assert list(watch(DONE, lambda: OPEN, 10, clock=time.clock, sleep=time.sleep)) == [DONE]
    assert time.pauses == []


def test_every_look_is_told_until_the_end() -> None:
    time = Time()
    looks = iter([OPEN, OPEN, DONE])
    assert list(watch(OPEN, lambda: next(looks), 10, clock=time.clock, sleep=time.sleep)) == [OPEN, OPEN, OPEN, DONE]


def test_pauses_grow_from_the_shortest_to_the_longest_and_no_further() -> None:
    time = Time()
    with pytest.raises(StillRunningError):
        list(watch(OPEN, lambda: OPEN, 600, clock=time.clock, sleep=time.sleep))
    growing = time.pauses[:-1]  # the last is what the time-out leaves
    assert growing == sorted(growing)
    assert (growing[0], growing[-1]) == (SHORTEST_PAUSE_S, LONGEST_PAUSE_S)


def test_it_waits_as_long_as_was_said_and_tells_how_to_look_again() -> None:
    time = Time()
    with pytest.raises(StillRunningError) as caught:
        list(watch(OPEN, lambda: OPEN, 7, options=" --stack prod", clock=time.clock, sleep=time.sleep))
    assert time.now == pytest.approx(7)
    assert "GENERATING after 7 s" in caught.value.sentence
    assert caught.value.hint.endswith(f"show {JOB_ID} --wait --stack prod")
    assert caught.value.job is OPEN
