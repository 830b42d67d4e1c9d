"""State TellCampaign: one mail to each recipient about a leg of a run."""

from __future__ import annotations

import functools
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.campaign_notices import DynamoCampaignNotices
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.dynamodb.links import DynamoLinkStore
from afterimage.adapters.dynamodb.suppressions import DynamoSuppressionStore
from afterimage.adapters.dynamodb.unsubscribes import DynamoUnsubscribeStore
from afterimage.adapters.mail.ses import ONE_TRY, SesMailer
from afterimage.adapters.parameters import OperatorParameters
from afterimage.adapters.s3_campaign_files import S3CampaignFiles
from afterimage.domain.row_ref import CampaignId
from afterimage.settings import TellCampaignSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms, random_bytes
from afterimage.usecases.tell_campaign import DigestPost, tell_campaign


@functools.cache
def dependencies() -> DigestPost:
    """Build the real ones, once per process."""
    settings = read_settings(TellCampaignSettings, environment())
    dynamodb = client("dynamodb")
    parameters = OperatorParameters(client("ssm"))
    return DigestPost(
        campaigns=DynamoCampaignStore(dynamodb, settings.table_name),
        files=S3CampaignFiles(client("s3"), settings.bucket_name),
        links=DynamoLinkStore(dynamodb, settings.table_name),
        notices=DynamoCampaignNotices(dynamodb, settings.table_name),
        suppressions=DynamoSuppressionStore(dynamodb, settings.table_name),
        unsubscribes=DynamoUnsubscribeStore(dynamodb, settings.table_name),
        mailer=SesMailer(client("sesv2", ONE_TRY), settings.sender_address, settings.configuration_set),
        link_base=settings.link_base,
        link_ttl_s=lambda: parameters.link_ttl_s(settings.link_ttl_parameter),
        clock=now_ms,
        entropy=random_bytes,
    )


def handle(event: dict[str, Any], deps: DigestPost) -> dict[str, bool]:
    """Take ids and leg and return whether anybody has been told."""
    told = tell_campaign(CampaignId(event["campaign_id"]), event["run_id"], event["leg"], deps)
    logger.info("recipients told", run_id=event["run_id"], leg=event["leg"], told=told)
    count("CampaignTold" if told else "CampaignNotTold")
    return {"told": told}


@logger.inject_lambda_context(correlation_id_path="campaign_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, bool]:
    """Entry point of TellCampaignFunction."""
    return handle(event, dependencies())
