"""State SettleCampaignRun: wait for the rows at work, then record how the run stands."""

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
from afterimage.settings import SettleCampaignRunSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.settle_campaign_run import Rest, settle_campaign_run


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    campaigns: CampaignStore
    capacity: Capacity
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(SettleCampaignRunSettings, environment())
    dynamodb = client("dynamodb")
    return Dependencies(
        campaigns=DynamoCampaignStore(dynamodb, settings.table_name),
        capacity=EndpointCapacity(
            client("application-autoscaling"), dynamodb, settings.table_name, settings.scalable_resource
        ),
        clock=now_ms,
    )


def handle(event: dict[str, Any], deps: Dependencies) -> dict[str, Any]:
    """Take `{"campaign_id", "run_id", "leg"}` and return them with how the leg stands; `after` begins the results."""
    rest, run = settle_campaign_run(
        CampaignId(event["campaign_id"]),
        event["run_id"],
        event["leg"],
        campaigns=deps.campaigns,
        capacity=deps.capacity,
        clock=deps.clock,
    )
    logger.info("leg settled", rest=rest.value, status=run.status.value, reason=run.reason, open_rows=run.open)
    if rest is Rest.RESTS:
        count(f"CampaignRun{run.status.value.capitalize()}")
    ids = {name: event[name] for name in ("campaign_id", "run_id", "leg")}
    return {**ids, "rest": rest.value, "status": run.status.value, "after": 0, "sheet": 1}


@logger.inject_lambda_context(correlation_id_path="campaign_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of SettleCampaignRunFunction."""
    return handle(event, dependencies())
