"""Send by SES v2, as a raw message: inline parts need it, and a Lambda's own boto3 may not know newer ways."""

from __future__ import annotations

from email.policy import SMTP
from http import HTTPStatus
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, is_throttle
from afterimage.adapters.mail.compose import compose
from afterimage.contracts.mail_event import JOB_TAG
from afterimage.domain.errors import MailRefusedError, MailUnavailableError
from afterimage.domain.job import Job

# SES asks for parts in seven bits and lines that end as SMTP's do.
_SEVEN_BITS = SMTP.clone(cte_type="7bit")
# SendEmail cannot be repeated safely, so the SDK may not do so by itself.
ONE_TRY = Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=15)


class SesMailer:
    """Implements `ports.Mailer` for one sender address. What becomes of a mail is published by the configuration set,
    under the job's tag, which no recipient sees."""

    def __init__(self, client: Any, sender: str, configuration_set: str) -> None:
        self._client = client
        self._sender = sender
        self._configuration_set = configuration_set

    def send(
        self, job: Job, recipient: str, links: tuple[str, ...], expires_at_s: int, thumbnails: tuple[bytes, ...]
    ) -> None:
        """Compose and send. Raises MailUnavailableError when certainly not sent, MailRefusedError (with
        SES's own code) when it never will be. Anything else leaves open whether it was sent."""
        message = compose(job, self._sender, recipient, links, expires_at_s, thumbnails)
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [recipient]},
                Content={"Raw": {"Data": message.as_bytes(policy=_SEVEN_BITS)}},
                ConfigurationSetName=self._configuration_set,
                EmailTags=[{"Name": JOB_TAG, "Value": job.job_id}],
            )
        except ClientError as exc:
            if is_throttle(exc):
                raise MailUnavailableError() from exc
            if exc.response["ResponseMetadata"]["HTTPStatusCode"] < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise MailRefusedError(code=error_code(exc)) from None  # SES quotes addresses in its messages
            raise
