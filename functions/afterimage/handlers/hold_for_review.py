"""States HoldPrompt and HoldPictures: have a job wait for a person; the decision comes back by task token."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.holds import DynamoHoldStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.domain.holds import Stage
from afterimage.domain.job import JobId
from afterimage.ports import Clock, HoldStore, JobStore, Workflow
from afterimage.settings import HoldForReviewSettings, read_settings
from afterimage.telemetry import count, environment, facts_of, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.hold_for_review import hold_for_review
from afterimage.usecases.start_generation import report_failure


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    jobs: JobStore
    holds: HoldStore
    workflow: Workflow
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(HoldForReviewSettings, environment())
    dynamodb = client("dynamodb")
    return Dependencies(
        jobs=DynamoJobStore(dynamodb, settings.table_name),
        holds=DynamoHoldStore(dynamodb, settings.table_name),
        workflow=StepFunctionsWorkflow(client("stepfunctions")),
        clock=now_ms,
    )


def handle(event: dict[str, Any], deps: Dependencies) -> None:
    """Take `{"job_id", "stage", "task_token"}`.

    Never raises: whoever waits for a token hears of errors by that token only.
    """
    try:
        ruling = hold_for_review(
            JobId(event["job_id"]),
            Stage(event["stage"]),
            event["task_token"],
            jobs=deps.jobs,
            holds=deps.holds,
            workflow=deps.workflow,
            clock=deps.clock,
        )
    except Exception as exc:  # everything, because a state that waits for a callback hears of nothing else
        logger.error("not held", **facts_of(exc))
        count("RequestNotHeld")
        report_failure(event["task_token"], exc, deps.workflow)
    else:
        logger.info("held for a person", stage=event["stage"], decided=ruling.value if ruling else None)
        count("RequestHeld")


@logger.inject_lambda_context(correlation_id_path="job_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Entry point of HoldForReviewFunction."""
    handle(event, dependencies())
