"""The stand-in knows who signed a request and lets nobody in without the permission."""

import datetime
from typing import Any

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.sagemaker_runtime.caller import Callers, Request, function_principal
from local.sagemaker_runtime.invocation import ServiceError

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:StartGeneration"
ROLE = "arn:aws:iam::000000000000:role/StartGenerationRole"
ENDPOINT = "arn:aws:sagemaker:us-east-1:000000000000:endpoint/afterimage-local"
URL = "http://127.0.0.1:4567/endpoints/afterimage-local/async-invocations"


class FakeCloud:
    """The emulator's function list and policy simulator; `decision` is what the simulator says."""

    def __init__(self, decision: str = "allowed") -> None:
        self.decision = decision
        self.asked: list[dict[str, Any]] = []
        self.iam = self.functions = self

    def get_paginator(self, name: str) -> Any:
        assert name == "list_functions"
        return self

    def paginate(self) -> list[dict[str, Any]]:
        return [{"Functions": [{"FunctionArn": FUNCTION, "Role": ROLE}]}]

    def simulate_principal_policy(self, **question: Any) -> dict[str, Any]:
        self.asked.append(question)
        return {"EvaluationResults": [{"EvalDecision": self.decision}]}


def signed(credentials: Credentials, body: bytes = b"") -> Request:
    request = AWSRequest(method="POST", url=URL, data=body, headers={"X-Amzn-SageMaker-Inference-Id": "job-1"})
    SigV4Auth(credentials, "sagemaker", "us-east-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers["host"] = "127.0.0.1:4567"
    return Request(method="POST", url=URL, headers=headers, body=body)


def authorize(cloud: FakeCloud, request: Request) -> str:
    return Callers(cloud).authorize(request, ENDPOINT, datetime.datetime.now(datetime.UTC)).name  # type: ignore[arg-type]


def refusal(cloud: FakeCloud, request: Request) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        authorize(cloud, request)
    assert caught.value.status == 403
    return caught.value


OWN = function_principal(FUNCTION, ROLE).credentials


def test_a_function_whose_role_may_is_let_in_and_the_simulator_was_asked_about_that_role() -> None:
    cloud = FakeCloud()
    assert authorize(cloud, signed(OWN)) == "arn:aws:sts::000000000000:assumed-role/StartGenerationRole/StartGeneration"
    assert cloud.asked == [
        {"PolicySourceArn": ROLE, "ActionNames": ["sagemaker:InvokeEndpointAsync"], "ResourceArns": [ENDPOINT]}
    ]


@pytest.mark.parametrize("decision", ["implicitDeny", "explicitDeny"])
def test_a_function_whose_role_may_not_is_denied(decision: str) -> None:
    error = refusal(FakeCloud(decision), signed(OWN))
    assert error.code == "AccessDeniedException"
    assert "sagemaker:InvokeEndpointAsync" in error.message


def test_the_permission_is_asked_for_at_every_call() -> None:
    cloud = FakeCloud()
    callers = Callers(cloud)  # type: ignore[arg-type]
    now = datetime.datetime.now(datetime.UTC)
    callers.authorize(signed(OWN), ENDPOINT, now)
    cloud.decision = "implicitDeny"
    with pytest.raises(ServiceError):
        callers.authorize(signed(OWN), ENDPOINT, now)


def test_the_root_of_the_emulator_may_without_a_question() -> None:
    cloud = FakeCloud("implicitDeny")
    assert authorize(cloud, signed(Credentials("test", "test"))) == "root"
    assert cloud.asked == []


def test_an_unknown_key_a_wrong_secret_and_a_wrong_token_are_refused() -> None:
    stranger = Credentials("ASIAUNKNOWN000000000", "x", "y")
    assert refusal(FakeCloud(), signed(stranger)).code == "UnrecognizedClientException"
    forged = Credentials(OWN.access_key, "wrong", OWN.token)
    assert refusal(FakeCloud(), signed(forged)).code == "InvalidSignatureException"
    stolen = Credentials(OWN.access_key, OWN.secret_key, "wrong")
    assert refusal(FakeCloud(), signed(stolen)).code == "UnrecognizedClientException"


def test_a_changed_body_and_an_old_signature_are_refused() -> None:
    request = signed(OWN, b"{}")
    changed = Request(method=request.method, url=request.url, headers=request.headers, body=b"[]")
    assert refusal(FakeCloud(), changed).code == "InvalidSignatureException"
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=10)
    with pytest.raises(ServiceError, match="expired"):
        Callers(FakeCloud()).authorize(request, ENDPOINT, later)  # type: ignore[arg-type]


def test_a_request_without_signature_is_refused() -> None:
    assert refusal(FakeCloud(), Request(method="POST", url=URL, headers={}, body=b"")).code == (
        "MissingAuthenticationTokenException"
    )


def test_what_boto3_itself_sends_is_understood() -> None:
    session = botocore.session.Session()
    session.set_credentials(OWN.access_key, OWN.secret_key, OWN.token)
    client = session.create_client("sagemaker-runtime", region_name="us-east-1", endpoint_url="http://127.0.0.1:4567")
    sent: list[Any] = []

    def stop(request: Any, **_: Any) -> Any:
        sent.append(request)
        raise InterruptedError

    client.meta.events.register("before-send.sagemaker-runtime.InvokeEndpointAsync", stop)
    with pytest.raises(InterruptedError):
        client.invoke_endpoint_async(EndpointName="afterimage-local", InputLocation="s3://bucket/key")
    (request,) = sent
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
    }
    headers["host"] = "127.0.0.1:4567"
    body = request.body or b""
    authorize(FakeCloud(), Request(method="POST", url=request.url, headers=headers, body=body))
