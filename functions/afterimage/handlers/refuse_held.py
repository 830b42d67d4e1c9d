"""State RefuseHeld: nobody came in time for what waited for a person."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.domain.holds import Ruling, Stage
from afterimage.domain.job import JobId
from afterimage.ports import Clock, JobStore
from afterimage.settings import RefuseHeldSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.refuse_held import refuse_held


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    jobs: JobStore
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(RefuseHeldSettings, environment())
    return Dependencies(jobs=DynamoJobStore(client("dynamodb"), settings.table_name), clock=now_ms)


def handle(event: dict[str, Any], deps: Dependencies) -> dict[str, str]:
    """Take `{"job_id", "stage"}` and return it with what the workflow goes on with."""
    ruling = refuse_held(JobId(event["job_id"]), Stage(event["stage"]), jobs=deps.jobs, clock=deps.clock)
    logger.info("nobody came in time", stage=event["stage"], decision=ruling.value)
    if ruling is Ruling.REFUSE:
        count("HeldTimedOut")
    return {"job_id": event["job_id"], "stage": event["stage"], "decision": ruling.value}


@logger.inject_lambda_context(correlation_id_path="job_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Entry point of RefuseHeldFunction."""
    return handle(event, dependencies())
