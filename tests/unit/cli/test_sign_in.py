"""Signing in: which token is used when, what is kept, and who may read it."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cli.errors import CliError, SignInNeededError
from cli.sign_in import Session, read
from cli.stacks import Choice, Stack

NOW = 1_000_000.0


class Pool:
    """A Cognito pool that gives numbered tokens and writes down what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.refuse: set[str] = set()
        self.challenge: str | None = None
        self.down = False

    def initiate_auth(self, **parameters: Any) -> dict[str, Any]:
        self.asked.append((parameters["AuthFlow"], parameters))
        if self.down:
            raise EndpointConnectionError(endpoint_url="https://cognito-idp")
        if parameters["AuthFlow"] in self.refuse:
            error = {"Error": {"Code": "NotAuthorizedException", "Message": "Incorrect username or password."}}
            raise ClientError(error, "InitiateAuth")  # type: ignore[arg-type]
        if self.challenge:
            return {"ChallengeName": self.challenge, "Session": "session", "ChallengeParameters": {}}
        return self._result(refresh=parameters["AuthFlow"] == "USER_PASSWORD_AUTH")

    def respond_to_auth_challenge(self, **parameters: Any) -> dict[str, Any]:
        self.asked.append((parameters["ChallengeName"], parameters))
        return self._result(refresh=True)

    def _result(self, *, refresh: bool) -> dict[str, Any]:
        result = {"AccessToken": f"access-{len(self.asked)}", "ExpiresIn": 3600}
        return {"AuthenticationResult": result | ({"RefreshToken": "refresh"} if refresh else {})}

    @property
    def flows(self) -> list[str]:
        return [flow for flow, _ in self.asked]


@pytest.fixture
def pool() -> Pool:
    return Pool()


@pytest.fixture
def deployed(pool: Pool, tmp_path: Path) -> Stack:
    return Stack(
        choice=Choice(stack="prod"),
        api_base="https://api",
        client_id="client-1",
        token_file=tmp_path / "kept" / "sign_in.json",
        cognito=lambda: pool,
    )


@pytest.fixture
def local(deployed: Stack, tmp_path: Path) -> Stack:
    password = tmp_path / "password"
    password.write_text("Aa1-secret")
    return replace(deployed, choice=Choice(), demo_user="demo@afterimage.example", demo_password_file=password)


def no_new_password() -> str:
    raise AssertionError("no new password was wanted")


def signed_in(stack: Stack, clock: Callable[[], float] = lambda: NOW) -> Session:
    session = Session(stack, clock)
    session.sign_in("a@b.example", "old", no_new_password)
    return session


def test_nobody_is_signed_in_to_a_deployed_stack_at_first(deployed: Stack) -> None:
    with pytest.raises(SignInNeededError) as caught:
        Session(deployed).access_token()
    assert "login --stack prod" in caught.value.hint


def test_a_sign_in_is_kept_for_the_next_command(deployed: Stack, pool: Pool) -> None:
    signed_in(deployed)
    next_command = Session(deployed, lambda: NOW + 60)
    assert (next_command.username, next_command.access_token()) == ("a@b.example", "access-1")
    assert pool.flows == ["USER_PASSWORD_AUTH"]


def test_only_the_person_may_read_the_file(deployed: Stack) -> None:
    signed_in(deployed)
    assert stat.S_IMODE(deployed.token_file.stat().st_mode) == 0o600
    assert [path.name for path in deployed.token_file.parent.iterdir()] == ["sign_in.json"]


def test_the_password_is_not_kept(deployed: Stack) -> None:
    Session(deployed).sign_in("a@b.example", "pass-of-the-person", no_new_password)
    assert "pass-of-the-person" not in deployed.token_file.read_text()


@pytest.mark.parametrize("later", [3600.0, 3600.0 - 30])
def test_a_token_is_renewed_shortly_before_it_ends(deployed: Stack, pool: Pool, later: float) -> None:
    signed_in(deployed)
    assert Session(deployed, lambda: NOW + later).access_token() == "access-2"
    assert pool.flows == ["USER_PASSWORD_AUTH", "REFRESH_TOKEN_AUTH"]


def test_a_renewed_sign_in_can_be_renewed_again(deployed: Stack, pool: Pool) -> None:
    signed_in(deployed)
    Session(deployed, lambda: NOW + 4000).access_token()
    kept = read(deployed.token_file)
    assert kept is not None
    assert (kept.access_token, kept.refresh_token) == ("access-2", "refresh")


def test_a_refused_token_is_renewed_though_it_has_not_ended(deployed: Stack, pool: Pool) -> None:
    assert signed_in(deployed).access_token(refused=True) == "access-2"


def test_when_renewal_is_refused_the_person_signs_in_again(deployed: Stack, pool: Pool) -> None:
    session = signed_in(deployed)
    pool.refuse = {"REFRESH_TOKEN_AUTH"}
    with pytest.raises(SignInNeededError, match="has ended"):
        session.access_token(refused=True)


def test_a_sign_in_to_another_pool_is_not_used(deployed: Stack, pool: Pool) -> None:
    signed_in(deployed)
    with pytest.raises(SignInNeededError):
        Session(replace(deployed, client_id="client-2"), lambda: NOW).access_token()


def test_the_first_password_is_replaced_when_the_pool_wants_it(deployed: Stack, pool: Pool) -> None:
    pool.challenge = "NEW_PASSWORD_REQUIRED"
    Session(deployed).sign_in("a@b.example", "first", lambda: "second")
    flow, parameters = pool.asked[-1]
    assert flow == "NEW_PASSWORD_REQUIRED"
    assert parameters["Session"] == "session"
    assert parameters["ChallengeResponses"] == {"USERNAME": "a@b.example", "NEW_PASSWORD": "second"}
    assert read(deployed.token_file) is not None


def test_another_challenge_is_named(deployed: Stack, pool: Pool) -> None:
    pool.challenge = "SMS_MFA"
    with pytest.raises(CliError, match="SMS_MFA"):
        Session(deployed).sign_in("a@b.example", "x", no_new_password)


def test_a_wrong_password_is_a_sentence(deployed: Stack, pool: Pool) -> None:
    pool.refuse = {"USER_PASSWORD_AUTH"}
    with pytest.raises(CliError, match="Incorrect username or password"):
        Session(deployed).sign_in("a@b.example", "x", no_new_password)
    assert not deployed.token_file.exists()


def test_a_pool_out_of_reach_is_a_sentence(deployed: Stack, pool: Pool) -> None:
    pool.down = True
    with pytest.raises(CliError, match="cannot be reached"):
        Session(deployed).sign_in("a@b.example", "x", no_new_password)


def test_the_demo_user_signs_in_without_being_asked(local: Stack, pool: Pool) -> None:
    assert Session(local, lambda: NOW).access_token() == "access-1"
    assert pool.asked[0][1]["AuthParameters"] == {"USERNAME": "demo@afterimage.example", "PASSWORD": "Aa1-secret"}


def test_after_a_restart_of_the_local_cloud_the_demo_user_signs_in_anew(local: Stack, pool: Pool) -> None:
    Session(local, lambda: NOW).access_token()
    assert Session(replace(local, client_id="client-2"), lambda: NOW).access_token() == "access-2"
    assert pool.flows == ["USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"]


def test_another_person_on_the_local_cloud_is_not_replaced_by_the_demo_user(local: Stack, pool: Pool) -> None:
    session = signed_in(local)
    pool.refuse = {"REFRESH_TOKEN_AUTH"}
    with pytest.raises(SignInNeededError):
        session.access_token(refused=True)


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"username": "x"})])
def test_a_damaged_file_is_no_sign_in(deployed: Stack, content: str) -> None:
    deployed.token_file.parent.mkdir()
    deployed.token_file.write_text(content)
    with pytest.raises(SignInNeededError):
        Session(deployed).access_token()


def test_a_repr_shows_no_token(deployed: Stack) -> None:
    signed_in(deployed)
    kept = read(deployed.token_file)
    assert "access" not in repr(kept)
    assert "refresh" not in repr(kept)
