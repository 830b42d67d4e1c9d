"""Invoked without waiting: check the rows of a campaign that was sent."""

from __future__ import annotations

import functools
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.parameters import OperatorParameters
from afterimage.adapters.s3_campaign_files import S3CampaignFiles
from afterimage.domain.campaign import CampaignStatus
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.row_ref import CampaignId
from afterimage.settings import CheckCampaignSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, measure, metrics, now_ms
from afterimage.usecases.check_campaign import Desk, check_campaign


@functools.cache
def dependencies() -> Desk:
    """Build the real ones, once per process."""
    settings = read_settings(CheckCampaignSettings, environment())
    dynamodb = client("dynamodb")
    parameters = OperatorParameters(client("ssm"))
    return Desk(
        campaigns=DynamoCampaignStore(dynamodb, settings.table_name),
        files=S3CampaignFiles(client("s3"), settings.bucket_name),
        accounts=DynamoAccountStore(dynamodb, settings.table_name),
        quotas=lambda: parameters.quotas(settings.quotas_parameter),
        policy=lambda: parameters.moderation_policy(settings.moderation_policy_parameter),
        profile=model_profiles()[settings.model_profile],
        dollars_per_hour=settings.instance_dollars_per_hour,
        clock=now_ms,
    )


def handle(event: dict[str, Any], desk: Desk) -> str:
    """Take `{"campaign_id", "check_id"}` and return how the campaign stands, `passed over` when it does not wait for
    this check."""
    campaign = check_campaign(CampaignId(event["campaign_id"]), event["check_id"], desk)
    if campaign is None or campaign.check is None:
        logger.info("check passed over")
        return "passed over"
    check = campaign.check
    logger.info("rows checked", rows=check.rows, problems=check.problems, blocked=check.blocked)
    count("CampaignReady" if campaign.status is CampaignStatus.READY else "CampaignInvalid")
    measure("CampaignRowsChecked", check.rows)
    return campaign.status.value


@logger.inject_lambda_context(correlation_id_path="campaign_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> str:
    """Entry point of CheckCampaignFunction."""
    return handle(event, dependencies())
