"""State ReviewImages: judge what was made, publish what passes."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.s3_gallery import S3Gallery
from afterimage.adapters.s3_results import S3Results
from afterimage.domain.job import JobId
from afterimage.ports import AttemptStore, Clock, Gallery, JobStore, Results
from afterimage.settings import ReviewImagesSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.review_images import review_images


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    jobs: JobStore
    attempts: AttemptStore
    results: Results
    gallery: Gallery
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(ReviewImagesSettings, environment())
    dynamodb, s3 = client("dynamodb"), client("s3")
    return Dependencies(
        jobs=DynamoJobStore(dynamodb, settings.table_name),
        attempts=DynamoAttemptStore(dynamodb, settings.table_name),
        results=S3Results(s3, settings.bucket_name),
        gallery=S3Gallery(s3, settings.bucket_name),
        clock=now_ms,
    )


def handle(event: dict[str, Any], deps: Dependencies) -> dict[str, str]:
    """Take `{"job_id", "attempt_id"}` and return the job id."""
    job = review_images(
        JobId(event["job_id"]),
        event["attempt_id"],
        jobs=deps.jobs,
        attempts=deps.attempts,
        results=deps.results,
        gallery=deps.gallery,
        clock=deps.clock,
    )
    logger.info("pictures reviewed", asked=len(job.spec.seeds), passed=len(job.pictures))
    count("PicturesPassed" if job.pictures else "PicturesBlocked")
    return {"job_id": event["job_id"]}


@logger.inject_lambda_context(correlation_id_path="job_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Entry point of ReviewImagesFunction."""
    return handle(event, dependencies())
