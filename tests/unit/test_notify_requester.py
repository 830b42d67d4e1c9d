"""The states NotifyRequester and TellFailure: one mail, whatever happens around it, and a delivered job succeeds."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from afterimage.adapters.mail.compose import compose
from afterimage.domain.errors import (
    JobClosedError,
    JobNotFoundError,
    MailRefusedError,
    MailUnavailableError,
    NoticeInFlightError,
    StoreUnavailableError,
)
from afterimage.domain.job import Failure, Job, Notice
from afterimage.domain.links import hash_token
from afterimage.domain.status import JobStatus
from afterimage.domain.suppression import SuppressionKind, suppression_of
from afterimage.usecases.close_lost_job import close_lost_job
from afterimage.usecases.notify_requester import CLAIM_MS, Post, notify_requester
from afterimage.usecases.record_failure import record_failure
from fakes.campaigns import NO_CAMPAIGNS
from fakes.faults import Crash
from fakes.outside import NOW_MS, Dice, FakeGallery, FakeMailer, FakeTeller, FakeWorkflow, Ticker
from fakes.samples import ADDRESS, a_job, job_id, pictures
from fakes.stores import MemoryJobStore, MemoryLinkStore, MemorySuppressionStore

BASE = "https://api.example.com"
DELIVERING = a_job(JobStatus.DELIVERING, pictures=pictures())
ENDS = [status for status in JobStatus if status.is_final and status is not JobStatus.SUCCEEDED]


class World:
    """A job to tell of."""

    def __init__(self, job: Job = DELIVERING, link_ttl_s: int = 7 * 86_400) -> None:
        self.jobs = MemoryJobStore(job)
        self.links = MemoryLinkStore()
        self.gallery = FakeGallery()
        self.suppressions = MemorySuppressionStore()
        self.mailer = FakeMailer()
        self.clock = Ticker()
        self.post = Post(
            campaigns=NO_CAMPAIGNS,
            workflow=FakeWorkflow(),
            jobs=self.jobs,
            links=self.links,
            gallery=self.gallery,
            suppressions=self.suppressions,
            mailer=self.mailer,
            link_base=BASE,
            link_ttl_s=lambda: link_ttl_s,
            clock=self.clock,
            entropy=Dice(),
        )

    def notify(self) -> Job:
        return notify_requester(job_id(1), self.post)

    @property
    def notice(self) -> str | None:
        notice = self.jobs.records[job_id(1)].notice
        return notice.state if notice else None

    @property
    def status(self) -> JobStatus:
        return self.jobs.records[job_id(1)].status


@pytest.fixture
def world() -> World:
    return World()


def test_a_delivering_job_is_mailed_once_and_succeeds(world: World) -> None:
    job = world.notify()
    assert job.status is JobStatus.SUCCEEDED
    (mail,) = world.mailer.sent
    assert mail.recipient == ADDRESS
    assert len(mail.links) == len(mail.thumbnails) == 2
    assert mail.thumbnails[1].endswith(DELIVERING.pictures[1].thumbnail_key.encode())
    assert world.notice == "sent"


def test_each_link_is_stored_by_hash_and_leads_to_its_picture(world: World) -> None:
    world.notify()
    (mail,) = world.mailer.sent
    for link, picture in zip(mail.links, DELIVERING.pictures, strict=True):
        assert link.startswith(f"{BASE}/i/")
        token = link.removeprefix(f"{BASE}/i/")
        stored = world.links.records[hash_token(token)]
        assert (stored.key, stored.job_id, stored.revoked) == (picture.key, job_id(1), False)
        assert token not in str(world.links.records)
        assert stored.expires_at_s == mail.expires_at_s


@pytest.mark.parametrize(
    ("owner", "is_own"), [("user#ada", True), ("client#nightly", False), ("schedule#sample", False)]
)
def test_the_prompt_is_in_the_mailed_picture_only_where_the_mail_goes_to_the_person_who_wrote_it(
    owner: str, is_own: bool
) -> None:
    world = World(dataclasses.replace(DELIVERING, owner=owner))
    world.notify()
    keys = [link.key for link in world.links.records.values()]
    assert keys == [picture.key if is_own else picture.share_key for picture in DELIVERING.pictures]


def test_a_link_lives_as_long_as_the_operator_says(world: World) -> None:
    world.notify()
    assert world.mailer.sent[0].expires_at_s == NOW_MS // 1000 + 7 * 86_400


def test_a_link_never_outlives_its_job() -> None:
    world = World(dataclasses.replace(DELIVERING, expires_at_s=NOW_MS // 1000 + 60))
    world.notify()
    assert world.mailer.sent[0].expires_at_s == NOW_MS // 1000 + 60


def test_a_second_event_sends_no_second_mail(world: World) -> None:
    world.notify()
    assert world.notify().status is JobStatus.SUCCEEDED
    assert len(world.mailer.sent) == 1
    assert len(world.links.records) == 2


def test_the_intent_is_on_record_before_the_mail_leaves(world: World) -> None:
    seen: list[str | None] = []

    class Looking(FakeMailer):
        def send(self, *args: Any, **kwargs: Any) -> None:
            seen.append(world.notice)
            super().send(*args, **kwargs)

    world.post = dataclasses.replace(world.post, mailer=Looking())
    world.notify()
    assert seen == ["sending"]


@pytest.mark.parametrize("after", [False, True], ids=["before the mail left", "after the mail left"])
def test_a_crash_after_the_intent_ends_uncertain_and_never_in_a_second_mail(world: World, after: bool) -> None:
    world.mailer.fail_next("send", Crash(), after=after)
    with pytest.raises(Crash):
        world.notify()
    assert world.notice == "sending"
    with pytest.raises(NoticeInFlightError):
        world.notify()
    world.clock.pass_s(CLAIM_MS / 1000)
    assert world.notify().status is JobStatus.SUCCEEDED
    assert world.notice == "uncertain"
    assert len(world.mailer.sent) == (1 if after else 0)


def test_an_error_that_leaves_it_open_whether_it_was_sent_is_not_repeated(world: World) -> None:
    world.mailer.fail_next("send", ConnectionError(), after=True)
    with pytest.raises(ConnectionError):
        world.notify()
    world.clock.pass_s(CLAIM_MS / 1000)
    world.notify()
    assert (len(world.mailer.sent), world.notice) == (1, "uncertain")


def test_a_mail_that_was_certainly_not_sent_is_sent_at_the_next_try(world: World) -> None:
    world.mailer.fail_next("send", MailUnavailableError())
    with pytest.raises(MailUnavailableError):
        world.notify()
    assert world.notice is None
    assert world.status is JobStatus.DELIVERING
    assert world.notify().status is JobStatus.SUCCEEDED
    assert (len(world.mailer.sent), world.notice) == (1, "sent")


@pytest.mark.parametrize("error", [StoreUnavailableError(), RuntimeError("unforeseen"), KeyError("x")], ids=repr)
@pytest.mark.parametrize("place", ["lifetime", "link", "thumbnail"])
def test_whatever_fails_before_the_mail_releases_the_claim_and_is_asked_again(
    world: World, place: str, error: Exception
) -> None:
    post = world.post

    def unreadable() -> int:
        raise error

    if place == "lifetime":
        world.post = dataclasses.replace(post, link_ttl_s=unreadable)
    elif place == "link":
        world.links.fail_next("put", error, skip=1)
    else:
        world.gallery.fail_next("read_thumbnail", error, skip=1)
    with pytest.raises(type(error)):
        world.notify()
    assert (world.mailer.sent, world.notice, world.status) == ([], None, JobStatus.DELIVERING)
    world.post = post
    assert world.notify().status is JobStatus.SUCCEEDED
    assert (len(world.mailer.sent), world.notice) == (1, "sent")


@pytest.mark.parametrize("nth", [0, 1], ids=["before the mail", "after it"])
@pytest.mark.parametrize("written", [False, True])
def test_a_notice_whose_answer_is_lost_is_written_once_more(world: World, nth: int, written: bool) -> None:
    world.jobs.fail_next("swap_notice", StoreUnavailableError(), skip=nth, after=written)
    assert world.notify().status is JobStatus.SUCCEEDED
    assert (len(world.mailer.sent), world.notice) == (1, "sent")


def test_a_store_that_is_down_after_the_mail_never_sends_it_again(world: World) -> None:
    world.jobs.fail_next("swap_notice", StoreUnavailableError(), skip=1)
    world.jobs.fail_next("swap_notice", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        world.notify()
    with pytest.raises(NoticeInFlightError):
        world.notify()
    world.clock.pass_s(CLAIM_MS / 1000)
    assert world.notify().status is JobStatus.SUCCEEDED
    assert len(world.mailer.sent) == 1


def test_a_crash_between_mail_and_success_is_mended_without_a_second_mail(world: World) -> None:
    world.jobs.fail_next("advance", Crash())
    with pytest.raises(Crash):
        world.notify()
    assert world.notify().status is JobStatus.SUCCEEDED
    assert len(world.mailer.sent) == 1


def test_a_refused_mail_leaves_the_job_succeeded_with_the_reason_on_record(world: World) -> None:
    world.mailer.fail_next("send", MailRefusedError(code="MessageRejected"))
    job = world.notify()
    assert job.status is JobStatus.SUCCEEDED
    assert job.notice is not None
    assert (job.notice.state, job.notice.failure_code) == ("failed", "MessageRejected")
    world.notify()
    assert world.mailer.sent == []


@pytest.mark.parametrize("status", ENDS)
def test_an_end_without_pictures_is_told_without_links(status: JobStatus) -> None:
    failure = Failure(code="why", sentence="Because.")
    world = World(a_job(status, failure=failure))
    job = world.notify()
    (mail,) = world.mailer.sent
    assert (mail.links, mail.thumbnails, world.links.records) == ((), (), {})
    assert (job.status, world.notice) == (status, "sent")
    world.notify()
    assert len(world.mailer.sent) == 1


@pytest.mark.parametrize("status", [JobStatus.DELIVERING, JobStatus.BLOCKED])
def test_nobody_to_tell_is_on_record_and_makes_no_link(status: JobStatus) -> None:
    made = DELIVERING.pictures if status is JobStatus.DELIVERING else ()
    world = World(dataclasses.replace(DELIVERING, status=status, pictures=made, recipient=None))
    world.notify()
    assert (world.mailer.sent, world.links.records, world.notice) == ([], {}, "not_wanted")
    world.notify()
    assert world.notice == "not_wanted"


@pytest.mark.parametrize(
    "status", [status for status in JobStatus if not status.is_final and status is not JobStatus.DELIVERING]
)
def test_a_job_that_is_still_worked_on_is_not_told_of(status: JobStatus) -> None:
    world = World(a_job(status))
    with pytest.raises(JobClosedError):
        world.notify()
    assert (world.mailer.sent, world.notice) == ([], None)


def test_of_two_at_once_one_sends_and_the_other_asks_again(world: World) -> None:
    class Racing(MemoryJobStore):
        def swap_notice(self, job_id: Any, expected_state: str | None, notice: Notice | None) -> bool:
            if expected_state is None:
                super().swap_notice(job_id, None, Notice(state="sending", at_ms=NOW_MS))
            return super().swap_notice(job_id, expected_state, notice)

    world.post = dataclasses.replace(world.post, jobs=Racing(DELIVERING))
    with pytest.raises(NoticeInFlightError):
        world.notify()
    assert world.mailer.sent == []


@pytest.mark.parametrize("state", ["sent", "failed", "uncertain", "not_wanted"])
def test_a_notice_that_is_settled_is_never_sent_again(state: str) -> None:
    world = World(dataclasses.replace(DELIVERING, notice=Notice(state=state, at_ms=NOW_MS)))
    assert world.notify().status is JobStatus.SUCCEEDED
    assert (world.mailer.sent, world.notice) == ([], state)


def test_a_success_that_nobody_told_of_is_still_mailed_with_its_pictures_and_as_ready() -> None:
    world = World(dataclasses.replace(DELIVERING, status=JobStatus.SUCCEEDED))
    assert world.notify().status is JobStatus.SUCCEEDED
    (mail,) = world.mailer.sent
    assert (len(mail.links), len(mail.thumbnails), world.notice) == (2, 2, "sent")
    message = compose(mail.job, "us@example.com", mail.recipient, mail.links, mail.expires_at_s, mail.thumbnails)
    assert message["Subject"] == "Your pictures are ready"
    world.notify()
    assert len(world.mailer.sent) == 1


def test_a_job_that_another_run_ended_meanwhile_is_returned() -> None:
    class Overtaken(FakeMailer):
        def send(self, *args: Any, **kwargs: Any) -> None:
            super().send(*args, **kwargs)
            world.jobs.advance(job_id(1), JobStatus.SUCCEEDED, NOW_MS)

    world = World()
    world.post = dataclasses.replace(world.post, mailer=Overtaken())
    job = world.notify()
    assert (job.status, job.notice and job.notice.state) == (JobStatus.SUCCEEDED, "sent")
    assert [entry.status for entry in job.timeline].count(JobStatus.SUCCEEDED) == 1


# ── The mail and the end of the execution: whichever comes in between, the picture is mailed once ─────────────────────


def interrupt(world: World, how: str) -> Job:
    """End the execution of the job, as an event does or as the failure path does."""
    if how == "the failure path":
        return record_failure(job_id(1), "States.Timeout", "", jobs=world.jobs, clock=world.clock)
    return close_lost_job(job_id(1), how, jobs=world.jobs, teller=FakeTeller(), clock=world.clock)


@pytest.mark.parametrize("how", ["ABORTED", "TIMED_OUT", "FAILED", "the failure path"])
def test_a_throttled_mail_is_sent_at_the_retry_though_the_execution_ended_meanwhile(how: str) -> None:
    class Interrupted(FakeMailer):
        def send(self, *args: Any, **kwargs: Any) -> None:
            if not tries:
                tries.append(interrupt(world, how))
                raise MailUnavailableError()
            super().send(*args, **kwargs)

    tries: list[Job] = []
    world, mailer = World(), Interrupted()
    world.post = dataclasses.replace(world.post, mailer=mailer)
    with pytest.raises(MailUnavailableError):
        world.notify()
    assert [(job.status, job.notice and job.notice.state) for job in tries] == [(JobStatus.DELIVERING, "sending")]
    assert (world.status, world.notice) == (JobStatus.DELIVERING, None)
    job = world.notify()
    assert (job.status, job.notice and job.notice.state, job.failure) == (JobStatus.SUCCEEDED, "sent", None)
    assert world.notify() == job
    (mail,) = mailer.sent
    assert (mail.recipient, len(mail.links), len(mail.thumbnails)) == (ADDRESS, 2, 2)


@pytest.mark.parametrize("how", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_a_delivery_whose_execution_ended_before_anybody_told_is_mailed(how: str) -> None:
    world, teller = World(), FakeTeller()
    close_lost_job(job_id(1), how, jobs=world.jobs, teller=teller, clock=world.clock)
    assert teller.told == [job_id(1)]
    assert world.notify().status is JobStatus.SUCCEEDED
    assert [len(mail.links) for mail in world.mailer.sent] == [2]


def test_a_run_that_died_while_sending_is_settled_by_whoever_is_asked_for_the_lost_job() -> None:
    world, teller = World(), FakeTeller()
    world.mailer.fail_next("send", Crash(), after=True)
    with pytest.raises(Crash):
        world.notify()
    close_lost_job(job_id(1), "FAILED", jobs=world.jobs, teller=teller, clock=world.clock)
    assert teller.told == [job_id(1)]
    world.clock.pass_s(CLAIM_MS / 1000)
    assert world.notify().status is JobStatus.SUCCEEDED
    assert (len(world.mailer.sent), world.notice) == (1, "uncertain")


@pytest.mark.parametrize("kind", SuppressionKind)
@pytest.mark.parametrize("status", [JobStatus.DELIVERING, *ENDS])
def test_a_suppressed_address_is_not_written_to(kind: SuppressionKind, status: JobStatus) -> None:
    delivering = status is JobStatus.DELIVERING
    world = World(a_job(status, pictures=pictures() if delivering else ()))
    world.suppressions.put(suppression_of(ADDRESS.upper(), kind, NOW_MS))
    job = world.notify()
    assert job.status is (JobStatus.SUCCEEDED if delivering else status)
    assert job.notice
    assert (job.notice.state, job.notice.failure_code) == ("failed", "address_suppressed")
    assert (world.mailer.sent, world.links.records) == ([], {})
    assert world.notify() == job


def test_another_address_is_written_to_as_before(world: World) -> None:
    world.suppressions.put(suppression_of(f"x{ADDRESS}", SuppressionKind.BOUNCE, NOW_MS))
    world.notify()
    assert world.notice == "sent"


def test_a_list_that_cannot_be_read_lets_no_mail_go_and_is_asked_again(world: World) -> None:
    world.suppressions.fail_next("find", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        world.notify()
    assert (world.mailer.sent, world.notice) == ([], None)
    world.notify()
    assert world.notice == "sent"


def test_a_bounce_that_is_faster_than_our_own_note_stays_on_record(world: World) -> None:
    class Bouncing(FakeMailer):
        def send(self, *args: Any, **kwargs: Any) -> None:
            super().send(*args, **kwargs)
            world.jobs.swap_notice(job_id(1), "sending", Notice(state="bounced", at_ms=NOW_MS))

    world.post = dataclasses.replace(world.post, mailer=Bouncing())
    assert world.notify().status is JobStatus.SUCCEEDED
    assert world.notice == "bounced"


def test_no_job_is_not_found() -> None:
    with pytest.raises(JobNotFoundError):
        notify_requester(job_id(2), World().post)
