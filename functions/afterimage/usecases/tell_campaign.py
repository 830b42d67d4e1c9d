"""Tell each recipient of a campaign once how a leg of its run came to rest.

The intent is recorded for each address before its mail leaves, as with a single request: a process that dies between
leaves `uncertain`, never a second mail. Whoever paused or stopped a run themselves is not told what they know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from afterimage.campaign_ports import CampaignFiles, CampaignNotices, CampaignStore, DigestMailer, UnsubscribeStore
from afterimage.contracts.campaign_results import manifest_key, sheet_key
from afterimage.domain.campaign import PAUSED_BY_OWNER, Run, RunStatus
from afterimage.domain.campaign_digest import Digest
from afterimage.domain.errors import CampaignNotFoundError, MailRefusedError, NoticeInFlightError, TransientError
from afterimage.domain.job import NOTICE_FAILED, NOTICE_SENDING, NOTICE_SENT, NOTICE_UNCERTAIN, JobId, Notice
from afterimage.domain.links import TOKEN_BYTES, Link, hash_token, link_token
from afterimage.domain.row_ref import CampaignId
from afterimage.domain.suppression import hash_address
from afterimage.domain.unsubscribing import LINK_LASTS_S, UnsubscribeLink
from afterimage.ports import Clock, Entropy, LinkStore, SuppressionStore
from afterimage.usecases.gather_campaign_results import read_results

# Longer than the function may run: an intent older than this belongs to a run that died.
CLAIM_MS = 150_000
_SHEET_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class DigestPost:
    """What telling needs."""

    campaigns: CampaignStore
    files: CampaignFiles
    links: LinkStore
    notices: CampaignNotices
    suppressions: SuppressionStore
    unsubscribes: UnsubscribeStore
    mailer: DigestMailer
    link_base: str
    link_ttl_s: Callable[[], int]
    clock: Clock
    entropy: Entropy


def tell_campaign(campaign_id: CampaignId, run_id: str, leg: int, post: DigestPost) -> bool:
    """Mail everybody who has not been, and say whether anybody has been told of this leg.

    Raises MailUnavailableError, StoreUnavailableError or NoticeInFlightError, after the others have been told, when it
    is worth asking again.
    """
    try:
        campaign = post.campaigns.get(campaign_id, post.clock())
    except CampaignNotFoundError:  # deleted meanwhile: there is nobody to tell
        return False
    run = post.campaigns.get_run(campaign_id, run_id)
    if run.leg != leg or not _is_told_of(run):
        return False
    addresses = {hash_address(address): address for address in campaign.settings.recipients}
    digest: Digest | None = None
    told, later = False, None
    for address_hash, address in addresses.items():
        try:
            if _is_left_alone(address_hash, post):
                continue
            if _claim(run, address_hash, post):
                digest = digest or _unclaiming(run, address_hash, post, lambda: _digest(run, campaign.name, post))
                _send(digest, address_hash, address, post)
            found = post.notices.find(run, address_hash)
            told = told or (found is not None and found.state == NOTICE_SENT)
        except TransientError as exc:
            later = exc
    if later:
        raise later
    return told


def _is_told_of(run: Run) -> bool:
    paused = run.status is RunStatus.PAUSED and run.reason != PAUSED_BY_OWNER
    return paused or run.status is RunStatus.FINISHED


def _is_left_alone(address_hash: str, post: DigestPost) -> bool:
    suppressed = post.suppressions.find(address_hash, post.clock())
    return suppressed is not None or post.unsubscribes.has_left(address_hash)


def _claim(run: Run, address_hash: str, post: DigestPost) -> bool:
    """Record the intent: SES cannot be asked whether it sent. True when it is ours to send."""
    now_ms, found = post.clock(), post.notices.find(run, address_hash)
    if found is None:
        if post.notices.swap(run, address_hash, None, Notice(state=NOTICE_SENDING, at_ms=now_ms)):
            return True
        raise NoticeInFlightError()
    if found.state == NOTICE_SENDING:
        if now_ms - found.at_ms < CLAIM_MS:
            raise NoticeInFlightError()
        post.notices.swap(run, address_hash, NOTICE_SENDING, Notice(state=NOTICE_UNCERTAIN, at_ms=now_ms))
    return False


def _unclaiming(run: Run, address_hash: str, post: DigestPost, make: Callable[[], Digest]) -> Digest:
    """Give the intent back when nothing has left yet."""
    try:
        return make()
    except Exception:  # whatever it was
        post.notices.swap(run, address_hash, NOTICE_SENDING, None)
        raise


def _send(digest: Digest, address_hash: str, address: str, post: DigestPost) -> None:
    run = digest.run
    try:
        url = _unsubscribe_url(address_hash, post)
    except Exception:  # whatever it was, nothing has left yet
        post.notices.swap(run, address_hash, NOTICE_SENDING, None)
        raise
    try:
        post.mailer.send_digest(digest, address, url)
    except MailRefusedError as exc:
        told = Notice(state=NOTICE_FAILED, at_ms=post.clock(), failure_code=exc.code)
    except TransientError:
        post.notices.swap(run, address_hash, NOTICE_SENDING, None)
        raise
    else:
        told = Notice(state=NOTICE_SENT, at_ms=post.clock())
    post.notices.swap(run, address_hash, NOTICE_SENDING, told)


def _unsubscribe_url(address_hash: str, post: DigestPost) -> str:
    token, now_ms = link_token(post.entropy(TOKEN_BYTES)), post.clock()
    post.unsubscribes.put_link(
        UnsubscribeLink(
            token_hash=hash_token(token),
            address_hash=address_hash,
            created_at_ms=now_ms,
            expires_at_s=now_ms // 1000 + LINK_LASTS_S,
        )
    )
    return f"{post.link_base}/u/{token}"


def _digest(run: Run, name: str, post: DigestPost) -> Digest:
    """What the mail says. The links are the same for all whom this call tells."""
    results = read_results(run.campaign_id, run.run_id, post.files)
    if results is None or results.leg != run.leg:
        return Digest(name=name, run=run)
    keys = [manifest_key(run.campaign_id, run.run_id, "csv")]
    keys += [sheet_key(run.campaign_id, run.run_id, number) for number in range(1, results.sheets + 1)]
    keys = [key for key in keys if post.files.size(key) is not None]
    now_ms = post.clock()
    expires_at_s = min(now_ms // 1000 + post.link_ttl_s(), run.expires_at_s)
    tokens = {key: link_token(post.entropy(TOKEN_BYTES)) for key in keys}
    post.links.put_all(
        [
            Link(
                token_hash=hash_token(token),
                job_id=JobId(run.campaign_id),  # an id of the same form: the campaign finds its links by it
                key=key,
                created_at_ms=now_ms,
                expires_at_s=expires_at_s,
            )
            for key, token in tokens.items()
        ]
    )
    urls = [f"{post.link_base}/i/{token}" for token in tokens.values()]
    return Digest(
        name=name,
        run=run,
        reasons=tuple((reason.rows, reason.sentence) for reason in results.reasons),
        manifest_link=urls[0] if urls else None,
        sheet_links=tuple(urls[1:]),
        sheet=post.files.read_range(keys[1], 0, _SHEET_BYTES) if len(keys) > 1 else None,
        links_expire_at_s=expires_at_s,
    )
