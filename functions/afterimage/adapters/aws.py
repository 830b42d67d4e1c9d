"""How we speak to AWS: time-outs, retries and the one way to read an error code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError

from afterimage.domain.errors import TransientError

# Two tries of at most seven seconds fail inside the time-out of any of our Lambdas, which have thirty and more.
_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})

_THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
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
    """True when AWS refused the call because of its rate: certainly not carried out."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error_code(error) in _THROTTLES or status == HTTPStatus.TOO_MANY_REQUESTS


@contextmanager
def unavailable_as(kind: type[TransientError]) -> Iterator[None]:
    """Turn what may pass into `kind`: no connection, no whole answer in time, a throttle, a fault of the service.

    Only for calls that may be repeated; a mail may not.
    """
    try:
        yield
    except (ConnectionError, HTTPClientError, IncompleteReadError) as exc:
        raise kind() from exc
    except ClientError as exc:
        status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if is_throttle(exc) or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise kind() from exc
        raise
