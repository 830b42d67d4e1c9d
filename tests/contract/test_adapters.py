"""Adapters with one implementation: what they ask AWS, and what they make of its refusals."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

import pytest
from afterimage.adapters.cognito import CognitoPeople, NobodyAtAll
from afterimage.adapters.engines.sagemaker_async import SagemakerAsyncEngine
from afterimage.adapters.lambda_teller import LambdaTeller
from afterimage.adapters.mail.ses import SesMailer
from afterimage.adapters.parameters import OperatorParameters
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.contracts.codec import from_json
from afterimage.contracts.generation import GenerationJob
from afterimage.domain.errors import (
    AfterimageError,
    EngineUnavailableError,
    GenerationFailedError,
    MailRefusedError,
    MailUnavailableError,
    ModeratorUnavailableError,
    PolicyInvalidError,
    StoreUnavailableError,
    WorkflowUnavailableError,
)
from afterimage.domain.moderation import packaged_policy
from afterimage.domain.status import JobStatus
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.stub import ANY
from fakes.samples import ADDRESS, SPEC, a_job, an_attempt, job_id
from fakes.stubbed import stubbed

MACHINE = "arn:aws:states:eu-central-1:111122223333:stateMachine:m"
EXECUTION = f"arn:aws:states:eu-central-1:111122223333:execution:m:{job_id(1)}"

# ── Step Functions ─────────────────────────────────────────────────────────────────────────────────────────────────


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


@pytest.mark.parametrize(("status", "runs"), [("RUNNING", True), ("FAILED", False), ("SUCCEEDED", False)])
def test_whether_an_execution_runs_is_asked_by_its_name(status: str, runs: bool) -> None:
    client, stubber = stubbed("stepfunctions")
    answer = {"executionArn": EXECUTION, "stateMachineArn": MACHINE, "status": status, "startDate": 0}
    stubber.add_response("describe_execution", answer, {"executionArn": EXECUTION})
    assert StepFunctionsWorkflow(client, MACHINE).is_running(job_id(1)) is runs


def test_an_execution_that_never_was_does_not_run() -> None:
    client, stubber = stubbed("stepfunctions")
    stubber.add_client_error("describe_execution", "ExecutionDoesNotExist")
    assert not StepFunctionsWorkflow(client, MACHINE).is_running(job_id(1))


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


@pytest.mark.parametrize(
    ("code", "error"), [("ThrottlingException", WorkflowUnavailableError), ("AccessDeniedException", ClientError)]
)
def test_a_throttled_workflow_is_told_as_ours_and_another_refusal_is_passed_on(
    code: str, error: type[Exception]
) -> None:
    client, stubber = stubbed("stepfunctions")
    workflow = StepFunctionsWorkflow(client, MACHINE)
    for operation, call in (
        ("start_execution", lambda: workflow.start(job_id(1))),
        ("describe_execution", lambda: workflow.is_running(job_id(1))),
        ("send_task_success", lambda: workflow.succeed("t", {})),
        ("send_task_failure", lambda: workflow.fail("t", "E", "c")),
    ):
        stubber.add_client_error(operation, code)
        with pytest.raises(error):
            call()


# ── SageMaker ──────────────────────────────────────────────────────────────────────────────────────────────────────

JOB = a_job(
    JobStatus.GENERATING, spec=dataclasses.replace(SPEC, model_prompt="a framed lighthouse 灯台", guidance=7.53)
)
ATTEMPT = an_attempt(JOB, output_location=None, failure_location=None)
INPUT_KEY = f"jobs/{JOB.job_id}/{ATTEMPT.attempt_id}.json"


class Sagemaker:
    """An engine between a stubbed endpoint and a stubbed bucket."""

    def __init__(self) -> None:
        s3, self.s3 = stubbed("s3")
        runtime, self.runtime = stubbed("sagemaker-runtime")
        self.put: dict[str, Any] = {}
        s3.meta.events.register("provide-client-params.s3.PutObject", lambda params, **_: self.put.update(params))
        self.engine = SagemakerAsyncEngine(
            runtime, s3, bucket="pictures", endpoint_name="e", request_ttl_s=3600, invocation_timeout_s=600
        )

    def accept_document(self) -> None:
        expected = {"Bucket": "pictures", "Key": INPUT_KEY, "Body": ANY, "ContentType": "application/json"}
        self.s3.add_response("put_object", {}, expected)


def test_the_document_goes_to_s3_and_only_its_place_and_our_id_to_the_endpoint() -> None:
    world = Sagemaker()
    world.accept_document()
    world.runtime.add_response(
        "invoke_endpoint_async",
        {"InferenceId": "x", "OutputLocation": "s3://pictures/out", "FailureLocation": "s3://pictures/fail"},
        {
            "EndpointName": "e",
            "ContentType": "application/json",
            "Accept": "application/json",
            "InferenceId": ATTEMPT.inference_id,
            "InputLocation": f"s3://pictures/{INPUT_KEY}",
            "RequestTTLSeconds": 3600,
            "InvocationTimeoutSeconds": 600,
        },
    )
    started = world.engine.start(JOB, ATTEMPT)
    assert (started.output_location, started.failure_location) == ("s3://pictures/out", "s3://pictures/fail")
    body = world.put["Body"]
    document = from_json(GenerationJob, body.read() if isinstance(body, io.IOBase) else body)
    assert document == GenerationJob(
        job_id=JOB.job_id,
        prompt="a framed lighthouse 灯台",
        negative_prompt="",
        width=64,
        height=64,
        steps=8,
        guidance=7.53,
        seeds=(7, 8),
        output_prefix=f"s3://pictures/quarantine/{JOB.job_id}/{ATTEMPT.attempt_id}/",
    )
    assert ATTEMPT.task_token not in str(body)


@pytest.mark.parametrize(
    ("code", "error", "told"),
    [
        ("ThrottlingException", EngineUnavailableError, "engine_unavailable"),
        ("ServiceUnavailable", EngineUnavailableError, "engine_unavailable"),
        ("ValidationError", GenerationFailedError, "endpoint_missing"),
    ],
)
def test_a_refusing_endpoint_is_told_as_ours(code: str, error: type[AfterimageError], told: str) -> None:
    world = Sagemaker()
    world.accept_document()
    world.runtime.add_client_error("invoke_endpoint_async", code)
    with pytest.raises(error) as caught:
        world.engine.start(JOB, ATTEMPT)
    assert caught.value.code == told


def test_an_endpoint_that_does_not_answer_is_worth_another_try() -> None:
    world = Sagemaker()
    world.accept_document()

    class Silent:
        def invoke_endpoint_async(self, **_: Any) -> None:
            raise ReadTimeoutError(endpoint_url="https://runtime")

    world.engine._runtime = Silent()
    with pytest.raises(EngineUnavailableError):
        world.engine.start(JOB, ATTEMPT)


def test_a_document_that_cannot_be_stored_reaches_no_endpoint() -> None:
    world = Sagemaker()
    world.s3.add_client_error("put_object", "SlowDown", http_status_code=503)
    with pytest.raises(StoreUnavailableError):
        world.engine.start(JOB, ATTEMPT)
    world.runtime.assert_no_pending_responses()


# ── SES ────────────────────────────────────────────────────────────────────────────────────────────────────────────

SENDER = "afterimage@example.com"


def send(code: str | None = None, http_status: int = 400) -> None:
    client, stubber = stubbed("sesv2")
    if code:
        stubber.add_client_error("send_email", code, f"quotes {ADDRESS}", http_status_code=http_status)
    else:
        stubber.add_response(
            "send_email",
            {"MessageId": "m"},
            {
                "FromEmailAddress": SENDER,
                "Destination": {"ToAddresses": [ADDRESS]},
                "Content": {"Raw": {"Data": ANY}},
            },
        )
    SesMailer(client, SENDER).send(a_job(JobStatus.FAILED), ADDRESS, (), 0, ())
    stubber.assert_no_pending_responses()


def test_a_mail_goes_to_its_one_recipient() -> None:
    send()


@pytest.mark.parametrize("code", ["TooManyRequestsException", "LimitExceededException", "ThrottlingException"])
def test_a_mail_that_was_certainly_not_sent_may_be_tried_again(code: str) -> None:
    with pytest.raises(MailUnavailableError):
        send(code, 429)


@pytest.mark.parametrize("code", ["MessageRejected", "MailFromDomainNotVerifiedException", "AccountSuspendedException"])
def test_a_refused_mail_is_told_by_its_code_without_the_address(code: str) -> None:
    with pytest.raises(MailRefusedError) as caught:
        send(code)
    assert caught.value.code == code
    assert ADDRESS not in str(caught.value)
    assert caught.value.__cause__ is None  # a traceback would quote it
    assert caught.value.__suppress_context__


def test_an_error_of_the_service_leaves_open_whether_it_was_sent() -> None:
    with pytest.raises(ClientError):
        send("InternalServiceErrorException", 500)


# ── Cognito, Lambda ────────────────────────────────────────────────────────────────────────────────────────────────


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


def test_somebody_who_was_deleted_has_no_address() -> None:
    client, stubber = stubbed("cognito-idp")
    stubber.add_client_error("admin_get_user", "UserNotFoundException")
    assert CognitoPeople(client, "pool_1").confirmed_address("ada") is None
    assert NobodyAtAll().confirmed_address("ada") is None


@pytest.mark.parametrize(
    ("code", "error"), [("TooManyRequestsException", StoreUnavailableError), ("NotAuthorizedException", ClientError)]
)
def test_a_directory_that_does_not_answer_is_not_a_missing_address(code: str, error: type[Exception]) -> None:
    client, stubber = stubbed("cognito-idp")
    stubber.add_client_error("admin_get_user", code)
    with pytest.raises(error):
        CognitoPeople(client, "pool_1").confirmed_address("ada")


def test_the_notification_is_queued_and_not_waited_for() -> None:
    client, stubber = stubbed("lambda")
    stubber.add_response(
        "invoke",
        {"StatusCode": 202},
        {"FunctionName": "f", "InvocationType": "Event", "Payload": json.dumps({"job_id": job_id(1)}).encode()},
    )
    LambdaTeller(client, "f").tell(job_id(1))
    stubber.assert_no_pending_responses()
    stubber.add_client_error("invoke", "TooManyRequestsException")
    with pytest.raises(WorkflowUnavailableError):
        LambdaTeller(client, "f").tell(job_id(1))


# ── Parameter Store ────────────────────────────────────────────────────────────────────────────────────────────────


def parameters(value: str | None) -> OperatorParameters:
    client, stubber = stubbed("ssm")
    if value is None:
        stubber.add_client_error("get_parameter", "ParameterNotFound")
    else:
        stubber.add_response("get_parameter", {"Parameter": {"Name": "/p", "Value": value}})
    return OperatorParameters(client)


@pytest.mark.parametrize(("value", "is_open"), [("open", True), (" Open\n", True), ("closed", False), ("?", False)])
def test_only_the_word_open_opens(value: str, is_open: bool) -> None:
    assert parameters(value).admission_is_open("/p") is is_open


def test_the_lifetime_of_links_is_in_hours() -> None:
    assert parameters("2").link_ttl_s("/p") == 7200


def test_the_policy_is_the_packaged_one_or_the_operators_own() -> None:
    assert parameters("packaged").moderation_policy("/p") is packaged_policy()
    assert parameters('{"version": "mine", "categories": []}').moderation_policy("/p").version == "mine"


def test_a_policy_that_cannot_be_read_lets_nothing_through() -> None:
    with pytest.raises(ModeratorUnavailableError):
        parameters(None).moderation_policy("/p")
    with pytest.raises(PolicyInvalidError):
        parameters("{").moderation_policy("/p")


def test_switches_that_cannot_be_read_are_not_taken_for_open_or_endless() -> None:
    with pytest.raises(StoreUnavailableError):
        parameters(None).admission_is_open("/p")
    with pytest.raises(StoreUnavailableError):
        parameters(None).link_ttl_s("/p")


def test_a_parameter_is_remembered_for_a_while() -> None:
    client, stubber = stubbed("ssm")
    stubber.add_response("get_parameter", {"Parameter": {"Name": "/p", "Value": "open"}})
    remembering = OperatorParameters(client)
    assert remembering.admission_is_open("/p")
    assert remembering.admission_is_open("/p")  # the stub would refuse a second question
