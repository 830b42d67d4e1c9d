"""The sign-in directory. An access token carries no mail address, so it is asked for by user name."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.domain.account import PeoplePage, Person
from afterimage.domain.errors import InvalidCursorError, StoreUnavailableError


class CognitoPeople:
    """Implements `ports.People`."""

    def __init__(self, client: Any, user_pool_id: str) -> None:
        self._client = client
        self._pool = user_pool_id

    def confirmed_address(self, username: str) -> str | None:
        """Return the address whose owner confirmed it, None for none."""
        try:
            with unavailable_as(StoreUnavailableError):
                user = self._client.admin_get_user(UserPoolId=self._pool, Username=username)
        except ClientError as exc:
            if error_code(exc) == "UserNotFoundException":
                return None
            raise
        if not user.get("Enabled", True):  # a token outlives the switch by up to an hour
            return None
        found = {entry["Name"]: entry["Value"] for entry in user["UserAttributes"]}
        return found.get("email") if found.get("email_verified") == "true" else None

    def erase(self, username: str) -> None:
        """Delete the sign-in, with its address and its refresh tokens."""
        try:
            with unavailable_as(StoreUnavailableError):
                self._client.admin_delete_user(UserPoolId=self._pool, Username=username)
        except ClientError as exc:
            if error_code(exc) != "UserNotFoundException":
                raise


class CognitoDirectory:
    """Implements `ports.Directory`."""

    def __init__(self, client: Any, user_pool_id: str) -> None:
        self._client = client
        self._pool = user_pool_id

    def list_people(self, limit: int, cursor: str | None) -> PeoplePage:
        """Return a page as Cognito orders it. Raises InvalidCursorError."""
        asked = {"UserPoolId": self._pool, "Limit": limit} | ({"PaginationToken": cursor} if cursor else {})
        try:
            with unavailable_as(StoreUnavailableError):
                page = self._client.list_users(**asked)
        except (ClientError, ParamValidationError) as exc:
            if cursor and (isinstance(exc, ParamValidationError) or error_code(exc) == "InvalidParameterException"):
                raise InvalidCursorError() from exc
            raise
        people = tuple(_person(user, user["Attributes"]) for user in page["Users"])
        return PeoplePage(people=people, cursor=page.get("PaginationToken"))

    def find_person(self, username: str) -> Person | None:
        """Return somebody by user name or address."""
        try:
            with unavailable_as(StoreUnavailableError):
                user = self._client.admin_get_user(UserPoolId=self._pool, Username=username)
        except ParamValidationError:  # no user name can look like this
            return None
        except ClientError as exc:
            if error_code(exc) in ("UserNotFoundException", "InvalidParameterException"):
                return None
            raise
        return _person(user, user["UserAttributes"])

    def switch(self, username: str, enabled: bool) -> None:
        """Let somebody sign in, or sign them out and let them no more. Both can be repeated."""
        with unavailable_as(StoreUnavailableError):
            if enabled:
                self._client.admin_enable_user(UserPoolId=self._pool, Username=username)
            else:
                self._client.admin_disable_user(UserPoolId=self._pool, Username=username)
                self._client.admin_user_global_sign_out(UserPoolId=self._pool, Username=username)


def _person(user: dict[str, Any], attributes: list[dict[str, str]]) -> Person:
    known = {entry["Name"]: entry["Value"] for entry in attributes}
    return Person(
        username=user["Username"],
        sub=known["sub"],
        email=known.get("email"),
        enabled=user.get("Enabled", True),
        status=user.get("UserStatus", "UNKNOWN"),
        created_at_ms=int(user["UserCreateDate"].timestamp() * 1000),
    )


class NobodyAtAll:
    """Implements `ports.People` where no person calls: a schedule has no address of its own."""

    def confirmed_address(self, username: str) -> str | None:
        """Return None."""
        return None

    def erase(self, username: str) -> None:
        """Do nothing: there is nobody."""
