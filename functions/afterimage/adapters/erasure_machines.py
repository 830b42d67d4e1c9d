"""The two state machines that erase: what is left of one job, and everything of an owner."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.domain.errors import WorkflowUnavailableError
from afterimage.domain.job import JobId


class ErasureMachines:
    """Implements `ports.Erasures`. An ARN may be empty where that machine is not started."""

    def __init__(self, client: Any, clock: Callable[[], int], *, leftovers_arn: str = "", owner_arn: str = "") -> None:
        self._client = client
        self._clock = clock
        self._leftovers_arn = leftovers_arn
        self._owner_arn = owner_arn

    def look_again(self, job_id: JobId, gallery: str) -> None:
        """Start the execution named as the job; a second one of that name is not needed."""
        self._start(self._leftovers_arn, job_id, {"job_id": job_id, "gallery": gallery})

    def erase_owner(self, owner: str) -> None:
        """Start an execution under a name of its own each time: a program may be erased again and again."""
        digest = hashlib.sha256(owner.encode()).hexdigest()[:32]
        self._start(self._owner_arn, f"{digest}-{self._clock()}", {"owner": owner})

    def _start(self, arn: str, name: str, document: dict[str, str]) -> None:
        try:
            with unavailable_as(WorkflowUnavailableError):
                self._client.start_execution(stateMachineArn=arn, name=name, input=json.dumps(document))
        except ClientError as exc:
            if error_code(exc) != "ExecutionAlreadyExists":
                raise
