"""Two people and an admin over every operation that the API describes, by generated requests: nothing undocumented,
no fault of ours, never a sight of what belongs to another, and an admin's work by an admin only.

`AFTERIMAGE_FUZZ_REQUESTS` says how many requests at least, a few hundred if nothing; a whole run asks for 5,000. They
are shared evenly by operations and callers, so no operation is left out of a short run, nor favoured in a long one.
`AFTERIMAGE_FUZZ_SEED` makes them others than those of every run.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from security import gateway
from security.gateway import Gateway, Reply
from security.people import People, Somebody
from security.template import ROOT

pytestmark = [
    pytest.mark.filterwarnings("ignore:No application metrics to publish"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

OPENAPI = json.loads((ROOT / "functions" / "afterimage" / "http" / "openapi.json").read_text(encoding="utf-8"))
DESCRIBED = {f"{method.upper()} {path}" for path, methods in OPENAPI["paths"].items() for method in methods}
OPERATIONS = [result.ok() for result in schemathesis.openapi.from_dict(OPENAPI).get_all_operations()]
CALLERS = 3
REQUESTS = int(os.environ.get("AFTERIMAGE_FUZZ_REQUESTS", "300"))
SHARE = max(4, math.ceil(REQUESTS / len(OPERATIONS) / CALLERS))
SEED = os.environ.get("AFTERIMAGE_FUZZ_SEED")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BASE = "https://api.example"
BOUNDS = {"monthly_pictures": None, "concurrent_jobs": None, "campaign_rows": None}
# What is sent on purpose, before anything is generated: a body that the operation takes.
BODIES: dict[str, Any] = {
    "POST /v1/images": {"prompt": "a lighthouse at dusk"},
    "POST /v1/uploads": {"content_type": "image/png"},
    "POST /v1/images/{job_id}/share": {"picture": 0},
    "POST /v1/campaigns": {"name": "Autumn", "rows": [{"prompt": "a lighthouse at dusk"}]},
    "PUT /v1/campaigns/{campaign_id}/settings": {"concurrency": 2},
    "POST /v1/campaigns/{campaign_id}/upload": {"content_type": "text/csv"},
    "POST /v1/campaigns/{campaign_id}/run": {"dry_run": True},
    "PUT /v1/campaigns/{campaign_id}/schedule": {"expression": "rate(1 day)", "timezone": "Europe/Berlin"},
    "POST /v1/campaigns/{campaign_id}/resume": {"budget_pictures": 9},
    "POST /v1/campaigns/{campaign_id}/retry": {"max_failures": 9},
    "POST /v1/admin/held/{job_id}/release": {"stage": "picture", "note": "it is one"},
    "POST /v1/admin/held/{job_id}/refuse": {"stage": "picture", "note": "it is none"},
    "PUT /v1/admin/admission": {"state": "open", "reason": "all is well"},
    "PUT /v1/admin/quotas": {**BOUNDS, "daily_pictures": None},
    "PUT /v1/admin/users/{username}/quota": BOUNDS,
}
# Which of a caller's campaigns takes what is asked for: one at work, or one that rests; or the first, which is ready.
CAMPAIGN_FOR = {"pause": 1, "stop": 1, "zip": 2, "runs": 1, "rows": 1, "results": 1, "resume": 2, "retry": 2}


@pytest.fixture(scope="module")
def api() -> Iterator[Gateway]:
    with gateway.deployed(json.dumps({**BOUNDS, "daily_pictures": None})) as api:
        yield api


@pytest.fixture(scope="module")
def residents(api: Gateway) -> People:
    """Those who stay, since nothing that they do takes anything away."""
    return People(api)


@pytest.fixture
def people(request: Any, api: Gateway, residents: People) -> Iterator[People]:
    """Those who stay, or others who come for an operation after which they may be gone, or have nothing left."""
    operation = request.getfixturevalue("operation")
    takes_away = operation.method == "delete" or operation.path.endswith(("/cancel", "/disable", "/release", "/refuse"))
    takes_away |= operation.method != "get" and "{campaign_id}" in operation.path
    with api.forgetting():
        yield People(api) if takes_away else residents
    api.set_parameters()


class Calls:
    """Requests of one operation by everybody, and how each was answered."""

    def __init__(self, operation: Any, people: People) -> None:
        self.operation = operation
        self.people = people
        self.sent = 0
        self.answers: dict[str, Counter[int]] = {one.name: Counter() for one in people.all}

    @property
    def for_admins(self) -> bool:
        return bool(self.operation.path.startswith("/v1/admin/"))

    def reached(self, reply: Reply) -> bool:
        """Whether the operation has answered. The functions' own router takes fewer characters in a path."""
        return reply.route == self.operation.label and '"route_not_found"' not in reply.text

    def send(self, case: Case, caller: Somebody) -> Reply:
        """Send as `caller`; hold the answer against the description and against what is another's."""
        arguments = case.as_transport_kwargs(base_url=BASE)
        arguments["headers"] = {**arguments["headers"], "Authorization": caller.name}
        prepared = requests.Session().prepare_request(requests.Request(**arguments))
        reply = self.people.api.send(prepared)
        self.sent += 1
        if reply.route is not None:  # an answer of the gateway's own is none that we describe (decision 0005)
            headers = {name: [value] for name, value in reply.headers.items()}
            response = Response(reply.status, headers, reply.body, prepared, 0.0, False)
            case.validate_response(response, checks=CHECKS)
            assert_closed(reply)
        if self.reached(reply):
            self.answers[caller.name][reply.status] += 1
        told = str(prepared.url) + str(prepared.body) + str(prepared.headers)
        for other in self.people.all:
            if other is not caller:
                self._hold_apart(case, reply, caller, other, told)
        return reply

    def _hold_apart(self, case: Case, reply: Reply, caller: Somebody, other: Somebody, told: str) -> None:
        if caller.admin and "/campaigns" in self.operation.path:  # every campaign is open to an admin, but no picture
            assert_unseen(reply, {other.folder, other.link}, told)
        elif not self.for_admins:
            if not {*other.ids, *other.campaigns}.isdisjoint((case.path_parameters or {}).values()):
                assert reply.status >= 400, "another's request can be had, or moved"
            assert_unseen(reply, other.secrets, told)
        elif caller.admin:  # who sees whom and which request is open, and a prompt where the look at it is asked for
            asked_for = "prompt" in (case.query or {}) or self.operation.label == "GET /v1/admin/held/{job_id}"
            shown = {other.marker} if asked_for else set()
            assert_unseen(reply, other.private - shown, told)
        else:
            assert reply.status >= 400, "an admin's work was done by somebody else"
            assert_unseen(reply, other.secrets, told)


def assert_closed(reply: Reply) -> None:
    """Headers that keep an answer out of caches, sniffers and referrers."""
    assert reply.headers["cache-control"] == "no-store", reply
    assert reply.headers["x-content-type-options"] == "nosniff", reply
    assert reply.headers["referrer-policy"] == "no-referrer", reply


def assert_unseen(reply: Reply, hidden: set[str], sent: str) -> None:
    """What is another's is in no answer, unless the caller has just said it."""
    told = f"{reply.text}{reply.headers}"
    assert not {secret for secret in hidden if secret in told and secret not in sent}, told


def plain(operation: Any, caller: Somebody, people: People) -> Case:
    """The request for which the operation is there: of what is one's own, or, from an admin, about somebody."""
    number = 1 if operation.label.endswith("/cancel") else 0
    whom = people.two[0].ids[0] if caller.admin and "/admin/" in operation.path else caller.ids[number]
    whom = people.two[0].ids[2] if "/admin/held" in operation.path else whom
    values = {"job_id": whom, "number": 0, "username": people.two[0].address, "token": secret_of(caller, operation)}
    values["address"] = values["username"]
    number = CAMPAIGN_FOR.get(operation.path.rpartition("/")[2], 0)
    values |= {"campaign_id": caller.campaigns[number], "run_id": caller.runs[0]}
    return operation.Case(
        path_parameters={parameter.name: values[parameter.name] for parameter in operation.path_parameters},
        body=BODIES[operation.label] if list(operation.body) else NOT_SET,
        media_type="application/json" if list(operation.body) else None,
    )


def reaching(case: Case, caller: Somebody, people: People, draw: Any) -> Case:
    """Put what belongs to anybody wherever a request has room for it, now and then."""
    if isinstance(case.body, dict):  # JSON Schema takes 1.0 for an integer; the door, which is strict, does not
        whole = (
            int(value) if isinstance(value, float) and value.is_integer() else value for value in case.body.values()
        )
        case.body = dict(zip(case.body, whole, strict=True))
    owner = draw(st.sampled_from(people.all))
    if case.operation.label == "POST /v1/images" and isinstance(case.body, dict) and draw(st.booleans()):
        case.body = {**case.body, "input": {"upload": owner.upload}}
    if case.path_parameters and (draw(st.booleans()) or not fits_a_path(case.path_parameters)):
        values = theirs(owner, caller, case.operation, draw) if draw(st.booleans()) else nobodys(owner, draw)
        case.path_parameters = {name: values[name] for name in case.path_parameters}
    places = {"cursor": [owner.cursor, *owner.ids, *owner.campaigns], "run": owner.runs}
    for name in sorted(places.keys() & {parameter.name for parameter in case.operation.query}):
        if draw(st.booleans()):
            case.query = {**(case.query or {}), name: draw(st.sampled_from(places[name]))}
    if "Idempotency-Key" in {parameter.name for parameter in case.operation.headers} and draw(st.booleans()):
        case.headers = {**(case.headers or {}), "Idempotency-Key": draw(st.sampled_from(owner.keys))}
    return case


def fits_a_path(values: Mapping[str, Any]) -> bool:
    """Whether a router takes these values; of those that are generated, many are another route's, or none's."""
    return all(re.fullmatch(r"[\w.@:+-]{3,}", str(value), re.ASCII) for value in values.values())


def secret_of(somebody: Somebody, operation: Any) -> str:
    """What opens a public route to somebody."""
    return somebody.way_out if operation.path.startswith("/u/") else somebody.link


def theirs(owner: Somebody, caller: Somebody, operation: Any, draw: Any) -> dict[str, str]:
    """What belongs to somebody, by the name it has in a path; a link is its own secret, so another's is altered."""
    own, another = secret_of(caller, operation), secret_of(owner, operation)
    return {
        "job_id": draw(st.sampled_from(owner.ids)),
        "number": draw(st.sampled_from([0, 1])),
        "username": draw(st.sampled_from([owner.address, owner.sub])),
        "address": owner.address,
        "token": draw(st.sampled_from([own, own.swapcase(), another[:-1]])),
        "campaign_id": draw(st.sampled_from(owner.campaigns)),
        "run_id": draw(st.sampled_from(owner.runs)),
    }


def nobodys(owner: Somebody, draw: Any) -> dict[str, str]:
    """What looks as if it were somebody's and belongs to nobody."""
    digits = draw(st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=8, max_size=8))
    address = f"{digits}@afterimage.example"
    return {
        "job_id": owner.ids[0][:-8] + digits,
        "number": draw(st.sampled_from([0, 3])),
        "username": draw(st.sampled_from([address, f"client:{digits}", owner.sub[:-8] + digits])),
        "address": draw(st.sampled_from([address, owner.address.swapcase(), f"+{owner.address}"])),
        "token": owner.link[:-8] + digits,
        "campaign_id": owner.campaigns[0][:-8] + digits,
        "run_id": owner.runs[0][:-8] + digits,
    }


def has_room(operation: Any) -> bool:
    """Whether a request of this kind says anything but its route."""
    return bool(list(operation.body) or [p for where in (operation.path_parameters, operation.query) for p in where])


def can_be_wrong(operation: Any) -> bool:
    """Whether the description leaves out anything that could be sent: a free text in a path is never wrong."""
    bounds = {"enum", "format", "maxLength", "minLength", "pattern"}
    bounded = [bounds & parameter.definition["schema"].keys() for parameter in operation.path_parameters]
    return bool(list(operation.body) or list(operation.query) or any(bounded))


def generate(calls: Calls, mode: GenerationMode, examples: int) -> None:
    """Send so many requests as each caller, who has a run of their own: what cannot be drawn is nobody's loss then."""
    for number, caller in enumerate(calls.people.all):
        generate_for(caller, calls, mode, examples, CALLERS * int(SEED or 0) + number)


def generate_for(caller: Somebody, calls: Calls, mode: GenerationMode, examples: int, seeded: int) -> None:
    """What fits the description is an admin's to ask, and nobody else's."""
    cases = calls.operation.as_strategy(generation_mode=mode)

    @seed(seeded)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def send(data: st.DataObject) -> None:
        case = reaching(data.draw(cases), caller, calls.people, data.draw)
        reply = calls.send(case, caller)
        if mode is GenerationMode.POSITIVE and calls.for_admins and not caller.admin and calls.reached(reply):
            assert (reply.status, json.loads(reply.text)["code"]) == (403, "admin_only"), (case.body, reply.text)

    send()


def test_every_operation_that_is_described_is_called() -> None:
    assert {operation.label for operation in OPERATIONS} == DESCRIBED
    assert SHARE * CALLERS * len(OPERATIONS) >= REQUESTS


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.label for operation in OPERATIONS])
def test_generated_requests_of_two_people_and_an_admin(operation: Any, people: People) -> None:
    calls = Calls(operation, people)
    for caller in people.all:
        reply = calls.send(plain(operation, caller, people), caller)
        assert reply.status == 403 if calls.for_admins and not caller.admin else reply.status < 400, reply.text
    rest = SHARE - 1
    if not has_room(operation):
        for caller in people.all * rest:
            calls.send(plain(operation, caller, people), caller)
    elif can_be_wrong(operation):
        generate(calls, GenerationMode.POSITIVE, math.ceil(rest / 2))
        generate(calls, GenerationMode.NEGATIVE, rest // 2)
    else:
        generate(calls, GenerationMode.POSITIVE, rest)
    assert calls.sent >= SHARE * CALLERS, "fewer requests than were asked for"
    # Some of what is generated is another route's, or none; half of it at least has to be this one's.
    assert min(answers.total() for answers in calls.answers.values()) >= SHARE / 2, calls.answers


def test_a_picture_is_begun_from_by_whoever_sent_it_and_by_nobody_else(api: Gateway, residents: People) -> None:
    for caller in residents.all:
        for owner in residents.all:
            body = {"prompt": "a lighthouse at dusk", "input": {"upload": owner.upload}, "dry_run": True}
            headers = {"authorization": caller.name, "content-type": "application/json"}
            reply = api.request("POST", "/v1/images", headers=headers, body=json.dumps(body).encode())
            assert reply.status == (200 if caller is owner else 404), reply.text
            assert_unseen(reply, owner.secrets if caller is not owner else set(), owner.upload)
