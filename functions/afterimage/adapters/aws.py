"""How we speak to AWS: time-outs, retries and the one way to read an error code."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# Short enough to fail inside a Lambda's own time-out, with the SDK's own backoff for throttling.
_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})

_THROTTLES = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
    }
)


def client(service: str, config: Config | None = None) -> Any:
    """Return a client of `service` with our time-outs; `config` adds to them."""
    return boto3.client(service, config=_CONFIG.merge(config) if config else _CONFIG)


def error_code(error: ClientError) -> str:
    """Return the code that AWS gave, for instance `ConditionalCheckFailedException`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_throttle(error: ClientError) -> bool:
    """True when the same call may pass in a moment."""
    return error_code(error) in _THROTTLES
