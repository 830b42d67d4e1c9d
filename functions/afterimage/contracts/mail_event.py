"""What SES publishes about a mail after it took it: bounce, complaint, reject, delay.

Source: "Contents of event data that Amazon SES publishes to Amazon SNS", SES developer guide. The event repeats the
mail's headers and the words of foreign servers; neither is read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parseaddr
from enum import StrEnum
from typing import Any

from afterimage.contracts.codec import ContractError

# The name of the tag by which a mail's events lead back to its job.
JOB_TAG = "afterimage-job"
# And the one of a digest: campaign, run and leg, with underscores between.
CAMPAIGN_TAG = "afterimage-campaign"
# SES says so in plain words when an event destination is made or changed.
_TEST_WORDS = "Successfully validated SNS topic"


class MailFate(StrEnum):
    """What became of a mail, as far as it concerns us."""

    BOUNCED = "bounced"
    BOUNCED_FOR_NOW = "bounced_for_now"
    COMPLAINED = "complained"
    REJECTED = "rejected"
    DELAYED = "delayed"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class MailEvent:
    """One event. `job_id` or `campaign` is the mail's tag, None where another program's mail went through our
    configuration set; `recipients` are bare addresses."""

    fate: MailFate
    job_id: str | None
    recipients: tuple[str, ...]
    campaign: str | None = None


def is_topic_test(text: str) -> bool:
    """True for the message by which SES tries a topic; it is no JSON."""
    return text.startswith(_TEST_WORDS)


def parse_mail_event(message: dict[str, Any]) -> MailEvent:
    """Read one decoded SNS message. Raises ContractError when it is no event about a mail."""
    mail, kind = message.get("mail"), message.get("eventType")
    if not isinstance(mail, dict) or not isinstance(kind, str):
        raise ContractError("$.mail or $.eventType is missing")
    fate = _fate(kind, message)
    return MailEvent(
        fate=fate,
        job_id=_tag(mail, JOB_TAG),
        recipients=_recipients(fate, message, mail),
        campaign=_tag(mail, CAMPAIGN_TAG),
    )


def _tag(mail: dict[str, Any], name: str) -> str | None:
    tags = mail.get("tags")
    values = tags.get(name) if isinstance(tags, dict) else None
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str) else None


def _fate(kind: str, message: dict[str, Any]) -> MailFate:
    if kind == "Bounce":
        # Transient is a full mailbox or an absence note, Undetermined what SES could not tell: neither is an address
        # that does not exist.
        permanent = _part(message, "bounce").get("bounceType") == "Permanent"
        return MailFate.BOUNCED if permanent else MailFate.BOUNCED_FOR_NOW
    fates = {"Complaint": MailFate.COMPLAINED, "Reject": MailFate.REJECTED, "DeliveryDelay": MailFate.DELAYED}
    return fates.get(kind, MailFate.OTHER)


def _recipients(fate: MailFate, message: dict[str, Any], mail: dict[str, Any]) -> tuple[str, ...]:
    """Those whom the event names among those we wrote to. A report may name the address that a mail was forwarded to;
    then it is the only one we wrote to."""
    written_to = _addresses(mail.get("destination"))
    part, field = {
        MailFate.BOUNCED: ("bounce", "bouncedRecipients"),
        MailFate.COMPLAINED: ("complaint", "complainedRecipients"),
    }.get(fate, ("", ""))
    entries = _part(message, part).get(field)
    listed = [entry.get("emailAddress") for entry in entries if isinstance(entry, dict)] if entries else []
    named = {address.lower() for address in _addresses(listed)}
    found = tuple(address for address in written_to if address.lower() in named)
    return found or (written_to if len(written_to) == 1 else ())


def _part(message: dict[str, Any], name: str) -> dict[str, Any]:
    part = message.get(name)
    return part if isinstance(part, dict) else {}


def _addresses(entries: Any) -> tuple[str, ...]:
    """Bare addresses: SES may repeat a name before them."""
    texts = [entry for entry in entries if isinstance(entry, str)] if isinstance(entries, list) else []
    return tuple(address for text in texts if (address := parseaddr(text)[1]))
