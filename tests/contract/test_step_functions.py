"""The state machine from outside: what the adapter asks AWS, and what it makes of its refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.domain.errors import (
    WorkflowUnavailableError,
)
from botocore.exceptions import ClientError
from fakes.samples import job_id
from fakes.stubbed import UNREACHED, stubbed, unreached

MACHINE = "arn:aws:states:eu-central-1:111122223333:stateMachine:m"
EXECUTION = f"arn:aws:states:eu-central-1:111122223333:execution:m:{job_id(1)}"


def test_an_execution_is_named_as_its_job_and_carries_its_id_only() -> None:
    client, stubber = stubbed("stepfunctions")
    stubber.add_response(
        "start_execution",
        {"executionArn": EXECUTION, "startDate": 0},
        {"stateMachineArn": MACHINE, "name": job_id(1), "input": json.dumps({"job_id": job_id(1)})},
    )
    StepFunctionsWorkflow(client, MACHINE).start(job_id(1))
    stubber.assert_no_pending_responses()


def test_an_execution_that_is_there_already_is_as_good() -> None:
    client, stubber = stubbed("stepfunctions")
    stubber.add_client_error("start_execution", "ExecutionAlreadyExists")
    StepFunctionsWorkflow(client, MACHINE).start(job_id(1))
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize("status", ["RUNNING", "FAILED", "SUCCEEDED", "TIMED_OUT", "ABORTED"])
def test_how_an_execution_stands_is_asked_by_its_name(status: str) -> None:
    client, stubber = stubbed("stepfunctions")
    answer = {"executionArn": EXECUTION, "stateMachineArn": MACHINE, "status": status, "startDate": 0}
    stubber.add_response("describe_execution", answer, {"executionArn": EXECUTION})
    assert StepFunctionsWorkflow(client, MACHINE).status(job_id(1)) == status


def test_an_execution_that_never_was_has_no_status() -> None:
    client, stubber = stubbed("stepfunctions")
    stubber.add_client_error("describe_execution", "ExecutionDoesNotExist")
    assert StepFunctionsWorkflow(client, MACHINE).status(job_id(1)) is None


def test_an_execution_is_stopped_by_its_name() -> None:
    client, stubber = stubbed("stepfunctions")
    stubber.add_response("stop_execution", {"stopDate": 0}, {"executionArn": EXECUTION})
    StepFunctionsWorkflow(client, MACHINE).stop(job_id(1))
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["ExecutionDoesNotExist", "ValidationException"])
def test_an_execution_that_does_not_run_needs_no_stopping(code: str) -> None:
    client, stubber = stubbed("stepfunctions")
    stubber.add_client_error("stop_execution", code)
    StepFunctionsWorkflow(client, MACHINE).stop(job_id(1))
    stubber.assert_no_pending_responses()


def test_a_token_is_answered() -> None:
    client, stubber = stubbed("stepfunctions")
    workflow = StepFunctionsWorkflow(client)
    stubber.add_response("send_task_success", {}, {"taskToken": "t", "output": '{"job_id": "1"}'})
    assert workflow.succeed("t", {"job_id": "1"})
    stubber.add_response("send_task_failure", {}, {"taskToken": "t", "error": "E", "cause": "c"})
    assert workflow.fail("t", "E", "c")


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_token_that_nobody_waits_for_is_no_error(code: str) -> None:
    client, stubber = stubbed("stepfunctions")
    workflow = StepFunctionsWorkflow(client)
    stubber.add_client_error("send_task_success", code)
    assert not workflow.succeed("t", {})
    stubber.add_client_error("send_task_failure", code)
    assert not workflow.fail("t", "E", "c")


def every_call(client: Any) -> dict[str, Callable[[], object]]:
    """Each method of the workflow by the operation that it asks for."""
    workflow = StepFunctionsWorkflow(client, MACHINE)
    return {
        "start_execution": lambda: workflow.start(job_id(1)),
        "describe_execution": lambda: workflow.status(job_id(1)),
        "stop_execution": lambda: workflow.stop(job_id(1)),
        "send_task_success": lambda: workflow.succeed("t", {}),
        "send_task_failure": lambda: workflow.fail("t", "E", "c"),
    }


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ThrottlingException", 400, WorkflowUnavailableError),
        ("InternalFailure", 500, WorkflowUnavailableError),
        ("ServiceUnavailable", 503, WorkflowUnavailableError),
        ("AccessDeniedException", 400, ClientError),
    ],
)
def test_a_workflow_that_may_answer_later_is_told_as_ours_and_another_refusal_is_passed_on(
    code: str, status: int, error: type[Exception]
) -> None:
    client, stubber = stubbed("stepfunctions")
    for operation, call in every_call(client).items():
        stubber.add_client_error(operation, code, http_status_code=status)
        with pytest.raises(WorkflowUnavailableError if operation == "start_execution" else error):
            call()


@pytest.mark.parametrize("code", ["AccessDeniedException", "StateMachineDeleting", "ExecutionLimitExceeded"])
def test_whatever_refuses_a_start_may_pass_and_its_code_is_kept_for_the_log(code: str) -> None:
    """The job is recorded by then, so an error at the door would only have the person ask a second time."""
    client, stubber = stubbed("stepfunctions")
    stubber.add_client_error("start_execution", code, http_status_code=400)
    with pytest.raises(WorkflowUnavailableError) as caught:
        StepFunctionsWorkflow(client, MACHINE).start(job_id(1))
    assert caught.value.code == code


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_workflow_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    for call in every_call(unreached("stepfunctions", error)).values():
        with pytest.raises(WorkflowUnavailableError):
            call()
