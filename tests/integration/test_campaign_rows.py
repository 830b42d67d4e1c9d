"""A whole campaign through the API, while rows fail, prompts are blocked, its event comes three times and its container
is killed half-way: every row is accounted for once.

`AFTERIMAGE_CAMPAIGN_ROWS` says how many rows; the figures of a run with 500 are in docs/reliability.md.
"""

from __future__ import annotations

import csv
import io
import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.domain.campaign import Row, Run, RunStatus
from afterimage.domain.errors import StoreUnavailableError
from afterimage.domain.row_ref import CampaignId
from afterimage.domain.status import JobStatus
from integration.conftest import LocalCloud
from integration.journey import invoke, person

from local import processes

ROWS = int(os.environ.get("AFTERIMAGE_CAMPAIGN_ROWS", "40"))
FAILING = frozenset(range(10, ROWS + 1, 20))
BLOCKED = frozenset(range(5, ROWS + 1, 50))
FIRST_SEED = 810_000
SCHEDULED = "2026-11-22T07:00:00Z"
RUN_ID = "20261122t070000z"
PATIENCE_S = 60 + 15 * ROWS


def the_file() -> bytes:
    """The rows as somebody's spreadsheet would have them."""
    text = io.StringIO()
    table = csv.writer(text, delimiter=";")
    table.writerow(["SKU", "Prompt", "Seed"])
    for row in range(1, ROWS + 1):
        prompt = "a n u d e portrait" if row in BLOCKED else f"a red circle on a blue background, {row}"
        table.writerow([f"A-{row:04}", prompt, FIRST_SEED + row])
    return text.getvalue().encode("utf-8-sig")


class Campaign:
    """A campaign of somebody, spoken to as its owner would."""

    def __init__(self, cloud: LocalCloud, address: str) -> None:
        self.cloud, self.address = cloud, address
        settings = {"concurrency": 8, "warm_up_minutes": 0, "recipients": [address]}
        self.id = self.send("POST", "", {"name": "Autumn", "settings": settings}, 201)["id"]
        self.store = DynamoCampaignStore(cloud.client("dynamodb"), cloud.outputs["TableName"])

    def send(self, method: str, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
        base = f"/v1/campaigns/{self.id}" if hasattr(self, "id") else "/v1/campaigns"
        answer = self.cloud.http(method, base + path, token=self.cloud.token(self.address), body=body)
        assert answer.status_code == status, answer.text
        view: dict[str, Any] = answer.json()
        return view

    def upload(self, content: bytes) -> None:
        form = self.send("POST", "/upload", {"content_type": "text/csv"})
        with httpx.Client(trust_env=False, timeout=60) as client:
            sent = client.post(form["url"], data=form["fields"], files={"file": ("rows.csv", content, "text/csv")})
        assert sent.status_code in (200, 201, 204), sent.text

    def wait_for_status(self, *wanted: str) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            view = self.send("GET", "")
            return view if view["status"] in wanted else None

        return self.cloud.wait_until(reached, f"{wanted} of the campaign", 120)

    def run(self) -> Run:
        return self.store.get_run(CampaignId(self.id), RUN_ID)

    def look(self) -> Run:
        """Return the run; a table that is busy is asked again."""
        return self.cloud.wait_until(self._asked, "an answer of the table")

    def _asked(self) -> Run | None:
        try:
            return self.run()
        except StoreUnavailableError:
            return None

    def rows(self) -> dict[int, Row]:
        found: dict[int, Row] = {}
        while page := self.store.list_rows(CampaignId(self.id), RUN_ID, max(found, default=0), 200):
            found |= {row.row: row for row in page}
        return found

    def wait_for_rest(self) -> Run:
        """Return the run once it has ended or rests, and nothing of it is at work."""

        def rests() -> Run | None:
            run = self.look()
            return run if run.status is not RunStatus.RUNNING and run.open == 0 else None

        return self.cloud.wait_until(rests, "the run's rest", PATIENCE_S)

    def jobs(self) -> list[dict[str, Any]]:
        """Every request that was made for a row of it, in DynamoDB's own notation."""
        pages = (
            self.cloud.client("dynamodb")
            .get_paginator("scan")
            .paginate(
                TableName=self.cloud.outputs["TableName"],
                FilterExpression="sk = :job AND #row.campaign_id = :id",
                ExpressionAttributeNames={"#row": "row"},
                ExpressionAttributeValues={":job": {"S": "JOB"}, ":id": {"S": self.id}},
            )
        )
        return [item for page in pages for item in page["Items"]]


def kill_the_container(cloud: LocalCloud) -> None:
    running = processes.read(cloud.settings.run / "model.json")
    assert running
    os.killpg(running.pid, signal.SIGKILL)
    started = cloud.local("up")
    assert started.returncode == 0, started.stderr


def is_accounted_for(campaign: Campaign) -> Counter[str]:
    """Hold run, rows and requests against one another; return how many rows have which outcome."""
    run, rows, jobs = campaign.run(), campaign.rows(), campaign.jobs()
    assert sorted(rows) == list(range(1, ROWS + 1))
    made = Counter((int(job["row"]["M"]["row"]["N"]), int(job["row"]["M"]["attempt"]["N"])) for job in jobs)
    assert made == Counter((row.row, attempt) for row in rows.values() for attempt in range(1, row.attempt + 1))
    latest = {job["job_id"]["S"]: job for job in jobs}
    for row in rows.values():
        assert row.job_id
        assert latest[row.job_id]["status"]["S"] == row.outcome
    outcomes = Counter(str(row.outcome) for row in rows.values())
    counted = {"SUCCEEDED": run.succeeded, "FAILED": run.failed, "BLOCKED": run.blocked, "CANCELLED": run.cancelled}
    assert outcomes == {name: count for name, count in counted.items() if count}
    assert (run.claimed, run.open, run.pictures) == (ROWS, 0, run.succeeded)
    return outcomes


def test_every_row_is_accounted_for_once(cloud: LocalCloud) -> None:
    campaign = Campaign(cloud, person())
    campaign.upload(the_file())
    campaign.send("POST", "/check", status=202)
    checked = campaign.wait_for_status("READY", "INVALID")
    assert (checked["status"], checked["check"]["rows"], checked["check"]["blocked"]) == ("READY", ROWS, len(BLOCKED))
    cloud.faults(
        *({"kind": "fail", "at": "before", "document": str(FIRST_SEED + row), "times": None} for row in FAILING)
    )
    event = {"campaign_id": campaign.id, "scheduled_time": SCHEDULED}
    with ThreadPoolExecutor(3) as pool:
        begun = list(pool.map(lambda _: invoke(cloud, "StartScheduledCampaignFunction", event), range(3)))
    assert {answer["run_id"] for answer in begun} == {RUN_ID}
    cloud.wait_until(lambda: campaign.look().settled >= ROWS // 2, "half of the rows", PATIENCE_S)
    kill_the_container(cloud)
    first = campaign.wait_for_rest()
    assert first.status is RunStatus.FINISHED
    outcomes = is_accounted_for(campaign)
    assert outcomes["BLOCKED"] == len(BLOCKED)
    assert len(FAILING) <= outcomes["FAILED"] <= len(FAILING) + 8 + 1  # what the killed container was given
    invoke(cloud, "StartScheduledCampaignFunction", event)  # late, and once more
    assert campaign.run() == first

    campaign.send("POST", "/retry", {}, status=202)
    second = campaign.wait_for_rest()
    assert (second.status, second.leg) == (RunStatus.FINISHED, 2)
    outcomes = is_accounted_for(campaign)
    assert outcomes == {
        "SUCCEEDED": ROWS - len(BLOCKED) - len(FAILING),
        "BLOCKED": len(BLOCKED),
        "FAILED": len(FAILING),
    }
    failed = {row.row for row in campaign.rows().values() if row.outcome is JobStatus.FAILED}
    assert failed == FAILING
