"""EventBridge, every minute: restart what was never started, repeat what was not heard, close what ended unseen."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.adapters.dynamodb.holds import DynamoHoldStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.lambda_closer import LambdaCloser
from afterimage.adapters.lambda_messenger import LambdaMessenger
from afterimage.adapters.s3_results import S3Results
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.domain.job import JobId
from afterimage.settings import SweepOpenJobsSettings, read_settings
from afterimage.telemetry import count, environment, facts_of, keeping_secrets, logger, measure, metrics, now_ms
from afterimage.usecases.sweep_open_jobs import Broom, sweep_open_jobs


@functools.cache
def dependencies() -> Broom:
    """Build the real ones, once per process."""
    settings = read_settings(SweepOpenJobsSettings, environment())
    dynamodb, functions = client("dynamodb"), client("lambda")
    return Broom(
        jobs=DynamoJobStore(dynamodb, settings.table_name),
        attempts=DynamoAttemptStore(dynamodb, settings.table_name),
        holds=DynamoHoldStore(dynamodb, settings.table_name),
        results=S3Results(client("s3"), settings.bucket_name),
        workflow=StepFunctionsWorkflow(client("stepfunctions"), settings.state_machine_arn),
        closer=LambdaCloser(functions, settings.close_lost_job_function),
        messenger=LambdaMessenger(functions, settings.resume_on_completion_function),
        report=report,
        clock=now_ms,
    )


def report(job_id: JobId, error: Exception) -> None:
    """Log what stood in the way of helping a job."""
    logger.warning("job not helped", job_id=job_id, **facts_of(error))


def handle(deps: Broom) -> dict[str, int]:
    """Return how many jobs were restarted, resumed, closed, left running, skipped and left for later."""
    swept = sweep_open_jobs(deps)
    result = dataclasses.asdict(swept)
    logger.info("swept", **result)
    measure("OpenJobs", swept.open_jobs)
    measure("OldestOpenJobSeconds", swept.oldest_s, MetricUnit.Seconds)
    measure("HeldJobs", swept.held_jobs)
    measure("OldestHeldSeconds", swept.oldest_held_s, MetricUnit.Seconds)
    if swept.restarted or swept.resumed or swept.closed:
        count("SweepMended")
    if swept.skipped:
        count("SweepSkipped")
    return result


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Entry point of SweepOpenJobsFunction. The event carries nothing that is needed."""
    return handle(dependencies())
