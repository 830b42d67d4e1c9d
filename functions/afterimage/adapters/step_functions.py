"""The state machine, seen from outside: start by job id, answer by task token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.domain.errors import WorkflowUnavailableError
from afterimage.domain.job import JobId

# Nobody waits for this token any more: the second of two messages, or one that came too late.
_UNHEARD = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})


# The second is what is said of one that has ended.
_NOT_RUNNING = frozenset({"ExecutionDoesNotExist", "ValidationException"})


class StepFunctionsWorkflow:
    """Implements `ports.Workflow`. `state_machine_arn` may be empty where only tokens are answered."""

    def __init__(self, client: Any, state_machine_arn: str = "") -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, job_id: JobId) -> None:
        """Start the execution named as the job; `ExecutionAlreadyExists` means that it is started. Every other refusal
        is WorkflowUnavailableError with the code of AWS, for the log."""
        try:
            with unavailable_as(WorkflowUnavailableError):
                self._client.start_execution(
                    stateMachineArn=self._arn, name=job_id, input=json.dumps({"job_id": job_id})
                )
        except ClientError as exc:
            if error_code(exc) != "ExecutionAlreadyExists":
                raise WorkflowUnavailableError(code=error_code(exc)) from exc

    def status(self, job_id: JobId) -> str | None:
        """Return the status of the execution of that name, None when it was never started."""
        arn = f"{self._arn.replace(':stateMachine:', ':execution:')}:{job_id}"
        try:
            with unavailable_as(WorkflowUnavailableError):
                return str(self._client.describe_execution(executionArn=arn)["status"])
        except ClientError as exc:
            if error_code(exc) == "ExecutionDoesNotExist":
                return None
            raise

    def stop(self, job_id: JobId) -> None:
        """Abort the execution of that name; one that is not there, or has ended, needs no stopping."""
        arn = f"{self._arn.replace(':stateMachine:', ':execution:')}:{job_id}"
        try:
            with unavailable_as(WorkflowUnavailableError):
                self._client.stop_execution(executionArn=arn)
        except ClientError as exc:
            if error_code(exc) not in _NOT_RUNNING:
                raise

    def succeed(self, task_token: str, output: Mapping[str, str]) -> bool:
        """Resume a waiting state; False when the token is no longer waited for."""
        return self._answer("send_task_success", taskToken=task_token, output=json.dumps(output))

    def fail(self, task_token: str, error: str, cause: str) -> bool:
        """Fail a waiting state; False when the token is no longer waited for."""
        return self._answer("send_task_failure", taskToken=task_token, error=error, cause=cause)

    def _answer(self, operation: str, **arguments: str) -> bool:
        try:
            with unavailable_as(WorkflowUnavailableError):
                getattr(self._client, operation)(**arguments)
        except ClientError as exc:
            if error_code(exc) in _UNHEARD:
                return False
            raise
        return True
