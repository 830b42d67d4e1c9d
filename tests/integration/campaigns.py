"""What the tests of campaigns do again and again: rows in the bucket, a run in the table, a leg, its end."""

from __future__ import annotations

import base64
import dataclasses
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from afterimage.adapters.campaign_machine import CampaignMachine
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.contracts.campaign import INDEX_HEADER, RowDocument, check_prefix
from afterimage.contracts.codec import to_json
from afterimage.domain.campaign import Campaign, CampaignSettings, CampaignStatus, Check, Row, Run, RunStatus
from afterimage.domain.job import new_job_id
from afterimage.domain.row_ref import CampaignId
from integration.journey import resource_name

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

DAY_S = 86_400


class PlantedCampaign:
    """A campaign of somebody, checked and never run, as the API would have left it."""

    def __init__(self, cloud: LocalCloud, address: str, requests: list[dict[str, Any]], **settings: Any) -> None:
        self.cloud = cloud
        self.store = DynamoCampaignStore(cloud.client("dynamodb"), cloud.outputs["TableName"])
        self.machine = CampaignMachine(cloud.client("stepfunctions"), resource_name(cloud, "CampaignMachine"))
        payload = cloud.token(address).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        now_ms = int(time.time() * 1000)
        self.now_s = now_ms // 1000
        self.id = CampaignId(new_job_id(now_ms, secrets.token_bytes(10)))
        self.campaign = Campaign(
            campaign_id=self.id,
            owner=f"user#{claims['sub']}",
            name="Autumn",
            status=CampaignStatus.READY,
            settings=CampaignSettings(recipients=(address,), **settings),
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
            expires_at_s=self.now_s + DAY_S,
            check=Check(
                check_id=secrets.token_hex(8),
                at_ms=now_ms,
                rows=len(requests),
                pictures=len(requests),
                seconds=1.0,
                micros=500 * len(requests),
                problems=0,
                blocked=0,
            ),
        )
        self.store.put(self.campaign)
        self._write(requests)

    def _write(self, requests: list[dict[str, Any]]) -> None:
        assert self.campaign.check
        text, index = b"", ",".join(INDEX_HEADER).encode() + b"\r\n"
        for number, request in enumerate(requests, start=1):
            document = RowDocument(
                row=number, line=number + 1, request=request, columns={"sku": f"A{number}"}, pictures=1, micros=500
            )
            line = to_json(document).encode() + b"\n"
            index += f"{number},{len(text)},{len(line)}\r\n".encode()
            text += line
        prefix = check_prefix(self.id, self.campaign.check.check_id)
        for name, body in (("rows.jsonl", text), ("index.csv", index)):
            self.cloud.client("s3").put_object(
                Bucket=self.cloud.outputs["BucketName"], Key=f"{prefix}{name}", Body=body
            )

    def begin(self, run_id: str = "first", *, start: bool = True, **bounds: Any) -> None:
        """Begin a run and start its execution."""
        campaign = self.store.get(self.id, self.now_s * 1000)
        assert campaign.check
        run = Run(
            campaign_id=self.id,
            run_id=run_id,
            owner=campaign.owner,
            status=RunStatus.RUNNING,
            leg=1,
            check_id=campaign.check.check_id,
            rows=campaign.check.rows,
            concurrency=campaign.settings.concurrency,
            started_at_ms=self.now_s * 1000,
            updated_at_ms=self.now_s * 1000,
            expires_at_s=self.now_s + DAY_S,
        )
        run = dataclasses.replace(run, **bounds)
        assert self.store.begin_run(campaign, run, campaign.updated_at_ms + 1)
        if start:
            self.machine.start(self.id, run_id, 1)

    def go_on(self, *, retrying: bool = False, run_id: str = "first") -> None:
        """Resume or retry as the API would: one leg on."""
        run = self.run(run_id)
        on = self.store.next_leg(
            run,
            run.updated_at_ms + 1,
            retrying=retrying,
            budget_pictures=None,
            budget_micros=None,
            max_failures=None,
        )
        assert on
        self.machine.start(self.id, run_id, on.leg)

    def pause(self) -> None:
        run = self.run()
        assert self.store.move_run(run, RunStatus.PAUSED, run.updated_at_ms + 1, reason="paused_by_owner")

    def run(self, run_id: str = "first") -> Run:
        return self.store.get_run(self.id, run_id)

    def rows(self, run_id: str = "first") -> list[Row]:
        return list(self.store.list_rows(self.id, run_id, 0, 1000))

    def wait_for_rest(self, leg: int, run_id: str = "first", timeout_s: float = 300) -> Run:
        """Return the run when the execution of a leg has ended."""
        self.cloud.wait_until(
            lambda: self.machine.status(self.id, run_id, leg) == "SUCCEEDED", f"the end of leg {leg}", timeout_s
        )
        return self.run(run_id)
