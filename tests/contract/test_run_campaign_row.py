"""One row of a run: made once, whatever is repeated, paused, retried or lost. Stores by moto, the rest in memory."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.contracts.campaign import RowDocument, RowPlace
from afterimage.contracts.codec import to_json
from afterimage.domain.campaign import ADMISSION_CLOSED, Row, Run, RunStatus
from afterimage.domain.errors import RowDeferredError, RunHaltedError, WorkflowUnavailableError
from afterimage.domain.job import Failure
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.quotas import UNLIMITED
from afterimage.domain.status import JobStatus
from afterimage.ports import JobChanges
from afterimage.usecases.answer_row import answer_row
from afterimage.usecases.run_campaign_row import UNREADABLE_ROW, RowDoor, run_campaign_row
from fakes.campaigns import CAMPAIGN_ID, RUN_ID, a_campaign, a_run
from fakes.outside import NOW_MS, Dice, FakeWorkflow, Ticker
from fakes.samples import OWNER


class Files:
    """Rows in memory."""

    def __init__(self) -> None:
        self.text = b""

    def put(self, *requests: dict[str, Any]) -> list[RowPlace]:
        places = []
        for number, request in enumerate(requests, start=1):
            document = RowDocument(row=number, line=number + 1, request=request, columns={}, pictures=1, micros=500)
            line = to_json(document).encode() + b"\n"
            places.append(place(number, len(self.text), len(line)))
            self.text += line
        return places

    def read_range(self, key: str, start: int, length: int) -> bytes:
        assert key == f"campaigns/{CAMPAIGN_ID}/checks/{'c' * 16}/rows.jsonl"
        return self.text[start : start + length]


def place(row: int, start: int = 0, length: int = 0, **changes: Any) -> RowPlace:
    first = RowPlace(
        campaign_id=CAMPAIGN_ID,
        run_id=RUN_ID,
        leg=1,
        row=str(row),
        start=str(start),
        length=str(length),
        task_token=f"token-{row}",
    )
    return dataclasses.replace(first, **changes)


class World:
    def __init__(self, client: Any, table: str) -> None:
        self.campaigns = DynamoCampaignStore(client, table, pause=lambda _: None)
        self.jobs = DynamoJobStore(client, table, pause=lambda _: None)
        self.files = Files()
        self.workflow = FakeWorkflow(*(f"token-{row}" for row in range(9)), "second")
        self.quotas = UNLIMITED
        self.open = True
        self.clock = Ticker()
        self.door = RowDoor(
            campaigns=self.campaigns,
            jobs=self.jobs,
            files=self.files,  # type: ignore[arg-type]
            workflow=self.workflow,
            accounts=DynamoAccountStore(client, table),
            profile=model_profiles()["demo"],
            admission_is_open=lambda: self.open,
            quotas=lambda: self.quotas,
            job_ttl_s=86_400,
            clock=self.clock,
            entropy=Dice(),
        )

    def begin(self, **changes: Any) -> None:
        campaign = a_campaign()
        self.campaigns.put(campaign)
        assert self.campaigns.begin_run(campaign, a_run(**changes), NOW_MS + 1)

    def run(self) -> Run:
        return self.campaigns.get_run(CAMPAIGN_ID, RUN_ID)

    def row(self, number: int = 1) -> Row:
        row = self.campaigns.get_row(CAMPAIGN_ID, RUN_ID, number)
        assert row
        return row

    def fail(self, number: int = 1, to: JobStatus = JobStatus.FAILED) -> None:
        job_id = self.row(number).job_id
        assert job_id
        failure = Failure(code="generation_failed", sentence="It failed.")
        job = self.jobs.advance(job_id, to, self.clock(), JobChanges(failure=failure))
        answer_row(job, self.campaigns, self.workflow)

    def retry(self) -> None:
        paused = self.campaigns.move_run(self.run(), RunStatus.PAUSED, self.clock(), reason="x")
        assert paused
        bounds = {"budget_pictures": None, "budget_micros": None, "max_failures": None}
        assert self.campaigns.next_leg(paused, self.clock(), retrying=True, **bounds)


@pytest.fixture
def world(dynamodb: Any, table: str) -> World:
    return World(dynamodb, table)


def test_a_row_becomes_a_request_of_its_owner_without_a_mail(world: World) -> None:
    world.begin()
    (first,) = world.files.put({"prompt": "a red boat", "seed": 4})
    assert run_campaign_row(first, world.door) is None
    row = world.row()
    assert row.job_id
    job = world.jobs.get(row.job_id, NOW_MS)
    assert (job.owner, job.recipient, job.spec.prompt, job.spec.seeds) == (OWNER, None, "a red boat", (4,))
    assert job.row
    assert (job.row.row, job.row.attempt) == (1, 1)
    assert world.workflow.started == [row.job_id]


def test_a_repeat_makes_nothing_and_waits_for_the_same_request(world: World) -> None:
    world.begin()
    (first,) = world.files.put({"prompt": "a red boat"})
    run_campaign_row(first, world.door)
    assert run_campaign_row(dataclasses.replace(first, task_token="second"), world.door) is None
    assert (world.run().claimed, len(set(world.workflow.started))) == (1, 1)
    world.fail()
    assert [token for token, _ in world.workflow.succeeded] == ["second"]


def test_a_row_that_has_ended_is_passed(world: World) -> None:
    world.begin()
    (first,) = world.files.put({"prompt": "a red boat"})
    run_campaign_row(first, world.door)
    world.fail()
    assert run_campaign_row(first, world.door) is JobStatus.FAILED
    assert len(world.workflow.started) == 1


def test_a_claim_whose_start_failed_is_started_by_the_repeat(world: World) -> None:
    world.begin()
    (first,) = world.files.put({"prompt": "a red boat"})
    world.workflow.fail_next("start", WorkflowUnavailableError())
    assert run_campaign_row(first, world.door) is None
    assert world.workflow.started == []
    run_campaign_row(first, world.door)
    assert world.workflow.started == [world.row().job_id]


def test_a_row_of_a_paused_run_is_not_begun_but_one_at_work_is_waited_for(world: World) -> None:
    world.begin()
    first, second = world.files.put({"prompt": "a red boat"}, {"prompt": "a blue boat"})
    run_campaign_row(first, world.door)
    world.campaigns.move_run(world.run(), RunStatus.PAUSED, world.clock(), reason="paused_by_owner")
    with pytest.raises(RunHaltedError):
        run_campaign_row(second, world.door)
    assert run_campaign_row(first, world.door) is None
    assert (world.run().claimed, world.run().reason) == (1, "paused_by_owner")


@pytest.mark.parametrize(
    ("quotas", "reason"),
    [
        ({"monthly_pictures": 0}, "monthly_quota_reached"),
        ({"daily_pictures": 0}, "daily_cap_reached"),
    ],
)
def test_a_quota_that_stays_pauses_the_run_and_says_which(world: World, quotas: dict[str, int], reason: str) -> None:
    world.begin()
    (first,) = world.files.put({"prompt": "a red boat"})
    world.quotas = dataclasses.replace(UNLIMITED, **quotas)
    with pytest.raises(RunHaltedError):
        run_campaign_row(first, world.door)
    assert (world.run().status, world.run().reason, world.run().claimed) == (RunStatus.PAUSED, reason, 0)


def test_a_stop_of_all_admission_pauses_the_run(world: World) -> None:
    world.begin()
    (first,) = world.files.put({"prompt": "a red boat"})
    world.open = False
    with pytest.raises(RunHaltedError):
        run_campaign_row(first, world.door)
    assert (world.run().status, world.run().reason) == (RunStatus.PAUSED, ADMISSION_CLOSED)


def test_too_many_open_requests_put_the_row_off(world: World) -> None:
    world.begin()
    first, second = world.files.put({"prompt": "a red boat"}, {"prompt": "a blue boat"})
    world.quotas = dataclasses.replace(UNLIMITED, concurrent_jobs=1)
    run_campaign_row(first, world.door)
    with pytest.raises(RowDeferredError):
        run_campaign_row(second, world.door)
    assert (world.run().status, world.run().claimed) == (RunStatus.RUNNING, 1)


def test_a_budget_pauses_the_run_at_the_row_that_would_go_beyond(world: World) -> None:
    world.begin(budget_pictures=1)
    first, second = world.files.put({"prompt": "a red boat"}, {"prompt": "a blue boat"})
    run_campaign_row(first, world.door)
    with pytest.raises(RunHaltedError):
        run_campaign_row(second, world.door)
    assert (world.run().status, world.run().reason) == (RunStatus.PAUSED, "picture_budget_reached")


@pytest.mark.parametrize(
    ("request_", "code"),
    [({"prompt": "a boat", "preset": "gone"}, "unknown_preset"), ({"colour": "red"}, UNREADABLE_ROW)],
)
def test_a_row_that_cannot_be_asked_for_fails_alone(world: World, request_: dict[str, Any], code: str) -> None:
    world.begin()
    bad, good = world.files.put(request_, {"prompt": "a blue boat"})
    assert run_campaign_row(bad, world.door) is JobStatus.FAILED
    assert (world.row().outcome, world.row().failure_code) == (JobStatus.FAILED, code)
    assert run_campaign_row(good, world.door) is None


def test_a_row_that_is_not_at_its_place_fails_alone(world: World) -> None:
    world.begin()
    first, second = world.files.put({"prompt": "a red boat"}, {"prompt": "a blue boat"})
    moved = dataclasses.replace(first, start=second.start, length=second.length)
    assert run_campaign_row(moved, world.door) is JobStatus.FAILED
    assert world.row().failure_code == UNREADABLE_ROW


def test_a_retry_makes_failed_rows_again_once_and_leaves_the_others(world: World) -> None:
    world.begin()
    first, second = world.files.put({"prompt": "a red boat"}, {"prompt": "a blue boat"})
    for one in (first, second):
        run_campaign_row(one, world.door)
    world.fail(1)
    world.fail(2, JobStatus.CANCELLED)
    world.retry()
    first, second = (dataclasses.replace(one, leg=2) for one in (first, second))
    assert run_campaign_row(second, world.door) is JobStatus.CANCELLED
    assert run_campaign_row(first, world.door) is None
    assert (world.row().attempt, world.row().leg, world.run().claimed) == (2, 2, 2)
    world.fail(1)
    assert run_campaign_row(first, world.door) is JobStatus.FAILED  # once a leg
    assert (world.run().failed, world.run().cancelled, world.run().open) == (1, 1, 0)


def test_an_execution_of_an_older_leg_begins_nothing(world: World) -> None:
    world.begin()
    (first,) = world.files.put({"prompt": "a red boat"})
    world.retry()
    with pytest.raises(RunHaltedError):
        run_campaign_row(first, world.door)
    assert (world.run().claimed, world.run().status) == (0, RunStatus.RUNNING)


def test_a_row_at_work_is_left_to_the_leg_that_goes_on(world: World) -> None:
    world.begin()
    (first,) = world.files.put({"prompt": "a red boat"})
    run_campaign_row(first, world.door)
    world.retry()
    assert run_campaign_row(dataclasses.replace(first, leg=2, task_token="second"), world.door) is None
    with pytest.raises(RunHaltedError):
        run_campaign_row(first, world.door)
    assert world.row().task_token == "second"


def test_an_answer_names_the_outcome_and_is_given_to_the_attempt_that_ended(world: World) -> None:
    world.begin()
    (first,) = world.files.put({"prompt": "a red boat"})
    run_campaign_row(first, world.door)
    job_id = world.row().job_id
    assert job_id
    open_job = world.jobs.get(job_id, NOW_MS)
    assert answer_row(open_job, world.campaigns, world.workflow) is False
    world.fail()
    assert world.workflow.succeeded == [("token-1", {"outcome": "FAILED"})]
    ended = world.jobs.get(job_id, NOW_MS)
    assert answer_row(ended, world.campaigns, world.workflow) is False  # nobody waits any more
    assert json.dumps(world.workflow.failed) == "[]"
