"""Two people over every route that the API describes, by generated requests: nothing undocumented, no fault of ours,
and never a sight of what belongs to the other.

`AFTERIMAGE_FUZZ_REQUESTS` says how many requests at least, a few hundred if nothing; a whole run asks for 5,000.
`AFTERIMAGE_FUZZ_SEED` makes them others than those of every run.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import os
import secrets
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import requests
import schemathesis
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.domain.job import JobId
from afterimage.domain.status import JobStatus
from afterimage.ports import JobChanges
from afterimage.telemetry import now_ms
from fakes.samples import pictures
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from security import gateway
from security.gateway import Gateway, Reply
from security.template import ROOT

pytestmark = [
    pytest.mark.filterwarnings("ignore:No application metrics to publish"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

OPENAPI = json.loads((ROOT / "functions" / "afterimage" / "http" / "openapi.json").read_text(encoding="utf-8"))
REQUESTS = int(os.environ.get("AFTERIMAGE_FUZZ_REQUESTS", "600"))
SEED = os.environ.get("AFTERIMAGE_FUZZ_SEED")
OPERATIONS = [result.ok() for result in schemathesis.openapi.from_dict(OPENAPI).get_all_operations()]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BASE = "https://api.example"
UNBOUNDED = json.dumps(
    {"monthly_pictures": None, "concurrent_jobs": None, "campaign_rows": None, "daily_pictures": None}
)
WHO = itertools.count()


class World:
    """Two people, each with requests of their own, and what of each the other may never see."""

    def __init__(self, api: Gateway) -> None:
        self.api = api
        self.sent = 0
        self.names = tuple(f"{name}{next(WHO)}" for name in ("ada", "bob"))
        self.secrets: dict[str, set[str]] = {}
        self.ids: dict[str, list[str]] = {}
        self.keys: dict[str, list[str]] = {}
        for name in self.names:
            api.person(name)
            self._asks(name)

    def _asks(self, name: str) -> None:
        marker = f"{name}smarker"
        self.secrets[name] = {marker, f"{name}@afterimage.example", self.api.people[name]["sub"]}
        self.ids[name], self.keys[name] = [], []
        for number in range(3):
            key = f"{name}-key-{number}"
            body = json.dumps({"prompt": f"{marker} number {number}", "negative_prompt": f"{marker} not"})
            headers = {"authorization": name, "content-type": "application/json", "idempotency-key": key}
            made = self.api.request("POST", "/v1/images", headers=headers, body=body.encode())
            assert made.status == 202, made.text
            self.ids[name].append(json.loads(made.text)["id"])
            self.keys[name].append(key)
        self.secrets[name] |= set(self.ids[name])
        self.secrets[name].add(self._delivers(self.ids[name][0]))

    def _delivers(self, job_id: str) -> str:
        """Write the record of a delivered request; return the folder of its pictures."""
        store, folder = DynamoJobStore(boto3.client("dynamodb"), gateway.STACK), f"images/{secrets.token_hex(16)}"
        made = [
            dataclasses.replace(picture, key=f"{folder}/{picture.number}.png", thumbnail_key=f"{folder}/t.jpg")
            for picture in pictures()
        ]
        ends = ("MODERATING", "GENERATING", "REVIEWING", "DELIVERING", "SUCCEEDED")
        for status in map(JobStatus, ends):
            store.advance(JobId(job_id), status, now_ms(), JobChanges(pictures=tuple(made)))
        return folder


@pytest.fixture(scope="module")
def api() -> Iterator[Gateway]:
    with gateway.deployed(UNBOUNDED) as api:
        yield api


@pytest.fixture
def world(api: Gateway) -> World:
    return World(api)


def send(world: World, case: Case, caller: str, other: str) -> Reply:
    """Send a generated request as `caller`; hold the answer against the description and against `other`'s secrets."""
    arguments = case.as_transport_kwargs(base_url=BASE)
    arguments["headers"] = {**arguments["headers"], "Authorization": caller}
    prepared = requests.Session().prepare_request(requests.Request(**arguments))
    reply = world.api.send(prepared)
    world.sent += 1
    if reply.by_function:  # an answer of the gateway's own is none that we describe (decision 0005)
        headers = {name: [value] for name, value in reply.headers.items()}
        response = Response(reply.status, headers, reply.body, prepared, 0.0, False)
        case.validate_response(response, checks=CHECKS)
        assert_closed(reply)
    if not set(world.ids[other]).isdisjoint((case.path_parameters or {}).values()):
        assert reply.status >= 400, "another's request can be had, or moved"
    assert_unseen(reply, world.secrets[other], str(prepared.url) + str(prepared.body) + str(prepared.headers))
    return reply


def assert_closed(reply: Reply) -> None:
    """Headers that keep an answer out of caches, sniffers and referrers."""
    assert reply.headers["cache-control"] == "no-store", reply
    assert reply.headers["x-content-type-options"] == "nosniff", reply
    assert reply.headers["referrer-policy"] == "no-referrer", reply


def assert_unseen(reply: Reply, hidden: set[str], sent: str) -> None:
    """What the other has is in no answer, unless the caller has just said it."""
    told = f"{reply.text}{reply.headers}"
    assert not {secret for secret in hidden if secret in told and secret not in sent}, told


def reaching(case: Case, world: World, caller: str, other: str, draw: Any) -> Case:
    """Put what belongs to the other, or what is one's own, wherever a request has room for it, now and then."""
    theirs = st.sampled_from(world.ids[other] + world.ids[caller])
    if case.path_parameters and draw(st.booleans()):
        case.path_parameters = {name: draw(theirs) for name in case.path_parameters}
    if "cursor" in {parameter.name for parameter in case.operation.query} and draw(st.booleans()):
        case.query = {**(case.query or {}), "cursor": draw(theirs)}
    if "Idempotency-Key" in {parameter.name for parameter in case.operation.headers} and draw(st.booleans()):
        case.headers = {
            **(case.headers or {}),
            "Idempotency-Key": draw(st.sampled_from(world.keys[other] + world.keys[caller])),
        }
    return case


def has_room(operation: Any) -> bool:
    """Whether a request of this kind says anything but its route."""
    return bool(list(operation.body) or [p for where in (operation.path_parameters, operation.query) for p in where])


def can_be_wrong(operation: Any) -> bool:
    """Whether the description leaves out anything that could be sent: a free text in a path is never wrong."""
    bounds = {"enum", "format", "maxLength", "minLength", "pattern"}
    bounded = [bounds & parameter.definition["schema"].keys() for parameter in operation.path_parameters]
    return bool(list(operation.body) or list(operation.query) or any(bounded))


PARTS = [
    (operation, mode)
    for operation in OPERATIONS
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if mode is GenerationMode.POSITIVE or can_be_wrong(operation)
]
SHARE = math.ceil(REQUESTS / 2 / sum(has_room(operation) for operation, _ in PARTS))


@pytest.mark.parametrize(
    ("operation", "mode"), PARTS, ids=[f"{operation.label} {mode.value}" for operation, mode in PARTS]
)
def test_generated_requests_of_two_people(operation: Any, mode: GenerationMode, world: World) -> None:
    cases = operation.as_strategy(generation_mode=mode)

    @settings(
        max_examples=SHARE if has_room(operation) else 1,
        deadline=None,
        database=None,
        derandomize=SEED is None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def both(data: st.DataObject) -> None:
        for caller, other in itertools.permutations(world.names):
            send(world, reaching(data.draw(cases), world, caller, other, data.draw), caller, other)

    (both if SEED is None else seed(int(SEED))(both))()
    assert world.sent >= 2 * (SHARE if has_room(operation) else 1), "fewer requests than were asked for"
