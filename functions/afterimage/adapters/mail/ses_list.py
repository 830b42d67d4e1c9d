"""The list that SES keeps for the account, of addresses that bounced or complained."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.domain.errors import StoreUnavailableError


class SesAccountList:
    """Implements `ports.MailService`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def forgive(self, address: str) -> None:
        """Take an address off the list. SES quotes addresses in its messages, so none is passed on."""
        try:
            with unavailable_as(StoreUnavailableError):
                self._client.delete_suppressed_destination(EmailAddress=address)
        except ClientError as exc:
            if error_code(exc) != "NotFoundException":
                raise
