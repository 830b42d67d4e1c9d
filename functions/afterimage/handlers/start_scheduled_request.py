"""EventBridge Scheduler: start the request that a schedule carries, once per scheduled time."""

from __future__ import annotations

import functools
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.cognito import NobodyAtAll
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.parameters import OperatorParameters
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.contracts.codec import from_document
from afterimage.domain.errors import AdmissionClosedError, QuotaExceededError
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.recipients import MAIL_ANY_SCOPE, Caller
from afterimage.domain.request import ImageRequest
from afterimage.settings import StartScheduledRequestSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, measure, metrics, now_ms, random_bytes
from afterimage.usecases.create_request import Door, create_request


@functools.cache
def dependencies() -> Door:
    """Build the real ones, once per process."""
    settings = read_settings(StartScheduledRequestSettings, environment())
    parameters = OperatorParameters(client("ssm"))
    return Door(
        jobs=DynamoJobStore(client("dynamodb"), settings.table_name),
        workflow=StepFunctionsWorkflow(client("stepfunctions"), settings.state_machine_arn),
        people=NobodyAtAll(),
        accounts=DynamoAccountStore(client("dynamodb"), settings.table_name),
        profile=model_profiles()[settings.model_profile],
        admission_is_open=lambda: parameters.admission_is_open(settings.admission_parameter),
        quotas=lambda: parameters.quotas(settings.quotas_parameter),
        strike_rules=lambda: parameters.strike_rules(settings.strikes_parameter),
        job_ttl_s=settings.job_ttl_days * 86_400,
        clock=now_ms,
        entropy=random_bytes,
    )


def handle(event: dict[str, Any], deps: Door) -> dict[str, str]:
    """Take `{"schedule", "scheduled_time", "request"}` and return the job id. Scheduler delivers at least once, so the
    scheduled time is the idempotency key. Whoever may write a schedule may name its recipient.

    Refused during a stop or for a quota is refused for good: asked again a minute later it would be again, and as a
    dead letter it would raise an alarm about what an operator has ordered (docs/decisions).
    """
    caller = Caller(owner=f"schedule#{event['schedule']}", username=None, scopes=frozenset({MAIL_ANY_SCOPE}))
    asked = from_document(ImageRequest, event["request"])
    try:
        accepted = create_request(asked, caller, event["scheduled_time"], deps)
    except (AdmissionClosedError, QuotaExceededError) as exc:
        logger.warning("scheduled request refused", code=exc.code, schedule=event["schedule"])
        count("ScheduledRequestRefused")
        return {"refused": exc.code}
    logger.info("scheduled request accepted", job_id=accepted.job.job_id, replayed=accepted.replayed)
    count("RequestReplayed" if accepted.replayed else "RequestAccepted")
    if not accepted.replayed:
        measure("PicturesOrdered", len(accepted.job.spec.seeds))
    if accepted.refusal:
        logger.warning("workflow not started", job_id=accepted.job.job_id, refusal=accepted.refusal)
        count("RequestNotStarted")
    return {"job_id": accepted.job.job_id}


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Entry point of StartScheduledRequestFunction."""
    return handle(event, dependencies())
