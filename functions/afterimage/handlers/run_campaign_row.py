"""State RunRow, once for each row of a campaign: make it a request and wait for that request's end."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.parameters import OperatorParameters
from afterimage.adapters.s3_campaign_files import S3CampaignFiles
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.contracts.campaign import RowPlace
from afterimage.contracts.codec import from_document
from afterimage.domain.errors import RowDeferredError, RunHaltedError
from afterimage.domain.model_profiles import model_profiles
from afterimage.ports import Workflow
from afterimage.settings import RunCampaignRowSettings, read_settings
from afterimage.telemetry import count, environment, facts_of, keeping_secrets, logger, metrics, now_ms, random_bytes
from afterimage.usecases.answer_row import let_on
from afterimage.usecases.run_campaign_row import RowDoor, run_campaign_row
from afterimage.usecases.start_generation import report_failure


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """The door of rows, and the machine of campaigns, whose token is answered."""

    door: RowDoor
    campaign_workflow: Workflow


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(RunCampaignRowSettings, environment())
    dynamodb, states = client("dynamodb"), client("stepfunctions")
    parameters = OperatorParameters(client("ssm"))
    workflow = StepFunctionsWorkflow(states, settings.state_machine_arn)
    door = RowDoor(
        campaigns=DynamoCampaignStore(dynamodb, settings.table_name),
        jobs=DynamoJobStore(dynamodb, settings.table_name),
        files=S3CampaignFiles(client("s3"), settings.bucket_name),
        workflow=workflow,
        accounts=DynamoAccountStore(dynamodb, settings.table_name),
        profile=model_profiles()[settings.model_profile],
        admission_is_open=lambda: parameters.admission_is_open(settings.admission_parameter),
        quotas=lambda: parameters.quotas(settings.quotas_parameter),
        job_ttl_s=settings.job_ttl_days * 86_400,
        clock=now_ms,
        entropy=random_bytes,
    )
    return Dependencies(door=door, campaign_workflow=workflow)


def handle(event: dict[str, Any], deps: Dependencies) -> None:
    """Take a `RowPlace`. Never raises: whoever waits for a token hears of errors by that token only."""
    ids = {name: event[name] for name in ("campaign_id", "run_id", "leg", "row")}
    try:
        outcome = run_campaign_row(from_document(RowPlace, event), deps.door)
    except (RunHaltedError, RowDeferredError) as exc:
        logger.info("row not begun", code=exc.code, **ids)
        count("CampaignRowDeferred" if isinstance(exc, RowDeferredError) else "CampaignRowHalted")
        report_failure(event["task_token"], exc, deps.campaign_workflow)
    except Exception as exc:  # everything, because a state that waits for a callback hears of nothing else
        logger.error("row not begun", **ids, **facts_of(exc))
        count("CampaignRowNotBegun")
        report_failure(event["task_token"], exc, deps.campaign_workflow)
    else:
        logger.info("row begun" if outcome is None else "row had ended", outcome=outcome, **ids)
        count("CampaignRowBegun" if outcome is None else "CampaignRowPassed")
        if outcome is not None:
            let_on(event["task_token"], outcome, deps.campaign_workflow)


@logger.inject_lambda_context(correlation_id_path="campaign_id", clear_state=True)
@metrics.log_metrics
@keeping_secrets
def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Entry point of RunCampaignRowFunction."""
    handle(event, dependencies())
