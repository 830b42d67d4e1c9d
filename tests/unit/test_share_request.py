"""Sharing makes links that follow_link opens, within bounds; taking back ends all of them at once."""

from __future__ import annotations

import dataclasses

import pytest
from afterimage.domain.errors import (
    InvalidRequestError,
    JobNotFoundError,
    LinkExpiredError,
    LinkNotFoundError,
    NothingToShareError,
    TooManyLinksError,
)
from afterimage.domain.job import Job
from afterimage.domain.links import MAX_LINKS, Link, SharedPicture, hash_token
from afterimage.domain.recipients import Caller
from afterimage.domain.status import JobStatus
from afterimage.usecases.follow_link import follow_link
from afterimage.usecases.share_request import Sharing, share_request, unshare_request
from fakes.outside import NOW_MS, Dice, Ticker
from fakes.samples import ADA, BOB, DAY_S, MACHINE, a_job, job_id, pictures
from fakes.stores import MemoryJobStore, MemoryLinkStore

DONE = a_job(JobStatus.SUCCEEDED, pictures=pictures(3))
MAILED = Link(token_hash="a" * 64, job_id=job_id(1), key="k", created_at_ms=NOW_MS, expires_at_s=2**31)
SHAREABLE = (JobStatus.DELIVERING, JobStatus.SUCCEEDED)


class World:
    """A request and its links."""

    def __init__(self, job: Job = DONE, *links: Link) -> None:
        self.clock = Ticker()
        self.links = MemoryLinkStore(*links)
        self.sharing = Sharing(
            jobs=MemoryJobStore(job),
            links=self.links,
            link_base="https://pictures.example",
            clock=self.clock,
            entropy=Dice(),
        )

    def share(self, picture: int | None = None, days: int = 7, caller: Caller = ADA) -> tuple[SharedPicture, ...]:
        return share_request(job_id(1), caller, picture, days, self.sharing)

    def follow(self, url: str) -> str:
        return follow_link(url.removeprefix("https://pictures.example/i/"), links=self.links, clock=self.clock).key


@pytest.mark.parametrize("status", SHAREABLE)
def test_every_picture_gets_a_link_of_its_own_that_opens_it(status: JobStatus) -> None:
    world = World(dataclasses.replace(DONE, status=status))
    shared = world.share()
    assert [one.number for one in shared] == [0, 1, 2]
    assert [world.follow(one.url) for one in shared] == [picture.share_key for picture in DONE.pictures]


def test_a_picture_of_a_version_without_share_copies_is_shared_as_it_is() -> None:
    world = World(dataclasses.replace(DONE, pictures=(dataclasses.replace(pictures()[0], share=None),)))
    (shared,) = world.share()
    assert world.follow(shared.url) == pictures()[0].key


def test_one_picture_is_shared_by_its_number() -> None:
    world = World()
    (shared,) = world.share(picture=2)
    assert world.follow(shared.url) == DONE.pictures[2].share_key


def test_what_is_stored_cannot_be_followed() -> None:
    world = World()
    (shared,) = world.share(picture=0)
    token = shared.url.rsplit("/", 1)[1]
    assert set(world.links.records) == {hash_token(token)}
    assert token not in str(world.links.records)


@pytest.mark.parametrize(("days", "kept_days", "expected_days"), [(1, 90, 1), (90, 90, 90), (3650, 90, 90), (7, 2, 2)])
def test_a_link_ends_when_it_says_and_never_after_its_request(days: int, kept_days: int, expected_days: int) -> None:
    world = World(dataclasses.replace(DONE, expires_at_s=NOW_MS // 1000 + kept_days * DAY_S))
    (shared,) = world.share(picture=0, days=days)
    assert shared.expires_at_s == NOW_MS // 1000 + expected_days * DAY_S
    world.clock.now_ms = shared.expires_at_s * 1000 - 2
    assert world.follow(shared.url)
    with pytest.raises(LinkExpiredError):
        world.follow(shared.url)


@pytest.mark.parametrize("status", [status for status in JobStatus if status not in SHAREABLE])
def test_a_request_without_pictures_has_nothing_to_share(status: JobStatus) -> None:
    world = World(a_job(status))
    with pytest.raises(NothingToShareError):
        world.share()
    assert world.links.records == {}


def test_a_picture_that_is_not_there_is_refused_by_code() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        World().share(picture=3)
    assert refused.value.code == "no_such_picture"


@pytest.mark.parametrize("stranger", [BOB, MACHINE])
def test_anothers_request_looks_like_none(stranger: Caller) -> None:
    world = World(DONE, MAILED)
    with pytest.raises(JobNotFoundError):
        world.share(caller=stranger)
    with pytest.raises(JobNotFoundError):
        unshare_request(job_id(1), stranger, world.sharing)
    assert world.links.records == {MAILED.token_hash: MAILED}


def test_a_request_has_so_many_links_and_no_more() -> None:
    many = (dataclasses.replace(MAILED, token_hash=f"{number:064}") for number in range(MAX_LINKS - 1))
    world = World(DONE, *many)
    with pytest.raises(TooManyLinksError):
        world.share()
    world.share(picture=0)
    with pytest.raises(TooManyLinksError):
        world.share(picture=0)
    assert len(world.links.records) == MAX_LINKS


def test_links_that_ended_or_were_taken_back_leave_room_for_others() -> None:
    many = tuple(
        dataclasses.replace(MAILED, token_hash=f"{number:064}", expires_at_s=NOW_MS // 1000 + 60)
        for number in range(MAX_LINKS)
    )
    world = World(DONE, *many)
    with pytest.raises(TooManyLinksError):
        world.share(picture=0)
    unshare_request(job_id(1), ADA, world.sharing)
    assert world.share(picture=0)
    world = World(DONE, *many)
    world.clock.pass_s(61)
    assert world.share(picture=0)


def test_a_repeat_makes_another_link_and_leaves_the_first_as_it_is() -> None:
    world = World()
    first, second = world.share(picture=0), world.share(picture=0)
    assert first != second
    assert [world.follow(one.url) for one in (*first, *second)] == [DONE.pictures[0].share_key] * 2


def test_taking_back_ends_every_link_the_mailed_ones_as_well_and_twice_is_as_good() -> None:
    other = dataclasses.replace(MAILED, token_hash="b" * 64, job_id=job_id(2))
    world = World(DONE, MAILED, other)
    shared = world.share()
    for _ in range(2):
        unshare_request(job_id(1), ADA, world.sharing)
        for one in shared:
            with pytest.raises(LinkNotFoundError):
                world.follow(one.url)
        assert world.links.records == {other.token_hash: other}


def test_after_taking_back_one_may_share_anew() -> None:
    world = World()
    unshare_request(job_id(1), ADA, world.sharing)
    (shared,) = world.share(picture=1)
    assert world.follow(shared.url) == DONE.pictures[1].share_key
