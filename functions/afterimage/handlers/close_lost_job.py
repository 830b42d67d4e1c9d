"""EventBridge: an execution ended FAILED, TIMED_OUT or ABORTED; close its job if no Catch did."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.lambda_teller import LambdaTeller
from afterimage.domain.errors import JobNotFoundError
from afterimage.domain.job import JobId
from afterimage.ports import Clock, JobStore, Teller
from afterimage.settings import CloseLostJobSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.close_lost_job import close_lost_job


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    jobs: JobStore
    teller: Teller
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(CloseLostJobSettings, environment())
    return Dependencies(
        jobs=DynamoJobStore(client("dynamodb"), settings.table_name),
        teller=LambdaTeller(client("lambda"), settings.notify_requester_function),
        clock=now_ms,
    )


def handle(event: dict[str, Any], deps: Dependencies) -> str:
    """Take a "Step Functions Execution Status Change" event and return the job's status, `unknown` for no such job."""
    job_id, execution_status = JobId(event["detail"]["name"]), event["detail"]["status"]
    logger.append_keys(job_id=job_id)
    try:
        job = close_lost_job(job_id, execution_status, jobs=deps.jobs, teller=deps.teller, clock=deps.clock)
    except JobNotFoundError:  # started by hand under another name, or expired: nobody to tell
        logger.warning("execution without a job", execution_status=execution_status)
        return "unknown"
    logger.info("execution ended", execution_status=execution_status, status=job.status.value)
    count("LostJobClosed")
    return job.status.value


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> str:
    """Entry point of CloseLostJobFunction."""
    return handle(event, dependencies())
