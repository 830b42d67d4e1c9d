"""Campaigns, runs and rows in DynamoDB by moto: what a run counts is what its rows say."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.campaign_ports import RowTakenError
from afterimage.domain.campaign import (
    BUDGET_DOLLARS,
    BUDGET_PICTURES,
    TOO_MANY_FAILURES,
    Run,
    RunStatus,
)
from afterimage.domain.errors import CampaignChangedError, CampaignNotFoundError, QuotaExceededError, RunHaltedError
from afterimage.domain.job import Failure, Job
from afterimage.domain.quotas import UNLIMITED, charge_for
from afterimage.domain.row_ref import CampaignId
from afterimage.domain.status import JobStatus
from afterimage.ports import JobChanges
from fakes.campaigns import CAMPAIGN_ID, RUN_ID, a_campaign, a_claim, a_run
from fakes.outside import NOW_MS
from fakes.samples import OWNER, a_job


class Stores:
    def __init__(self, client: Any, table: str) -> None:
        self.campaigns = DynamoCampaignStore(client, table, pause=lambda _: None)
        self.jobs = DynamoJobStore(client, table, pause=lambda _: None)

    def begin(self, **changes: Any) -> Run:
        campaign = a_campaign()
        self.campaigns.put(campaign)
        run = a_run(**changes)
        assert self.campaigns.begin_run(campaign, run, NOW_MS + 1)
        return run

    def claim(self, row: int = 1, attempt: int = 1, **changes: Any) -> Job:
        claim = a_claim(row, attempt, **changes)
        charge = charge_for(2, NOW_MS, UNLIMITED)
        job = a_job(number=10 * row + attempt, row=claim.ref, recipient=None, charge=charge)
        self.jobs.create_for_row(job, UNLIMITED, claim, self.run())
        return job

    def end(self, job: Job, to: JobStatus, code: str | None = None) -> None:
        failure = Failure(code=code, sentence="It failed.") if code else None
        if to is JobStatus.SUCCEEDED:
            for status in (JobStatus.MODERATING, JobStatus.GENERATING, JobStatus.REVIEWING, JobStatus.DELIVERING):
                self.jobs.advance(job.job_id, status, NOW_MS + 2)
        self.jobs.advance(job.job_id, to, NOW_MS + 3, JobChanges(failure=failure))

    def run(self) -> Run:
        return self.campaigns.get_run(CAMPAIGN_ID, RUN_ID)


@pytest.fixture
def stores(dynamodb: Any, table: str) -> Stores:
    return Stores(dynamodb, table)


def test_a_campaign_is_found_by_its_owner_and_among_all(stores: Stores) -> None:
    campaign = a_campaign()
    stores.campaigns.put(campaign)
    assert stores.campaigns.get(CAMPAIGN_ID, NOW_MS) == campaign
    assert stores.campaigns.list_by_owner(OWNER, 10, None) == (CAMPAIGN_ID,)
    assert stores.campaigns.list_by_owner(None, 10, None) == (CAMPAIGN_ID,)
    assert stores.campaigns.list_by_owner("user#bob", 10, None) == ()


def test_pages_of_campaigns_are_newest_first_and_do_not_repeat(stores: Stores) -> None:
    ids = [CampaignId(a_job(number=number).job_id) for number in range(5)]
    for campaign_id in ids:
        stores.campaigns.put(a_campaign(campaign_id=campaign_id))
    first = stores.campaigns.list_by_owner(OWNER, 3, None)
    assert first == tuple(reversed(ids[2:]))
    assert stores.campaigns.list_by_owner(OWNER, 3, first[-1]) == tuple(reversed(ids[:2]))


def test_a_change_on_an_old_reading_is_refused(stores: Stores) -> None:
    campaign = a_campaign()
    stores.campaigns.put(campaign)
    changed = dataclasses.replace(campaign, name="Winter", updated_at_ms=NOW_MS + 1)
    stores.campaigns.change(campaign, changed)
    with pytest.raises(CampaignChangedError):
        stores.campaigns.change(campaign, dataclasses.replace(campaign, name="Spring", updated_at_ms=NOW_MS + 2))
    assert stores.campaigns.get(CAMPAIGN_ID, NOW_MS).name == "Winter"


def test_an_erased_or_expired_campaign_is_not_found(stores: Stores) -> None:
    campaign = a_campaign()
    stores.campaigns.put(campaign)
    with pytest.raises(CampaignNotFoundError):
        stores.campaigns.get(CAMPAIGN_ID, campaign.expires_at_s * 1000)
    stores.campaigns.erase(campaign)
    with pytest.raises(CampaignNotFoundError):
        stores.campaigns.get(CAMPAIGN_ID, NOW_MS)
    assert stores.campaigns.list_by_owner(OWNER, 10, None) == ()


def test_a_run_begins_once(stores: Stores) -> None:
    stores.begin()
    campaign = stores.campaigns.get(CAMPAIGN_ID, NOW_MS)
    assert campaign.run_id == RUN_ID
    assert stores.campaigns.begin_run(campaign, a_run(), NOW_MS + 2) is False
    assert stores.campaigns.list_runs(CAMPAIGN_ID, 5) == (RUN_ID,)


def test_a_run_begins_on_the_campaign_as_it_was_read_only(stores: Stores) -> None:
    campaign = a_campaign()
    stores.begin()
    with pytest.raises(CampaignChangedError):
        stores.campaigns.begin_run(campaign, a_run(run_id="other"), NOW_MS + 2)
    assert stores.campaigns.list_runs(CAMPAIGN_ID, 5) == (RUN_ID,)


def test_a_row_is_claimed_once(stores: Stores) -> None:
    stores.begin()
    job = stores.claim()
    with pytest.raises(RowTakenError):
        stores.claim(attempt=1)
    row = stores.campaigns.get_row(CAMPAIGN_ID, RUN_ID, 1)
    assert row
    assert (row.job_id, row.outcome, row.task_token) == (job.job_id, None, "token-1-1")
    assert (stores.run().claimed, stores.run().open, stores.run().pictures, stores.run().micros) == (1, 1, 2, 700)


@pytest.mark.parametrize(
    ("to", "counted", "pictures"),
    [
        (JobStatus.SUCCEEDED, "succeeded", 2),
        (JobStatus.FAILED, "failed", 0),
        (JobStatus.EXPIRED, "failed", 0),
        (JobStatus.CANCELLED, "cancelled", 0),
    ],
)
def test_the_end_of_a_job_settles_its_row(stores: Stores, to: JobStatus, counted: str, pictures: int) -> None:
    stores.begin()
    stores.end(stores.claim(), to, code="stopped")
    row, run = stores.campaigns.get_row(CAMPAIGN_ID, RUN_ID, 1), stores.run()
    assert row
    assert (row.outcome, row.failure_code) == (to, "stopped")
    assert (getattr(run, counted), run.settled, run.open, run.pictures, run.micros) == (1, 1, 0, pictures, 700)


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ({"budget_pictures": 3}, BUDGET_PICTURES),
        ({"budget_micros": 1_000}, BUDGET_DOLLARS),
        ({"status": RunStatus.PAUSED}, None),
        ({"leg": 2}, None),
    ],
)
def test_a_halted_run_claims_nothing(stores: Stores, bounds: dict[str, Any], reason: str | None) -> None:
    stores.begin(**bounds)
    if reason:
        stores.claim(1)
    with pytest.raises(RunHaltedError) as caught:
        stores.claim(2)
    assert caught.value.reason == reason
    assert stores.campaigns.get_row(CAMPAIGN_ID, RUN_ID, 2) is None
    assert stores.run().claimed == (1 if reason else 0)


def test_too_many_failures_halt_a_run(stores: Stores) -> None:
    stores.begin(max_failures=1)
    for row in (1, 2):
        stores.end(stores.claim(row), JobStatus.FAILED, code="generation_failed")
    with pytest.raises(RunHaltedError) as caught:
        stores.claim(3)
    assert caught.value.reason == TOO_MANY_FAILURES


def test_a_quota_refuses_the_row_and_counts_nothing(stores: Stores) -> None:
    run = stores.begin()
    quotas = dataclasses.replace(UNLIMITED, monthly_pictures=1)
    job = a_job(row=a_claim().ref, charge=charge_for(2, NOW_MS, UNLIMITED))
    with pytest.raises(QuotaExceededError):
        stores.jobs.create_for_row(job, quotas, a_claim(), run)
    assert stores.run() == run
    assert stores.campaigns.get_row(CAMPAIGN_ID, RUN_ID, 1) is None


def test_a_retry_takes_the_failure_back(stores: Stores) -> None:
    stores.begin()
    stores.end(stores.claim(), JobStatus.FAILED, code="generation_failed")
    again = stores.claim(attempt=2, retries=JobStatus.FAILED)
    row, run = stores.campaigns.get_row(CAMPAIGN_ID, RUN_ID, 1), stores.run()
    assert row
    assert (row.attempt, row.job_id, row.outcome, row.failure_code) == (2, again.job_id, None, None)
    assert (run.claimed, run.failed, run.open) == (1, 0, 1)
    with pytest.raises(RowTakenError):
        stores.claim(attempt=2, retries=JobStatus.FAILED)


def test_a_row_that_cannot_be_asked_for_is_settled_at_once(stores: Stores) -> None:
    stores.begin()
    stores.campaigns.refuse_row(a_claim(), "unknown_preset", NOW_MS)
    row, run = stores.campaigns.get_row(CAMPAIGN_ID, RUN_ID, 1), stores.run()
    assert row
    assert (row.outcome, row.failure_code, row.job_id) == (JobStatus.FAILED, "unknown_preset", None)
    assert (run.claimed, run.failed, run.open, run.pictures) == (1, 1, 0, 0)
    stores.campaigns.refuse_row(a_claim(attempt=2, retries=JobStatus.FAILED), "unknown_preset", NOW_MS)
    assert (stores.run().claimed, stores.run().failed) == (1, 1)


def test_somebody_else_may_wait_for_an_open_row_only(stores: Stores) -> None:
    stores.begin()
    job = stores.claim()
    assert stores.campaigns.attach(a_claim().ref, "another")
    row = stores.campaigns.get_row(CAMPAIGN_ID, RUN_ID, 1)
    assert row
    assert row.task_token == "another"
    stores.end(job, JobStatus.FAILED, code="stopped")
    assert stores.campaigns.attach(a_claim().ref, "too late") is False


def test_a_run_moves_once_and_goes_on_one_leg_further(stores: Stores) -> None:
    run = stores.begin(budget_pictures=2)
    paused = stores.campaigns.move_run(run, RunStatus.PAUSED, NOW_MS + 5, reason="paused_by_owner")
    assert paused
    assert (paused.status, paused.reason) == (RunStatus.PAUSED, "paused_by_owner")
    assert stores.campaigns.move_run(run, RunStatus.STOPPED, NOW_MS + 6) is None
    on = stores.campaigns.next_leg(
        paused, NOW_MS + 7, retrying=True, budget_pictures=None, budget_micros=9, max_failures=4
    )
    assert on
    assert (on.leg, on.status, on.reason, on.retrying) == (2, RunStatus.RUNNING, None, True)
    assert (on.budget_pictures, on.budget_micros, on.max_failures) == (None, 9, 4)
    with pytest.raises(RunHaltedError):
        stores.claim()  # of the first leg
    ended = stores.campaigns.move_run(on, RunStatus.FINISHED, NOW_MS + 8)
    assert ended
    assert ended.ended_at_ms == NOW_MS + 8


def test_rows_come_in_their_order(stores: Stores) -> None:
    stores.begin()
    for row in (3, 1, 2):
        stores.claim(row)
    rows = stores.campaigns.list_rows(CAMPAIGN_ID, RUN_ID, 1, 10)
    assert [row.row for row in rows] == [2, 3]


def test_a_late_row_of_an_erased_run_brings_nothing_back(stores: Stores, dynamodb: Any, table: str) -> None:
    stores.begin()
    job = stores.claim()
    for name in ("RUN", "ROW#000001"):
        dynamodb.delete_item(TableName=table, Key={"pk": {"S": f"RUN#{CAMPAIGN_ID}#{RUN_ID}"}, "sk": {"S": name}})
    stores.end(job, JobStatus.FAILED, code="stopped")
    assert stores.campaigns.get_row(CAMPAIGN_ID, RUN_ID, 1) is None
    with pytest.raises(CampaignNotFoundError):
        stores.run()
