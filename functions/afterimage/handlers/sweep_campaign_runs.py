"""EventBridge, every five minutes: begin runs that were never executed, settle those that ended unseen."""

from __future__ import annotations

import functools
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.campaign_machine import CampaignMachine
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.endpoint_capacity import EndpointCapacity
from afterimage.adapters.s3_campaign_files import S3CampaignFiles
from afterimage.domain.campaign import ActiveRun
from afterimage.settings import SweepCampaignRunsSettings, read_settings
from afterimage.telemetry import count, environment, facts_of, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.sweep_campaign_runs import RunBroom, sweep_campaign_runs


@functools.cache
def dependencies() -> RunBroom:
    """Build the real ones, once per process."""
    settings = read_settings(SweepCampaignRunsSettings, environment())
    dynamodb = client("dynamodb")
    return RunBroom(
        campaigns=DynamoCampaignStore(dynamodb, settings.table_name),
        workflow=CampaignMachine(client("stepfunctions"), settings.campaign_machine_arn),
        capacity=EndpointCapacity(
            client("application-autoscaling"), dynamodb, settings.table_name, settings.scalable_resource
        ),
        files=S3CampaignFiles(client("s3"), settings.bucket_name),
        report=report,
        clock=now_ms,
    )


def report(active: ActiveRun, error: Exception) -> None:
    """Log what stood in the way of helping a run."""
    logger.warning("run not helped", campaign_id=active.campaign_id, run_id=active.run_id, **facts_of(error))


def handle(deps: RunBroom) -> dict[str, int]:
    """Sweep once and return what was done. The event says nothing that is needed."""
    swept = sweep_campaign_runs(deps)
    logger.info("runs swept", extra=swept)
    for _ in range(swept["restarted"]):
        count("CampaignRunRestarted")
    return swept


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Entry point of SweepCampaignRunsFunction."""
    return handle(dependencies())
