"""Invoked by whoever wants a run's pictures as zip files. Without time left it fails, and Lambda calls it again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.s3_campaign_files import S3CampaignFiles
from afterimage.campaign_ports import CampaignFiles
from afterimage.domain.row_ref import CampaignId
from afterimage.settings import ZipCampaignPicturesSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, metrics, now_ms
from afterimage.usecases.zip_campaign_pictures import Packer, zip_campaign_pictures


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    files: CampaignFiles


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(ZipCampaignPicturesSettings, environment())
    return Dependencies(files=S3CampaignFiles(client("s3"), settings.bucket_name))


def handle(event: dict[str, Any], deps: Dependencies, seconds_left: Callable[[], float]) -> dict[str, Any]:
    """Take ids and return how the zips stand."""
    packer = Packer(files=deps.files, clock=now_ms, seconds_left=seconds_left)
    state = zip_campaign_pictures(CampaignId(event["campaign_id"]), event["run_id"], packer)
    logger.info("pictures packed", run_id=event["run_id"], status=state.status, parts=len(state.parts))
    count("CampaignZipped" if state.code is None else "CampaignNotZipped")
    return {"campaign_id": event["campaign_id"], "run_id": event["run_id"], "status": state.status}


@logger.inject_lambda_context(correlation_id_path="campaign_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of ZipCampaignPicturesFunction."""
    return handle(event, dependencies(), lambda: context.get_remaining_time_in_millis() / 1000)
