"""Has a run's pictures packed by invoking the function that does; Lambda retries it and keeps what fails."""

from __future__ import annotations

import json
from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.domain.errors import WorkflowUnavailableError
from afterimage.domain.row_ref import CampaignId


class LambdaCampaignZips:
    """Implements `campaign_ports.CampaignZips`."""

    def __init__(self, client: Any, function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def begin(self, campaign_id: CampaignId, run_id: str) -> None:
        """Queue the packing."""
        payload = json.dumps({"campaign_id": campaign_id, "run_id": run_id}).encode()
        with unavailable_as(WorkflowUnavailableError):
            self._client.invoke(FunctionName=self._function_name, InvocationType="Event", Payload=payload)
