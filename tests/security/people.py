"""Who calls the API in generated tests: two people and an admin, each with requests of their own, and what of each
the others may never see."""

from __future__ import annotations

import dataclasses
import itertools
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import boto3
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.unsubscribes import DynamoUnsubscribeStore
from afterimage.adapters.s3_campaign_files import S3CampaignFiles
from afterimage.contracts.campaign_results import Results, results_key
from afterimage.contracts.codec import to_json
from afterimage.domain.campaign import CampaignStatus, RunStatus
from afterimage.domain.job import JobId, input_key
from afterimage.domain.links import TOKEN_BYTES, hash_token
from afterimage.domain.row_ref import CampaignId, RowRef
from afterimage.domain.status import JobStatus
from afterimage.domain.suppression import hash_address
from afterimage.domain.unsubscribing import UnsubscribeLink
from afterimage.domain.verdicts import Action, Decision
from afterimage.ports import JobChanges
from afterimage.telemetry import now_ms
from afterimage.usecases.resume_on_completion import SUCCEEDED
from fakes.campaigns import a_claim
from fakes.samples import a_result, an_attempt, pictures
from security.gateway import STACK, Gateway, Reply

_NUMBERS = itertools.count()
_TO_THE_END = ("MODERATING", "GENERATING", "REVIEWING", "DELIVERING", "SUCCEEDED")


@dataclass
class Somebody:
    """One caller. The first of `ids` is delivered, the second is open, the third waits for a person. The first of
    `campaigns` is ready, the second at work, the third rests with a failed row; `runs` are of the latter two."""

    name: str
    admin: bool
    marker: str
    address: str
    sub: str
    ids: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    campaigns: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    cursor: str = ""
    folder: str = ""
    link: str = ""
    way_out: str = ""  # of the mail of campaigns
    upload: str = ""

    @property
    def private(self) -> set[str]:
        """What nobody else may see, an admin neither: words, pictures, links."""
        return {self.marker, self.folder, self.link, self.way_out, self.upload}

    @property
    def secrets(self) -> set[str]:
        """What no other person may see."""
        return self.private | {self.address, self.sub, *self.ids, *self.campaigns, *self.runs}


class People:
    """Two people and an admin who have just come."""

    def __init__(self, api: Gateway) -> None:
        self.api = api
        number = next(_NUMBERS)
        self.two = (self._somebody(f"ada{number}"), self._somebody(f"bob{number}"))
        self.admin = self._somebody(f"eve{number}", "admin")
        self.all = (*self.two, self.admin)

    def _somebody(self, name: str, *groups: str) -> Somebody:
        self.api.person(name, *groups)
        sub = self.api.people[name]["sub"]
        one = Somebody(name, bool(groups), f"{name}smarker", f"{name}@afterimage.example", sub)
        for number in range(2):
            one.keys.append(f"{name}-key-{number}")
            body = {"prompt": f"{one.marker} number {number}", "negative_prompt": f"{one.marker} not"}
            one.ids.append(self._json(one, "POST", "/v1/images", 202, body, **{"idempotency-key": one.keys[-1]})["id"])
        one.folder = _delivered(one.ids[0])
        one.cursor = self._json(one, "GET", "/v1/images", 200, query="limit=1")["cursor"]
        share = self._json(one, "POST", f"/v1/images/{one.ids[0]}/share", 201, {"picture": 0})
        one.link = share["items"][0]["url"].rpartition("/")[2]
        one.way_out = _way_out(one.address)
        form = self._json(one, "POST", "/v1/uploads", 201, {"content_type": "image/png"})
        boto3.client("s3").put_object(Bucket="pictures", Key=form["fields"]["key"], Body=b"\x89PNG\r\n\x1a\n")
        one.upload = form["id"]
        body = {"prompt": f"{one.marker} held", "input": {"upload": one.upload}}
        one.ids.append(self._json(one, "POST", "/v1/images", 202, body)["id"])
        _held(one.ids[2])
        self._plan(one)
        return one

    def _plan(self, one: Somebody) -> None:
        """Campaigns, each a step further than the one before."""
        rows = [{"prompt": f"{one.marker} row {number}", "sku": f"{one.marker}-{number}"} for number in range(3)]
        for steps in range(3):
            body = {"name": f"{one.marker} {steps}", "rows": rows}
            campaign_id = self._json(one, "POST", "/v1/campaigns", 201, body)["id"]
            one.campaigns.append(campaign_id)
            self._json(one, "POST", f"/v1/campaigns/{campaign_id}/check", 202)
            _checked(campaign_id)
            if steps:
                one.runs.append(self._json(one, "POST", f"/v1/campaigns/{campaign_id}/run", 202)["id"])
        _rests(one.campaigns[2], one.runs[1])

    def _json(
        self, caller: Somebody, method: str, path: str, status: int, body: Any = None, query: str = "", **headers: str
    ) -> Any:
        headers |= {"authorization": caller.name, "content-type": "application/json"}
        content = b"" if body is None else json.dumps(body).encode()
        reply: Reply = self.api.request(method, path, query=query, headers=headers, body=content)
        assert reply.status == status, reply.text
        return json.loads(reply.text)


def _delivered(job_id: str) -> str:
    """Write the record of a delivered request; return the folder of its pictures."""
    store, folder = DynamoJobStore(boto3.client("dynamodb"), STACK), f"images/{secrets.token_hex(16)}"
    made = [
        dataclasses.replace(picture, key=f"{folder}/{picture.number}.png", thumbnail_key=f"{folder}/t.jpg")
        for picture in pictures()
    ]
    for status in map(JobStatus, _TO_THE_END):
        store.advance(JobId(job_id), status, now_ms(), JobChanges(pictures=tuple(made)))
    return folder


def _held(job_id: str) -> None:
    """Have a request's pictures wait for a person: what the container made lies in quarantine."""
    dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
    store, attempts = DynamoJobStore(dynamodb, STACK), DynamoAttemptStore(dynamodb, STACK)
    doubt = Decision(stage="picture", action=Action.HOLD, policy_version="1", at_ms=now_ms(), categories=("doubt",))
    for status in map(JobStatus, ("MODERATING", "GENERATING")):
        job = store.advance(JobId(job_id), status, now_ms())
    store.advance(job.job_id, JobStatus.REVIEWING, now_ms(), JobChanges(decisions=(doubt,)))
    store.advance(job.job_id, JobStatus.HELD, now_ms())
    attempt = an_attempt(job, output_location=f"s3://pictures/inference/output/{job_id}.out", started_at_ms=now_ms())
    attempt = dataclasses.replace(attempt, expires_at_s=now_ms() // 1000 + 86_400)
    attempts.register(attempt)
    attempts.record_locations(attempt, attempt.output_location or "", "")
    attempts.settle(attempt, SUCCEEDED, attempt.output_location)
    result = a_result(job, attempt)
    bodies = {key: b"picture" for image in result.images for key in (image.key, image.thumbnail_key) if key}
    bodies |= {f"inference/output/{job_id}.out": to_json(result).encode(), input_key(job.job_id): b"picture"}
    for key, body in bodies.items():
        s3.put_object(Bucket="pictures", Key=key, Body=body)


def _way_out(address: str) -> str:
    """Store what a mail of a campaign leads to; return its secret."""
    token, at_ms = secrets.token_urlsafe(TOKEN_BYTES), now_ms()
    link = UnsubscribeLink(
        token_hash=hash_token(token),
        address_hash=hash_address(address),
        created_at_ms=at_ms,
        expires_at_s=at_ms // 1000 + 86_400,
    )
    DynamoUnsubscribeStore(boto3.client("dynamodb"), STACK).put_link(link)
    return token


def _checked(campaign_id: str) -> None:
    """Conclude the check that a campaign waits for."""
    store = DynamoCampaignStore(boto3.client("dynamodb"), STACK)
    campaign = store.get(CampaignId(campaign_id), now_ms())
    assert campaign.check
    check = dataclasses.replace(campaign.check, rows=3, pictures=3, seconds=6.0, micros=2_100)
    store.change(campaign, dataclasses.replace(campaign, status=CampaignStatus.READY, check=check))


def _rests(campaign_id: str, run_id: str) -> None:
    """Have a row of a run fail, the run pause, and its results written."""
    store = DynamoCampaignStore(boto3.client("dynamodb"), STACK)
    run = store.get_run(CampaignId(campaign_id), run_id)
    ref = RowRef(campaign_id=run.campaign_id, run_id=run_id, row=1, attempt=1)
    store.refuse_row(a_claim(ref=ref, expires_at_s=run.expires_at_s), "prompt_too_long", now_ms())
    assert store.move_run(run, RunStatus.PAUSED, now_ms(), reason="run_failed")
    results = Results(
        leg=1,
        at_ms=now_ms(),
        rows=3,
        parts=(),
        pictures=0,
        sheets=0,
        statuses={"FAILED": 1, "NOT_STARTED": 2},
        reasons=(),
        columns=(),
    )
    key = results_key(run.campaign_id, run_id)
    S3CampaignFiles(boto3.client("s3"), "pictures").write(key, [to_json(results).encode()], "application/json")
