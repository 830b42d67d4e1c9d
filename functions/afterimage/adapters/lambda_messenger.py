"""Says a message of the endpoint again, as SNS would bring it, to the function that hears the topics."""

from __future__ import annotations

import json
from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.contracts.completion import Completion, message_of
from afterimage.domain.errors import WorkflowUnavailableError


class LambdaMessenger:
    """Implements `ports.Messenger`."""

    def __init__(self, client: Any, function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def repeat(self, completion: Completion) -> None:
        """Queue the message; Lambda retries the function and keeps what fails."""
        event = {"Records": [{"EventSource": "afterimage", "Sns": {"Message": json.dumps(message_of(completion))}}]}
        with unavailable_as(WorkflowUnavailableError):
            self._client.invoke(
                FunctionName=self._function_name, InvocationType="Event", Payload=json.dumps(event).encode()
            )
