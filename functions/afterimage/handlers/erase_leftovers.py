"""State EraseLeftovers: erase what was still written after a job was erased."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.adapters.dynamodb.holds import DynamoHoldStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.links import DynamoLinkStore
from afterimage.adapters.s3_job_objects import S3JobObjects
from afterimage.domain.job import JobId
from afterimage.ports import AttemptStore, Clock, HoldStore, JobObjects, JobStore, LinkStore
from afterimage.settings import EraseLeftoversSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.erase_leftovers import erase_leftovers


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    jobs: JobStore
    attempts: AttemptStore
    holds: HoldStore
    links: LinkStore
    objects: JobObjects
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(EraseLeftoversSettings, environment())
    dynamodb = client("dynamodb")
    return Dependencies(
        jobs=DynamoJobStore(dynamodb, settings.table_name),
        attempts=DynamoAttemptStore(dynamodb, settings.table_name),
        holds=DynamoHoldStore(dynamodb, settings.table_name),
        links=DynamoLinkStore(dynamodb, settings.table_name),
        objects=S3JobObjects(client("s3"), settings.bucket_name),
        clock=now_ms,
    )


def handle(event: dict[str, Any], deps: Dependencies) -> dict[str, str]:
    """Take `{"job_id", "gallery"}` and return the job id."""
    erase_leftovers(
        JobId(event["job_id"]),
        event["gallery"],
        jobs=deps.jobs,
        attempts=deps.attempts,
        holds=deps.holds,
        links=deps.links,
        objects=deps.objects,
        clock=deps.clock,
    )
    logger.info("leftovers erased")
    count("LeftoversErased")
    return {"job_id": event["job_id"]}


@logger.inject_lambda_context(correlation_id_path="job_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Entry point of EraseLeftoversFunction."""
    return handle(event, dependencies())
