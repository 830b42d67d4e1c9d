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
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.domain.job import JobId
from afterimage.domain.status import JobStatus
from afterimage.ports import JobChanges
from afterimage.telemetry import now_ms
from fakes.samples import pictures
from security.gateway import STACK, Gateway, Reply

_NUMBERS = itertools.count()
_TO_THE_END = ("MODERATING", "GENERATING", "REVIEWING", "DELIVERING", "SUCCEEDED")


@dataclass
class Somebody:
    """One caller. The first of `ids` is delivered, the second is open."""

    name: str
    admin: bool
    marker: str
    address: str
    sub: str
    ids: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    cursor: str = ""
    folder: str = ""
    link: str = ""

    @property
    def private(self) -> set[str]:
        """What nobody else may see, an admin neither: words, pictures, links."""
        return {self.marker, self.folder, self.link}

    @property
    def secrets(self) -> set[str]:
        """What no other person may see."""
        return self.private | {self.address, self.sub, *self.ids}


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
        return one

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
