"""Make links to a request's pictures that anybody may follow, and end every link of it."""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.domain.errors import InvalidRequestError, NothingToShareError, TooManyLinksError
from afterimage.domain.job import Job, Picture
from afterimage.domain.links import MAX_LINKS, TOKEN_BYTES, Link, SharedPicture, hash_token, link_token
from afterimage.domain.recipients import Caller
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, Entropy, JobStore, LinkStore
from afterimage.usecases.read_requests import read_request

DAY_S = 86_400
_SHAREABLE = (JobStatus.DELIVERING, JobStatus.SUCCEEDED)


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """What sharing needs."""

    jobs: JobStore
    links: LinkStore
    link_base: str
    clock: Clock
    entropy: Entropy


def share_request(
    job_id: str, caller: Caller, picture: int | None, days: int, sharing: Sharing
) -> tuple[SharedPicture, ...]:
    """Return a new link for one picture of the caller's job, or for each, for so many days or as long as it is kept.

    Asked again it makes more: only hashes are kept, so a link that was told cannot be told again. Those of a call whose
    answer was lost are known to nobody and end by themselves.

    Raises JobNotFoundError, NothingToShareError, InvalidRequestError for a picture that is not there, and
    TooManyLinksError.
    """
    job = read_request(job_id, caller, jobs=sharing.jobs, clock=sharing.clock)
    if job.status not in _SHAREABLE:
        raise NothingToShareError()
    wanted = tuple(one for one in job.pictures if picture is None or one.number == picture)
    if not wanted:
        raise InvalidRequestError("The request has no picture of that number.", code="no_such_picture")
    # Against what piles up: two calls at once may pass it together.
    if sharing.links.count_living(job.job_id, sharing.clock()) + len(wanted) > MAX_LINKS:
        raise TooManyLinksError()
    expires_at_s = min(sharing.clock() // 1000 + days * DAY_S, job.expires_at_s)
    return tuple(_share(job, one, expires_at_s, sharing) for one in wanted)


def _share(job: Job, picture: Picture, expires_at_s: int, sharing: Sharing) -> SharedPicture:
    token = link_token(sharing.entropy(TOKEN_BYTES))
    sharing.links.put(
        Link(
            token_hash=hash_token(token),
            job_id=job.job_id,
            key=picture.share_key,
            created_at_ms=sharing.clock(),
            expires_at_s=expires_at_s,
        )
    )
    return SharedPicture(number=picture.number, url=f"{sharing.link_base}/i/{token}", expires_at_s=expires_at_s)


def unshare_request(job_id: str, caller: Caller, sharing: Sharing) -> None:
    """Erase every link to the caller's job, those of the mail as well: who takes a picture back means all of it.
    Sharing anew makes others.

    Raises JobNotFoundError.
    """
    job = read_request(job_id, caller, jobs=sharing.jobs, clock=sharing.clock)
    for token_hash in sharing.links.list_by_job(job.job_id):
        sharing.links.erase(job.job_id, token_hash)
