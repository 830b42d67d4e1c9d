"""Erase everything of an owner: first nothing new is taken, then campaigns with their schedules and files go, then job
after job, then uploads, then what tells who it was.

A person is gone after that, and whoever comes back is somebody new to us. A program or a schedule goes on with the same
name, so what is counted of it and what an admin decided about it stay: neither says anything about a person.
"""

from __future__ import annotations

from afterimage.contracts.campaign import campaign_prefix
from afterimage.domain.errors import CampaignNotFoundError
from afterimage.ports import Clock, Erasures, OwnerStore, People
from afterimage.usecases.delete_request import Eraser, erase_job
from afterimage.usecases.erase_campaign import CampaignEraser, erase_campaign

# One job takes about a dozen calls, and the function has two minutes.
PAGE = 20
CAMPAIGNS = 5
_PERSON = "user#"


def begin_erasing_owner(owner: str, *, owners: OwnerStore, erasures: Erasures, clock: Clock) -> None:
    """Refuse new jobs of the owner and start the machine that erases. Both may be done again."""
    owners.begin_erasing(owner, clock())
    erasures.erase_owner(owner)


def erase_owner(owner: str, eraser: Eraser, *, campaigns: CampaignEraser, owners: OwnerStore, people: People) -> bool:
    """Erase a page of the owner's campaigns or jobs; True once there are none and everything else is gone too.

    The sign-in goes before the mark that refuses new jobs; a token lives on for up to an hour, and is refused.
    """
    if _erase_campaigns(owner, campaigns):
        return False
    page = eraser.stopper.jobs.list_by_owner(owner, PAGE, None, 0)  # at the beginning of time nothing has expired
    for job in page:
        erase_job(job, eraser)
    if page:
        return False
    eraser.uploads.erase_all(owner)
    if owner.startswith(_PERSON):
        people.erase(owner.removeprefix(_PERSON))
        owners.erase(owner, eraser.stopper.clock())
    else:
        owners.end_erasing(owner)
    return True


def _erase_campaigns(owner: str, eraser: CampaignEraser) -> bool:
    """Erase a few campaigns; False once there are none. The folder of one may hold thousands of files."""
    page = eraser.campaigns.list_by_owner(owner, CAMPAIGNS, None)
    for campaign_id in page:
        try:
            campaign = eraser.campaigns.get(campaign_id, 0)  # at the beginning of time nothing has expired
        except CampaignNotFoundError:  # its record has expired, and what finds it not yet
            eraser.files.erase(campaign_prefix(campaign_id))
            eraser.campaigns.forget(owner, campaign_id)
            continue
        erase_campaign(campaign, eraser)
    return bool(page)
