"""Erasing a request: nothing is left, whenever the call dies, and what writes late is found by the second look."""

from __future__ import annotations

import dataclasses

import pytest
from afterimage.domain.errors import JobNotFoundError, StoreUnavailableError
from afterimage.domain.job import InputPicture, Job, Notice
from afterimage.domain.links import Link
from afterimage.domain.recipients import Caller
from afterimage.domain.status import JobStatus
from afterimage.ports import IdempotencyClaim
from afterimage.usecases.cancel_request import Stopper
from afterimage.usecases.delete_request import Eraser, delete_request, erase_job
from afterimage.usecases.erase_leftovers import erase_leftovers
from fakes.faults import Crash
from fakes.outside import NOW_MS, FakeErasures, FakeJobObjects, FakeUploads, FakeWorkflow, Ticker
from fakes.samples import ADA, BOB, MACHINE, a_hold, a_job, an_attempt, job_id, pictures
from fakes.stores import MemoryAttemptStore, MemoryHoldStore, MemoryJobStore, MemoryLinkStore

TOMBSTONE = f"jobs/{job_id(1)}/cancel"
KEY_HASH = "c" * 64
HELD = a_hold(a_job())
JOB = a_job(JobStatus.SUCCEEDED, pictures=pictures(), claim_hash=KEY_HASH)
CLAIM = IdempotencyClaim(key_hash=KEY_HASH, body_digest="d" * 64, job_id=job_id(1), expires_at_s=NOW_MS // 1000 + 60)
LINKS = tuple(
    Link(token_hash=letter * 64, job_id=job_id(1), key="images/9/0.png", created_at_ms=NOW_MS, expires_at_s=2**31)
    for letter in "ab"
)
FOREIGN_LINK = dataclasses.replace(LINKS[0], token_hash="f" * 64, job_id=job_id(2))
DONE, WAITING = an_attempt(JOB, "a" * 16, outcome="succeeded"), an_attempt(JOB, "b" * 16)
FOREIGN_KEYS = {f"jobs/{job_id(2)}/x.json", f"images/{'8' * 32}/0.png", "inference/output/somebody-elses.out"}
OWN_KEYS = {
    f"jobs/{job_id(1)}/{DONE.attempt_id}.json",
    f"quarantine/{job_id(1)}/{DONE.attempt_id}/0.png",
    *(picture.key for picture in pictures()),
    *(picture.thumbnail_key for picture in pictures()),
    f"inference/output/{DONE.attempt_id}.out",
    f"inference/failure/{WAITING.attempt_id}.out",
}


class World:
    """A request with everything that belongs to it, and a little of somebody else's."""

    def __init__(self, job: Job = JOB) -> None:
        self.jobs = MemoryJobStore(job, a_job(number=2))
        self.jobs.claims[KEY_HASH] = CLAIM
        self.attempts = MemoryAttemptStore(DONE, WAITING, an_attempt(a_job(number=2)))
        self.holds = MemoryHoldStore(HELD, dataclasses.replace(HELD, job_id=job_id(2)))
        self.links = MemoryLinkStore(*LINKS, FOREIGN_LINK)
        self.objects = FakeJobObjects(*OWN_KEYS, *FOREIGN_KEYS)
        self.workflow = FakeWorkflow(running=(job_id(1),))
        self.erasures = FakeErasures()
        self.clock = Ticker()
        stopper = Stopper(jobs=self.jobs, objects=self.objects, workflow=self.workflow, clock=self.clock)
        self.eraser = Eraser(
            stopper=stopper,
            attempts=self.attempts,
            holds=self.holds,
            links=self.links,
            uploads=FakeUploads(),
            erasures=self.erasures,
        )

    def delete(self, caller: Caller = ADA) -> None:
        delete_request(job_id(1), caller, self.eraser)

    def look_again(self) -> None:
        ((looked_at, gallery),) = self.erasures.looks.items()
        erase_leftovers(
            looked_at,
            gallery,
            jobs=self.jobs,
            attempts=self.attempts,
            holds=self.holds,
            links=self.links,
            objects=self.objects,
            clock=self.clock,
        )

    def see_nothing_left(self, *, but_attempts: int = 0) -> None:
        assert set(self.jobs.records) == {job_id(2)}
        assert self.jobs.claims == {}
        assert set(self.links.records) == {FOREIGN_LINK.token_hash}
        assert self.objects.keys == FOREIGN_KEYS | {TOMBSTONE}
        assert len(self.attempts.list_by_job(job_id(1))) == but_attempts
        assert len(self.attempts.list_by_job(job_id(2))) == 1


@pytest.mark.parametrize("status", JobStatus)
def test_nothing_of_it_is_left_and_nothing_of_anybody_else_is_gone(status: JobStatus) -> None:
    world = World(dataclasses.replace(JOB, status=status))
    world.delete()
    world.see_nothing_left(but_attempts=1)
    with pytest.raises(JobNotFoundError):
        world.delete()
    assert world.workflow.statuses[job_id(1)] == "ABORTED"


def test_what_waited_for_a_person_is_erased_with_its_token_and_nobody_elses() -> None:
    world = World()
    world.delete()
    assert list(world.holds.records) == [(job_id(2), HELD.stage)]


def test_an_inference_that_was_not_told_of_is_known_until_the_second_look() -> None:
    """Else its message would find no attempt, be redelivered, and end as a dead letter with an alarm."""
    world = World()
    world.delete()
    assert world.attempts.list_by_job(job_id(1)) == (WAITING,)
    world.look_again()
    world.see_nothing_left()


@pytest.mark.parametrize("stranger", [BOB, MACHINE])
def test_anothers_request_looks_like_none_and_stays(stranger: Caller) -> None:
    world = World()
    with pytest.raises(JobNotFoundError):
        world.delete(stranger)
    assert world.jobs.records[job_id(1)] == JOB
    assert world.objects.keys == OWN_KEYS | FOREIGN_KEYS


@pytest.mark.parametrize("status", [status for status in JobStatus if status.may_become(JobStatus.CANCELLED)])
def test_an_open_request_is_cancelled_first_which_gives_its_quota_back(status: JobStatus) -> None:
    world = World(dataclasses.replace(JOB, status=status))
    world.jobs.fail_next("erase", Crash())
    with pytest.raises(Crash):
        world.delete()
    assert world.jobs.records[job_id(1)].status is JobStatus.CANCELLED


@pytest.mark.parametrize("notice", [None, Notice(state="sending", at_ms=NOW_MS)])
def test_a_request_that_is_being_delivered_ends_as_delivered_and_is_not_mailed_any_more(notice: Notice | None) -> None:
    world = World(dataclasses.replace(JOB, status=JobStatus.DELIVERING, notice=notice))
    world.jobs.fail_next("erase", Crash())
    with pytest.raises(Crash):
        world.delete()
    job = world.jobs.records[job_id(1)]
    assert job.status is JobStatus.SUCCEEDED
    assert job.notice is not None
    assert job.notice.state == ("sending" if notice else "not_wanted")  # what is leaving cannot be held


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("where", "method", "skip"),
    [
        ("objects", "put_tombstone", 0),
        ("workflow", "stop", 0),
        ("erasures", "look_again", 0),
        ("links", "erase", 0),
        ("links", "erase", 1),
        ("objects", "erase", 0),
        ("attempts", "erase", 0),
        ("jobs", "erase", 0),
    ],
)
def test_a_call_that_dies_half_way_is_mended_by_another(where: str, method: str, skip: int, after: bool) -> None:
    world = World()
    getattr(world, where).fail_next(method, Crash(), after=after, skip=skip)
    with pytest.raises(Crash):
        world.delete()
    if (where, after) == ("jobs", True):
        with pytest.raises(JobNotFoundError):
            world.delete()
    else:
        world.delete()
    world.see_nothing_left(but_attempts=1)


@pytest.mark.parametrize(("where", "method"), [("links", "erase"), ("objects", "erase"), ("jobs", "erase")])
def test_a_call_that_dies_half_way_and_is_never_repeated_is_mended_by_the_second_look(where: str, method: str) -> None:
    world = World()
    getattr(world, where).fail_next(method, StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        world.delete()
    world.look_again()
    world.see_nothing_left()


def test_what_writes_after_the_erasing_is_erased_by_the_second_look() -> None:
    world = World()
    world.delete()
    late = an_attempt(JOB, "c" * 16, outcome="succeeded")
    world.attempts.register(late)
    world.links.put(dataclasses.replace(LINKS[0], token_hash="e" * 64))
    told = {f"inference/output/{DONE.attempt_id}.out"}
    world.objects.keys |= OWN_KEYS - told | {f"inference/output/{late.attempt_id}.out"}
    world.look_again()
    world.see_nothing_left()
    world.look_again()
    world.see_nothing_left()


def test_a_key_that_stands_for_another_request_by_now_is_left_alone() -> None:
    world = World()
    world.jobs.claims[KEY_HASH] = dataclasses.replace(CLAIM, job_id=job_id(2))
    world.delete()
    assert world.jobs.claims[KEY_HASH].job_id == job_id(2)


def test_a_request_that_an_index_still_shows_though_it_is_gone_is_no_error() -> None:
    world = World()
    open_job = dataclasses.replace(JOB, status=JobStatus.GENERATING)
    world.delete()
    erase_job(open_job, world.eraser)
    world.see_nothing_left(but_attempts=1)


def test_the_upload_that_a_request_began_from_goes_with_it_and_no_other() -> None:
    picture = InputPicture(upload="up1", etag="t", size_bytes=9, content_type="image/png")
    world = World(dataclasses.replace(JOB, spec=dataclasses.replace(JOB.spec, input=picture)))
    uploads = FakeUploads(up1="t", up2="t")
    world.eraser = dataclasses.replace(world.eraser, uploads=uploads)
    uploads.fail_next("erase", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        world.delete()
    world.delete()  # the record goes last, so it can be asked for again
    assert set(uploads.etags) == {("user#ada", "up2")}
    world.see_nothing_left(but_attempts=1)
