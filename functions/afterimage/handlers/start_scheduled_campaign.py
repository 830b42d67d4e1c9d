"""EventBridge Scheduler: begin the run of a campaign, once per scheduled time."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.campaign_machine import CampaignMachine
from afterimage.adapters.cognito import NobodyAtAll
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.lambda_campaign_checks import LambdaCampaignChecks
from afterimage.adapters.parameters import OperatorParameters
from afterimage.adapters.s3_campaign_files import S3CampaignFiles
from afterimage.campaign_ports import CampaignChecks
from afterimage.contracts.codec import from_document
from afterimage.domain.campaign import PassedOver
from afterimage.domain.errors import CampaignNotFoundError
from afterimage.domain.model_profiles import model_profiles
from afterimage.settings import StartScheduledCampaignSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms, random_bytes
from afterimage.usecases.create_campaign import CampaignDesk
from afterimage.usecases.start_campaign_run import Starter
from afterimage.usecases.start_scheduled_campaign import CarriedCampaign, receive_campaign, start_scheduled_campaign


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    desk: CampaignDesk
    starter: Starter
    checks: CampaignChecks


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(StartScheduledCampaignSettings, environment())
    parameters = OperatorParameters(client("ssm"))
    campaigns = DynamoCampaignStore(client("dynamodb"), settings.table_name)
    accounts = DynamoAccountStore(client("dynamodb"), settings.table_name)
    return Dependencies(
        desk=CampaignDesk(
            campaigns=campaigns,
            files=S3CampaignFiles(client("s3"), settings.bucket_name),
            accounts=accounts,
            people=NobodyAtAll(),
            profile=model_profiles()[settings.model_profile],
            clock=now_ms,
            entropy=random_bytes,
        ),
        starter=Starter(
            campaigns=campaigns,
            workflow=CampaignMachine(client("stepfunctions"), settings.campaign_machine_arn),
            accounts=accounts,
            admission_is_open=lambda: parameters.admission_is_open(settings.admission_parameter),
            quotas=lambda: parameters.quotas(settings.quotas_parameter),
            run_ttl_s=settings.job_ttl_days * 86_400,
            clock=now_ms,
        ),
        checks=LambdaCampaignChecks(client("lambda"), settings.check_campaign_function),
    )


def handle(event: dict[str, Any], deps: Dependencies) -> dict[str, str]:
    """Take `{"campaign_id", "scheduled_time"}` and return the run, or why there is none. A schedule of the template
    names itself and carries its campaign instead: `{"schedule", "scheduled_time", "campaign"}`."""
    time = event["scheduled_time"]
    if "campaign" in event:
        carried = from_document(CarriedCampaign, event["campaign"])
        campaign_id: str = receive_campaign(event["schedule"], carried, time, deps.desk, deps.checks)
    else:
        campaign_id = event["campaign_id"]
    try:
        begun = start_scheduled_campaign(campaign_id, time, deps.starter)
    except CampaignNotFoundError:  # erased while the event was on its way
        logger.info("scheduled campaign is gone", campaign_id=campaign_id)
        return {"campaign_id": campaign_id, "refused": CampaignNotFoundError.code}
    if isinstance(begun, PassedOver):
        logger.warning("scheduled run passed over", campaign_id=campaign_id, run_id=begun.run_id, code=begun.code)
        count("CampaignRunPassedOver")
        return {"campaign_id": campaign_id, "refused": begun.code}
    run = begun.run
    logger.info("scheduled run begun", campaign_id=campaign_id, run_id=run.run_id, repeated=begun.repeated)
    if not begun.repeated:
        count("CampaignRunBegun")
    if begun.refusal:
        logger.warning("run not started", campaign_id=campaign_id, run_id=run.run_id, refusal=begun.refusal)
        count("CampaignRunNotStarted")
    return {"campaign_id": campaign_id, "run_id": run.run_id}


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Entry point of StartScheduledCampaignFunction."""
    return handle(event, dependencies())
