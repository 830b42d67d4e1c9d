"""The door of `/u/{token}`: looking changes nothing, a POST without any cookie leaves the address alone."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from afterimage.domain.links import hash_token, link_token
from afterimage.domain.unsubscribing import UnsubscribeLink
from afterimage.handlers import public_link
from fakes.digest_world import MemoryUnsubscribeStore
from fakes.http import Answer, a_presigning_gallery, an_event, answer
from fakes.outside import NOW_MS
from fakes.stores import MemoryLinkStore

TOKEN = link_token(bytes(range(32)))
FORM = {"content-type": "application/x-www-form-urlencoded"}


def store() -> MemoryUnsubscribeStore:
    known = MemoryUnsubscribeStore()
    known.put_link(
        UnsubscribeLink(
            token_hash=hash_token(TOKEN),
            address_hash="a" * 64,
            created_at_ms=NOW_MS,
            expires_at_s=NOW_MS // 1000 + 60,
        )
    )
    return known


def ask(method: str, known: MemoryUnsubscribeStore, token: str = TOKEN, now_ms: int = NOW_MS, **event: Any) -> Answer:
    deps = public_link.Dependencies(
        links=MemoryLinkStore(), unsubscribes=known, gallery=a_presigning_gallery(), clock=lambda: now_ms
    )
    asked = an_event(method, f"/u/{token}", claims=None, **event)
    assert "cookies" not in asked
    return answer(functools.partial(public_link.handle, deps=deps), asked)


def test_looking_shows_a_button_and_changes_nothing() -> None:
    known = store()
    for _ in range(3):
        found = ask("GET", known)
        assert (found.status, found.content_type) == (200, "text/html; charset=utf-8")
        assert '<form method="post">' in found.text
    assert known.left == {}


@pytest.mark.parametrize(
    "event",
    [
        {"body": "List-Unsubscribe=One-Click", "headers": FORM},
        {"body": "List-Unsubscribe=One-Click", "headers": FORM, "base64_encoded": True},
        {"body": "--x\r\n\r\nOne-Click\r\n--x--", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {},
    ],
)
def test_a_post_leaves_the_address_alone_once_for_all(event: dict[str, Any]) -> None:
    known = store()
    for _ in range(2):
        found = ask("POST", known, **event)
        assert (found.status, found.content_type) == (200, "text/html; charset=utf-8")
        assert "You are unsubscribed" in found.text
    assert list(known.left) == ["a" * 64]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["A" * 43, TOKEN[:-1], TOKEN.swapcase(), "x"])
def test_an_unknown_link_is_a_404_and_changes_nothing(method: str, token: str) -> None:
    known = store()
    assert (ask(method, known, token).status, known.left) == (404, {})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_old_link_is_a_410_and_changes_nothing(method: str) -> None:
    known = store()
    assert (ask(method, known, now_ms=NOW_MS + 60_000).status, known.left) == (410, {})


def test_the_page_runs_nothing_and_sends_to_itself_only() -> None:
    headers = ask("GET", store()).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "form-action 'self'" in policy and "script-src" not in policy
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
