"""Who calls, from the claims that the API's authorizer has checked."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from afterimage.domain.errors import AccessTokenNeededError, AdminOnlyError
from afterimage.domain.recipients import ADMIN_GROUP, Caller


def signed_in(app: APIGatewayHttpResolver) -> Caller:
    """Return who sent the request that is being answered. Raises AccessTokenNeededError."""
    return caller_from_claims(app.current_event.request_context.authorizer.jwt_claim or {})


def signed_in_admin(app: APIGatewayHttpResolver) -> Caller:
    """Return the caller, who is an admin. Raises AdminOnlyError, AccessTokenNeededError."""
    caller = signed_in(app)
    if ADMIN_GROUP not in caller.groups:
        raise AdminOnlyError()
    return caller


def caller_from_claims(claims: dict[str, Any]) -> Caller:
    """Return the caller. A token of the client-credentials grant names no user. Raises AccessTokenNeededError."""
    if claims.get("token_use") != "access":
        raise AccessTokenNeededError()
    username = claims.get("username")
    owner = f"user#{claims['sub']}" if username else f"client#{claims['client_id']}"
    scopes = frozenset(str(claims.get("scope", "")).split())
    groups = _groups(claims.get("cognito:groups")) if username else frozenset()
    return Caller(owner=owner, username=username, scopes=scopes, groups=groups)


def _groups(claim: Any) -> frozenset[str]:
    """An HTTP API writes the list of a claim as the text `[admin other]`; the emulator hands over the list itself. A
    group of Cognito has no white space in its name, and ours has none of the other marks."""
    names = claim if isinstance(claim, list) else str(claim or "").strip("[]").replace(",", " ").split()
    return frozenset(str(name).strip("\"'") for name in names)
