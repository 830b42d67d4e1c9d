"""The topic of SES's configuration set: a mail bounced, was complained about, was rejected or is late."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.suppressions import DynamoSuppressionStore
from afterimage.contracts.codec import ContractError
from afterimage.contracts.mail_event import is_topic_test, parse_mail_event
from afterimage.domain.errors import InternalError
from afterimage.ports import Clock, JobStore, SuppressionStore
from afterimage.settings import RecordMailOutcomeSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.record_mail_outcome import record_mail_outcome


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    jobs: JobStore
    suppressions: SuppressionStore
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(RecordMailOutcomeSettings, environment())
    dynamodb = client("dynamodb")
    return Dependencies(
        jobs=DynamoJobStore(dynamodb, settings.table_name),
        suppressions=DynamoSuppressionStore(dynamodb, settings.table_name),
        clock=now_ms,
    )


def handle(event: dict[str, Any], deps: Dependencies) -> list[str]:
    """Take an SNS event (one record, by Lambda's contract a list) and return what became of each message.

    Raises InternalError for a message that cannot be read: it is kept, never dropped.
    """
    return [_handle_message(record["Sns"]["Message"], deps) for record in event["Records"]]


def _handle_message(text: str, deps: Dependencies) -> str:
    if is_topic_test(text):
        return "test"
    try:
        message = json.loads(text)
        if not isinstance(message, dict):
            raise ContractError("$ must be an object")
        event = parse_mail_event(message)
    except ValueError as exc:  # ContractError and broken JSON
        logger.error("mail event unreadable", reason=type(exc).__name__)
        count("MailUnreadable")
        raise InternalError(code="mail_event_unreadable") from None
    logger.append_keys(job_id=event.job_id)
    outcome = record_mail_outcome(event, jobs=deps.jobs, suppressions=deps.suppressions, clock=deps.clock)
    # Never the event itself: it holds the address, the headers and what a foreign server said.
    logger.info("mail outcome", fate=event.fate.value, outcome=outcome)
    count(f"Mail{outcome.replace('_', ' ').title().replace(' ', '')}")
    return outcome


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> list[str]:
    """Entry point of RecordMailOutcomeFunction."""
    return handle(event, dependencies())
