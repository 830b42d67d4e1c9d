"""The notifications of an asynchronous endpoint, as "Monitor asynchronous endpoint" documents them."""

from __future__ import annotations

import datetime
from typing import Any

from local.sagemaker_runtime.invocation import Invocation

TEST_NOTIFICATION = {"eventSource": "aws:sagemaker", "eventName": "TestNotification"}


def success_message(
    invocation: Invocation, *, region: str, now: datetime.datetime, content_type: str
) -> dict[str, Any]:
    """What the success topic gets."""
    return _common(invocation, region, now) | {
        "invocationStatus": "Completed",
        "responseParameters": {"contentType": content_type, "outputLocation": invocation.output_location},
    }


def failure_message(
    invocation: Invocation, *, region: str, now: datetime.datetime, reason: str, wrote_object: bool
) -> dict[str, Any]:
    """What the error topic gets. Without a failure object (expired, lost) there are no response parameters."""
    message = _common(invocation, region, now) | {"invocationStatus": "Failed", "failureReason": reason}
    if wrote_object:
        message["responseParameters"] = {"failureLocation": invocation.failure_location}
    return message


def _common(invocation: Invocation, region: str, now: datetime.datetime) -> dict[str, Any]:
    return {
        "awsRegion": region,
        "eventTime": _timestamp(now),
        "receivedTime": _timestamp(invocation.received),
        "requestParameters": {
            "contentType": invocation.content_type,
            "endpointName": invocation.endpoint_name,
            "inputLocation": invocation.input_location,
        },
        "inferenceId": invocation.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def _timestamp(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
