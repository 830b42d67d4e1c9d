"""Bounces and complaints: on the job's record once, and the address is left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from afterimage.contracts.codec import ContractError
from afterimage.contracts.mail_event import JOB_TAG, MailEvent, MailFate, is_topic_test, parse_mail_event
from afterimage.domain.errors import InternalError, StoreUnavailableError
from afterimage.domain.job import Job, Notice
from afterimage.domain.status import JobStatus
from afterimage.domain.suppression import SuppressionKind, hash_address
from afterimage.handlers import record_mail_outcome as handler
from afterimage.usecases.record_mail_outcome import record_mail_outcome
from fakes.outside import NOW_MS, Ticker
from fakes.samples import ADDRESS, a_job, job_id
from fakes.stores import MemoryJobStore, MemorySuppressionStore

SUPPRESSING = {MailFate.BOUNCED: SuppressionKind.BOUNCE, MailFate.COMPLAINED: SuppressionKind.COMPLAINT}


def told(state: str | None) -> Job:
    notice = Notice(state=state, at_ms=NOW_MS) if state else None
    return a_job(JobStatus.SUCCEEDED, recipient=ADDRESS, notice=notice)


def an_event(fate: MailFate, job: str | None = None, *recipients: str) -> MailEvent:
    return MailEvent(fate=fate, job_id=job or job_id(1), recipients=recipients or (ADDRESS,))


class World:
    """One job that was told of."""

    def __init__(self, state: str | None = "sent") -> None:
        self.jobs = MemoryJobStore(told(state))
        self.suppressions = MemorySuppressionStore()
        self.clock = Ticker()

    def record(self, event: MailEvent) -> str:
        return record_mail_outcome(event, jobs=self.jobs, suppressions=self.suppressions, clock=self.clock)

    @property
    def notice(self) -> tuple[str, str | None] | None:
        notice = self.jobs.records[job_id(1)].notice
        return (notice.state, notice.failure_code) if notice else None

    @property
    def suppressed(self) -> SuppressionKind | None:
        found = self.suppressions.find(hash_address(ADDRESS), NOW_MS)
        return found.kind if found else None


@pytest.mark.parametrize("before", ["sending", "sent", "uncertain"])
@pytest.mark.parametrize(
    ("fate", "after"),
    [
        (MailFate.BOUNCED, ("bounced", "bounced")),
        (MailFate.COMPLAINED, ("complained", None)),
        (MailFate.REJECTED, ("failed", "mail_rejected")),
    ],
)
def test_what_became_of_the_mail_is_on_the_record(before: str, fate: MailFate, after: tuple[str, str | None]) -> None:
    world = World(before)
    assert world.record(an_event(fate)) == fate.value
    assert world.notice == after
    assert world.suppressed == SUPPRESSING.get(fate)
    assert world.jobs.records[job_id(1)].status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("fate", [MailFate.BOUNCED_FOR_NOW, MailFate.DELAYED, MailFate.OTHER])
def test_what_may_still_arrive_changes_nothing(fate: MailFate) -> None:
    world = World()
    assert world.record(an_event(fate)) == fate.value
    assert (world.notice, world.suppressed) == (("sent", None), None)


@pytest.mark.parametrize("fate", [MailFate.BOUNCED, MailFate.COMPLAINED, MailFate.REJECTED])
def test_a_second_delivery_is_a_no_op(fate: MailFate) -> None:
    world = World()
    world.record(an_event(fate))
    first = (world.notice, dict(world.jobs.records))
    assert world.record(an_event(fate)) == "repeated"
    assert (world.notice, dict(world.jobs.records)) == first


def test_bounce_and_complaint_end_alike_in_either_order() -> None:
    ends = []
    for order in ((MailFate.BOUNCED, MailFate.COMPLAINED), (MailFate.COMPLAINED, MailFate.BOUNCED)):
        world = World()
        for fate in order:
            world.record(an_event(fate))
        ends.append((world.notice, world.suppressed))
    assert ends == [(("complained", None), SuppressionKind.COMPLAINT)] * 2


@pytest.mark.parametrize("state", [None, "failed", "not_wanted"])
def test_a_job_that_was_not_mailed_keeps_its_notice(state: str | None) -> None:
    world = World(state)
    before = world.notice
    assert world.record(an_event(MailFate.BOUNCED)) == "repeated"
    assert world.notice == before


def test_the_address_of_a_job_that_is_gone_is_left_alone_all_the_same() -> None:
    world = World()
    assert world.record(an_event(MailFate.COMPLAINED, job_id(2))) == "unknown_job"
    assert world.suppressed is SuppressionKind.COMPLAINT
    assert world.notice == ("sent", None)


@pytest.mark.parametrize("job", [None, "", "somebody-elses"])
def test_a_mail_that_is_not_ours_is_ignored(job: str | None) -> None:
    world = World()
    assert world.record(MailEvent(fate=MailFate.BOUNCED, job_id=job, recipients=(ADDRESS,))) == "foreign"
    assert world.suppressions.records == {}


def test_a_notice_that_changes_meanwhile_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World("sending")
    swap = world.jobs.swap_notice
    lost: list[bool] = []

    def slower(*arguments: Any) -> bool:
        if not lost:  # the mail's own run notes that it was sent, a moment before us
            lost.append(swap(job_id(1), "sending", Notice(state="sent", at_ms=NOW_MS)))
        return swap(*arguments)

    monkeypatch.setattr(world.jobs, "swap_notice", slower)
    assert world.record(an_event(MailFate.BOUNCED)) == "bounced"
    assert lost == [True]
    assert world.notice == ("bounced", "bounced")


def test_a_notice_that_never_rests_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(world.jobs, "swap_notice", lambda *arguments: False)
    with pytest.raises(StoreUnavailableError):
        world.record(an_event(MailFate.BOUNCED))


def test_an_address_is_suppressed_before_the_job_is_looked_for() -> None:
    world = World()
    world.jobs.fail_next("get", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        world.record(an_event(MailFate.BOUNCED))
    assert world.suppressed is SuppressionKind.BOUNCE
    assert world.record(an_event(MailFate.BOUNCED)) == "bounced"


# ── The event as SES writes it ────────────────────────────────────────────────────────────────────────────────────────


def bounce(destination: list[str], named: list[str], kind: str = "Permanent") -> dict[str, Any]:
    return {
        "eventType": "Bounce",
        "bounce": {"bounceType": kind, "bouncedRecipients": [{"emailAddress": address} for address in named]},
        "mail": {"destination": destination, "tags": {JOB_TAG: [job_id(1)]}},
    }


@pytest.mark.parametrize(
    ("destination", "named", "found"),
    [
        ([ADDRESS], [ADDRESS], (ADDRESS,)),
        ([ADDRESS], [ADDRESS.upper()], (ADDRESS,)),
        ([ADDRESS], [f"Ada <{ADDRESS}>"], (ADDRESS,)),
        ([ADDRESS], ["forwarded@elsewhere.example"], (ADDRESS,)),
        ([ADDRESS], [], (ADDRESS,)),
        ([ADDRESS, "b@example.com"], ["b@example.com"], ("b@example.com",)),
        ([ADDRESS, "b@example.com"], ["c@example.com"], ()),
        ([], [ADDRESS], ()),
    ],
)
def test_only_those_are_named_to_whom_we_wrote(
    destination: list[str], named: list[str], found: tuple[str, ...]
) -> None:
    assert parse_mail_event(bounce(destination, named)).recipients == found


@pytest.mark.parametrize(
    ("kind", "fate"),
    [
        ("Permanent", MailFate.BOUNCED),
        ("Transient", MailFate.BOUNCED_FOR_NOW),
        ("Undetermined", MailFate.BOUNCED_FOR_NOW),
        ("", MailFate.BOUNCED_FOR_NOW),
    ],
)
def test_only_a_permanent_bounce_is_one(kind: str, fate: MailFate) -> None:
    assert parse_mail_event(bounce([ADDRESS], [ADDRESS], kind)).fate is fate


@pytest.mark.parametrize("message", [{}, {"eventType": "Bounce"}, {"mail": {}}, {"eventType": 1, "mail": {}}])
def test_what_is_no_event_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(ContractError):
        parse_mail_event(message)


@pytest.mark.parametrize("tags", [None, {}, {JOB_TAG: []}, {JOB_TAG: [1]}, {JOB_TAG: "x"}, {"ses:operation": ["a"]}])
def test_a_mail_without_our_tag_names_no_job(tags: Any) -> None:
    message = bounce([ADDRESS], [ADDRESS])
    message["mail"]["tags"] = tags
    assert parse_mail_event(message).job_id is None


def test_a_new_kind_of_event_is_no_error() -> None:
    assert parse_mail_event({"eventType": "Subscription", "mail": {}}).fate is MailFate.OTHER


def test_the_test_of_the_topic_is_known() -> None:
    assert is_topic_test("Successfully validated SNS topic for Amazon SES event publishing.")
    assert not is_topic_test(json.dumps({"eventType": "Bounce"}))


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}"])
def test_what_cannot_be_read_is_raised_so_that_it_is_kept(text: str) -> None:
    deps = handler.Dependencies(jobs=MemoryJobStore(), suppressions=MemorySuppressionStore(), clock=Ticker())
    with pytest.raises(InternalError):
        handler.handle({"Records": [{"Sns": {"Message": text}}]}, deps)
