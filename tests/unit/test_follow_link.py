"""A mailed link opens its picture while it lives, however often it is followed, and tells strangers nothing."""

from __future__ import annotations

import dataclasses

import pytest
from afterimage.domain.errors import LinkExpiredError, LinkNotFoundError, StoreUnavailableError
from afterimage.domain.links import Link, hash_token, link_token
from afterimage.usecases.follow_link import follow_link
from fakes.outside import NOW_MS, Ticker
from fakes.samples import job_id
from fakes.stores import MemoryLinkStore

TOKEN = link_token(bytes(range(32)))
LINK = Link(
    token_hash=hash_token(TOKEN),
    job_id=job_id(1),
    key="images/9/0.png",
    created_at_ms=NOW_MS,
    expires_at_s=NOW_MS // 1000 + 3600,
)


def follow(token: str, link: Link = LINK, now_ms: int = NOW_MS) -> Link:
    return follow_link(token, links=MemoryLinkStore(link), clock=lambda: now_ms)


def test_a_living_link_is_followed_as_often_as_one_likes() -> None:
    links = MemoryLinkStore(LINK)
    before = dict(links.records)
    assert [follow_link(TOKEN, links=links, clock=Ticker()) for _ in range(3)] == [LINK] * 3
    assert links.records == before


def altered() -> list[str]:
    """Every way to be nearly right, by one character at each end and in length."""
    return [
        "A" * 43,
        TOKEN[:-1],
        TOKEN + "A",
        TOKEN[:-1] + ("A" if TOKEN[-1] != "A" else "B"),
        ("B" if TOKEN[0] != "B" else "C") + TOKEN[1:],
        TOKEN.swapcase(),
        f"{TOKEN}=",
        f" {TOKEN}",
        f"{TOKEN}\n",
        hash_token(TOKEN),
        "",
        "../../v1/images",
        "é" * 43,
        "\u0661" * 43,
        "\x00" * 43,
    ]


@pytest.mark.parametrize("token", altered(), ids=range(len(altered())))
def test_an_unknown_or_altered_token_is_not_found(token: str) -> None:
    with pytest.raises(LinkNotFoundError):
        follow(token)


def test_a_text_that_is_no_token_costs_no_look_up() -> None:
    links = MemoryLinkStore(LINK)
    links.fail_next("find", AssertionError("looked up"))
    with pytest.raises(LinkNotFoundError):
        follow_link("not a token", links=links, clock=Ticker())


def test_a_link_expires_at_the_second_that_was_stated() -> None:
    at_ms = LINK.expires_at_s * 1000
    assert follow(TOKEN, now_ms=at_ms - 1) == LINK
    with pytest.raises(LinkExpiredError):
        follow(TOKEN, now_ms=at_ms)


def test_a_revoked_link_looks_like_none_even_when_it_expired() -> None:
    revoked = dataclasses.replace(LINK, revoked=True)
    for now_ms in (NOW_MS, LINK.expires_at_s * 1000):
        with pytest.raises(LinkNotFoundError):
            follow(TOKEN, revoked, now_ms)


def test_a_store_that_is_down_is_not_a_missing_link() -> None:
    links = MemoryLinkStore(LINK)
    links.fail_next("find", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        follow_link(TOKEN, links=links, clock=Ticker())
