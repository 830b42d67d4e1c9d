"""What SageMaker publishes when an asynchronous inference ends, read leniently where public samples disagree.

Source: "Monitor asynchronous endpoint", SageMaker developer guide. A failure may lack `responseParameters`, and samples
place `failureLocation` in two spots; both are accepted. `failureReason` may quote the container, so it is never shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from afterimage.contracts.codec import ContractError


@dataclass(frozen=True, kw_only=True)
class Completion:
    """The end of one inference. Locations are `s3://` URIs."""

    inference_id: str
    succeeded: bool
    output_location: str | None = None
    failure_location: str | None = None
    failure_reason: str | None = None


def is_test_notification(message: dict[str, Any]) -> bool:
    """True for the message SageMaker sends when an endpoint is created or updated; it carries no inference."""
    return message.get("eventName") == "TestNotification"


def parse_completion(message: dict[str, Any]) -> Completion:
    """Read one decoded SNS message. Raises ContractError when it names no inference or no known status."""
    inference_id = message.get("inferenceId")
    status = message.get("invocationStatus")
    if not isinstance(inference_id, str) or not inference_id:
        raise ContractError("$.inferenceId is missing")
    if status not in ("Completed", "Failed"):
        raise ContractError("$.invocationStatus must be Completed or Failed")
    response = message.get("responseParameters")
    response = response if isinstance(response, dict) else {}
    return Completion(
        inference_id=inference_id,
        succeeded=status == "Completed",
        output_location=_text(response.get("outputLocation")),
        failure_location=_text(response.get("failureLocation")) or _text(message.get("failureLocation")),
        failure_reason=_text(message.get("failureReason")),
    )


def message_of(completion: Completion) -> dict[str, Any]:
    """Return the message that says this, as far as `parse_completion` reads one."""
    places = {"outputLocation": completion.output_location, "failureLocation": completion.failure_location}
    return {
        "eventName": "InferenceResult",
        "inferenceId": completion.inference_id,
        "invocationStatus": "Completed" if completion.succeeded else "Failed",
        "responseParameters": {name: place for name, place in places.items() if place},
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
