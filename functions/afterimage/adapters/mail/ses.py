"""Send by SES v2, as a raw message: inline parts need it, and a Lambda's own boto3 may not know newer ways."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from http import HTTPStatus
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, is_throttle
from afterimage.adapters.mail.compose import compose
from afterimage.adapters.mail.compose_digest import compose_digest
from afterimage.contracts.mail_event import CAMPAIGN_TAG, JOB_TAG
from afterimage.domain.campaign_digest import Digest
from afterimage.domain.errors import MailRefusedError, MailUnavailableError
from afterimage.domain.job import Job

# SES asks for parts in seven bits and lines that end as SMTP's do. An address in a header stays in one line, or the
# library would write it in a way that no mail program takes for an address.
_SEVEN_BITS = SMTP.clone(cte_type="7bit", max_line_length=998)
# SendEmail cannot be repeated safely, so the SDK may not do so by itself.
ONE_TRY = Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=15)


class SesMailer:
    """Implements `ports.Mailer` and `campaign_ports.DigestMailer` for one sender address. What becomes of a mail is
    published by the configuration set, under its tag, which no recipient sees."""

    def __init__(self, client: Any, sender: str, configuration_set: str) -> None:
        self._client = client
        self._sender = sender
        self._configuration_set = configuration_set

    def send(
        self, job: Job, recipient: str, links: tuple[str, ...], expires_at_s: int, thumbnails: tuple[bytes, ...]
    ) -> None:
        """Compose and send. Raises MailUnavailableError when certainly not sent, MailRefusedError (with
        SES's own code) when it never will be. Anything else leaves open whether it was sent."""
        self._send(
            compose(job, self._sender, recipient, links, expires_at_s, thumbnails), recipient, JOB_TAG, job.job_id
        )

    def send_digest(self, digest: Digest, recipient: str, unsubscribe_url: str) -> None:
        """The same for the mail about a run."""
        tag = f"{digest.run.campaign_id}_{digest.run.run_id}_{digest.run.leg}"
        self._send(compose_digest(digest, self._sender, recipient, unsubscribe_url), recipient, CAMPAIGN_TAG, tag)

    def _send(self, message: EmailMessage, recipient: str, tag: str, value: str) -> None:
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [recipient]},
                Content={"Raw": {"Data": message.as_bytes(policy=_SEVEN_BITS)}},
                ConfigurationSetName=self._configuration_set,
                EmailTags=[{"Name": tag, "Value": value}],
            )
        except ClientError as exc:
            if is_throttle(exc):
                raise MailUnavailableError() from exc
            if exc.response["ResponseMetadata"]["HTTPStatusCode"] < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise MailRefusedError(code=error_code(exc)) from None  # SES quotes addresses in its messages
            raise
