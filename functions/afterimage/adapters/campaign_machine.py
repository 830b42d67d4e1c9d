"""The state machine of campaigns, seen from outside."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.domain.errors import WorkflowUnavailableError
from afterimage.domain.row_ref import CampaignId


def execution_name(campaign_id: CampaignId, run_id: str, leg: int) -> str:
    """Return the name of a leg's execution: once per leg, whoever asks, and at most 80 characters."""
    return f"{campaign_id}-{run_id}-{leg}"


class CampaignMachine:
    """Implements `campaign_ports.CampaignWorkflow`."""

    def __init__(self, client: Any, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, campaign_id: CampaignId, run_id: str, leg: int) -> None:
        """Start a leg; `ExecutionAlreadyExists` means that it was started. Every other refusal is
        WorkflowUnavailableError with the code of AWS."""
        ids = {"campaign_id": campaign_id, "run_id": run_id, "leg": leg}
        try:
            with unavailable_as(WorkflowUnavailableError):
                self._client.start_execution(
                    stateMachineArn=self._arn, name=execution_name(campaign_id, run_id, leg), input=json.dumps(ids)
                )
        except ClientError as exc:
            if error_code(exc) != "ExecutionAlreadyExists":
                raise WorkflowUnavailableError(code=error_code(exc)) from exc

    def status(self, campaign_id: CampaignId, run_id: str, leg: int) -> str | None:
        """Return the status of a leg's execution, None when it was never started."""
        arn = f"{self._arn.replace(':stateMachine:', ':execution:')}:{execution_name(campaign_id, run_id, leg)}"
        try:
            with unavailable_as(WorkflowUnavailableError):
                return str(self._client.describe_execution(executionArn=arn)["status"])
        except ClientError as exc:
            if error_code(exc) == "ExecutionDoesNotExist":
                return None
            raise
