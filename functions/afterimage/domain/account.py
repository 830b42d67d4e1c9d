"""What an admin has decided about one owner, and what the owner has used."""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.domain.errors import AccountDisabledError
from afterimage.domain.quotas import Quota


@dataclass(frozen=True, kw_only=True)
class Account:
    """Bounds in place of the general ones, and whether the owner is refused. Most owners have no such record."""

    override: Quota | None = None
    disabled: bool = False

    def check(self) -> None:
        """Raise AccountDisabledError. A token outlives the switch of the directory by up to an hour; this does not."""
        if self.disabled:
            raise AccountDisabledError()


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody in the directory. `sub` never changes and names the owner; `username` and address may look alike."""

    username: str
    sub: str
    email: str | None
    enabled: bool
    status: str
    created_at_ms: int


@dataclass(frozen=True, kw_only=True)
class PeoplePage:
    """One page of the directory; `cursor` asks for the next, None on the last."""

    people: tuple[Person, ...]
    cursor: str | None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What is counted now: pictures of the owner's month, requests that are open, everybody's pictures of the day."""

    monthly_pictures: int
    open_requests: int
    daily_pictures: int
