"""Has a campaign's rows read by invoking the function that does; Lambda retries it and keeps what fails."""

from __future__ import annotations

import json
from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.domain.errors import WorkflowUnavailableError
from afterimage.domain.row_ref import CampaignId


class LambdaCampaignChecks:
    """Implements `campaign_ports.CampaignChecks`."""

    def __init__(self, client: Any, function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def begin(self, campaign_id: CampaignId, check_id: str) -> None:
        """Queue the reading."""
        self._invoke(campaign_id, check_id, "Event")

    def finish(self, campaign_id: CampaignId, check_id: str) -> None:
        """Read, and wait for it: for a campaign of a few rows that a schedule brings with it."""
        if "FunctionError" in self._invoke(campaign_id, check_id, "RequestResponse"):
            raise WorkflowUnavailableError()

    def _invoke(self, campaign_id: CampaignId, check_id: str, how: str) -> dict[str, Any]:
        payload = json.dumps({"campaign_id": campaign_id, "check_id": check_id}).encode()
        with unavailable_as(WorkflowUnavailableError):
            answer: dict[str, Any] = self._client.invoke(
                FunctionName=self._function_name, InvocationType=how, Payload=payload
            )
        return answer
