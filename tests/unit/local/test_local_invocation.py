"""The stand-in reads InvokeEndpointAsync as the SDK sends it and refuses what SageMaker refuses."""

import datetime

import pytest

from local.sagemaker_runtime.invocation import Invocation, ServiceError, parse_invocation

NOW = datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.UTC)
INPUT = {"x-amzn-sagemaker-inputlocation": "s3://bucket/jobs/1/input.json"}


def parse(headers: dict[str, str], body: bytes = b"") -> Invocation:
    return parse_invocation(
        "endpoint", headers, body, output_path="s3://bucket/out", failure_path="s3://bucket/fail", now=NOW
    )


def test_all_headers_of_the_service_model_are_read() -> None:
    read = parse(
        INPUT
        | {
            "x-amzn-sagemaker-inference-id": "job-1",
            "x-amzn-sagemaker-content-type": "application/json",
            "x-amzn-sagemaker-accept": "application/json",
            "x-amzn-sagemaker-custom-attributes": "attempt=2",
            "x-amzn-sagemaker-requestttlseconds": "120",
            "x-amzn-sagemaker-invocationtimeoutseconds": "30",
        }
    )
    assert (read.inference_id, read.content_type, read.custom_attributes) == ("job-1", "application/json", "attempt=2")
    assert (read.ttl_s, read.timeout_s, read.body) == (120, 30, None)
    assert read.output_location.startswith("s3://bucket/out/")
    assert read.output_location.endswith(".out")
    assert read.failure_location.startswith("s3://bucket/fail/")


def test_defaults_are_those_of_sagemaker_and_an_id_is_made_up() -> None:
    read = parse(INPUT)
    assert (read.ttl_s, read.timeout_s) == (21_600, 900)
    assert read.inference_id != parse(INPUT).inference_id


def test_an_inline_body_stands_for_the_input_location() -> None:
    assert parse({}, b"{}").body == b"{}"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        (INPUT, b"{}"),
        ({"x-amzn-sagemaker-inputlocation": "ftp://bucket/key"}, b""),
        ({}, b"x" * 128_001),
        (INPUT | {"x-amzn-sagemaker-inference-id": "x" * 65}, b""),
        (INPUT | {"x-amzn-sagemaker-inference-id": " leading"}, b""),
        (INPUT | {"x-amzn-sagemaker-custom-attributes": "x" * 1025}, b""),
        (INPUT | {"x-amzn-sagemaker-requestttlseconds": "59"}, b""),
        (INPUT | {"x-amzn-sagemaker-requestttlseconds": "21601"}, b""),
        (INPUT | {"x-amzn-sagemaker-invocationtimeoutseconds": "0"}, b""),
        (INPUT | {"x-amzn-sagemaker-invocationtimeoutseconds": "3601"}, b""),
        (INPUT | {"x-amzn-sagemaker-invocationtimeoutseconds": "1.5"}, b""),
    ],
)
def test_what_the_service_model_forbids_is_a_validation_error(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(ServiceError) as caught:
        parse(headers, body)
    assert (caught.value.status, caught.value.code) == (400, "ValidationError")
