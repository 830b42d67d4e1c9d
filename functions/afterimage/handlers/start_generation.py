"""State StartGeneration: hand the job to its engine; the answer comes back by task token."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.engines.sagemaker_async import SagemakerAsyncEngine
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.domain.job import JobId
from afterimage.ports import AttemptStore, Clock, Engine, JobStore, Workflow
from afterimage.settings import StartGenerationSettings, read_settings
from afterimage.telemetry import count, environment, facts_of, keeping_secrets, logger, metrics, now_ms, trace_header
from afterimage.usecases.start_generation import report_failure, start_generation


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    jobs: JobStore
    attempts: AttemptStore
    engine: Engine
    workflow: Workflow
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(StartGenerationSettings, environment())
    dynamodb = client("dynamodb")
    return Dependencies(
        jobs=DynamoJobStore(dynamodb, settings.table_name),
        attempts=DynamoAttemptStore(dynamodb, settings.table_name),
        engine=SagemakerAsyncEngine(
            client("sagemaker-runtime"),
            client("s3"),
            bucket=settings.bucket_name,
            endpoint_name=settings.endpoint_name,
            request_ttl_s=settings.request_ttl_seconds,
            invocation_timeout_s=settings.invocation_timeout_seconds,
        ),
        workflow=StepFunctionsWorkflow(client("stepfunctions")),
        clock=now_ms,
    )


def handle(event: dict[str, Any], deps: Dependencies) -> None:
    """Take `{"job_id", "task_token", "retry_count"}`.

    Never raises: whoever waits for a token hears of errors by that token only.
    """
    try:
        attempt = start_generation(
            JobId(event["job_id"]),
            event["task_token"],
            event["retry_count"],
            jobs=deps.jobs,
            attempts=deps.attempts,
            engine=deps.engine,
            clock=deps.clock,
            trace=trace_header(),
        )
    except Exception as exc:  # everything, because a state that waits for a callback hears of nothing else
        logger.error("generation not started", **facts_of(exc))
        count("GenerationNotStarted")
        report_failure(event["task_token"], exc, deps.workflow)
    else:
        logger.info("generation started", attempt_id=attempt.attempt_id)
        count("GenerationStarted")


@logger.inject_lambda_context(correlation_id_path="job_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Entry point of StartGenerationFunction."""
    handle(event, dependencies())
