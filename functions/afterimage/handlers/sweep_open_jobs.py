"""EventBridge, every minute: restart what was never started, close what ended unseen."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.lambda_teller import LambdaTeller
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.ports import Clock, JobStore, Teller, Workflow
from afterimage.settings import SweepOpenJobsSettings, read_settings
from afterimage.telemetry import count, environment, logger, metrics, now_ms
from afterimage.usecases.sweep_open_jobs import sweep_open_jobs


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    jobs: JobStore
    workflow: Workflow
    teller: Teller
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(SweepOpenJobsSettings, environment())
    return Dependencies(
        jobs=DynamoJobStore(client("dynamodb"), settings.table_name),
        workflow=StepFunctionsWorkflow(client("stepfunctions"), settings.state_machine_arn),
        teller=LambdaTeller(client("lambda"), settings.notify_requester_function),
        clock=now_ms,
    )


def handle(deps: Dependencies) -> dict[str, int]:
    """Return how many jobs were restarted, closed and left running."""
    swept = sweep_open_jobs(jobs=deps.jobs, workflow=deps.workflow, teller=deps.teller, clock=deps.clock)
    result = dataclasses.asdict(swept)
    logger.info("swept", **result)
    if swept.restarted or swept.closed:
        count("SweepMended")
    return result


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Entry point of SweepOpenJobsFunction. The event carries nothing that is needed."""
    return handle(dependencies())
