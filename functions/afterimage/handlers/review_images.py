"""State ReviewImages: judge what was made, publish what passes."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.moderators.guardrail import Guardrail, GuardrailPictures
from afterimage.adapters.moderators.rekognition import RekognitionPictures
from afterimage.adapters.s3_gallery import S3Gallery
from afterimage.adapters.s3_results import S3Results
from afterimage.domain.job import JobId
from afterimage.domain.status import JobStatus
from afterimage.domain.verdicts import Thresholds
from afterimage.ports import AttemptStore, Clock, Gallery, JobStore, PictureModerator, Results
from afterimage.settings import NONE, ReviewImagesSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.review_images import STAGE, review_images


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    jobs: JobStore
    attempts: AttemptStore
    results: Results
    gallery: Gallery
    clock: Clock
    moderators: tuple[PictureModerator, ...] = ()
    fail_open: bool = False


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(ReviewImagesSettings, environment())
    dynamodb, s3 = client("dynamodb"), client("s3")
    moderators: list[PictureModerator] = []
    if settings.guardrail_id != NONE and settings.guardrail_pictures:
        chosen = Guardrail(id=settings.guardrail_id, version=settings.guardrail_version)
        guardrail = GuardrailPictures(client("bedrock-runtime"), s3, settings.bucket_name, chosen)
        moderators.append(guardrail)
    if settings.use_rekognition:
        thresholds = Thresholds(hold_at=settings.moderation_hold_at, block_at=settings.moderation_block_at)
        rekognition = RekognitionPictures(client("rekognition"), settings.bucket_name, thresholds)
        moderators.append(rekognition)
    return Dependencies(
        jobs=DynamoJobStore(dynamodb, settings.table_name),
        attempts=DynamoAttemptStore(dynamodb, settings.table_name),
        results=S3Results(s3, settings.bucket_name),
        gallery=S3Gallery(s3, settings.bucket_name),
        clock=now_ms,
        moderators=tuple(moderators),
        fail_open=settings.moderation_fail_open,
    )


def handle(event: dict[str, Any], deps: Dependencies) -> dict[str, str]:
    """Take `{"job_id", "attempt_id"}` and return it with the decision: held pictures wait for a person."""
    job = review_images(
        JobId(event["job_id"]),
        event["attempt_id"],
        jobs=deps.jobs,
        attempts=deps.attempts,
        results=deps.results,
        gallery=deps.gallery,
        moderators=deps.moderators,
        fail_open=deps.fail_open,
        clock=deps.clock,
    )
    logger.info("pictures reviewed", asked=len(job.spec.seeds), passed=len(job.pictures))
    if any(decision.not_judged_by for decision in job.decisions if decision.stage == STAGE):
        count("ModeratorPassedOver")
    if job.status is JobStatus.REVIEWING:
        decision = "hold"
        count("PicturesHeld")
    else:
        decision = "allow" if job.pictures else "block"
        count("PicturesPassed" if job.pictures else "PicturesBlocked")
    return {"job_id": event["job_id"], "attempt_id": event["attempt_id"], "decision": decision}


@logger.inject_lambda_context(correlation_id_path="job_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Entry point of ReviewImagesFunction."""
    return handle(event, dependencies())
