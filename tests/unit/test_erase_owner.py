"""Erasing an owner: page by page until nothing is left, refusing what is new, leaving everybody else alone."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
from afterimage.domain.errors import AccountDisabledError, OwnerErasingError, StoreUnavailableError
from afterimage.domain.quotas import UNLIMITED, charge_for
from afterimage.domain.status import JobStatus
from afterimage.handlers import erase_owner as handler
from afterimage.usecases.cancel_request import Stopper
from afterimage.usecases.delete_request import Eraser
from afterimage.usecases.erase_campaign import CampaignEraser
from afterimage.usecases.erase_owner import PAGE, begin_erasing_owner, erase_owner
from fakes.outside import NOW_MS, FakeErasures, FakeJobObjects, FakePeople, FakeUploads, FakeWorkflow, Ticker
from fakes.samples import ADDRESS, OWNER, a_job, job_id
from fakes.stores import MemoryAttemptStore, MemoryHoldStore, MemoryJobStore, MemoryLinkStore, MemoryOwnerStore


def without_campaigns() -> CampaignEraser:
    """Of somebody who has none; those who have are in tests/contract."""
    none = SimpleNamespace(list_by_owner=lambda *_: ())
    return CampaignEraser(campaigns=none, files=none, schedules=none, clock=Ticker())  # type: ignore[arg-type]


OTHER = "user#bob"
CHARGE = charge_for(1, NOW_MS, UNLIMITED)


class World:
    """An owner with so many requests, and somebody else with one."""

    def __init__(self, jobs: int = 2, owner: str = OWNER) -> None:
        self.owner = owner
        self.jobs = MemoryJobStore()
        statuses = [*JobStatus, *[JobStatus.QUEUED] * jobs][:jobs]
        for number, status in enumerate(statuses, start=1):
            self.jobs.records[job_id(number)] = a_job(status, number=number, owner=owner, charge=CHARGE)
        self.jobs.create(a_job(number=999, owner=OTHER, charge=CHARGE), None)
        self.campaigns = without_campaigns()
        self.owners = MemoryOwnerStore(self.jobs)
        self.people = FakePeople(ada=ADDRESS, bob="bob@example.com")
        self.erasures = FakeErasures()
        self.clock = Ticker()
        stopper = Stopper(jobs=self.jobs, objects=FakeJobObjects(), workflow=FakeWorkflow(), clock=self.clock)
        self.eraser = Eraser(
            stopper=stopper,
            attempts=MemoryAttemptStore(),
            holds=MemoryHoldStore(),
            links=MemoryLinkStore(),
            uploads=FakeUploads(),
            erasures=self.erasures,
        )

    def begin(self) -> None:
        begin_erasing_owner(self.owner, owners=self.owners, erasures=self.erasures, clock=self.clock)

    def erase(self) -> bool:
        return erase_owner(self.owner, self.eraser, campaigns=self.campaigns, owners=self.owners, people=self.people)


def test_nothing_new_is_taken_of_an_owner_who_is_being_erased() -> None:
    world = World()
    world.begin()
    with pytest.raises(OwnerErasingError):
        world.jobs.create(a_job(number=500, charge=CHARGE), None)
    world.jobs.create(a_job(number=501, owner=OTHER, charge=CHARGE), None)
    assert world.erasures.owners == [OWNER]


def test_an_owner_is_erased_page_by_page_and_nobody_else() -> None:
    world = World(2 * PAGE + 1)
    world.begin()
    assert [world.erase() for _ in range(4)] == [False, False, False, True]
    assert set(world.jobs.records) == {job_id(999)}
    assert len(world.erasures.looks) == 2 * PAGE + 1
    assert world.people.addresses == {"bob": "bob@example.com"}
    assert (world.jobs.erasing, dict(world.jobs.open), list(world.jobs.months)) == (
        set(),
        {OTHER: 1},
        [(OTHER, CHARGE.month)],
    )


def test_requests_that_have_expired_go_as_well() -> None:
    world = World(0)
    world.jobs.records[job_id(1)] = a_job(expires_at_s=1)
    assert [world.erase(), world.erase()] == [False, True]
    assert set(world.jobs.records) == {job_id(999)}


@pytest.mark.parametrize("owner", ["client#nightly", "schedule#sample"])
def test_a_program_has_no_sign_in_to_erase_and_its_counters_and_decisions_stay(owner: str) -> None:
    world = World(1, owner=owner)
    accounts = world.owners.accounts
    accounts.set_disabled(owner, True)
    world.jobs.months[owner, CHARGE.month] = 7
    world.begin()
    world.people.fail_next("erase", AssertionError("asked"))
    assert [world.erase(), world.erase()] == [False, True]
    assert set(world.jobs.records) == {job_id(999)}
    assert (world.jobs.erasing, world.jobs.months[owner, CHARGE.month]) == (set(), 7 - CHARGE.pictures)
    assert accounts.find(owner).disabled


def test_a_person_who_was_erased_is_refused_while_the_token_lives() -> None:
    world = World(1)
    world.begin()
    assert [world.erase(), world.erase()] == [False, True]
    with pytest.raises(AccountDisabledError):
        world.owners.accounts.find(OWNER).check()


@pytest.mark.parametrize(("where", "method"), [("people", "erase"), ("owners", "erase"), ("jobs", "erase")])
def test_a_run_that_fails_is_mended_by_the_next(where: str, method: str) -> None:
    world = World(1)
    world.begin()
    getattr(world, where).fail_next(method, StoreUnavailableError())
    outcomes = []
    for _ in range(3):
        try:
            outcomes.append(world.erase())
        except StoreUnavailableError:
            assert world.owner in world.jobs.erasing, "nothing new may come in between"
    assert outcomes[-1] is True
    assert set(world.jobs.records) == {job_id(999)}


def test_a_second_run_beside_the_first_does_no_harm() -> None:
    world = World(1)
    assert [world.erase() for _ in range(4)] == [False, True, True, True]


def test_the_state_answers_with_the_owner_and_whether_it_is_done() -> None:
    world = World(1)
    deps = handler.Dependencies(
        eraser=world.eraser, campaigns=world.campaigns, owners=world.owners, people=world.people
    )
    answers = [handler.handle({"owner": OWNER}, deps) for _ in range(2)]
    assert answers == [{"owner": OWNER, "done": False}, {"owner": OWNER, "done": True}]


def test_uploads_of_an_owner_go_with_the_rest_and_no_others() -> None:
    world, uploads = World(1), FakeUploads(up1="t", up2="t")
    uploads.etags[OTHER, "up3"] = "t"
    world.eraser = dataclasses.replace(world.eraser, uploads=uploads)
    world.begin()
    assert [world.erase() for _ in range(2)] == [False, True]
    assert set(uploads.etags) == {(OTHER, "up3")}
