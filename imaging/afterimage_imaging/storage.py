"""What the Lambdas of this build share: objects of the bucket, errors that Step Functions knows by name, quiet logs."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# S3 says "forbidden" of a missing object to whoever may not list the bucket.
_MISSING = frozenset({"NoSuchKey", "AccessDenied", "403", "404"})
CONFIG = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
_log = logging.getLogger("afterimage_imaging")

Handler = Callable[[dict[str, Any], Any], Any]


class ImagingError(Exception):
    """Base of what a state hears of by class name, which the other functions know too. It has no words of its own."""


class StoreUnavailableError(ImagingError):
    """S3 throttles or does not answer. The state retries this name."""


class InternalError(ImagingError):
    """Something that nobody foresaw; its own words stay in the process."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Objects of the bucket."""

    client: Any
    bucket: str

    def read(self, key: str) -> bytes | None:
        """Return an object, None for one that is not there. Raises StoreUnavailableError."""
        try:
            body: bytes = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as exc:
            if exc.response["Error"]["Code"] in _MISSING:
                return None
            raise StoreUnavailableError() from exc
        except BotoCoreError as exc:
            raise StoreUnavailableError() from exc
        return body

    def write(self, key: str, body: bytes, content_type: str) -> None:
        """Store an object. Raises StoreUnavailableError."""
        try:
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)
        except (BotoCoreError, ClientError) as exc:
            raise StoreUnavailableError() from exc


def tell(message: str, correlation_id: str | None, **facts: Any) -> None:
    """Log a line as the other functions do; the runtime shows warnings without further configuration."""
    _log.warning(json.dumps({"message": message, "correlation_id": correlation_id, **facts}))


def keeping_secrets(id_name: str) -> Callable[[Handler], Handler]:
    """The runtime logs an uncaught error and Step Functions keeps its message, which may quote what was drawn.

    `id_name` is where the event has the id to log.
    """

    def around(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def guarded(event: dict[str, Any], context: Any) -> Any:
            try:
                return handler(event, context)
            except ImagingError as exc:
                raise type(exc)() from None
            except Exception as exc:  # unforeseen, so whatever it is
                tell("unforeseen error", event.get(id_name), error=type(exc).__name__)
                raise InternalError() from None

        return guarded

    return around
