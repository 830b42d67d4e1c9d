"""Take what SES reports of a mail to the job's record, and leave alone whoever cannot or will not have our mail."""

from __future__ import annotations

from afterimage.contracts.mail_event import MailEvent, MailFate
from afterimage.domain.errors import JobNotFoundError, StoreUnavailableError
from afterimage.domain.job import (
    NOTICE_BOUNCED,
    NOTICE_COMPLAINED,
    NOTICE_FAILED,
    NOTICE_SENDING,
    NOTICE_SENT,
    NOTICE_UNCERTAIN,
    JobId,
    Notice,
    is_job_id,
)
from afterimage.domain.suppression import SuppressionKind, suppression_of
from afterimage.ports import Clock, JobStore, SuppressionStore

_KINDS = {MailFate.BOUNCED: SuppressionKind.BOUNCE, MailFate.COMPLAINED: SuppressionKind.COMPLAINT}
_NOTICES = {
    MailFate.BOUNCED: (NOTICE_BOUNCED, "bounced"),
    MailFate.COMPLAINED: (NOTICE_COMPLAINED, None),
    MailFate.REJECTED: (NOTICE_FAILED, "mail_rejected"),
}
# SES may be faster than our own note that the mail was sent; what it says is the later truth.
_LEFT = (NOTICE_SENDING, NOTICE_SENT, NOTICE_UNCERTAIN)
_TRIES = 3


def record_mail_outcome(event: MailEvent, *, jobs: JobStore, suppressions: SuppressionStore, clock: Clock) -> str:
    """Record one event and return what became of it, for log and metric.

    The event's own fate; `repeated` when the record said so already or says more; `unknown_job` when there is no such
    job any more (its address is left alone all the same); `foreign` for a mail that is not ours. A second delivery
    changes nothing.
    """
    of_a_job = event.job_id is not None and is_job_id(event.job_id)
    if not of_a_job and event.campaign is None:
        return "foreign"
    if kind := _KINDS.get(event.fate):
        for address in event.recipients:
            suppressions.put(suppression_of(address, kind, clock()))
    # A digest has many recipients and no record that one of them could look at: leaving the address alone is all.
    if event.fate not in _NOTICES or event.job_id is None or not of_a_job:
        return event.fate.value
    return _note(JobId(event.job_id), event.fate, jobs, clock)


def _note(job_id: JobId, fate: MailFate, jobs: JobStore, clock: Clock) -> str:
    state, code = _NOTICES[fate]
    before = (*_LEFT, NOTICE_BOUNCED) if fate is MailFate.COMPLAINED else _LEFT
    for _ in range(_TRIES):
        try:
            notice = jobs.get(job_id, clock()).notice
        except JobNotFoundError:
            return "unknown_job"
        if notice is None or notice.state not in before:
            return "repeated"
        if jobs.swap_notice(job_id, notice.state, Notice(state=state, at_ms=clock(), failure_code=code)):
            return fate.value
    raise StoreUnavailableError()
