"""State EraseOwner: erase a page of an owner's campaigns or requests, and at the end the owner."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.campaign_schedules import EventBridgeSchedules
from afterimage.adapters.cognito import CognitoPeople
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.dynamodb.holds import DynamoHoldStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.links import DynamoLinkStore
from afterimage.adapters.dynamodb.owners import DynamoOwnerStore
from afterimage.adapters.erasure_machines import ErasureMachines
from afterimage.adapters.s3_campaign_files import S3CampaignFiles
from afterimage.adapters.s3_job_objects import S3JobObjects
from afterimage.adapters.s3_uploads import S3Uploads
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.ports import OwnerStore, People
from afterimage.settings import EraseOwnerSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.cancel_request import Stopper
from afterimage.usecases.delete_request import Eraser
from afterimage.usecases.erase_campaign import CampaignEraser
from afterimage.usecases.erase_owner import erase_owner


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    eraser: Eraser
    campaigns: CampaignEraser
    owners: OwnerStore
    people: People


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(EraseOwnerSettings, environment())
    dynamodb, states = client("dynamodb"), client("stepfunctions")
    stopper = Stopper(
        jobs=DynamoJobStore(dynamodb, settings.table_name),
        objects=S3JobObjects(client("s3"), settings.bucket_name),
        workflow=StepFunctionsWorkflow(states, settings.state_machine_arn),
        clock=now_ms,
    )
    return Dependencies(
        eraser=Eraser(
            stopper=stopper,
            attempts=DynamoAttemptStore(dynamodb, settings.table_name),
            holds=DynamoHoldStore(dynamodb, settings.table_name),
            links=DynamoLinkStore(dynamodb, settings.table_name),
            uploads=S3Uploads(client("s3"), settings.bucket_name),
            erasures=ErasureMachines(states, now_ms, leftovers_arn=settings.erase_leftovers_machine_arn),
        ),
        campaigns=CampaignEraser(
            campaigns=DynamoCampaignStore(dynamodb, settings.table_name),
            files=S3CampaignFiles(client("s3"), settings.bucket_name),
            schedules=EventBridgeSchedules(client("scheduler"), group=settings.schedule_group),
            clock=now_ms,
        ),
        owners=DynamoOwnerStore(dynamodb, settings.table_name),
        people=CognitoPeople(client("cognito-idp"), settings.user_pool_id),
    )


def handle(event: dict[str, Any], deps: Dependencies) -> dict[str, Any]:
    """Take `{"owner"}` and return it with whether everything is gone."""
    done = erase_owner(event["owner"], deps.eraser, campaigns=deps.campaigns, owners=deps.owners, people=deps.people)
    logger.info("owner erased" if done else "requests of an owner erased")
    if done:
        count("OwnerErased")
    return {"owner": event["owner"], "done": done}


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of EraseOwnerFunction."""
    return handle(event, dependencies())
