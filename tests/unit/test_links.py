"""Tokens of links: unguessable, stored as a hash, told from any other text at a glance."""

from __future__ import annotations

import hashlib

from afterimage.domain.links import TOKEN_BYTES, hash_token, is_link_token, link_token
from hypothesis import given
from hypothesis import strategies as st


def test_a_token_carries_256_bits() -> None:
    assert TOKEN_BYTES * 8 == 256


@given(st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES))
def test_every_token_is_url_safe_and_recognised(entropy: bytes) -> None:
    token = link_token(entropy)
    assert len(token) == 43
    assert is_link_token(token)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES), st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES))
def test_different_entropy_gives_different_tokens(one: bytes, other: bytes) -> None:
    assert (link_token(one) == link_token(other)) == (one == other)


@given(st.text())
def test_any_text_is_judged_without_an_error_and_only_the_form_passes(text: str) -> None:
    assert is_link_token(text) == (len(text) == 43 and text.isascii() and all(c.isalnum() or c in "-_" for c in text))


def test_what_is_stored_is_the_sha_256_of_the_token() -> None:
    token = link_token(bytes(32))
    assert hash_token(token) == hashlib.sha256(token.encode()).hexdigest()
    assert token not in hash_token(token)
