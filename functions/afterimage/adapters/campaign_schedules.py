"""EventBridge Scheduler: one schedule a campaign, named after it, in a group of the stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.domain.campaign import Schedule
from afterimage.domain.errors import CampaignInvalidError, WorkflowUnavailableError
from afterimage.domain.row_ref import CampaignId
from afterimage.domain.schedules import is_once

# Scheduler puts the time in its place; a second delivery of the same one carries the same.
_SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
_RETRIES = {"MaximumRetryAttempts": 8, "MaximumEventAgeInSeconds": 3600}


class EventBridgeSchedules:
    """Implements `campaign_ports.CampaignSchedules`. What a schedule starts may be empty where none is made."""

    def __init__(
        self, client: Any, *, group: str, function_arn: str = "", role_arn: str = "", dead_letters_arn: str = ""
    ) -> None:
        self._client = client
        self._group = group
        self._target = {
            "Arn": function_arn,
            "RoleArn": role_arn,
            "DeadLetterConfig": {"Arn": dead_letters_arn},
            "RetryPolicy": _RETRIES,
        }

    def put(self, campaign_id: CampaignId, schedule: Schedule) -> None:
        """Replace the schedule, or make it. One that comes once is deleted by Scheduler when it came."""
        wanted = {
            "Name": campaign_id,
            "GroupName": self._group,
            "ScheduleExpression": schedule.expression,
            "ScheduleExpressionTimezone": schedule.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED",
            "ActionAfterCompletion": "DELETE" if is_once(schedule) else "NONE",
            "Target": {
                **self._target,
                "Input": json.dumps({"campaign_id": campaign_id, "scheduled_time": _SCHEDULED_TIME}),
            },
        }
        if self._done(lambda: self._client.update_schedule(**wanted), "ResourceNotFoundException"):
            return
        # Somebody else may have made it in between; the last who writes is right.
        if not self._done(lambda: self._client.create_schedule(**wanted), "ConflictException"):
            self._done(lambda: self._client.update_schedule(**wanted), "ResourceNotFoundException")

    def remove(self, campaign_id: CampaignId) -> None:
        """Delete the schedule; one that is not there is as good."""
        self._done(
            lambda: self._client.delete_schedule(Name=campaign_id, GroupName=self._group), "ResourceNotFoundException"
        )

    @staticmethod
    def _done(call: Callable[[], Any], unless: str) -> bool:
        """Make the call; False for the one refusal that is expected. Raises CampaignInvalidError."""
        try:
            with unavailable_as(WorkflowUnavailableError):
                call()
        except ClientError as exc:
            if error_code(exc) == unless:
                return False
            if error_code(exc) == "ValidationException":
                raise CampaignInvalidError(
                    "The scheduler does not take this expression.", code="schedule_invalid"
                ) from exc
            raise
        return True
