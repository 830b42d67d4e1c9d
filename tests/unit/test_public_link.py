"""The door for everybody, through `handle`: a living link redirects, everything else is told apart by code only."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from afterimage.domain.errors import StoreUnavailableError
from afterimage.domain.links import Link, hash_token, link_token
from afterimage.handlers import public_link
from fakes.digest_world import MemoryUnsubscribeStore
from fakes.http import OPENAPI, Answer, a_presigning_gallery, an_event, answer
from fakes.outside import NOW_MS
from fakes.samples import job_id
from fakes.stores import MemoryLinkStore

GALLERY = a_presigning_gallery()
TOKEN = link_token(bytes(range(32)))
LINK = Link(
    token_hash=hash_token(TOKEN),
    job_id=job_id(1),
    key=f"images/{'9' * 32}/0.png",
    created_at_ms=NOW_MS,
    expires_at_s=NOW_MS // 1000 + 3600,
)


def get(path: str, links: MemoryLinkStore, *, now_ms: int = NOW_MS, **arguments: Any) -> Answer:
    deps = public_link.Dependencies(
        links=links, unsubscribes=MemoryUnsubscribeStore(), gallery=GALLERY, clock=lambda: now_ms
    )
    event = an_event("GET", path, claims=None, **arguments)
    return answer(functools.partial(public_link.handle, deps=deps), event)


def follow(token: str = TOKEN, link: Link = LINK, **arguments: Any) -> Answer:
    return get(f"/i/{token}", MemoryLinkStore(link), **arguments)


def test_a_living_link_redirects_to_a_fresh_signed_url() -> None:
    found = follow()
    assert (found.status, found.text) == (302, "")
    where = urlsplit(found.headers["location"])
    assert (where.scheme, where.path) == ("https", f"/{LINK.key}")
    query = parse_qs(where.query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert int(query["X-Amz-Expires"][0]) <= 300


def test_no_cache_keeps_the_redirect_and_no_referrer_tells_it() -> None:
    headers = follow().headers
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")


def test_the_redirect_names_neither_owner_nor_job() -> None:
    where = follow().headers["location"]
    assert job_id(1) not in where
    assert "ada" not in where.partition("?")[0]  # behind it stands a signature, which may spell anything


def test_following_changes_nothing() -> None:
    links = MemoryLinkStore(LINK)
    assert [get(f"/i/{TOKEN}", links).status for _ in range(3)] == [302] * 3
    assert links.records == {LINK.token_hash: LINK}


@pytest.mark.parametrize(
    "token",
    ["A" * 43, TOKEN[:-1], TOKEN + "A", ("B" if TOKEN[0] != "B" else "C") + TOKEN[1:], TOKEN.swapcase(), "x", "%0d%0a"],
)
def test_an_unknown_or_altered_link_is_a_404(token: str) -> None:
    found = follow(token)
    assert (found.status, found.body["code"]) == (404, "link_not_found")
    assert token not in found.text or token == "x"


def test_an_expired_link_is_a_410() -> None:
    found = follow(now_ms=LINK.expires_at_s * 1000)
    assert (found.status, found.body["code"]) == (410, "link_expired")
    assert "location" not in found.headers


def test_a_revoked_link_looks_exactly_like_none() -> None:
    revoked, none = follow(link=dataclasses.replace(LINK, revoked=True)), follow("A" * 43)
    assert (revoked.status, revoked.text, revoked.headers) == (404, none.text, none.headers)


def test_a_store_that_is_down_says_when_to_come_back() -> None:
    links = MemoryLinkStore(LINK)
    links.fail_next("find", StoreUnavailableError())
    found = get(f"/i/{TOKEN}", links)
    assert (found.status, found.body["code"]) == (503, "temporarily_unavailable")
    assert int(found.headers["retry-after"]) > 0


def test_a_defect_is_a_500_that_tells_nothing() -> None:
    links = MemoryLinkStore(LINK)
    links.fail_next("find", RuntimeError(f"secret {TOKEN}"))
    found = get(f"/i/{TOKEN}", links)
    assert (found.status, found.body["code"]) == (500, "internal_error")
    assert TOKEN not in found.text


@pytest.mark.parametrize("path", ["/", "/i", "/i/", "/v1/images", f"/i/{TOKEN}/more"])
def test_no_route_is_a_404_of_its_own(path: str) -> None:
    found = get(path, MemoryLinkStore(LINK))
    assert (found.status, found.body["code"]) == (404, "route_not_found")


def test_the_api_is_there() -> None:
    assert get("/v1/health", MemoryLinkStore()).body == {"status": "ok"}


def test_the_description_is_the_one_that_ships() -> None:
    found = get("/v1/openapi.json", MemoryLinkStore())
    assert (found.status, found.content_type, found.body) == (200, "application/json", OPENAPI)
