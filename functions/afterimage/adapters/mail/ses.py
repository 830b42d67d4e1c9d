"""Send by SES v2, as a raw message: inline parts need it, and a Lambda's own boto3 may not know newer ways."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, is_throttle
from afterimage.adapters.mail.compose import compose
from afterimage.domain.errors import MailRefusedError, MailUnavailableError
from afterimage.domain.job import Job

# Refused for good: the address, the sender or the account. Anything unknown is raised and leaves the notice uncertain.
_REFUSALS = frozenset(
    {
        "AccountSuspendedException",
        "BadRequestException",
        "MailFromDomainNotVerifiedException",
        "MessageRejected",
        "NotFoundException",
        "SendingPausedException",
    }
)


class SesMailer:
    """Implements `ports.Mailer` for one sender address."""

    def __init__(self, client: Any, sender: str) -> None:
        self._client = client
        self._sender = sender

    def send(
        self, job: Job, recipient: str, links: tuple[str, ...], expires_at_s: int, thumbnails: tuple[bytes, ...]
    ) -> None:
        """Compose and send. Raises MailUnavailableError when certainly not sent, MailRefusedError when it never will."""
        message = compose(job, self._sender, recipient, links, expires_at_s, thumbnails)
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [recipient]},
                Content={"Raw": {"Data": message.as_bytes()}},
            )
        except ClientError as exc:
            if is_throttle(exc):
                raise MailUnavailableError() from exc
            if error_code(exc) in _REFUSALS:
                raise MailRefusedError() from exc
            raise
