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
from afterimage.contracts.codec import ContractError
from afterimage.contracts.completion import is_test_notification, parse_completion
from afterimage.domain.errors import UnknownInferenceError
from afterimage.ports import AttemptStore, Results, Workflow
from afterimage.settings import ResumeOnCompletionSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics
from afterimage.usecases.resume_on_completion import resume_on_completion


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    attempts: AttemptStore
    results: Results
    workflow: Workflow


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(ResumeOnCompletionSettings, environment())
    return Dependencies(
        attempts=DynamoAttemptStore(client("dynamodb"), settings.table_name),
        results=S3Results(client("s3"), settings.bucket_name),
        workflow=StepFunctionsWorkflow(client("stepfunctions")),
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
    logger.append_keys(inference_id=completion.inference_id)
    outcome = resume_on_completion(completion, attempts=deps.attempts, results=deps.results, workflow=deps.workflow)
    # Where the container's own words lie; SageMaker's reason may quote them, so it is not repeated here.
    logger.info("completion handled", outcome=outcome, failure_location=completion.failure_location)
    count(f"Completion{outcome.capitalize()}")
    return outcome


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> list[str]:
    """Entry point of ResumeOnCompletionFunction."""
    return handle(event, dependencies())
