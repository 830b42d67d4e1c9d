"""Adapters with one implementation: what they ask AWS, and what they make of its refusals."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import io
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from afterimage.adapters import aws
from afterimage.adapters.cognito import CognitoPeople, NobodyAtAll
from afterimage.adapters.engines.sagemaker_async import SagemakerAsyncEngine
from afterimage.adapters.lambda_closer import LambdaCloser
from afterimage.adapters.lambda_teller import LambdaTeller
from afterimage.adapters.mail.ses import ONE_TRY, SesMailer
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
from afterimage.handlers import close_lost_job
from afterimage.usecases.close_job import end_of_execution
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.stub import ANY
from fakes.outside import FakeTeller, Ticker
from fakes.samples import ADDRESS, SPEC, a_job, an_attempt, job_id, pictures
from fakes.stores import MemoryJobStore
from fakes.stubbed import UNREACHED, stubbed, unreached

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
        with pytest.raises(error):
            call()


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_workflow_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    for call in every_call(unreached("stepfunctions", error)).values():
        with pytest.raises(WorkflowUnavailableError):
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
    ("code", "status", "error", "told"),
    [
        ("ThrottlingException", 400, EngineUnavailableError, "engine_unavailable"),
        ("ServiceUnavailable", 503, EngineUnavailableError, "engine_unavailable"),
        ("InternalFailure", 500, EngineUnavailableError, "engine_unavailable"),
        ("ValidationError", 400, GenerationFailedError, "endpoint_missing"),
    ],
)
def test_a_refusing_endpoint_is_told_as_ours(code: str, status: int, error: type[AfterimageError], told: str) -> None:
    world = Sagemaker()
    world.accept_document()
    world.runtime.add_client_error("invoke_endpoint_async", code, http_status_code=status)
    with pytest.raises(error) as caught:
        world.engine.start(JOB, ATTEMPT)
    assert caught.value.code == told


def test_another_refusal_of_the_endpoint_is_passed_on() -> None:
    world = Sagemaker()
    world.accept_document()
    world.runtime.add_client_error("invoke_endpoint_async", "AccessDeniedException", http_status_code=403)
    with pytest.raises(ClientError):
        world.engine.start(JOB, ATTEMPT)


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_an_endpoint_that_does_not_answer_is_worth_another_try(error: Exception) -> None:
    world = Sagemaker()
    world.accept_document()
    world.engine._runtime = unreached("sagemaker-runtime", error)
    with pytest.raises(EngineUnavailableError):
        world.engine.start(JOB, ATTEMPT)


@pytest.mark.parametrize(("code", "status"), [("SlowDown", 503), ("InternalError", 500)])
def test_a_document_that_cannot_be_stored_reaches_no_endpoint(code: str, status: int) -> None:
    world = Sagemaker()
    world.s3.add_client_error("put_object", code, http_status_code=status)
    with pytest.raises(StoreUnavailableError):
        world.engine.start(JOB, ATTEMPT)
    world.runtime.assert_no_pending_responses()


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_store_that_does_not_answer_is_no_fault_of_the_endpoint(error: Exception) -> None:
    world = Sagemaker()
    world.engine._s3 = unreached("s3", error)
    with pytest.raises(StoreUnavailableError):
        world.engine.start(JOB, ATTEMPT)


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


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("TooManyRequestsException", 429),
        ("LimitExceededException", 429),
        ("ThrottlingException", 429),
        ("ThrottlingException", 400),
        ("TooManyRequestsException", 400),
    ],
)
def test_a_mail_that_was_certainly_not_sent_may_be_tried_again(code: str, status: int) -> None:
    with pytest.raises(MailUnavailableError):
        send(code, status)


@pytest.mark.parametrize(
    "code",
    [
        "MessageRejected",
        "MailFromDomainNotVerifiedException",
        "AccountSuspendedException",
        "BadRequestException",
        "LimitExceededException",
    ],
)
def test_a_refused_mail_is_told_by_its_code_without_the_address(code: str) -> None:
    with pytest.raises(MailRefusedError) as caught:
        send(code)
    assert caught.value.code == code
    assert ADDRESS not in str(caught.value)
    assert caught.value.__cause__ is None  # a traceback would quote it
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(("code", "status"), [("InternalServiceErrorException", 500), ("ServiceUnavailable", 503)])
def test_an_error_of_the_service_leaves_open_whether_it_was_sent(code: str, status: int) -> None:
    with pytest.raises(ClientError):
        send(code, status)


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_service_without_an_answer_leaves_open_whether_it_was_sent(error: Exception) -> None:
    with pytest.raises(type(error)):
        SesMailer(unreached("sesv2", error), SENDER).send(a_job(JobStatus.FAILED), ADDRESS, (), 0, ())


class _Answering(BaseHTTPRequestHandler):
    """Takes each request whole, notes it, and answers with the status of the server; with none for 0."""

    def do_POST(self) -> None:
        server = cast("Service", self.server)
        server.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
        if server.status:
            self.send_response(server.status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class Service(ThreadingHTTPServer):
    """An HTTP server in place of AWS, and what it was asked."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.status = status
        self.asked: list[bytes] = []


@contextmanager
def serving(status: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Have every client that is made meanwhile ask a server that answers with this status."""
    server = Service(status)
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None),
        (400, MailRefusedError),
        (429, MailUnavailableError),
        (500, ClientError),
        (503, ClientError),
        (0, ConnectionClosedError),
    ],
)
def test_a_mail_is_handed_to_the_service_exactly_once_whatever_it_answers(
    status: int, error: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(status, monkeypatch) as service:
        mailer = SesMailer(aws.client("sesv2", ONE_TRY), SENDER)
        with pytest.raises(error) if error else nullcontext():
            mailer.send(a_job(JobStatus.FAILED), ADDRESS, (), 0, ())
    assert len(service.asked) == 1


def test_a_call_that_may_be_repeated_is_tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(500, monkeypatch) as service, pytest.raises(ClientError):
        aws.client("sesv2").send_email(Content={})
    assert len(service.asked) == 2


def test_a_mail_is_seven_bits_with_the_line_ends_of_smtp() -> None:
    sent: dict[str, Any] = {}

    class Taking:
        def send_email(self, **arguments: Any) -> None:
            sent.update(arguments)

    spec = dataclasses.replace(SPEC, prompt="Mädchen 🦊")
    job = a_job(JobStatus.DELIVERING, spec=spec, pictures=pictures(1))
    SesMailer(Taking(), SENDER).send(job, ADDRESS, ("https://api.example.com/i/x",), 1, (bytes(range(256)) * 40,))
    raw = sent["Content"]["Raw"]["Data"]
    assert raw.isascii()
    assert b"\r\n" in raw
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = cast(EmailMessage, email.message_from_bytes(raw, policy=email.policy.default))
    assert not message.defects
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert {part["Content-Transfer-Encoding"] for part in parts} <= {"7bit", "quoted-printable", "base64"}
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        assert "Mädchen 🦊" in body.get_content()
    (thumbnail,) = [part for part in parts if part.get_content_type() == "image/jpeg"]
    assert thumbnail.get_content() == bytes(range(256)) * 40


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


INVOKING: dict[str, Callable[[Any], None]] = {
    "teller": lambda client: LambdaTeller(client, "f").tell(job_id(1)),
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
