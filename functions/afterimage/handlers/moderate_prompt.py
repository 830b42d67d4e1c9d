"""State ModeratePrompt: judge the prompt of a job and record the decision."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.moderators.comprehend import ComprehendTexts
from afterimage.adapters.moderators.guardrail import Guardrail, GuardrailTexts
from afterimage.adapters.parameters import OperatorParameters
from afterimage.domain.job import JobId
from afterimage.domain.moderation import Policy
from afterimage.domain.verdicts import Thresholds
from afterimage.ports import Clock, JobStore, TextModerator
from afterimage.settings import NONE, ModeratePromptSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.moderate_prompt import moderate_prompt


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    jobs: JobStore
    policy: Callable[[], Policy]
    clock: Clock
    moderators: tuple[TextModerator, ...] = ()
    fail_open: bool = False


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(ModeratePromptSettings, environment())
    parameters = OperatorParameters(client("ssm"))
    moderators: list[TextModerator] = []
    if settings.guardrail_id != NONE:
        guardrail = GuardrailTexts(
            client("bedrock-runtime"), Guardrail(id=settings.guardrail_id, version=settings.guardrail_version)
        )
        moderators.append(guardrail)
    if settings.use_comprehend:
        comprehend = ComprehendTexts(
            client("comprehend"), Thresholds(hold_at=settings.moderation_hold_at, block_at=settings.moderation_block_at)
        )
        moderators.append(comprehend)
    return Dependencies(
        jobs=DynamoJobStore(client("dynamodb"), settings.table_name),
        policy=lambda: parameters.moderation_policy(settings.moderation_policy_parameter),
        clock=now_ms,
        moderators=tuple(moderators),
        fail_open=settings.moderation_fail_open,
    )


def handle(event: dict[str, Any], deps: Dependencies) -> dict[str, str]:
    """Take `{"job_id"}` and return it with the decision."""
    decision = moderate_prompt(
        JobId(event["job_id"]),
        jobs=deps.jobs,
        policy=deps.policy(),
        moderators=deps.moderators,
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
