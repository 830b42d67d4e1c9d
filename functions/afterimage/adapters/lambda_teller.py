"""Has a person told by invoking the notification function without waiting; Lambda retries it and keeps what fails."""

from __future__ import annotations

import json
from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.domain.errors import WorkflowUnavailableError
from afterimage.domain.job import JobId


class LambdaTeller:
    """Implements `ports.Teller`."""

    def __init__(self, client: Any, function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def tell(self, job_id: JobId) -> None:
        """Queue the notification of an ended job."""
        payload = json.dumps({"job_id": job_id}).encode()
        with unavailable_as(WorkflowUnavailableError):
            self._client.invoke(FunctionName=self._function_name, InvocationType="Event", Payload=payload)
