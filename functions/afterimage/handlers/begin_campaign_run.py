"""State BeginCampaignRun: where the rows are, how many at a time, and a machine warmed for them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.endpoint_capacity import EndpointCapacity
from afterimage.campaign_ports import CampaignStore, Capacity
from afterimage.domain.row_ref import CampaignId
from afterimage.ports import Clock
from afterimage.settings import BeginCampaignRunSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.begin_campaign_run import begin_campaign_run


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    campaigns: CampaignStore
    capacity: Capacity
    bucket: str
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(BeginCampaignRunSettings, environment())
    dynamodb = client("dynamodb")
    return Dependencies(
        campaigns=DynamoCampaignStore(dynamodb, settings.table_name),
        capacity=EndpointCapacity(
            client("application-autoscaling"), dynamodb, settings.table_name, settings.scalable_resource
        ),
        bucket=settings.bucket_name,
        clock=now_ms,
    )


def handle(event: dict[str, Any], deps: Dependencies) -> dict[str, Any]:
    """Take `{"campaign_id", "run_id", "leg"}` and return what the Map needs beside them."""
    leg = begin_campaign_run(
        CampaignId(event["campaign_id"]),
        event["run_id"],
        event["leg"],
        campaigns=deps.campaigns,
        capacity=deps.capacity,
        clock=deps.clock,
    )
    logger.info("leg begun", goes=leg.goes, wait_seconds=leg.wait_seconds, run_id=event["run_id"], leg=event["leg"])
    count("CampaignLegBegun")
    return {
        "campaign_id": event["campaign_id"],
        "run_id": event["run_id"],
        "leg": event["leg"],
        "goes": leg.goes,
        "bucket": deps.bucket,
        "index_key": leg.index_key,
        "results_prefix": leg.results_prefix,
        "concurrency": leg.concurrency,
        "wait_seconds": leg.wait_seconds,
    }


@logger.inject_lambda_context(correlation_id_path="campaign_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of BeginCampaignRunFunction."""
    return handle(event, dependencies())
