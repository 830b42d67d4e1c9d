"""Who may be mailed: your own confirmed address, or whom a scope permits; and nothing that forges a header."""

from __future__ import annotations

import dataclasses

import pytest
from afterimage.domain.errors import InvalidRequestError, RecipientNotPermittedError
from afterimage.domain.recipients import MAIL_ANY_SCOPE, check_address, choose_recipient
from fakes.samples import ADA, ADDRESS, MACHINE
from fakes.template import template
from hypothesis import given
from hypothesis import strategies as st

TRUSTED = dataclasses.replace(MACHINE, scopes=frozenset({MAIL_ANY_SCOPE}))
HOSTILE = [
    "",
    "ada",
    "@example.com",
    "ada@",
    "ada@example",
    "ada@@example.com",
    "ada@example.com,bob@example.com",
    "ada@example.com;bob@example.com",
    "ada@example.com bob@example.com",
    "ada@example.com\r\nBcc: everybody@example.com",
    "ada@example.com\nBcc: everybody@example.com",
    "ada@example.com\r",
    "ada@example.com\n",
    "\nada@example.com",
    "ada\u2028@example.com",
    "ada@example.com\x00",
    "Ada <ada@example.com>",
    '"ada"@example.com',
    '"a@b"@example.com',
    "ada(comment)@example.com",
    "ada@[127.0.0.1]",
    "ada@exämple.com",
    "adä@example.com",
    "аda@example.com",
    "ada@example.com\u202e",
    "ada\u200b@example.com",
    "ada@-example.com",
    "ada@example-.com",
    "ada@example..com",
    "ada@example.com.",
    f"{'a' * 65}@example.com",
    f"a@{'b' * 250}.com",
    "mailto:ada@example.com?bcc=x",
]


@pytest.mark.parametrize("address", HOSTILE)
def test_what_is_not_plainly_one_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check_address(address)
    assert caught.value.code == "invalid_address"
    assert not address or address not in caught.value.sentence


@pytest.mark.parametrize("address", HOSTILE)
def test_no_scope_permits_what_is_not_an_address(address: str) -> None:
    with pytest.raises(InvalidRequestError):
        choose_recipient(TRUSTED, None, address)


@pytest.mark.parametrize(
    "address", ["ada@example.com", "a.d+a_b-c@mail.example.co.uk", "o'hara@example.com", f"{'a' * 64}@example.com"]
)
def test_an_ordinary_address_is_taken_as_it_stands(address: str) -> None:
    assert check_address(address) == address


@given(st.text(max_size=40), st.sampled_from('\r\n\t ,;<>()[]"\\:\x00\u2028\u202e'), st.text(max_size=40))
def test_nothing_that_could_forge_a_header_ever_passes(before: str, hostile: str, after: str) -> None:
    with pytest.raises(InvalidRequestError):
        check_address(before + hostile + after)


def test_without_a_wish_the_callers_own_address_is_told() -> None:
    assert choose_recipient(ADA, ADDRESS, None) == ADDRESS


@pytest.mark.parametrize("wish", [ADDRESS, ADDRESS.upper()])
def test_the_callers_own_address_may_be_named(wish: str) -> None:
    assert choose_recipient(ADA, ADDRESS, wish) == wish


@pytest.mark.parametrize("own", [ADDRESS, None])
def test_another_address_needs_the_scope(own: str | None) -> None:
    with pytest.raises(RecipientNotPermittedError) as caught:
        choose_recipient(ADA, own, "bob@example.com")
    assert "bob" not in caught.value.sentence
    permitted = dataclasses.replace(ADA, scopes=frozenset({MAIL_ANY_SCOPE}))
    assert choose_recipient(permitted, own, "bob@example.com") == "bob@example.com"


@pytest.mark.parametrize("scope", ["mail:any", "afterimage/mail", "afterimage/mail:any2", "AFTERIMAGE/MAIL:ANY", "*"])
def test_no_other_scope_is_taken_for_it(scope: str) -> None:
    with pytest.raises(RecipientNotPermittedError):
        choose_recipient(dataclasses.replace(MACHINE, scopes=frozenset({scope})), None, "bob@example.com")


@pytest.mark.parametrize("caller", [ADA, MACHINE, TRUSTED])
def test_without_any_address_nobody_is_mailed(caller: object) -> None:
    with pytest.raises(RecipientNotPermittedError):
        choose_recipient(caller, None, None)  # type: ignore[arg-type]


def test_the_scope_is_one_that_the_template_makes() -> None:
    server = template()["Resources"]["ResourceServer"]["Properties"]
    scopes = [f"{server['Identifier']}/{scope['ScopeName']}" for scope in server["Scopes"]]
    assert MAIL_ANY_SCOPE in scopes
