"""The asynchronous endpoint: what the adapter asks AWS, and what it makes of its refusals."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import pytest
from afterimage.adapters.engines.sagemaker_async import SagemakerAsyncEngine
from afterimage.contracts.codec import from_json
from afterimage.contracts.generation import GenerationJob
from afterimage.domain.errors import (
    AfterimageError,
    EngineUnavailableError,
    GenerationFailedError,
    StoreUnavailableError,
)
from afterimage.domain.job import InputPicture
from afterimage.domain.status import JobStatus
from botocore.exceptions import ClientError
from botocore.stub import ANY
from fakes.samples import SPEC, a_job, an_attempt
from fakes.stubbed import UNREACHED, stubbed, unreached

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


def test_a_job_from_a_picture_names_its_own_copy_strength_and_adapter() -> None:
    picture = InputPicture(upload="u", etag="t", size_bytes=9, content_type="image/png")
    spec = dataclasses.replace(SPEC, input=picture, strength=0.6, adapter="oil")
    world = Sagemaker()
    world.accept_document()
    world.runtime.add_response("invoke_endpoint_async", {"OutputLocation": "s3://pictures/out"})
    world.engine.start(dataclasses.replace(JOB, spec=spec), ATTEMPT)
    body = world.put["Body"]
    document = from_json(GenerationJob, body.read() if isinstance(body, io.IOBase) else body)
    assert (document.mode, document.input_key) == ("img2img", f"jobs/{JOB.job_id}/input")
    assert (document.strength, document.adapter) == (0.6, "oil")
