"""The sign-in directory. An access token carries no mail address, so it is asked for by user name."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.domain.errors import StoreUnavailableError


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


class NobodyAtAll:
    """Implements `ports.People` where no person calls: a schedule has no address of its own."""

    def confirmed_address(self, username: str) -> str | None:
        """Return None."""
        return None

    def erase(self, username: str) -> None:
        """Do nothing: there is nobody."""
