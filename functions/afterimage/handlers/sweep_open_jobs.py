"""EventBridge, every minute: restart what was never started, close what ended unseen."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.lambda_closer import LambdaCloser
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.ports import Clock, Closer, JobStore, Workflow
from afterimage.settings import SweepOpenJobsSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.sweep_open_jobs import sweep_open_jobs


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    jobs: JobStore
    workflow: Workflow
    closer: Closer
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(SweepOpenJobsSettings, environment())
    return Dependencies(
        jobs=DynamoJobStore(client("dynamodb"), settings.table_name),
        workflow=StepFunctionsWorkflow(client("stepfunctions"), settings.state_machine_arn),
        closer=LambdaCloser(client("lambda"), settings.close_lost_job_function),
        clock=now_ms,
    )


def handle(deps: Dependencies) -> dict[str, int]:
    """Return how many jobs were restarted, closed and left running."""
    swept = sweep_open_jobs(jobs=deps.jobs, workflow=deps.workflow, closer=deps.closer, clock=deps.clock)
    result = dataclasses.asdict(swept)
    logger.info("swept", **result)
    if swept.restarted or swept.closed:
        count("SweepMended")
    return result


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Entry point of SweepOpenJobsFunction. The event carries nothing that is needed."""
    return handle(dependencies())
