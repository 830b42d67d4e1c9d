"""State WriteCampaignResults: a page of what became of a run's rows, and with the last page the manifest."""

from __future__ import annotations

import functools
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.links import DynamoLinkStore
from afterimage.adapters.parameters import OperatorParameters
from afterimage.adapters.s3_campaign_files import S3CampaignFiles
from afterimage.domain.row_ref import CampaignId
from afterimage.settings import WriteCampaignResultsSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms, random_bytes
from afterimage.usecases.write_campaign_results import Archive, write_campaign_results


@functools.cache
def dependencies() -> Archive:
    """Build the real ones, once per process."""
    settings = read_settings(WriteCampaignResultsSettings, environment())
    dynamodb = client("dynamodb")
    parameters = OperatorParameters(client("ssm"))
    return Archive(
        campaigns=DynamoCampaignStore(dynamodb, settings.table_name),
        jobs=DynamoJobStore(dynamodb, settings.table_name),
        links=DynamoLinkStore(dynamodb, settings.table_name),
        files=S3CampaignFiles(client("s3"), settings.bucket_name),
        link_base=settings.link_base,
        link_ttl_s=lambda: parameters.link_ttl_s(settings.link_ttl_parameter),
        clock=now_ms,
        entropy=random_bytes,
    )


def handle(event: dict[str, Any], deps: Archive) -> dict[str, Any]:
    """Take ids, leg and `after`, and return them with how far it is."""
    written = write_campaign_results(
        CampaignId(event["campaign_id"]), event["run_id"], event["leg"], event["after"], deps
    )
    logger.info("results written", run_id=event["run_id"], leg=event["leg"], after=written.after, done=written.done)
    if written.done:
        count("CampaignResultsWritten")
    return {
        "campaign_id": event["campaign_id"],
        "run_id": event["run_id"],
        "leg": event["leg"],
        "after": written.after,
        "done": written.done,
    }


@logger.inject_lambda_context(correlation_id_path="campaign_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of WriteCampaignResultsFunction."""
    return handle(event, dependencies())
