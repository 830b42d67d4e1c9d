"""The directory, and functions asked without waiting: what the adapters ask AWS, and what they make of refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from afterimage.adapters.cognito import CognitoPeople, NobodyAtAll
from afterimage.adapters.lambda_closer import LambdaCloser
from afterimage.adapters.lambda_messenger import LambdaMessenger
from afterimage.adapters.lambda_teller import LambdaTeller
from afterimage.contracts.completion import Completion
from afterimage.domain.errors import (
    StoreUnavailableError,
    WorkflowUnavailableError,
)
from afterimage.domain.status import JobStatus
from afterimage.handlers import close_lost_job, resume_on_completion
from afterimage.usecases.close_job import end_of_execution
from botocore.exceptions import ClientError
from botocore.stub import ANY
from fakes.outside import FakeResults, FakeTeller, FakeWorkflow, Ticker
from fakes.samples import ADDRESS, a_job, an_attempt, job_id
from fakes.stores import MemoryAttemptStore, MemoryJobStore
from fakes.stubbed import UNREACHED, stubbed, unreached


@pytest.mark.parametrize(
    ("attributes", "address"),
    [
        ({"email": ADDRESS, "email_verified": "true"}, ADDRESS),
        ({"email": ADDRESS, "email_verified": "false"}, None),
        ({"email": ADDRESS}, None),
        ({"email_verified": "true"}, None),
        ({}, None),
    ],
)
def test_only_a_confirmed_address_is_one(attributes: dict[str, str], address: str | None) -> None:
    client, stubber = stubbed("cognito-idp")
    pairs = [{"Name": name, "Value": value} for name, value in attributes.items()]
    stubber.add_response(
        "admin_get_user", {"Username": "ada", "UserAttributes": pairs}, {"UserPoolId": "pool_1", "Username": "ada"}
    )
    assert CognitoPeople(client, "pool_1").confirmed_address("ada") == address


@pytest.mark.parametrize(("enabled", "address"), [(True, ADDRESS), (False, None)])
def test_somebody_who_was_disabled_has_no_address(enabled: bool, address: str | None) -> None:
    client, stubber = stubbed("cognito-idp")
    attributes = [{"Name": "email", "Value": ADDRESS}, {"Name": "email_verified", "Value": "true"}]
    stubber.add_response("admin_get_user", {"Username": "ada", "UserAttributes": attributes, "Enabled": enabled})
    assert CognitoPeople(client, "pool_1").confirmed_address("ada") == address


def test_somebody_who_was_deleted_has_no_address() -> None:
    client, stubber = stubbed("cognito-idp")
    stubber.add_client_error("admin_get_user", "UserNotFoundException")
    assert CognitoPeople(client, "pool_1").confirmed_address("ada") is None
    assert NobodyAtAll().confirmed_address("ada") is None


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("TooManyRequestsException", 400, StoreUnavailableError),
        ("InternalErrorException", 500, StoreUnavailableError),
        ("NotAuthorizedException", 400, ClientError),
    ],
)
def test_a_directory_that_does_not_answer_is_not_a_missing_address(
    code: str, status: int, error: type[Exception]
) -> None:
    client, stubber = stubbed("cognito-idp")
    stubber.add_client_error("admin_get_user", code, http_status_code=status)
    with pytest.raises(error):
        CognitoPeople(client, "pool_1").confirmed_address("ada")


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_directory_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    with pytest.raises(StoreUnavailableError):
        CognitoPeople(unreached("cognito-idp", error), "pool_1").confirmed_address("ada")


def test_the_notification_is_queued_and_not_waited_for() -> None:
    client, stubber = stubbed("lambda")
    stubber.add_response(
        "invoke",
        {"StatusCode": 202},
        {"FunctionName": "f", "InvocationType": "Event", "Payload": json.dumps({"job_id": job_id(1)}).encode()},
    )
    LambdaTeller(client, "f").tell(job_id(1))
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_closing_is_queued_as_an_event_that_the_function_takes(status: str) -> None:
    client, stubber = stubbed("lambda")
    given: dict[str, Any] = {}
    client.meta.events.register("provide-client-params.lambda.Invoke", lambda params, **_: given.update(params))
    expected = {"FunctionName": "f", "InvocationType": "Event", "Payload": ANY}
    stubber.add_response("invoke", {"StatusCode": 202}, expected)
    LambdaCloser(client, "f").close(job_id(1), status)
    stubber.assert_no_pending_responses()
    event = json.loads(given["Payload"])
    assert event == {"detail": {"name": job_id(1), "status": status}}
    jobs, teller = MemoryJobStore(a_job(JobStatus.GENERATING)), FakeTeller()
    close_lost_job.handle(event, close_lost_job.Dependencies(jobs=jobs, teller=teller, clock=Ticker()))
    assert jobs.records[job_id(1)].status is end_of_execution(status)[0]
    assert teller.told == [job_id(1)]


def test_a_message_is_queued_as_the_event_that_sns_would_have_brought() -> None:
    client, stubber = stubbed("lambda")
    given: dict[str, Any] = {}
    client.meta.events.register("provide-client-params.lambda.Invoke", lambda params, **_: given.update(params))
    expected = {"FunctionName": "f", "InvocationType": "Event", "Payload": ANY}
    stubber.add_response("invoke", {"StatusCode": 202}, expected)
    attempt = an_attempt(a_job())
    LambdaMessenger(client, "f").repeat(Completion(inference_id=attempt.inference_id, succeeded=True))
    stubber.assert_no_pending_responses()
    workflow = FakeWorkflow(attempt.task_token)
    deps = resume_on_completion.Dependencies(
        attempts=MemoryAttemptStore(attempt), results=FakeResults(), workflow=workflow
    )
    assert resume_on_completion.handle(json.loads(given["Payload"]), deps) == ["resumed"]


INVOKING: dict[str, Callable[[Any], None]] = {
    "teller": lambda client: LambdaTeller(client, "f").tell(job_id(1)),
    "messenger": lambda client: LambdaMessenger(client, "f").repeat(Completion(inference_id="i", succeeded=True)),
    "closer": lambda client: LambdaCloser(client, "f").close(job_id(1), "FAILED"),
}


@pytest.mark.parametrize("call", INVOKING.values(), ids=INVOKING)
@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("TooManyRequestsException", 429, WorkflowUnavailableError),
        ("TooManyRequestsException", 400, WorkflowUnavailableError),
        ("ServiceException", 500, WorkflowUnavailableError),
        ("EC2ThrottledException", 502, WorkflowUnavailableError),
        ("AccessDeniedException", 403, ClientError),
        ("ResourceNotFoundException", 404, ClientError),
    ],
)
def test_a_function_that_cannot_be_asked_now_is_told_as_ours(
    call: Callable[[Any], None], code: str, status: int, error: type[Exception]
) -> None:
    client, stubber = stubbed("lambda")
    stubber.add_client_error("invoke", code, http_status_code=status)
    with pytest.raises(error):
        call(client)


@pytest.mark.parametrize("call", INVOKING.values(), ids=INVOKING)
@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_function_that_is_not_reached_is_told_as_ours(call: Callable[[Any], None], error: Exception) -> None:
    with pytest.raises(WorkflowUnavailableError):
        call(unreached("lambda", error))
