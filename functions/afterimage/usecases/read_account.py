"""Tell callers what they may ask for and what they have used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from afterimage.domain.account import Usage
from afterimage.domain.quotas import Quotas
from afterimage.domain.recipients import Caller
from afterimage.domain.strikes import Standing, StrikeRules, standing
from afterimage.ports import AccountStore, Clock


@dataclass(frozen=True, kw_only=True)
class AccountNow:
    """The bounds that hold for an owner, and the counters, at one moment."""

    quotas: Quotas
    usage: Usage
    standing: Standing
    at_ms: int


def read_account(
    caller: Caller,
    *,
    accounts: AccountStore,
    quotas: Callable[[], Quotas],
    strike_rules: Callable[[], StrikeRules],
    clock: Clock,
) -> AccountNow:
    """Return the caller's account. Raises AccountDisabledError."""
    account, now_ms = accounts.find(caller.owner), clock()
    account.check()
    return AccountNow(
        quotas=quotas().with_override(account.override),
        usage=accounts.usage(caller.owner, now_ms),
        standing=standing(accounts.strikes(caller.owner, now_ms), strike_rules(), now_ms),
        at_ms=now_ms,
    )
