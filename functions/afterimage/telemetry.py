"""Logs and metrics, the same for every Lambda: facts with the job id, never prompts, addresses, tokens or links."""

from __future__ import annotations

import functools
import logging
import os
import secrets
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, TypeVar, cast

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from afterimage.domain.errors import AfterimageError, InternalError
from afterimage.settings import SettingsError

Handler = TypeVar("Handler", bound=Callable[[dict[str, Any], Any], Any])

# The stack's name on AWS, so that two stacks of one account have metrics, and alarms, of their own.
SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "afterimage")
NAMESPACE = "Afterimage"

# Not every call has an outcome to count; the library would warn of each one in the log.
warnings.filterwarnings("ignore", message="No application metrics to publish")

# At DEBUG, these libraries log bodies of requests. A level of their own keeps them from it, whatever level the runtime
# gives to the root and whatever POWERTOOLS_DEBUG has asked for.
for _library in ("aws_lambda_powertools", "boto3", "botocore", "s3transfer", "urllib3"):
    logging.getLogger(_library).setLevel(logging.WARNING)


class _Logger(Logger):
    """Logs no event: the variable POWERTOOLS_LOGGER_LOG_EVENT, which would switch that on, is not listened to."""

    def inject_lambda_context(self, *arguments: Any, **named: Any) -> Any:
        """Decorate an entry point, as the library does."""
        return super().inject_lambda_context(*arguments, **(named | {"log_event": False}))


logger = _Logger(service=SERVICE)
metrics = Metrics(namespace=NAMESPACE, service=SERVICE)


def count(outcome: str) -> None:
    """Count one outcome; the table of names is in docs/operations.md."""
    measure(outcome, 1)


def measure(name: str, value: float, unit: MetricUnit = MetricUnit.Count) -> None:
    """Publish one value of a metric; the table of names is in docs/operations.md."""
    metrics.add_metric(name=name, unit=unit, value=value)


def facts_of(error: Exception) -> dict[str, Any]:
    """Return what of an error may be logged: its class, its code and where it was raised. Its message may quote a
    request, and so may the lines of a traceback."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else getattr(error, "code", None)
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in frames]
    return {"error": type(error).__name__, "code": str(code), "raised": " < ".join(reversed(places))}


def keeping_secrets(handler: Handler) -> Handler:
    """Decorate an entry point: an error leaves it under its class, and with words of our own only.

    The runtime logs an uncaught error and Step Functions keeps its message for 90 days, and a message of the SDK may
    quote a prompt or an address.
    """

    @functools.wraps(handler)
    def guarded(event: dict[str, Any], context: Any) -> Any:
        try:
            return handler(event, context)
        except AfterimageError as exc:
            logger.warning("raised", **facts_of(exc))
            raise type(exc)(exc.sentence, code=exc.code) from None
        except SettingsError:  # names variables only, and somebody has to read which
            raise
        except Exception as exc:  # unforeseen, so whatever it is
            logger.error("unforeseen error", **facts_of(exc))
            count("UnforeseenError")
            raise InternalError() from None

    return cast("Handler", guarded)


def now_ms() -> int:
    """Return the wall clock in milliseconds, the `Clock` of every real handler."""
    return time.time_ns() // 1_000_000


def random_bytes(count_of_bytes: int) -> bytes:
    """Return unguessable bytes, the `Entropy` of every real handler."""
    return secrets.token_bytes(count_of_bytes)


def trace_header() -> str | None:
    """Return the tracing header of this invocation, as the runtime sets it anew for each; None without tracing."""
    return os.environ.get("_X_AMZN_TRACE_ID")


def environment() -> dict[str, str]:
    """Return the environment as settings read it."""
    return dict(os.environ)
