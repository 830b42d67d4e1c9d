"""States NotifyRequester and TellFailure: tell the person once how the request ended, or its campaign."""

from __future__ import annotations

import functools
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.links import DynamoLinkStore
from afterimage.adapters.dynamodb.suppressions import DynamoSuppressionStore
from afterimage.adapters.mail.ses import ONE_TRY, SesMailer
from afterimage.adapters.parameters import OperatorParameters
from afterimage.adapters.s3_gallery import S3Gallery
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.domain.job import JobId
from afterimage.domain.status import JobStatus
from afterimage.settings import NotifyRequesterSettings, read_settings
from afterimage.telemetry import count, environment, keeping_secrets, logger, measure, metrics, now_ms, random_bytes
from afterimage.usecases.notify_requester import Post, notify_requester


@functools.cache
def dependencies() -> Post:
    """Build the real ones, once per process."""
    settings = read_settings(NotifyRequesterSettings, environment())
    dynamodb = client("dynamodb")
    parameters = OperatorParameters(client("ssm"))
    return Post(
        jobs=DynamoJobStore(dynamodb, settings.table_name),
        links=DynamoLinkStore(dynamodb, settings.table_name),
        gallery=S3Gallery(client("s3"), settings.bucket_name),
        suppressions=DynamoSuppressionStore(dynamodb, settings.table_name),
        mailer=SesMailer(client("sesv2", ONE_TRY), settings.sender_address, settings.configuration_set),
        link_base=settings.link_base,
        link_ttl_s=lambda: parameters.link_ttl_s(settings.link_ttl_parameter),
        campaigns=DynamoCampaignStore(dynamodb, settings.table_name),
        workflow=StepFunctionsWorkflow(client("stepfunctions")),
        clock=now_ms,
        entropy=random_bytes,
    )


def handle(event: dict[str, Any], deps: Post) -> dict[str, str]:
    """Take `{"job_id"}` and return it with the status in which the job ended."""
    job = notify_requester(JobId(event["job_id"]), deps)
    notice = job.notice.state if job.notice else "none"
    logger.info("requester told", status=job.status.value, notice=notice)
    count(f"Job{job.status.value.capitalize()}")
    if job.status is JobStatus.SUCCEEDED:
        measure("RequestFaulted", 0)  # the other half of a share: its average is how many of those that ended failed
    count(f"Notice{notice.replace('_', ' ').title().replace(' ', '')}")
    return {"job_id": event["job_id"], "status": job.status.value}


@logger.inject_lambda_context(correlation_id_path="job_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Entry point of NotifyRequesterFunction."""
    return handle(event, dependencies())
