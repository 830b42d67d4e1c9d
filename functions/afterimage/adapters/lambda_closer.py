"""Has a lost job closed by the function that EventBridge asks as well: Lambda retries it and keeps what fails."""

from __future__ import annotations

import json
from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.domain.errors import WorkflowUnavailableError
from afterimage.domain.job import JobId


class LambdaCloser:
    """Implements `ports.Closer`."""

    def __init__(self, client: Any, function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def close(self, job_id: JobId, execution_status: str) -> None:
        """Send what the function reads of a "Step Functions Execution Status Change" event."""
        payload = json.dumps({"detail": {"name": job_id, "status": execution_status}}).encode()
        with unavailable_as(WorkflowUnavailableError):
            self._client.invoke(FunctionName=self._function_name, InvocationType="Event", Payload=payload)
