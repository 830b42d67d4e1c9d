"""The breaker: the alarm on failed requests went off, so no new ones are taken until a person opens the door again."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.admission_switch import AdmissionSwitch
from afterimage.adapters.aws import client
from afterimage.domain.errors import InternalError
from afterimage.settings import CloseAdmissionSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    switch: AdmissionSwitch


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(CloseAdmissionSettings, environment())
    return Dependencies(switch=AdmissionSwitch(client("ssm"), settings.admission_parameter))


def handle(event: dict[str, Any], deps: Dependencies) -> list[str]:
    """Take an SNS event with what CloudWatch says of an alarm; return `closed` for each that went off, else `ignored`.

    Raises InternalError for a message that cannot be read: it is kept, never dropped.
    """
    return [_handle_message(record["Sns"]["Message"], deps) for record in event["Records"]]


def _handle_message(text: str, deps: Dependencies) -> str:
    try:
        message = json.loads(text)
        alarm, state = str(message["AlarmName"]), str(message["NewStateValue"])
    except (ValueError, KeyError, TypeError):
        raise InternalError(code="alarm_unreadable") from None
    if state != "ALARM":  # nothing is opened by itself: a recovery is what an empty queue looks like too
        logger.info("alarm ignored", alarm=alarm, state=state)
        return "ignored"
    deps.switch.close()
    logger.error("admission closed", alarm=alarm)
    count("AdmissionClosed")
    return "closed"


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> list[str]:
    """Entry point of CloseAdmissionFunction."""
    return handle(event, dependencies())
