"""The state EraseLeftovers: what it answers. What it erases is tested with the erasing that it follows."""

from __future__ import annotations

from afterimage.handlers import erase_leftovers
from fakes.outside import FakeJobObjects, Ticker
from fakes.samples import a_job, an_attempt, job_id
from fakes.stores import MemoryAttemptStore, MemoryHoldStore, MemoryJobStore, MemoryLinkStore


def test_it_answers_with_the_id_alone_and_a_second_run_finds_nothing() -> None:
    deps = erase_leftovers.Dependencies(
        jobs=MemoryJobStore(),
        attempts=MemoryAttemptStore(an_attempt(a_job())),
        holds=MemoryHoldStore(),
        links=MemoryLinkStore(),
        objects=FakeJobObjects(f"quarantine/{job_id(1)}/x/0.png", f"images/{'9' * 32}/0.png"),
        clock=Ticker(),
    )
    for _ in range(2):
        event = {"job_id": job_id(1), "gallery": "9" * 32}
        assert erase_leftovers.handle(event, deps) == {"job_id": job_id(1)}
        assert (deps.attempts.list_by_job(job_id(1)), deps.objects.keys) == ((), set())  # type: ignore[attr-defined]
