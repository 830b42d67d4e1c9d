"""Tell a campaign that the request of one of its rows has ended: whoever waits for the row is let on."""

from __future__ import annotations

from afterimage.campaign_ports import CampaignStore
from afterimage.domain.job import Job
from afterimage.domain.status import JobStatus
from afterimage.ports import Workflow


def answer_row(job: Job, campaigns: CampaignStore, workflow: Workflow) -> bool:
    """Answer the token of the job's row; the end itself was recorded with the job's. False when nobody waits: the run
    was paused, or this was done before.

    Raises StoreUnavailableError or WorkflowUnavailableError, after which it may be called again.
    """
    if job.row is None or not job.status.is_final:
        return False
    row = campaigns.get_row(job.row.campaign_id, job.row.run_id, job.row.row)
    if row is None or row.attempt != job.row.attempt or row.task_token is None:
        return False
    return let_on(row.task_token, job.status, workflow)


def let_on(task_token: str, outcome: JobStatus, workflow: Workflow) -> bool:
    """Let whoever waits for a row on, with what became of it."""
    return workflow.succeed(task_token, {"outcome": outcome.value})
