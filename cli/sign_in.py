"""Signing in to a stack's Cognito pool, and keeping the sign-in in a file that the person alone can read."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cli.errors import CliError, SignInNeededError
from cli.stacks import Stack
from cli.terminal import command

RENEW_BEFORE_S = 60.0  # a token that ends while a request travels is no use


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """The tokens of one person on one client of a pool."""

    username: str
    client_id: str
    access_token: str
    refresh_token: str
    expires_at: float

    def __repr__(self) -> str:
        """Without tokens: a repr ends up in logs and tracebacks."""
        return f"SignIn(username={self.username!r})"


class Session:
    """Who is signed in to `stack`. Gives an access token that is valid now, and renews it when it must."""

    def __init__(self, stack: Stack, clock: Callable[[], float] = time.time) -> None:
        self._stack = stack
        self._clock = clock
        self._kept = read(stack.token_file)

    @property
    def username(self) -> str | None:
        """The person of the kept sign-in, or None."""
        return self._kept.username if self._kept and self._fits(self._kept) else None

    def access_token(self, *, refused: bool = False) -> str:
        """Return a valid token; `refused` says that the API did not take the last one. Raises SignInNeededError."""
        kept = self._kept
        if kept and self._fits(kept) and not refused and kept.expires_at - RENEW_BEFORE_S > self._clock():
            return kept.access_token
        renewed = self._renew(kept) if kept and self._fits(kept) else None
        if renewed is None and self._may_use_demo_user(kept):
            renewed = self._sign_in_demo_user()
        if renewed is None:
            raise SignInNeededError(
                "You are not signed in." if kept is None else "Your sign-in has ended.",
                f"Sign in: {command('login' + self._stack.choice.words())}",
            )
        self._keep(renewed)
        return renewed.access_token

    def sign_in(self, username: str, password: str, new_password: Callable[[], str]) -> None:
        """Sign in and keep the tokens. `new_password` is asked when the pool demands one. Raises CliError."""
        self._keep(self._by_password(username, password, new_password))

    def sign_in_demo_user(self) -> str:
        """Sign in as the person whom the local deployment created, and return the name. Raises CliError."""
        signed_in = self._sign_in_demo_user()
        self._keep(signed_in)
        return signed_in.username

    def _fits(self, kept: SignIn) -> bool:
        # A local pool is new after every start, and so is its client: tokens for a former one are worth nothing.
        return kept.client_id == self._stack.client_id

    def _may_use_demo_user(self, kept: SignIn | None) -> bool:
        if self._stack.demo_user is None:
            return False
        return kept is None or not self._fits(kept) or kept.username == self._stack.demo_user

    def _sign_in_demo_user(self) -> SignIn:
        if self._stack.demo_user is None or self._stack.demo_password_file is None:
            raise CliError("Only the local cloud has a demo user.")
        try:
            password = self._stack.demo_password_file.read_text()
        except OSError as exc:
            raise CliError(
                f"The demo user's password cannot be read: {exc.strerror}.", f"Start again: {command('up')}"
            ) from exc
        return self._by_password(self._stack.demo_user, password, lambda: password)

    def _by_password(self, username: str, password: str, new_password: Callable[[], str]) -> SignIn:
        answer = self._ask(
            "initiate_auth",
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": password},
        )
        challenge = answer.get("ChallengeName")
        if challenge == "NEW_PASSWORD_REQUIRED":
            name = answer.get("ChallengeParameters", {}).get("USER_ID_FOR_SRP", username)
            answer = self._ask(
                "respond_to_auth_challenge",
                ChallengeName=challenge,
                Session=answer["Session"],
                ChallengeResponses={"USERNAME": name, "NEW_PASSWORD": new_password()},
            )
            challenge = answer.get("ChallengeName")
        if challenge:
            raise CliError(f"The pool asks for {challenge}, which this command cannot answer.")
        return self._from_result(username, answer["AuthenticationResult"])

    def _renew(self, kept: SignIn) -> SignIn | None:
        try:
            answer = self._ask(
                "initiate_auth", AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": kept.refresh_token}
            )
        except SignInNeededError:
            return None
        return self._from_result(kept.username, answer["AuthenticationResult"], kept.refresh_token)

    def _ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = getattr(self._stack.cognito(), operation)(
                ClientId=self._stack.client_id, **parameters
            )
        except ClientError as exc:
            error = exc.response.get("Error", {})
            message = error.get("Message", "no reason given")
            if error.get("Code") in ("NotAuthorizedException", "UserNotFoundException", "ResourceNotFoundException"):
                raise SignInNeededError(f"Sign-in was refused: {message}") from exc
            raise CliError(f"Sign-in failed: {message}") from exc
        except BotoCoreError as exc:
            raise CliError(f"The sign-in service cannot be reached: {exc}") from exc
        return answer

    def _from_result(self, username: str, result: dict[str, Any], refresh_token: str = "") -> SignIn:
        return SignIn(
            username=username,
            client_id=self._stack.client_id,
            access_token=result["AccessToken"],
            refresh_token=result.get("RefreshToken") or refresh_token,
            expires_at=self._clock() + float(result["ExpiresIn"]),
        )

    def _keep(self, signed_in: SignIn) -> None:
        self._kept = signed_in
        write(self._stack.token_file, signed_in)


def read(path: Path) -> SignIn | None:
    """Return the kept sign-in; None for a missing or damaged file, which the next sign-in replaces."""
    try:
        return SignIn(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write(path: Path, signed_in: SignIn) -> None:
    """Keep a sign-in with mode 600 from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(signed_in), file)
    temporary.replace(path)
