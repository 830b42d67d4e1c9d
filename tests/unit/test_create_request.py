"""Accepting a request: once per key, nothing half made, started now or by the next who looks."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest
from afterimage.domain.errors import (
    AdmissionClosedError,
    IdempotencyConflictError,
    InvalidRequestError,
    JobNotFoundError,
    MonthlyQuotaReachedError,
    QuotasInvalidError,
    RecipientNotPermittedError,
    StoreUnavailableError,
    UnknownPresetError,
    UploadNotFoundError,
    WorkflowUnavailableError,
)
from afterimage.domain.job import InputPicture, is_job_id
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.quotas import UNLIMITED, Charge, Quotas, parse_quotas
from afterimage.domain.recipients import MAIL_ANY_SCOPE
from afterimage.domain.request import ImageRequest
from afterimage.domain.status import JobStatus
from afterimage.ports import KeyTakenError
from afterimage.usecases.create_request import Acceptance, Door, create_request
from fakes.faults import Crash
from fakes.outside import NOW_MS, Dice, FakePeople, FakeUploads, FakeWorkflow, Ticker
from fakes.samples import ADA, ADDRESS, BOB, DAY_S, MACHINE
from fakes.stores import MemoryAccountStore, MemoryJobStore

ASKED = ImageRequest(prompt="a lighthouse at dusk", count=2)
KEY = "key-of-the-caller"
BOUNDS = '{"monthly_pictures": 3, "concurrent_jobs": 9, "campaign_rows": 0, "daily_pictures": 9}'


class World:
    """A door with fakes behind it."""

    def __init__(self, **changes: Any) -> None:
        self.jobs = MemoryJobStore()
        self.workflow = FakeWorkflow()
        self.people = FakePeople(ada=ADDRESS, bob="bob@example.com")
        self.clock = Ticker()
        self.door = Door(
            jobs=self.jobs,
            workflow=self.workflow,
            people=self.people,
            profile=model_profiles()["demo"],
            admission_is_open=lambda: True,
            quotas=lambda: UNLIMITED,
            accounts=MemoryAccountStore(self.jobs),
            job_ttl_s=90 * DAY_S,
            clock=self.clock,
            entropy=Dice(),
            uploads=FakeUploads(up1="tag"),
        )
        self.door = dataclasses.replace(self.door, **changes)

    def ask(self, asked: ImageRequest = ASKED, caller: Any = ADA, key: str | None = KEY) -> Acceptance:
        return create_request(asked, caller, key, self.door)


@pytest.fixture
def world() -> World:
    return World()


def test_a_request_becomes_a_queued_job_and_one_execution(world: World) -> None:
    accepted = world.ask()
    job = accepted.job
    assert not accepted.replayed
    assert world.jobs.records == {job.job_id: job}
    assert world.workflow.started == [job.job_id]
    assert is_job_id(job.job_id)
    assert job.status is JobStatus.QUEUED
    assert [change.status for change in job.timeline] == [JobStatus.QUEUED]
    assert (job.owner, job.recipient) == ("user#ada", ADDRESS)
    assert job.expires_at_s == job.created_at_ms // 1000 + 90 * DAY_S
    assert len(job.spec.seeds) == 2
    assert len(job.gallery) == 32


def test_the_gallery_names_neither_owner_nor_job(world: World) -> None:
    job = world.ask().job
    assert job.job_id not in job.gallery
    assert "ada" not in job.gallery


def test_a_replay_finds_the_same_job_and_records_nothing_new(world: World) -> None:
    first = world.ask()
    world.jobs.advance(first.job.job_id, JobStatus.MODERATING, world.clock())
    second = world.ask()
    assert second.replayed
    assert second.job.job_id == first.job.job_id
    assert second.job.status is JobStatus.MODERATING
    assert len(world.jobs.records) == 1
    assert world.workflow.started == [first.job.job_id]


def test_a_key_with_another_body_is_a_conflict_and_changes_nothing(world: World) -> None:
    first = world.ask()
    with pytest.raises(IdempotencyConflictError):
        world.ask(dataclasses.replace(ASKED, prompt="another picture"))
    assert list(world.jobs.records) == [first.job.job_id]
    assert world.workflow.started == [first.job.job_id]


@pytest.mark.parametrize(
    "changes",
    [{"count": 1}, {"seed": 1}, {"email": ADDRESS}, {"preset": "icon"}, {"upload": "up1"}, {"adapter": "oil"}],
)
def test_every_field_of_the_body_counts_for_the_conflict(world: World, changes: dict[str, Any]) -> None:
    world.ask()
    with pytest.raises(IdempotencyConflictError):
        world.ask(dataclasses.replace(ASKED, **changes))


def test_the_same_key_of_two_owners_gives_two_jobs(world: World) -> None:
    assert world.ask(caller=ADA).job.job_id != world.ask(caller=BOB).job.job_id
    assert {job.owner for job in world.jobs.records.values()} == {"user#ada", "user#bob"}


def test_without_a_key_the_same_body_is_asked_twice(world: World) -> None:
    assert world.ask(key=None).job.job_id != world.ask(key=None).job.job_id
    assert world.jobs.claims == {}


def test_a_key_is_free_again_after_a_day(world: World) -> None:
    first = world.ask()
    world.clock.pass_s(DAY_S + 1)
    second = world.ask()
    assert not second.replayed
    assert second.job.job_id != first.job.job_id


def test_the_key_is_stored_only_as_a_hash(world: World) -> None:
    world.ask()
    assert KEY not in str(world.jobs.claims)


def test_two_calls_at_once_give_one_job(world: World) -> None:
    """The other call writes its claim between our look and our write."""
    rival = World(jobs=world.jobs, entropy=world.door.entropy)

    class Racing(MemoryJobStore):
        def find_claim(self, key_hash: str, now_ms: int) -> Any:
            if not world.jobs.claims:
                self.winner = rival.ask()
                return None
            return world.jobs.find_claim(key_hash, now_ms)

        def create(self, job: Any, claim: Any, quotas: Any = UNLIMITED) -> None:
            world.jobs.create(job, claim, quotas)

        def get(self, job_id: Any, now_ms: int) -> Any:
            return world.jobs.get(job_id, now_ms)

    racing = Racing()
    loser = create_request(ASKED, ADA, KEY, dataclasses.replace(world.door, jobs=racing))
    assert loser.replayed
    assert loser.job.job_id == racing.winner.job.job_id
    assert list(world.jobs.records) == [racing.winner.job.job_id]


def test_two_calls_at_once_with_different_bodies_are_a_conflict(world: World) -> None:
    world.ask(dataclasses.replace(ASKED, prompt="the other body"))
    first_look = world.jobs.find_claim
    looks: list[str] = []

    def blind_at_first(key_hash: str, now_ms: int) -> Any:
        looks.append(key_hash)
        return None if len(looks) == 1 else first_look(key_hash, now_ms)

    world.jobs.find_claim = blind_at_first  # type: ignore[method-assign]
    with pytest.raises(IdempotencyConflictError):
        world.ask()
    assert len(world.jobs.records) == 1


def test_a_race_that_leaves_no_claim_is_not_an_acceptance(world: World) -> None:
    world.jobs.fail_next("create", KeyTakenError())
    with pytest.raises(KeyTakenError):
        world.ask()
    assert world.jobs.records == {}


def test_a_closed_admission_takes_nothing_in(world: World) -> None:
    world.door = dataclasses.replace(world.door, admission_is_open=lambda: False)
    with pytest.raises(AdmissionClosedError):
        world.ask()
    assert world.jobs.records == {}
    assert world.workflow.started == []


def test_a_closed_admission_still_answers_a_replay(world: World) -> None:
    first = world.ask()
    world.door = dataclasses.replace(world.door, admission_is_open=lambda: False)
    assert world.ask().job.job_id == first.job.job_id


def test_a_request_is_charged_by_its_pictures(world: World) -> None:
    world.door = dataclasses.replace(world.door, quotas=lambda: parse_quotas(BOUNDS))
    job = world.ask().job
    assert job.charge == Charge(month="2026-11", day="2026-11-18", pictures=2)
    assert world.jobs.months == {(job.owner, "2026-11"): 2}
    assert (world.jobs.open, world.jobs.days) == ({job.owner: 1}, {"2026-11-18": 2})


def test_a_request_beyond_the_quota_is_neither_recorded_nor_started_nor_claimed(world: World) -> None:
    world.door = dataclasses.replace(world.door, quotas=lambda: parse_quotas(BOUNDS))
    world.ask(key="first")
    with pytest.raises(MonthlyQuotaReachedError):
        world.ask(key="second")
    assert len(world.jobs.records) == len(world.workflow.started) == len(world.jobs.claims) == 1


def test_a_replay_is_answered_and_charged_once_though_the_quota_is_used_up(world: World) -> None:
    world.door = dataclasses.replace(world.door, quotas=lambda: parse_quotas(BOUNDS))
    first = world.ask()
    assert world.ask() == Acceptance(job=first.job, replayed=True)
    assert world.jobs.months == {(first.job.owner, "2026-11"): 2}


def test_one_key_at_once_is_charged_once(world: World) -> None:
    """The claim is taken between the look and the write."""
    world.door = dataclasses.replace(world.door, quotas=lambda: parse_quotas(BOUNDS))
    first = world.ask()
    find, looks = world.jobs.find_claim, iter([True, False, False])
    world.jobs.find_claim = lambda *key: None if next(looks) else find(*key)  # type: ignore[method-assign]
    assert world.ask() == Acceptance(job=first.job, replayed=True)
    assert world.jobs.months == {(first.job.owner, "2026-11"): 2}


def test_quotas_that_cannot_be_read_take_nothing_in(world: World) -> None:
    def unreadable() -> Quotas:
        raise QuotasInvalidError

    world.door = dataclasses.replace(world.door, quotas=unreadable)
    with pytest.raises(QuotasInvalidError):
        world.ask()
    assert (world.jobs.records, world.workflow.started) == ({}, [])


def test_a_start_that_fails_for_now_leaves_an_accepted_queued_job(world: World) -> None:
    world.workflow.fail_next("start", WorkflowUnavailableError())
    accepted = world.ask()
    job = accepted.job
    assert accepted.refusal == "temporarily_unavailable"
    assert world.jobs.get(job.job_id, NOW_MS).status is JobStatus.QUEUED
    assert world.workflow.started == []


def test_a_replay_starts_what_is_still_queued(world: World) -> None:
    world.workflow.fail_next("start", WorkflowUnavailableError())
    job = world.ask().job
    again = world.ask()
    assert (again.replayed, again.refusal) == (True, None)
    assert world.workflow.started == [job.job_id]


def test_a_crash_between_record_and_start_is_mended_by_the_replay(world: World) -> None:
    world.jobs.fail_next("create", Crash(), after=True)
    with pytest.raises(Crash):
        world.ask()
    assert world.workflow.started == []
    again = world.ask()
    assert again.replayed
    assert world.workflow.started == [again.job.job_id]
    assert len(world.jobs.records) == 1


def test_a_store_that_is_down_records_nothing_and_starts_nothing(world: World) -> None:
    world.jobs.fail_next("create", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        world.ask()
    assert (world.jobs.records, world.jobs.claims, world.workflow.started) == ({}, {}, [])


def test_an_error_of_ours_while_starting_is_not_swallowed(world: World) -> None:
    world.workflow.fail_next("start", ValueError("a defect"))
    with pytest.raises(ValueError, match="a defect"):
        world.ask()


def test_the_replay_of_an_expired_job_is_not_found(world: World) -> None:
    world.door = dataclasses.replace(world.door, job_ttl_s=60)
    world.ask()
    world.clock.pass_s(61)
    with pytest.raises(JobNotFoundError):
        world.ask()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"prompt": "  "}, InvalidRequestError),
        ({"preset": "no-such-style"}, UnknownPresetError),
        ({"count": 5}, InvalidRequestError),
        ({"email": "not an address"}, InvalidRequestError),
        ({"email": "somebody@example.org"}, RecipientNotPermittedError),
    ],
)
def test_what_is_refused_leaves_no_job_half_made(world: World, changes: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        world.ask(dataclasses.replace(ASKED, **changes))
    assert (world.jobs.records, world.jobs.claims, world.workflow.started) == ({}, {}, [])


def test_a_key_that_was_refused_can_be_used_again(world: World) -> None:
    with pytest.raises(InvalidRequestError):
        world.ask(dataclasses.replace(ASKED, prompt=""))
    assert not world.ask().replayed


def test_a_machine_must_name_a_permitted_recipient(world: World) -> None:
    with pytest.raises(RecipientNotPermittedError):
        world.ask(caller=MACHINE)
    with pytest.raises(RecipientNotPermittedError):
        world.ask(dataclasses.replace(ASKED, email=ADDRESS), caller=MACHINE)
    assert world.jobs.records == {}


def test_the_scope_mail_any_permits_any_recipient(world: World) -> None:
    trusted = dataclasses.replace(MACHINE, scopes=frozenset({MAIL_ANY_SCOPE}))
    asked = dataclasses.replace(ASKED, email="somebody@example.org")
    assert world.ask(asked, caller=trusted).job.recipient == "somebody@example.org"


def test_an_unconfirmed_address_gets_no_mail(world: World) -> None:
    world.people.addresses.clear()
    with pytest.raises(RecipientNotPermittedError):
        world.ask()


def test_a_seed_is_drawn_only_when_none_was_given(world: World) -> None:
    given = world.ask(dataclasses.replace(ASKED, seed=41), key=None).job.spec.seeds
    drawn = [world.ask(key=None).job.spec.seeds[0] for _ in range(3)]
    assert given == (41, 42)
    assert len(set(drawn)) == 3


def test_a_request_records_its_input_picture_as_it_is_now(world: World) -> None:
    spec = world.ask(dataclasses.replace(ASKED, upload="up1", strength=0.4, adapter="oil")).job.spec
    assert spec.input == InputPicture(upload="up1", etag="tag", size_bytes=1000, content_type="image/png")
    assert (spec.strength, spec.adapter) == (0.4, "oil")


@pytest.mark.parametrize(("caller", "upload"), [(BOB, "up1"), (ADA, "up2")], ids=["another's", "no such"])
def test_a_request_begins_from_ones_own_picture_only(world: World, caller: Any, upload: str) -> None:
    with pytest.raises(UploadNotFoundError):
        world.ask(dataclasses.replace(ASKED, upload=upload), caller)
    assert world.jobs.records == {}


def test_where_nobody_sends_pictures_there_are_none() -> None:
    with pytest.raises(UploadNotFoundError):
        World(uploads=None).ask(dataclasses.replace(ASKED, upload="up1"))


def test_a_replay_finds_its_job_when_the_upload_is_gone(world: World) -> None:
    asked = dataclasses.replace(ASKED, upload="up1")
    first = world.ask(asked)
    world.door = dataclasses.replace(world.door, uploads=FakeUploads())
    assert world.ask(asked).job == first.job


def test_a_key_of_the_version_without_input_pictures_still_finds_its_request(world: World) -> None:
    world.ask(ASKED)
    (claim,) = world.jobs.claims.values()
    before = (
        '{"count":2,"email":null,"guidance":null,"height":null,"negative_prompt":null,"preset":null,'
        '"prompt":"a lighthouse at dusk","scheduler":null,"seed":null,"steps":null,"width":null}'
    )
    assert claim.body_digest == hashlib.sha256(before.encode()).hexdigest()
