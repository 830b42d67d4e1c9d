"""An admin decides about an owner: other bounds, none served at all, or everything erased."""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.domain.account import Account, Usage
from afterimage.domain.errors import OwnAccountError, PersonNotFoundError
from afterimage.domain.quotas import Quota, Quotas
from afterimage.domain.recipients import Caller
from afterimage.domain.strikes import Standing, StrikeRules, standing
from afterimage.ports import AccountStore, Clock, Directory, Erasures, OwnerStore
from afterimage.usecases.erase_owner import begin_erasing_owner

# Owners that the directory does not know: programs and schedules.
_OTHERS = ("client:", "schedule:")


@dataclass(frozen=True, kw_only=True)
class PersonNow:
    """What holds for an owner at one moment."""

    owner: str
    account: Account
    quotas: Quotas
    usage: Usage
    standing: Standing


def read_person(
    username: str, *, accounts: AccountStore, directory: Directory, general: Quotas, rules: StrikeRules, clock: Clock
) -> PersonNow:
    """Return what holds for somebody. Raises PersonNotFoundError."""
    owner = _owner(username, directory)
    account = accounts.find(owner)
    now_ms = clock()
    return PersonNow(
        owner=owner,
        account=account,
        quotas=general.with_override(account.override),
        usage=accounts.usage(owner, now_ms),
        standing=standing(accounts.strikes(owner, now_ms), rules, now_ms),
    )


def override_quota(username: str, quota: Quota | None, *, accounts: AccountStore, directory: Directory) -> str:
    """Give somebody bounds of their own, or take them away; return the owner. Raises PersonNotFoundError."""
    owner = _owner(username, directory)
    accounts.set_override(owner, quota)
    return owner


def forgive_person(username: str, *, accounts: AccountStore, directory: Directory) -> str:
    """Forget somebody's strikes, and with them a cool-down; return the owner. Raises PersonNotFoundError."""
    owner = _owner(username, directory)
    accounts.forgive(owner)
    return owner


def switch_person(username: str, disabled: bool, admin: Caller, *, accounts: AccountStore, directory: Directory) -> str:
    """Refuse somebody from now on, or serve them again; return the owner. Our own mark comes first, because the
    directory's switch leaves tokens valid; a crash between the two is mended by asking again.

    Raises PersonNotFoundError, and OwnAccountError for the admin's own account: nobody could undo it.
    """
    owner = _owner(username, directory)
    if owner == admin.owner:
        raise OwnAccountError()
    accounts.set_disabled(owner, disabled)
    if not username.startswith(_OTHERS):
        directory.switch(username, not disabled)
    return owner


def erase_person(
    username: str, admin: Caller, *, directory: Directory, owners: OwnerStore, erasures: Erasures, clock: Clock
) -> str:
    """Begin to erase everything of somebody; return the owner. Asked again it does no harm.

    Raises PersonNotFoundError, and OwnAccountError for the admin's own account: that has a route of its own.
    """
    owner = _owner(username, directory)
    if owner == admin.owner:
        raise OwnAccountError()
    begin_erasing_owner(owner, owners=owners, erasures=erasures, clock=clock)
    return owner


def _owner(username: str, directory: Directory) -> str:
    if username.startswith(_OTHERS):
        return username.replace(":", "#", 1)
    person = directory.find_person(username)
    if person is None:
        raise PersonNotFoundError()
    return f"user#{person.sub}"
