"""The state TellCampaign: one mail to each recipient about a leg, whatever happens around it, and none to who left."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from afterimage.domain.campaign import BUDGET_PICTURES, PAUSED_BY_OWNER, RUN_FAILED, CampaignSettings, RunStatus
from afterimage.domain.errors import (
    MailRefusedError,
    MailUnavailableError,
    NoticeInFlightError,
    StoreUnavailableError,
    TransientError,
)
from afterimage.domain.links import hash_token
from afterimage.domain.suppression import SuppressionKind, hash_address, suppression_of
from afterimage.domain.unsubscribing import LINK_LASTS_S, Unsubscribed
from afterimage.usecases.tell_campaign import CLAIM_MS
from afterimage.usecases.unsubscribe import unsubscribe
from fakes.campaigns import CAMPAIGN_ID, a_campaign
from fakes.digest_world import DigestWorld
from fakes.faults import Crash
from fakes.outside import NOW_MS
from fakes.results_world import BASE, FOLDER
from fakes.samples import ADDRESS

OTHER = "bob@example.com"


@pytest.fixture
def world() -> DigestWorld:
    world = DigestWorld()
    world.campaigns.campaign = a_campaign(settings=CampaignSettings(recipients=(ADDRESS, OTHER)))
    return world


def told(world: DigestWorld) -> list[str]:
    return [mail.recipient for mail in world.mailer.sent]


def states(world: DigestWorld) -> set[str]:
    return {notice.state for notice in world.notices.records.values()}


def test_each_recipient_is_told_once_however_often_it_is_asked(world: DigestWorld) -> None:
    assert [world.tell(), world.tell(), world.tell()] == [True] * 3
    assert told(world) == [ADDRESS, OTHER]
    assert states(world) == {"sent"}


def test_an_address_that_is_named_twice_in_whatever_case_is_one(world: DigestWorld) -> None:
    world.campaigns.campaign = a_campaign(settings=CampaignSettings(recipients=(ADDRESS, ADDRESS.upper())))
    world.tell()
    assert len(told(world)) == 1


def test_another_leg_is_another_mail(world: DigestWorld) -> None:
    world.tell()
    world.settle(leg=2)
    assert world.tell(leg=2)
    assert len(told(world)) == 4


@pytest.mark.parametrize(
    ("changes", "mails"),
    [
        ({"status": RunStatus.FINISHED}, 2),
        ({"status": RunStatus.PAUSED, "reason": BUDGET_PICTURES}, 2),
        ({"status": RunStatus.PAUSED, "reason": RUN_FAILED}, 2),
        ({"status": RunStatus.PAUSED, "reason": PAUSED_BY_OWNER}, 0),
        ({"status": RunStatus.STOPPED}, 0),
        ({"status": RunStatus.RUNNING}, 0),
        ({"leg": 2}, 0),
    ],
)
def test_what_an_owner_did_themselves_and_what_goes_on_is_not_told(
    world: DigestWorld, changes: dict[str, Any], mails: int
) -> None:
    world.campaigns.run = dataclasses.replace(world.campaigns.run, **changes)
    assert world.tell() is (mails > 0)
    assert len(told(world)) == mails


def test_of_a_deleted_campaign_nobody_is_told(world: DigestWorld) -> None:
    world.campaigns.campaign = None
    assert world.tell() is False


def test_whoever_left_or_bounced_is_left_alone(world: DigestWorld) -> None:
    world.suppressions.put(suppression_of(OTHER, SuppressionKind.BOUNCE, NOW_MS))
    world.unsubscribes.unsubscribe(
        Unsubscribed(address_hash=hash_address(ADDRESS), at_ms=NOW_MS, expires_at_s=NOW_MS // 1000 + 1)
    )
    assert world.tell() is False
    assert told(world) == []


def test_the_link_of_the_mail_leaves_its_address_alone_and_no_other(world: DigestWorld) -> None:
    world.tell()
    token = world.mailer.sent[0].unsubscribe_url.removeprefix(f"{BASE}/u/")
    assert token not in repr(world.unsubscribes.links), "the secret is stored as its hash only"
    for _ in range(2):
        unsubscribe(token, unsubscribes=world.unsubscribes, clock=world.clock)
    world.settle(leg=2)
    world.tell(leg=2)
    assert told(world) == [ADDRESS, OTHER, OTHER]
    link = world.unsubscribes.links[hash_token(token)]
    assert link.expires_at_s - link.created_at_ms // 1000 == LINK_LASTS_S


def test_the_digest_leads_to_manifest_and_sheet(world: DigestWorld) -> None:
    world.tell()
    digest = world.mailer.sent[0].digest
    tokens = [str(url).removeprefix(f"{BASE}/i/") for url in (digest.manifest_link, *digest.sheet_links)]
    links = [world.links.records[hash_token(token)] for token in tokens]
    assert [link.key for link in links] == [f"{FOLDER}manifest.csv", f"{FOLDER}sheet-01.jpg"]
    assert {link.job_id for link in links} == {CAMPAIGN_ID}
    assert digest.sheet == b"\xff\xd8a sheet"
    assert [rows for rows, _ in digest.reasons] == [1]


def test_without_results_the_mail_goes_all_the_same(world: DigestWorld) -> None:
    world.files.objects.clear()
    assert world.tell()
    digest = world.mailer.sent[0].digest
    assert (digest.manifest_link, digest.sheet, digest.sheet_links) == (None, None, ())


@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_at_the_mail_leaves_it_uncertain_and_never_sends_two(
    world: DigestWorld, after: bool
) -> None:
    world.mailer.fail_next("send_digest", Crash(), after=after)
    with pytest.raises(Crash):
        world.tell()
    with pytest.raises(NoticeInFlightError):
        world.tell()
    assert told(world)[-1] == OTHER, "the others are not kept waiting"
    world.clock.pass_s(CLAIM_MS / 1000)
    assert world.tell()
    assert told(world).count(ADDRESS) == (1 if after else 0)
    assert states(world) == {"uncertain", "sent"}


def test_a_process_that_dies_after_the_mail_before_its_note_sends_no_second(world: DigestWorld) -> None:
    world.notices.fail_next("swap", Crash(), skip=1)
    with pytest.raises(Crash):
        world.tell()
    world.clock.pass_s(CLAIM_MS / 1000)
    world.tell()
    assert told(world) == [ADDRESS, OTHER]


@pytest.mark.parametrize("error", [MailUnavailableError(), StoreUnavailableError()])
@pytest.mark.parametrize("place", ["send_digest", "put_link", "put_all", "read_range"])
def test_what_may_pass_is_asked_again_and_nobody_is_left_out(
    world: DigestWorld, error: TransientError, place: str
) -> None:
    fakes: dict[str, Any] = {"put_link": world.unsubscribes, "put_all": world.links, "read_range": world.files}
    fakes.get(place, world.mailer).fail_next(place, error)
    with pytest.raises(type(error)):
        world.tell()
    assert told(world) == [OTHER]
    assert world.tell()
    assert sorted(told(world)) == [ADDRESS, OTHER]


def test_a_refused_mail_is_recorded_and_the_next_goes(world: DigestWorld) -> None:
    world.mailer.fail_next("send_digest", MailRefusedError(code="MessageRejected"))
    assert world.tell()
    assert told(world) == [OTHER]
    assert {notice.failure_code for notice in world.notices.records.values()} == {"MessageRejected", None}
    world.tell()
    assert told(world) == [OTHER]


def test_two_at_once_send_one(world: DigestWorld) -> None:
    world.notices.before_next("swap", lambda: world.tell() and None)
    with pytest.raises(NoticeInFlightError):
        world.tell()
    assert told(world) == [ADDRESS, OTHER]
