"""The door for signed-in callers, through `handle`. Every answer is held against openapi.json by `fakes.http`."""

from __future__ import annotations

import dataclasses
import functools
from datetime import datetime
from typing import Any

import pytest
from afterimage.contracts.progress import GenerationProgress
from afterimage.domain.errors import StoreUnavailableError, WorkflowUnavailableError
from afterimage.domain.holds import Ruling, Stage, decision_of
from afterimage.domain.job import Failure, JobWarning, Notice
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.presets import presets
from afterimage.domain.quotas import UNLIMITED, Quota
from afterimage.domain.status import JobStatus
from afterimage.domain.verdicts import Action, Decision, Replaced
from afterimage.handlers import requests_api
from afterimage.usecases.create_request import Door
from fakes.http import MACHINE, PERSON, STRANGER, Answer, News, a_presigning_gallery, an_event, answer
from fakes.outside import NOW_MS, Dice, FakePeople, FakeUploads, FakeWorkflow, Ticker
from fakes.samples import ADDRESS, DAY_S, PRICES, a_held_job, a_job, job_id, pictures
from fakes.stores import MemoryAccountStore, MemoryJobStore

GALLERY = a_presigning_gallery()
PROMPT = {"prompt": "a lighthouse at dusk"}


class Api:
    """The door, opened."""

    def __init__(self) -> None:
        self.jobs = MemoryJobStore()
        self.accounts = MemoryAccountStore(self.jobs)
        self.workflow = FakeWorkflow()
        self.people = FakePeople(ada=ADDRESS, bob="bob@example.com")
        self.is_open = True
        self.progress = News()
        self.quotas = UNLIMITED
        door = Door(
            jobs=self.jobs,
            workflow=self.workflow,
            people=self.people,
            profile=model_profiles()["sd15"],
            admission_is_open=lambda: self.is_open,
            quotas=lambda: self.quotas,
            accounts=self.accounts,
            job_ttl_s=90 * DAY_S,
            clock=Ticker(),
            entropy=Dice(),
            uploads=FakeUploads(up1="tag-of-it"),
        )
        self.deps = requests_api.Dependencies(
            door=door,
            prices=PRICES,
            gallery=GALLERY,
            progress=self.progress,  # type: ignore[arg-type]
        )

    def call(self, method: str, path: str, **arguments: Any) -> Answer:
        return answer(functools.partial(requests_api.handle, deps=self.deps), an_event(method, path, **arguments))

    def post(self, body: Any = PROMPT, *, key: str | None = None, **arguments: Any) -> Answer:
        headers = {"Idempotency-Key": key or ""} | arguments.pop("headers", {})
        return self.call("POST", "/v1/images", body=body, headers=headers, **arguments)

    def refused(self, body: Any, **arguments: Any) -> Any:
        """Post what must be refused, see that nothing was recorded or started, and return the problem."""
        found = self.post(body, **arguments)
        assert found.status >= 400, found
        assert (self.jobs.records, self.jobs.claims, self.workflow.started) == ({}, {}, [])
        return found


@pytest.fixture
def api() -> Api:
    return Api()


# ── Creating ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_is_accepted_with_its_place(api: Api) -> None:
    found = api.post()
    assert found.status == 202
    assert found.headers["location"] == f"/v1/images/{found.body['id']}"
    assert found.headers["idempotency-replayed"] == "false"
    assert (found.body["status"], found.body["prompt"]) == ("QUEUED", PROMPT["prompt"])
    assert api.workflow.started == [found.body["id"]]
    assert found.body["links"]["self"] == found.headers["location"]


def test_the_same_key_and_body_give_the_same_request(api: Api) -> None:
    first, second = api.post(key="k"), api.post(key="k")
    assert (first.status, second.status) == (202, 202)
    assert second.headers["idempotency-replayed"] == "true"
    assert second.body["id"] == first.body["id"]
    assert len(api.jobs.records) == 1


def test_the_same_body_written_differently_is_the_same_request(api: Api) -> None:
    first = api.post('{"prompt": "a cat", "count": 1}', key="k")
    assert api.post('{"count":1,"prompt":"a \\u0063at"}', key="k").body["id"] == first.body["id"]


def test_the_same_key_with_another_body_is_a_conflict(api: Api) -> None:
    api.post(key="k")
    found = api.post({"prompt": "something else"}, key="k")
    assert (found.status, found.body["code"]) == (409, "idempotency_key_reused")
    assert len(api.jobs.records) == 1


def test_a_key_belongs_to_its_owner(api: Api) -> None:
    assert api.post(key="k").body["id"] != api.post(key="k", claims=STRANGER).body["id"]


@pytest.mark.parametrize("key", ["k" * 256])
def test_a_key_that_is_too_long_is_refused_by_name(api: Api, key: str) -> None:
    found = api.refused(PROMPT, key=key)
    assert (found.status, found.body["code"]) == (422, "invalid_request")
    assert "idempotency" in found.body["errors"][0]["field"].lower()


@pytest.mark.parametrize(
    "body",
    ["{", " ", "nonsense", "{'prompt': 'x'}", '{"prompt": "x",}', '{"prompt": "x"} x', "[" * 100_000, "1" * 5000],
)
def test_broken_json_is_a_400(api: Api, body: str) -> None:
    found = api.refused(body)
    assert (found.status, found.body["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("body", ["null", "[]", "7", '"text"', "[[]]"])
def test_json_that_is_no_object_is_refused(api: Api, body: str) -> None:
    assert api.refused(body).status == 422


def test_no_body_at_all_is_refused(api: Api) -> None:
    for body in (None, ""):
        found = api.call("POST", "/v1/images", body=body)
        assert (found.status, found.body["code"]) == (422, "invalid_request")
        assert [error["field"] for error in found.body["errors"]] == ["body"]
    assert api.jobs.records == {}


@pytest.mark.parametrize("content_type", ["", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_taken_under_any_name_of_json_or_none(api: Api, content_type: str) -> None:
    assert api.post(headers={"content-type": content_type}).status == 202


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data", "image/png", "x", "application/jsonp"]
)
def test_another_content_type_is_refused(api: Api, content_type: str) -> None:
    found = api.refused(PROMPT, headers={"content-type": content_type})
    assert (found.status, found.body["code"]) == (415, "unsupported_media_type")


def test_a_form_is_not_json(api: Api) -> None:
    found = api.refused("prompt=a+cat", headers={"content-type": "application/x-www-form-urlencoded"})
    assert (found.status, found.body["code"]) == (415, "unsupported_media_type")


def test_a_base64_encoded_body_is_decoded(api: Api) -> None:
    found = api.post({"prompt": "灯台 🌋"}, base64_encoded=True)
    assert (found.status, found.body["prompt"]) == (202, "灯台 🌋")


def test_a_base64_encoded_body_that_is_no_text_is_a_400(api: Api) -> None:
    event = an_event("POST", "/v1/images", body="x")
    for body in ("/////w==", "not base64!"):
        event |= {"body": body, "isBase64Encoded": True}
        found = answer(functools.partial(requests_api.handle, deps=api.deps), event)
        assert (found.status, found.body["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("prompt", [7, 7.5, True, None, [], ["a cat"], {"text": "a cat"}])
def test_a_prompt_that_is_no_text_is_refused_by_name(api: Api, prompt: object) -> None:
    found = api.refused({"prompt": prompt})
    assert (found.status, found.body["code"]) == (422, "invalid_request")
    assert [error["field"] for error in found.body["errors"]] == ["body.prompt"]


def test_a_missing_prompt_is_refused_by_name(api: Api) -> None:
    found = api.refused({"count": 2})
    assert [error["field"] for error in found.body["errors"]] == ["body.prompt"]


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        ("", "invalid_request"),
        ("   ", "prompt_empty"),
        ("\n\t\u3000", "prompt_empty"),
        ("x" * 1001, "invalid_request"),
        ("x" * 5000, "invalid_request"),
        ("a\u0000b", "prompt_not_text"),
        ("a\u001b[2Jb", "prompt_not_text"),
        ("a\u0007", "prompt_not_text"),
    ],
)
def test_a_prompt_out_of_bounds_is_refused_with_a_code(api: Api, prompt: str, code: str) -> None:
    found = api.refused({"prompt": prompt})
    assert (found.status, found.body["code"]) == (422, code)


def test_half_a_character_is_refused(api: Api) -> None:
    assert api.refused('{"prompt": "a \\ud83d cat"}').status in (400, 422)


@pytest.mark.parametrize(
    "prompt",
    [
        "x" * 1000,
        "🌋🗼 at dusk",
        "منارة عند الغروب",
        "מגדלור 🌊",
        "e\u0301tude",
        "<b>&amp;</b>",
        "'; DROP TABLE--",
        "{prompt}",
    ],
)
def test_any_text_within_the_bounds_is_accepted_and_given_back(api: Api, prompt: str) -> None:
    found = api.post({"prompt": prompt})
    assert (found.status, found.body["prompt"]) == (202, prompt)


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"count": 0}, "body.count", "invalid_request"),
        ({"count": 5}, "body.count", "invalid_request"),
        ({"count": "2"}, "body.count", "invalid_request"),
        ({"count": 1.5}, "body.count", "invalid_request"),
        ({"count": True}, "body.count", "invalid_request"),
        ({"count": None}, "body.count", "invalid_request"),
        ({"count": 10**30}, "body.count", "invalid_request"),
        ({"width": 4, "height": 512}, "body.width", "invalid_request"),
        ({"width": 512, "height": 5000}, "body.height", "invalid_request"),
        ({"width": "512", "height": 512}, "body.width", "invalid_request"),
        ({"width": 512}, None, "size_incomplete"),
        ({"width": 513, "height": 512}, None, "size_out_of_bounds"),
        ({"width": 1024, "height": 1024}, None, "size_out_of_bounds"),
        ({"steps": 0}, "body.steps", "invalid_request"),
        ({"steps": 101}, None, "steps_out_of_bounds"),
        ({"steps": 1001}, "body.steps", "invalid_request"),
        ({"guidance": -1}, "body.guidance", "invalid_request"),
        ({"guidance": 31}, None, "guidance_out_of_bounds"),
        ({"guidance": "7"}, "body.guidance", "invalid_request"),
        ({"guidance": float("nan")}, "body.guidance", "invalid_request"),
        ({"guidance": float("inf")}, "body.guidance", "invalid_request"),
        ({"seed": -1}, "body.seed", "invalid_request"),
        ({"seed": 2**32}, "body.seed", "invalid_request"),
        ({"negative_prompt": 5}, "body.negative_prompt", "invalid_request"),
        ({"negative_prompt": "x" * 1001}, "body.negative_prompt", "invalid_request"),
        ({"preset": "no-such-style"}, None, "unknown_preset"),
        ({"preset": ""}, None, "unknown_preset"),
        ({"preset": 5}, "body.preset", "invalid_request"),
        ({"scheduler": "x" * 65}, "body.scheduler", "invalid_request"),
        ({"notify": {"email": 5}}, "body.notify.email", "invalid_request"),
        ({"notify": "ada@example.com"}, "body.notify", "invalid_request"),
        ({"notify": {"email": "nobody"}}, None, "invalid_address"),
        ({"notify": {"email": "a@example.com\r\nBcc: b@example.com"}}, None, "invalid_address"),
        ({"notify": {"sms": "1"}}, "body.notify.sms", "invalid_request"),
        ({"unknown": 1}, "body.unknown", "invalid_request"),
        ({"owner": "user#bob"}, "body.owner", "invalid_request"),
        ({"recipient": "bob@example.com"}, "body.recipient", "invalid_request"),
    ],
)
def test_a_field_out_of_bounds_is_refused_with_a_code_and_its_name(
    api: Api, fields: dict[str, Any], field: str | None, code: str
) -> None:
    found = api.refused(PROMPT | fields)
    assert (found.status, found.body["code"]) == (422, code)
    assert [error["field"] for error in found.body.get("errors", [])] == ([field] if field else [])


def test_every_wrong_field_is_named_at_once(api: Api) -> None:
    found = api.refused({"prompt": 1, "count": 9, "surprise": 2})
    assert {error["field"] for error in found.body["errors"]} == {"body.prompt", "body.count", "body.surprise"}


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": ["secret-words"]},
        {"prompt": "secret-words" * 400},
        {"prompt": "secret-words\u0000"},
        {"prompt": "x", "preset": "secret-words"},
        {"prompt": "x", "negative_prompt": {"secret-words": 1}},
        {"prompt": "x", "count": "secret-words"},
        {"prompt": "x", "notify": {"email": "secret-words"}},
        {"prompt": "x", "notify": {"email": "secret-words@example.com"}},
        '{"prompt": "secret-words',
    ],
)
def test_no_refusal_repeats_a_value(api: Api, body: Any) -> None:
    assert "secret-words" not in api.refused(body).text


def test_what_the_bounds_permit_is_accepted_as_asked(api: Api) -> None:
    asked = {
        "prompt": "a cat",
        "negative_prompt": "rain",
        "count": 4,
        "seed": 2**32 - 2,
        "width": 768,
        "height": 512,
        "steps": 100,
        "guidance": 30,
        "scheduler": "DDIMScheduler",
        "notify": {"email": ADDRESS},
    }
    view = api.post(asked).body
    for name in ("prompt", "negative_prompt", "width", "height", "steps", "guidance", "scheduler"):
        assert view[name] == asked[name]
    assert view["seeds"] == [2**32 - 2, 2**32 - 1, 0, 1]


def test_a_preset_is_shown_with_what_it_made_of_the_prompt(api: Api) -> None:
    view = api.post({"prompt": "a cat", "preset": "movie-poster"}).body
    assert (view["prompt"], view["preset"]) == ("a cat", "movie-poster")
    assert view["model_prompt"] == presets()["movie-poster"].framed("a cat")


def test_an_id_token_is_refused(api: Api) -> None:
    found = api.refused(PROMPT, claims={"sub": "ada", "token_use": "id", "cognito:username": "ada", "email": ADDRESS})
    assert (found.status, found.body["code"]) == (401, "access_token_needed")


def test_a_token_of_no_known_use_is_refused(api: Api) -> None:
    for claims in ({}, {"sub": "ada"}, {"sub": "ada", "token_use": "refresh"}):
        assert api.refused(PROMPT, claims=claims).body["code"] == "access_token_needed"


def test_a_machine_without_a_recipient_is_refused(api: Api) -> None:
    found = api.refused(PROMPT, claims=MACHINE)
    assert (found.status, found.body["code"]) == (403, "recipient_not_permitted")


def test_a_machine_may_not_name_just_anybody(api: Api) -> None:
    found = api.refused(PROMPT | {"notify": {"email": "somebody@example.org"}}, claims=MACHINE)
    assert (found.status, found.body["code"]) == (403, "recipient_not_permitted")
    trusted = MACHINE | {"scope": "afterimage/images afterimage/mail:any"}
    assert api.post(PROMPT | {"notify": {"email": "somebody@example.org"}}, claims=trusted).status == 202


def test_a_person_without_a_confirmed_address_is_refused(api: Api) -> None:
    api.people.addresses.clear()
    assert api.refused(PROMPT).body["code"] == "recipient_not_permitted"


def test_a_closed_admission_says_when_to_come_back(api: Api) -> None:
    api.is_open = False
    found = api.refused(PROMPT)
    assert (found.status, found.body["code"]) == (503, "admission_closed")
    assert int(found.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("bound", "code", "wait_s"),
    [
        ("monthly_pictures", "monthly_quota_reached", 1_083_200),
        ("daily_pictures", "daily_cap_reached", 46_400),
        ("concurrent_jobs", "too_many_open_requests", 60),
    ],
)
def test_a_quota_that_is_used_up_says_when_it_is_new(api: Api, bound: str, code: str, wait_s: int) -> None:
    api.quotas = dataclasses.replace(UNLIMITED, **{bound: 0})
    found = api.refused(PROMPT)
    assert (found.status, found.body["code"]) == (429, code)
    assert found.headers["content-type"] == "application/problem+json"
    assert int(found.headers["retry-after"]) == wait_s


def test_a_store_that_is_down_says_when_to_come_back(api: Api) -> None:
    api.jobs.fail_next("create", StoreUnavailableError())
    found = api.refused(PROMPT)
    assert (found.status, found.body["code"]) == (503, "temporarily_unavailable")
    assert int(found.headers["retry-after"]) > 0


def test_a_defect_is_a_500_that_tells_nothing(api: Api) -> None:
    api.jobs.fail_next("create", RuntimeError("secret of the SDK"))
    found = api.refused(PROMPT)
    assert (found.status, found.body["code"]) == (500, "internal_error")
    assert "secret" not in found.text


def test_a_request_that_cannot_be_started_now_is_accepted(api: Api) -> None:
    api.workflow.fail_next("start", WorkflowUnavailableError())
    assert (api.post(key="k").status, api.workflow.started) == (202, [])
    again = api.post(key="k")
    assert api.workflow.started == [again.body["id"]]


# ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_delivered_request_is_shown_with_everything(api: Api) -> None:
    job = a_job(
        JobStatus.SUCCEEDED,
        pictures=pictures(),
        decisions=(
            Decision(
                stage="prompt",
                action=Action.SOFTEN,
                policy_version="1",
                at_ms=NOW_MS,
                scores={"x": 0.9},
                replaced=(Replaced(found="Bloody", put="dramatic"),),
            ),
            Decision(stage="picture", action=Action.ALLOW, policy_version="1", at_ms=NOW_MS),
        ),
        warnings=(JobWarning(code="prompt_cut", message="Cut.", detail="at dusk"),),
        notice=Notice(state="sent", at_ms=NOW_MS),
    )
    api.jobs.records[job.job_id] = job
    found = api.call("GET", f"/v1/images/{job.job_id}")
    assert (found.status, found.headers["cache-control"]) == (200, "no-store")
    view = found.body
    assert (view["status"], view["notice"]["state"]) == ("SUCCEEDED", "sent")
    assert [image["seed"] for image in view["images"]] == [7, 8]
    assert [verdict["action"] for verdict in view["verdicts"]] == ["soften", "allow"]
    assert view["verdicts"][0]["replaced"] == [{"found": "Bloody", "put": "dramatic"}]
    assert view["warnings"][0]["detail"] == "at dusk"
    assert "X-Amz-Expires=300" in view["images"][0]["url"]
    assert pictures()[0].thumbnail_key in view["images"][0]["thumbnail_url"]


def test_scores_keys_tokens_and_addresses_are_not_shown(api: Api) -> None:
    decision = Decision(
        stage="prompt",
        action=Action.ALLOW,
        policy_version="1",
        at_ms=NOW_MS,
        scores={"comprehend.sexual": 0.875},
        threshold=0.9375,
        layers=("policy", "comprehend"),
        not_judged_by=("guardrail",),
    )
    api.jobs.records[job_id(1)] = a_job(JobStatus.DELIVERING, decisions=(decision,))
    text = api.call("GET", f"/v1/images/{job_id(1)}").text
    for hidden in ("0.875", "0.9375", "comprehend", "guardrail", ADDRESS, "user#ada", "9" * 32):
        assert hidden not in text


@pytest.mark.parametrize("status", list(JobStatus))
def test_every_status_can_be_shown(api: Api, status: JobStatus) -> None:
    api.jobs.records[job_id(1)] = a_job(status, failure=Failure(code="timed_out", sentence="Too long."))
    assert api.call("GET", f"/v1/images/{job_id(1)}").body["status"] == status


def test_anothers_request_looks_exactly_like_none(api: Api) -> None:
    api.jobs.records[job_id(1)] = a_job()
    theirs = api.call("GET", f"/v1/images/{job_id(1)}", claims=STRANGER)
    none = api.call("GET", f"/v1/images/{job_id(2)}", claims=STRANGER)
    assert (theirs.status, theirs.body["code"]) == (404, "job_not_found")
    assert (theirs.text, theirs.headers) == (none.text, none.headers)


def test_a_machine_named_as_a_person_is_not_that_person(api: Api) -> None:
    api.jobs.records[job_id(1)] = a_job()
    impostor = MACHINE | {"sub": "ada", "client_id": "ada"}
    assert api.call("GET", f"/v1/images/{job_id(1)}", claims=impostor).status == 404


@pytest.mark.parametrize("text", ["x", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "u" * 26, "a.b", "-", "%00", "0" * 64])
def test_a_malformed_id_is_a_404(api: Api, text: str) -> None:
    found = api.call("GET", f"/v1/images/{text}")
    assert (found.status, found.body["code"]) == (404, "job_not_found")


def test_an_id_token_reads_nothing(api: Api) -> None:
    api.jobs.records[job_id(1)] = a_job()
    for path in (f"/v1/images/{job_id(1)}", "/v1/images"):
        found = api.call("GET", path, claims=PERSON | {"token_use": "id"})
        assert (found.status, found.body["code"]) == (401, "access_token_needed")


def test_the_list_is_paged_by_cursor_newest_first(api: Api) -> None:
    for n in range(5):
        api.jobs.records[job_id(n, NOW_MS + n)] = a_job(job_id=job_id(n, NOW_MS + n))
    seen: list[str] = []
    query = {"limit": "2"}
    for size in (2, 2, 1):
        page = api.call("GET", "/v1/images", query=query)
        assert page.headers["cache-control"] == "no-store"
        assert len(page.body["items"]) == size
        seen += [item["id"] for item in page.body["items"]]
        query = {"limit": "2", "cursor": page.body["cursor"]}
    assert page.body["cursor"] is None
    assert seen == [job_id(n, NOW_MS + n) for n in (4, 3, 2, 1, 0)]


def test_the_list_of_somebody_new_is_empty(api: Api) -> None:
    api.jobs.records[job_id(1)] = a_job()
    assert api.call("GET", "/v1/images", claims=STRANGER).body == {"items": [], "cursor": None}


@pytest.mark.parametrize("limit", ["0", "-1", "51", "1e3", "x", "", "1.5"])
def test_a_limit_out_of_bounds_is_refused_by_name(api: Api, limit: str) -> None:
    found = api.call("GET", "/v1/images", query={"limit": limit})
    assert (found.status, found.body["code"]) == (422, "invalid_request")
    assert [error["field"] for error in found.body["errors"]] == ["query.limit"]


@pytest.mark.parametrize("limit", ["1", "50"])
def test_the_bounds_of_the_limit_are_permitted(api: Api, limit: str) -> None:
    assert api.call("GET", "/v1/images", query={"limit": limit}).status == 200


@pytest.mark.parametrize(
    ("cursor", "code"), [("x", "invalid_cursor"), ("u" * 26, "invalid_cursor"), ("0" * 65, "invalid_request")]
)
def test_a_bad_cursor_is_refused(api: Api, cursor: str, code: str) -> None:
    found = api.call("GET", "/v1/images", query={"cursor": cursor})
    assert (found.status, found.body["code"]) == (422, code)


def test_every_preset_is_listed(api: Api) -> None:
    found = api.call("GET", "/v1/presets")
    assert found.status == 200
    assert [item["name"] for item in found.body["items"]] == list(presets())
    poster = next(item for item in found.body["items"] if item["name"] == "movie-poster")
    assert (poster["aspect"], "{prompt}" in poster["frame"]) == ("2:3", True)


@pytest.mark.parametrize(("method", "path"), [("GET", "/v2/images"), ("PUT", "/v1/images"), ("GET", "/")])
def test_no_route_is_a_404_of_its_own(api: Api, method: str, path: str) -> None:
    found = api.call(method, path)
    assert (found.status, found.body["code"]) == (404, "route_not_found")


def test_one_callers_dependencies_never_answer_another_call(api: Api) -> None:
    """The resolver is a global: what is appended to its context must not outlive the call."""
    other = Api()
    other.jobs.records[job_id(1)] = a_job()
    assert other.call("GET", f"/v1/images/{job_id(1)}").status == 200
    assert api.call("GET", f"/v1/images/{job_id(1)}").status == 404


# ── Pricing, and one's own account ─────────────────────────────────────────────────────────────────────────────────


def test_a_dry_run_answers_an_estimate_and_records_nothing(api: Api) -> None:
    api.quotas = dataclasses.replace(UNLIMITED, monthly_pictures=10)
    found = api.post(PROMPT | {"dry_run": True, "count": 2}, key="a-key")
    assert found.status == 200
    assert found.headers["cache-control"] == "no-store"
    assert (found.body["dry_run"], found.body["pictures"], found.body["would_be_accepted"]) == (True, 2, True)
    assert found.body["estimated_seconds"] == 5.0
    dollars = found.body["estimated_dollars"]
    assert dollars["total"] == pytest.approx(dollars["model"] + dollars["services"])
    assert found.body["moderation"]["action"] == "allow"
    assert [warning["code"] for warning in found.body["warnings"]] == ["idempotency_key_ignored"]
    assert found.body["left_after"] == {"monthly_pictures": 8, "open_requests": None, "daily_pictures": None}
    assert (api.jobs.records, api.jobs.claims, api.workflow.started) == ({}, {}, [])
    assert api.post(PROMPT | {"count": 2}, key="a-key").headers["idempotency-replayed"] == "false"


def test_a_dry_run_of_what_is_wrong_is_refused_like_the_request(api: Api) -> None:
    assert api.refused({"prompt": " ", "dry_run": True}).body["code"] == "prompt_empty"
    assert api.refused(PROMPT | {"dry_run": "yes"}).status == 422


@pytest.mark.parametrize(("claims", "kind"), [(PERSON, "person"), (MACHINE, "program")])
def test_me_says_what_is_left(api: Api, claims: dict[str, str], kind: str) -> None:
    api.quotas = dataclasses.replace(UNLIMITED, monthly_pictures=3, concurrent_jobs=1)
    api.post(PROMPT | {"count": 2, "notify": {"email": ADDRESS}}, claims=claims | {"scope": "afterimage/mail:any"})
    body = api.call("GET", "/v1/me", claims=claims).body
    assert (body["kind"], body["admin"], body["month"]) == (kind, False, "2026-11")
    assert body["renews_at"].startswith("2026-12-01T00:00:00")
    assert body["quota"] == {"monthly_pictures": 3, "concurrent_jobs": 1, "campaign_rows": None}
    assert body["used"] == {"monthly_pictures": 2, "open_requests": 1}
    assert body["left"] == {"monthly_pictures": 1, "open_requests": 0, "daily_pictures": None}


@pytest.mark.parametrize(
    ("claim", "admin"),
    [("[admin]", True), ("[other admin]", True), (["admin"], True), ("[administrators]", False), ("", False)],
)
def test_an_admin_is_one_by_the_group_in_the_token_however_it_is_handed_over(api: Api, claim: Any, admin: bool) -> None:
    assert api.call("GET", "/v1/me", claims=PERSON | {"cognito:groups": claim}).body["admin"] is admin


def test_somebody_who_was_disabled_is_refused_everywhere(api: Api) -> None:
    job_id = api.post().body["id"]
    api.accounts.set_disabled("user#ada", True)
    calls = [("GET", "/v1/images"), ("GET", f"/v1/images/{job_id}"), ("GET", "/v1/me")]
    for found in [api.post(), *(api.call(*call) for call in calls), api.post(PROMPT | {"dry_run": True})]:
        assert (found.status, found.body["code"]) == (403, "account_disabled")
    assert len(api.jobs.records) == 1
    api.accounts.set_disabled("user#ada", False)
    assert api.call("GET", "/v1/me").status == 200


def test_an_override_holds_from_the_next_request_on(api: Api) -> None:
    api.accounts.set_override("user#ada", Quota(monthly_pictures=1, concurrent_jobs=None, campaign_rows=None))
    assert api.post().status == 202
    assert api.post().body["code"] == "monthly_quota_reached"
    api.accounts.set_override("user#ada", None)
    assert api.post().status == 202


def told(api: Api, at: str, status: JobStatus = JobStatus.GENERATING) -> Any:
    job = a_job(status)
    api.jobs.create(job, None)
    api.progress.written[job.job_id] = GenerationProgress(step=12, steps=60, picture=0, pictures=2, at=at)
    return api.call("GET", f"/v1/images/{job.job_id}").body["progress"]


def test_a_request_in_the_making_tells_how_far_it_is(api: Api) -> None:
    assert told(api, "2099-01-01T00:00:00.000+00:00") == {"step": 12, "steps": 60, "picture": 0, "pictures": 2}


@pytest.mark.parametrize("at", ["2020-01-01T00:00:00.000+00:00", "2099-01-01T00:00:00", "soon"])
def test_what_an_earlier_attempt_wrote_or_nobody_can_date_is_no_news(api: Api, at: str) -> None:
    assert told(api, at) is None


def test_a_request_that_is_not_in_the_making_has_no_progress(api: Api) -> None:
    assert told(api, "2099-01-01T00:00:00.000+00:00", JobStatus.REVIEWING) is None


def test_a_request_from_a_picture_shows_what_it_is_and_no_link_to_it(api: Api) -> None:
    found = api.post({"prompt": "a boat", "input": {"upload": "up1"}, "strength": 0.4, "adapter": "ink"})
    assert found.status == 202
    assert found.body["input"] == {"upload": "up1", "content_type": "image/png", "size_bytes": 1000}
    assert (found.body["strength"], found.body["adapter"]) == (0.4, "ink")
    assert "uploads/" not in found.text
    assert "tag-of-it" not in found.text


def test_anothers_picture_does_not_exist(api: Api) -> None:
    body = {"prompt": "a boat", "input": {"upload": "up1"}}
    for dry_run in (False, True):
        found = api.call("POST", "/v1/images", body=body | {"dry_run": dry_run}, claims=STRANGER)
        assert (found.status, found.body["code"]) == (404, "upload_not_found")
    assert api.jobs.records == {}


@pytest.mark.parametrize("wrong", [{}, {"upload": ""}, {"upload": "up1", "key": "jobs/x"}, "up1", {"upload": None}])
def test_an_input_of_another_shape_is_refused(api: Api, wrong: Any) -> None:
    found = api.post({"prompt": "a boat", "input": wrong})
    assert found.status == (404 if wrong == {"upload": ""} else 422)


def test_a_dry_run_prices_the_steps_that_are_made(api: Api) -> None:
    whole, part = (
        api.post({"prompt": "a boat", "steps": 30, "dry_run": True} | more).body["estimated_seconds"]
        for more in ({}, {"input": {"upload": "up1"}, "strength": 0.5})
    )
    assert part == whole / 2


# ── What waits for a person ────────────────────────────────────────────────────────────────────────────────────────


def test_the_owner_of_a_held_request_sees_why_and_until_when_and_no_score(api: Api) -> None:
    job = a_held_job(recipient=None)
    api.jobs.records[job.job_id] = job
    found = api.call("GET", f"/v1/images/{job.job_id}")
    assert found.body["status"] == "HELD"
    assert found.body["held"]["stage"] == "prompt"
    since, until = (datetime.fromisoformat(found.body["held"][name]) for name in ("since", "until"))
    assert (until - since).days == 2
    assert (found.body["verdicts"][0]["categories"], found.body["verdicts"][0]["action"]) == (["ducks"], "hold")
    for secret in ("score", "threshold", "0.9", "ducks-1"):
        assert secret not in found.text


def test_the_owner_reads_what_a_person_wrote_and_not_who_it_was(api: Api) -> None:
    held = a_held_job()
    person = decision_of(held, Stage.PROMPT, Ruling.REFUSE, "user#grace", "No ducks.", NOW_MS)
    api.jobs.records[held.job_id] = dataclasses.replace(
        held, status=JobStatus.BLOCKED, decisions=(*held.decisions, person)
    )
    found = api.call("GET", f"/v1/images/{held.job_id}")
    assert found.body["held"] is None
    assert [(verdict["stage"], verdict["note"]) for verdict in found.body["verdicts"]] == [
        ("prompt", None),
        ("person", "No ducks."),
    ]
    assert "grace" not in found.text


# ── Strikes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_strikes_are_told_before_they_close_the_door(api: Api) -> None:
    api.jobs.strikes["user#ada"] = {job_id(n): NOW_MS for n in (91, 92)}
    assert api.call("GET", "/v1/me").body["strikes"] == {"recent": 2, "bound": 3, "cooling_until": None}
    assert api.post().status == 202


def test_who_cools_down_is_told_when_to_come_back(api: Api) -> None:
    api.jobs.strikes["user#ada"] = {job_id(n): NOW_MS for n in (91, 92, 93)}
    found = api.refused(PROMPT)
    assert (found.status, found.body["code"]) == (429, "cooling_down")
    assert 3500 < int(found.headers["retry-after"]) <= 3600
    until = datetime.fromisoformat(api.call("GET", "/v1/me").body["strikes"]["cooling_until"])
    assert until.timestamp() * 1000 == NOW_MS + 3600_000
