"""State RecordFailure: end the job with the code of the error that a Catch saw."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.domain.errors import is_callers_doing
from afterimage.domain.job import JobId
from afterimage.ports import Clock, JobStore
from afterimage.settings import RecordFailureSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, measure, metrics, now_ms
from afterimage.usecases.record_failure import record_failure


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    jobs: JobStore
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(RecordFailureSettings, environment())
    return Dependencies(jobs=DynamoJobStore(client("dynamodb"), settings.table_name), clock=now_ms)


def handle(event: dict[str, Any], deps: Dependencies) -> dict[str, str]:
    """Take `{"job_id", "error", "cause"}` and return the job id with what is on record."""
    job = record_failure(JobId(event["job_id"]), event["error"], event["cause"], jobs=deps.jobs, clock=deps.clock)
    code = job.failure.code if job.failure else "none"
    logger.error("request failed", error=event["error"], status=job.status.value, code=code)
    count("FailureRecorded")
    if not is_callers_doing(event["error"]):
        measure("RequestFaulted", 1)
    return {"job_id": event["job_id"], "status": job.status.value}


@logger.inject_lambda_context(correlation_id_path="job_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Entry point of RecordFailureFunction."""
    return handle(event, dependencies())
