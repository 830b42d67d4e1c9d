"""State ModeratePrompt: judge the prompt of a job and record the decision."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.moderators.comprehend import ComprehendTexts
from afterimage.adapters.moderators.guardrail import Guardrail, GuardrailPictures, GuardrailTexts
from afterimage.adapters.moderators.rekognition import RekognitionPictures
from afterimage.adapters.parameters import OperatorParameters
from afterimage.adapters.s3_uploads import S3Uploads
from afterimage.domain.job import JobId
from afterimage.domain.moderation import Policy
from afterimage.domain.verdicts import Thresholds
from afterimage.ports import Clock, JobStore, PictureModerator, TextModerator, Uploads
from afterimage.settings import NONE, ModeratePromptSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.moderate_prompt import moderate_prompt


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    jobs: JobStore
    uploads: Uploads
    policy: Callable[[], Policy]
    clock: Clock
    moderators: tuple[TextModerator, ...] = ()
    picture_moderators: tuple[PictureModerator, ...] = ()
    fail_open: bool = False


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(ModeratePromptSettings, environment())
    parameters = OperatorParameters(client("ssm"))
    s3 = client("s3")
    thresholds = Thresholds(hold_at=settings.moderation_hold_at, block_at=settings.moderation_block_at)
    moderators: list[TextModerator] = []
    picture_moderators: list[PictureModerator] = []
    if settings.guardrail_id != NONE:
        bedrock = client("bedrock-runtime")
        chosen = Guardrail(id=settings.guardrail_id, version=settings.guardrail_version)
        guardrail = GuardrailTexts(bedrock, chosen)
        moderators.append(guardrail)
        if settings.guardrail_pictures:
            of_pictures = GuardrailPictures(bedrock, s3, settings.bucket_name, chosen, "INPUT")
            picture_moderators.append(of_pictures)
    if settings.use_comprehend:
        comprehend = ComprehendTexts(client("comprehend"), thresholds)
        moderators.append(comprehend)
    if settings.use_rekognition:
        rekognition = RekognitionPictures(client("rekognition"), settings.bucket_name, thresholds)
        picture_moderators.append(rekognition)
    return Dependencies(
        jobs=DynamoJobStore(client("dynamodb"), settings.table_name),
        uploads=S3Uploads(s3, settings.bucket_name),
        policy=lambda: parameters.moderation_policy(settings.moderation_policy_parameter),
        clock=now_ms,
        moderators=tuple(moderators),
        picture_moderators=tuple(picture_moderators),
        fail_open=settings.moderation_fail_open,
    )


def handle(event: dict[str, Any], deps: Dependencies) -> dict[str, str]:
    """Take `{"job_id"}` and return it with the decision."""
    decision = moderate_prompt(
        JobId(event["job_id"]),
        jobs=deps.jobs,
        uploads=deps.uploads,
        policy=deps.policy(),
        moderators=deps.moderators,
        picture_moderators=deps.picture_moderators,
        fail_open=deps.fail_open,
        clock=deps.clock,
    )
    logger.info("prompt judged", decision=decision.action.value, policy_version=decision.policy_version)
    count(f"Prompt{decision.action.value.capitalize()}")
    if decision.not_judged_by:
        count("ModeratorPassedOver")
    return {"job_id": event["job_id"], "decision": decision.action.value}


@logger.inject_lambda_context(correlation_id_path="job_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Entry point of ModeratePromptFunction."""
    return handle(event, dependencies())
