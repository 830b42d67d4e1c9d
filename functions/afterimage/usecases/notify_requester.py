"""Tell the person once how the request ended, with links of our own to the pictures; or the campaign that asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from afterimage.campaign_ports import CampaignStore
from afterimage.domain.errors import (
    JobClosedError,
    MailRefusedError,
    NoticeInFlightError,
    StoreUnavailableError,
    TransientError,
)
from afterimage.domain.job import (
    NOTICE_FAILED,
    NOTICE_NONE,
    NOTICE_SENDING,
    NOTICE_SENT,
    NOTICE_UNCERTAIN,
    Job,
    JobId,
    Notice,
    Picture,
)
from afterimage.domain.links import TOKEN_BYTES, Link, hash_token, link_token
from afterimage.domain.status import JobStatus
from afterimage.domain.suppression import ADDRESS_SUPPRESSED, hash_address
from afterimage.ports import Clock, Entropy, Gallery, JobStore, LinkStore, Mailer, SuppressionStore, Workflow
from afterimage.usecases.answer_row import answer_row

# Longer than the function may run: an intent older than this belongs to a run that died.
CLAIM_MS = 45_000


@dataclass(frozen=True, kw_only=True)
class Post:
    """What telling needs."""

    jobs: JobStore
    links: LinkStore
    gallery: Gallery
    suppressions: SuppressionStore
    mailer: Mailer
    campaigns: CampaignStore
    workflow: Workflow
    link_base: str
    link_ttl_s: Callable[[], int]
    clock: Clock
    entropy: Entropy


def notify_requester(job_id: JobId, post: Post) -> Job:
    """Tell how the job stands (DELIVERING or ended) and bring a delivering one to SUCCEEDED.

    Raises JobClosedError for a job that is still being worked on, MailUnavailableError and NoticeInFlightError when it
    is worth asking again. A refused mail is recorded, not raised: the pictures are there. So is one that is not sent at
    all, because mail to that address bounced or was complained about. Whoever waits for the row of a campaign is
    answered, every time.
    """
    job = post.jobs.get(job_id, post.clock())
    if not job.status.is_final and job.status is not JobStatus.DELIVERING:
        raise JobClosedError()
    if _claim(job, post):
        _tell(job, post)
    try:
        job = post.jobs.advance(job_id, JobStatus.SUCCEEDED, post.clock())
    except JobClosedError:  # it had ended before, or another run was faster
        job = post.jobs.get(job_id, post.clock())
    answer_row(job, post.campaigns, post.workflow)
    return job


def _claim(job: Job, post: Post) -> bool:
    """Record the intent before the mail leaves: SES cannot be asked whether it sent. True when it is ours to send."""
    now_ms = post.clock()
    if job.notice is None:
        first = NOTICE_SENDING if job.recipient else NOTICE_NONE
        if _note(job, None, Notice(state=first, at_ms=now_ms, claim=post.entropy(8).hex()), post):
            return first == NOTICE_SENDING
        raise NoticeInFlightError()  # somebody else was faster; ask again when that has ended
    if job.notice.state == NOTICE_SENDING:
        if now_ms - job.notice.at_ms < CLAIM_MS:
            raise NoticeInFlightError()
        _note(job, NOTICE_SENDING, Notice(state=NOTICE_UNCERTAIN, at_ms=now_ms), post)
    return False


def _tell(job: Job, post: Post) -> None:
    pictures = job.pictures  # only a delivered job has any
    try:
        if post.suppressions.find(hash_address(job.recipient or ""), post.clock()):
            refused = Notice(state=NOTICE_FAILED, at_ms=post.clock(), failure_code=ADDRESS_SUPPRESSED)
            _note(job, NOTICE_SENDING, refused, post)
            return
        expires_at_s = min(post.clock() // 1000 + post.link_ttl_s(), job.expires_at_s)
        links = tuple(_link(job, _mailed_key(job, picture), expires_at_s, post) for picture in pictures)
        thumbnails = tuple(post.gallery.read_thumbnail(picture.thumbnail_key) for picture in pictures)
    except Exception:  # whatever it was, nothing has left yet
        _note(job, NOTICE_SENDING, None, post)
        raise
    try:
        post.mailer.send(job, job.recipient or "", links, expires_at_s, thumbnails)
    except MailRefusedError as exc:
        told = Notice(state=NOTICE_FAILED, at_ms=post.clock(), failure_code=exc.code)
    except TransientError:
        _note(job, NOTICE_SENDING, None, post)
        raise
    else:
        told = Notice(state=NOTICE_SENT, at_ms=post.clock())
    _note(job, NOTICE_SENDING, told, post)


def _note(job: Job, expected_state: str | None, notice: Notice | None, post: Post) -> bool:
    """Write a notice, once more when the answer is lost: a mail has a claim of its own, so the same words that stand
    there already are ours. Otherwise nobody would know of our intent, and nobody would be told."""
    try:
        return post.jobs.swap_notice(job.job_id, expected_state, notice)
    except StoreUnavailableError:
        return post.jobs.swap_notice(job.job_id, expected_state, notice)


def _mailed_key(job: Job, picture: Picture) -> str:
    return picture.key if job.is_mailed_to_owner else picture.share_key


def _link(job: Job, key: str, expires_at_s: int, post: Post) -> str:
    token = link_token(post.entropy(TOKEN_BYTES))
    post.links.put(
        Link(
            token_hash=hash_token(token),
            job_id=job.job_id,
            key=key,
            created_at_ms=post.clock(),
            expires_at_s=expires_at_s,
        )
    )
    return f"{post.link_base}/i/{token}"
