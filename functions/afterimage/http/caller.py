"""Who calls, from the claims that the API's authorizer has checked."""

from __future__ import annotations

from typing import Any

from afterimage.domain.errors import AccessTokenNeededError
from afterimage.domain.recipients import Caller


def caller_from_claims(claims: dict[str, Any]) -> Caller:
    """Return the caller. A token of the client-credentials grant names no user. Raises AccessTokenNeededError."""
    if claims.get("token_use") != "access":
        raise AccessTokenNeededError()
    username = claims.get("username")
    owner = f"user#{claims['sub']}" if username else f"client#{claims['client_id']}"
    return Caller(owner=owner, username=username, scopes=frozenset(str(claims.get("scope", "")).split()))
