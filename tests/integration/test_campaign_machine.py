"""A campaign's machine on the local cloud, with IAM enforced: every row once, whatever is paused, repeated or fails."""

from __future__ import annotations

import json

from afterimage.domain.campaign import BUDGET_PICTURES, PAUSED_BY_OWNER, TOO_MANY_FAILURES, RunStatus
from afterimage.domain.status import JobStatus
from integration.campaigns import PlantedCampaign
from integration.conftest import LocalCloud
from integration.journey import invoke, job_item, mails_to, person

BLOCKED = {"prompt": "a photo of nsfw content"}


def prompts(count: int) -> list[dict[str, object]]:
    return [{"prompt": f"a red circle number {number}", "seed": number} for number in range(1, count + 1)]


def test_every_row_becomes_a_request_and_has_its_outcome(cloud: LocalCloud) -> None:
    address = person()
    planted = PlantedCampaign(cloud, address, [*prompts(5), {"prompt": "a boat", "preset": "gone"}], concurrency=3)
    planted.begin()
    run = planted.wait_for_rest(1)
    assert (run.status, run.claimed, run.open, run.succeeded, run.failed) == (RunStatus.FINISHED, 6, 0, 5, 1)
    rows = planted.rows()
    assert [row.outcome for row in rows] == [*[JobStatus.SUCCEEDED] * 5, JobStatus.FAILED]
    assert rows[5].failure_code == "unknown_preset"
    jobs = [job_item(cloud, str(row.job_id)) for row in rows[:5]]
    assert {job["owner"]["S"] for job in jobs} == {planted.campaign.owner}
    assert {job["notice"]["M"]["state"]["S"] for job in jobs} == {"not_wanted"}
    assert (run.pictures, run.micros) == (5, 2500)
    assert [mail["Subject"] for mail in mails_to(cloud, address) if "picture is ready" in str(mail["Subject"])] == []


def test_a_pause_lets_rows_at_work_end_and_a_resume_makes_the_others(cloud: LocalCloud) -> None:
    planted = PlantedCampaign(cloud, person(), prompts(8), concurrency=2)
    planted.begin()
    cloud.wait_until(lambda: planted.run().claimed >= 2, "two rows at work")
    planted.pause()
    run = planted.wait_for_rest(1)
    assert (run.status, run.reason, run.open) == (RunStatus.PAUSED, PAUSED_BY_OWNER, 0)
    assert 2 <= run.claimed < 8
    before = {row.row: row.job_id for row in planted.rows()}
    planted.go_on()
    run = planted.wait_for_rest(2)
    assert (run.status, run.claimed, run.succeeded, run.pictures) == (RunStatus.FINISHED, 8, 8, 8)
    after = {row.row: row.job_id for row in planted.rows()}
    assert {row: after[row] for row in before} == before


def test_a_budget_ends_the_making_at_its_bound(cloud: LocalCloud) -> None:
    planted = PlantedCampaign(cloud, person(), prompts(6), concurrency=3)
    planted.begin(budget_pictures=4)
    run = planted.wait_for_rest(1)
    assert (run.status, run.reason, run.claimed, run.pictures) == (RunStatus.PAUSED, BUDGET_PICTURES, 4, 4)
    assert len(planted.rows()) == 4


def test_failed_rows_are_made_again_by_a_retry_and_no_others(cloud: LocalCloud) -> None:
    planted = PlantedCampaign(cloud, person(), prompts(4), concurrency=1)
    cloud.faults({"kind": "fail", "times": 2})
    planted.begin(max_failures=1)
    run = planted.wait_for_rest(1)
    assert (run.status, run.reason, run.failed) == (RunStatus.PAUSED, TOO_MANY_FAILURES, 2)
    made = {row.row: row.job_id for row in planted.rows() if row.outcome is JobStatus.SUCCEEDED}
    planted.go_on(retrying=True)
    run = planted.wait_for_rest(2)
    assert (run.status, run.claimed, run.succeeded, run.failed) == (RunStatus.FINISHED, 4, 4, 0)
    rows = {row.row: row for row in planted.rows()}
    assert {row: rows[row].job_id for row in made} == made
    assert sorted(row.attempt for row in rows.values()) == [1, 1, 2, 2]


def test_a_row_whose_function_is_called_again_stays_one_request(cloud: LocalCloud) -> None:
    planted = PlantedCampaign(cloud, person(), prompts(1))
    planted.begin()
    planted.wait_for_rest(1)
    (row,) = planted.rows()
    place = {"campaign_id": planted.id, "run_id": "first", "leg": 1, "row": "1", "start": "0", "length": "10"}
    for _ in range(2):
        invoke(cloud, "RunCampaignRowFunction", {**place, "task_token": "nobody's"})
    assert planted.rows() == [row]
    assert planted.run().claimed == 1


def test_prompts_are_in_no_history_of_a_campaign(cloud: LocalCloud) -> None:
    planted = PlantedCampaign(cloud, person(), [{"prompt": "a canary lighthouse"}])
    planted.begin()
    planted.wait_for_rest(1)
    states = cloud.client("stepfunctions")
    arn = planted.machine._arn.replace(":stateMachine:", ":execution:")
    history = states.get_execution_history(executionArn=f"{arn}:{planted.id}-first-1", maxResults=1000)
    assert "canary lighthouse" not in json.dumps(history, default=str)
