"""Erase everything of an owner: first nothing new is taken, then job after job goes, then what tells who it was."""

from __future__ import annotations

from afterimage.ports import Clock, Erasures, OwnerStore, People
from afterimage.usecases.delete_request import Eraser, erase_job

# One job takes about a dozen calls, and the function has two minutes.
PAGE = 20
_PERSON = "user#"


def begin_erasing_owner(owner: str, *, owners: OwnerStore, erasures: Erasures, clock: Clock) -> None:
    """Refuse new jobs of the owner and start the machine that erases. Both may be done again."""
    owners.begin_erasing(owner, clock())
    erasures.erase_owner(owner)


def erase_owner(owner: str, eraser: Eraser, *, owners: OwnerStore, people: People) -> bool:
    """Erase a page of the owner's jobs; True once there are none and everything else is gone too.

    The sign-in goes before the mark that refuses new jobs: whoever has none is refused for that. A token lives on for
    up to an hour.
    """
    page = eraser.stopper.jobs.list_by_owner(owner, PAGE, None, 0)  # at the beginning of time nothing has expired
    for job in page:
        erase_job(job, eraser)
    if page:
        return False
    if owner.startswith(_PERSON):
        people.erase(owner.removeprefix(_PERSON))
    owners.erase(owner)
    return True
