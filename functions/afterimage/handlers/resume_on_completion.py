"""Both topics of the endpoint: resume the execution that waits for an inference."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.adapters.s3_results import S3Results
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.adapters.xray import BRIEFLY, XRay
from afterimage.contracts.codec import ContractError
from afterimage.contracts.completion import is_test_notification, parse_completion
from afterimage.domain.errors import UnknownInferenceError
from afterimage.domain.job import Attempt
from afterimage.domain.trace import inference_segment
from afterimage.ports import AttemptStore, Clock, Results, Workflow
from afterimage.settings import ResumeOnCompletionSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.resume_on_completion import resume_on_completion


@dataclass(frozen=True, kw_only=True)
class Tracing:
    """How an inference gets into its trace."""

    xray: XRay
    endpoint_name: str
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    attempts: AttemptStore
    results: Results
    workflow: Workflow
    tracing: Tracing | None = None


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(ResumeOnCompletionSettings, environment())
    return Dependencies(
        attempts=DynamoAttemptStore(client("dynamodb"), settings.table_name),
        results=S3Results(client("s3"), settings.bucket_name),
        workflow=StepFunctionsWorkflow(client("stepfunctions")),
        tracing=Tracing(xray=XRay(client("xray", BRIEFLY)), endpoint_name=settings.endpoint_name, clock=now_ms),
    )


def handle(event: dict[str, Any], deps: Dependencies) -> list[str]:
    """Take an SNS event (one record, by Lambda's contract a list) and return what became of each message.

    Raises UnknownInferenceError for a message that nobody waits for or that cannot be read: it is kept, never dropped.
    """
    return [_handle_message(record["Sns"]["Message"], deps) for record in event["Records"]]


def _handle_message(text: str, deps: Dependencies) -> str:
    try:
        message = json.loads(text)
        if not isinstance(message, dict):
            raise ContractError("$ must be an object")
        if is_test_notification(message):
            return "test"
        completion = parse_completion(message)
    except ValueError as exc:  # ContractError and broken JSON
        logger.error("completion unreadable", reason=type(exc).__name__)
        count("CompletionUnreadable")
        raise UnknownInferenceError(code="completion_unreadable") from None
    logger.append_keys(inference_id=completion.inference_id, job_id=completion.inference_id.partition(".")[0])
    outcome = resume_on_completion(
        completion,
        attempts=deps.attempts,
        results=deps.results,
        workflow=deps.workflow,
        trace=lambda attempt, answer: _trace(attempt, answer, deps.tracing),
    )
    # Where the container's own words lie; SageMaker's reason may quote them, so it is not repeated here.
    logger.info("completion handled", outcome=outcome, failure_location=completion.failure_location)
    count(f"Completion{outcome.capitalize()}")
    return outcome


def _trace(attempt: Attempt, answer: str, tracing: Tracing | None) -> None:
    """Write the inference into the trace that started it; the state has heard its answer, so nothing depends on it."""
    if tracing is None:
        return
    segment = inference_segment(attempt, tracing.endpoint_name, answer, tracing.clock())
    if segment and not tracing.xray.put(segment):
        logger.info("trace lost", attempt_id=attempt.attempt_id)
        count("TraceLost")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> list[str]:
    """Entry point of ResumeOnCompletionFunction."""
    return handle(event, dependencies())
