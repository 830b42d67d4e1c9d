"""The notices have the documented shapes, and our own contract reads them."""

import datetime

from afterimage.contracts.completion import is_test_notification, parse_completion

from local.sagemaker_runtime.invocation import parse_invocation
from local.sagemaker_runtime.messages import TEST_NOTIFICATION, failure_message, success_message

NOW = datetime.datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=datetime.UTC)
LATER = NOW + datetime.timedelta(seconds=2)
INVOCATION = parse_invocation(
    "endpoint",
    {
        "x-amzn-sagemaker-inputlocation": "s3://bucket/jobs/1/input.json",
        "x-amzn-sagemaker-inference-id": "job-1",
        "x-amzn-sagemaker-content-type": "application/json",
    },
    b"",
    output_path="s3://bucket/out",
    failure_path="s3://bucket/fail",
    now=NOW,
)
COMMON = {
    "awsRegion": "us-east-1",
    "eventTime": "2026-11-22T12:00:02.123Z",
    "receivedTime": "2026-11-22T12:00:00.123Z",
    "requestParameters": {
        "contentType": "application/json",
        "endpointName": "endpoint",
        "inputLocation": "s3://bucket/jobs/1/input.json",
    },
    "inferenceId": "job-1",
    "eventVersion": "1.0",
    "eventSource": "aws:sagemaker",
    "eventName": "InferenceResult",
}


def test_success_is_told_as_documented() -> None:
    message = success_message(INVOCATION, region="us-east-1", now=LATER, content_type="application/json")
    assert message == COMMON | {
        "invocationStatus": "Completed",
        "responseParameters": {"contentType": "application/json", "outputLocation": INVOCATION.output_location},
    }
    completion = parse_completion(message)
    assert (completion.inference_id, completion.succeeded) == ("job-1", True)
    assert completion.output_location == INVOCATION.output_location


def test_failure_is_told_as_documented() -> None:
    message = failure_message(INVOCATION, region="us-east-1", now=LATER, reason="ClientError: bad", wrote_object=True)
    assert message == COMMON | {
        "invocationStatus": "Failed",
        "failureReason": "ClientError: bad",
        "responseParameters": {"failureLocation": INVOCATION.failure_location},
    }
    completion = parse_completion(message)
    assert (completion.succeeded, completion.failure_location) == (False, INVOCATION.failure_location)


def test_a_failure_without_an_object_has_no_response_parameters() -> None:
    message = failure_message(INVOCATION, region="us-east-1", now=LATER, reason="expired", wrote_object=False)
    assert message == COMMON | {"invocationStatus": "Failed", "failureReason": "expired"}
    assert parse_completion(message).failure_location is None


def test_the_test_notification_is_recognised_by_our_contract() -> None:
    assert is_test_notification(dict(TEST_NOTIFICATION))
