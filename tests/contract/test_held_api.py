"""The routes about what waits for a person: who may use them, what they show, what they decide."""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
from typing import Any

import pytest
from afterimage.adapters.s3_quarantine import S3Quarantine
from afterimage.domain.account import Account
from afterimage.domain.errors import InvalidResultError, StoreUnavailableError
from afterimage.domain.holds import HOLD_S, Stage
from afterimage.domain.job import InputPicture, Job, input_key
from afterimage.domain.status import JobStatus
from afterimage.handlers import held_api
from afterimage.ports import JobChanges
from afterimage.usecases.decide_hold import Desk
from afterimage.usecases.look_at_held import MOST_BYTES, Lamp
from afterimage.usecases.resume_on_completion import SUCCEEDED
from fakes.http import MACHINE, PERSON, Answer, an_event, answer
from fakes.outside import NOW_MS, FakeResults, FakeWorkflow, Ticker
from fakes.samples import HOLDING, a_held_job, a_hold, a_job, a_result, an_attempt, job_id
from fakes.stores import MemoryAccountStore, MemoryAttemptStore, MemoryHoldStore, MemoryJobStore

ADMIN = PERSON | {"sub": "root", "username": "root", "cognito:groups": "[admin]"}
HELD = "/v1/admin/held"
ONE = f"{HELD}/{job_id(1)}"
PROMPT, PICTURE = {"stage": "prompt"}, {"stage": "picture"}


class Api:
    """The handler over fakes, with pictures in a quarantine of moto where a test wants some."""

    def __init__(self, *jobs: Job, quarantine: Any = None) -> None:
        self.jobs = MemoryJobStore(*jobs)
        self.holds = MemoryHoldStore(*(a_hold(job) for job in jobs))
        self.workflow, self.accounts = FakeWorkflow("held-token"), MemoryAccountStore(self.jobs)
        self.attempts, self.results = MemoryAttemptStore(), FakeResults()
        lamp = Lamp(
            jobs=self.jobs,
            attempts=self.attempts,
            results=self.results,
            quarantine=quarantine,
            clock=Ticker(),
        )
        desk = Desk(jobs=self.jobs, holds=self.holds, workflow=self.workflow, clock=Ticker())
        self.deps = held_api.Dependencies(accounts=self.accounts, lamp=lamp, desk=desk)

    def __call__(self, method: str, path: str, body: Any = None, claims: Any = ADMIN, **query: str) -> Answer:
        event = an_event(method, path, body=body, claims=claims, query=query)
        return answer(functools.partial(held_api.handle, deps=self.deps), event)


ROUTES = [
    ("GET", HELD, None),
    ("GET", ONE, None),
    ("GET", f"{ONE}/pictures/0", None),
    ("GET", f"{ONE}/input", None),
    ("POST", f"{ONE}/release", PROMPT),
    ("POST", f"{ONE}/refuse", PROMPT),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
@pytest.mark.parametrize(
    ("claims", "code"), [(PERSON, "admin_only"), (MACHINE | {"cognito:groups": "[admin]"}, "admin_only")]
)
def test_nobody_but_an_admin_gets_in(method: str, path: str, body: Any, claims: Any, code: str) -> None:
    api = Api(a_held_job())
    said = api(method, path, body, claims)
    assert (said.status, said.body["code"]) == (403, code)
    assert api.jobs.records[job_id(1)].status is JobStatus.HELD


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_an_admin_who_was_disabled_is_none(method: str, path: str, body: Any) -> None:
    api = Api(a_held_job())
    api.accounts.records["user#root"] = Account(disabled=True)
    said = api(method, path, body)
    assert (said.status, said.body["code"]) == (403, "account_disabled")


def test_the_list_is_paged_longest_waiting_first_and_without_prompts() -> None:
    jobs = [a_held_job(number=n, updated_at_ms=NOW_MS - n) for n in (1, 2, 3)]
    api = Api(*jobs, a_job(JobStatus.GENERATING, number=4))
    first = api("GET", HELD, limit="2")
    assert [item["id"] for item in first.body["items"]] == [job_id(3), job_id(2)]
    second = api("GET", HELD, limit="2", cursor=first.body["cursor"])
    assert [item["id"] for item in second.body["items"]] == [job_id(1)]
    assert second.body["cursor"] is None
    assert jobs[0].spec.prompt not in first.text
    item = first.body["items"][0]
    assert (item["stage"], item["categories"], item["sentence"]) == ("prompt", ["ducks"], HOLDING.sentence)


@pytest.mark.parametrize("cursor", ["x", f"12-{'u' * 26}", f"{job_id(1)}", "9" * 64])
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    said = Api()("GET", HELD, cursor=cursor)
    assert (said.status, said.body["code"]) == (422, "invalid_cursor")


def test_an_admin_sees_the_prompt_and_the_scores_and_until_when_it_waits() -> None:
    job = a_held_job()
    said = Api(job)("GET", ONE).body
    assert (said["prompt"], said["held_pictures"]) == (job.spec.prompt, [])
    assert said["decisions"][0]["scores"] == {"duck": 0.9}
    since, until = (json.dumps(said[name]) for name in ("since", "until"))
    assert since != until
    assert HOLD_S == 172_800


@pytest.mark.parametrize("status", [JobStatus.MODERATING, JobStatus.SUCCEEDED, JobStatus.CANCELLED])
def test_what_does_not_wait_is_neither_shown_nor_decided(status: JobStatus) -> None:
    api = Api(a_job(status))
    for method, path, body in ROUTES[1:]:
        said = api(method, path, body)
        assert (said.status, said.body["code"]) == (409, "not_held"), path


def test_no_such_request_is_not_found() -> None:
    for method, path, body in ROUTES[1:]:
        assert Api()(method, path, body).status == 404, path


@pytest.mark.parametrize(
    ("verb", "other", "status"), [("release", "refuse", "MODERATING"), ("refuse", "release", "BLOCKED")]
)
def test_a_decision_is_answered_and_repeated_and_its_opposite_refused(verb: str, other: str, status: str) -> None:
    api = Api(a_held_job())
    first = api("POST", f"{ONE}/{verb}", PROMPT | {"note": "Seen."})
    assert first.body == {"id": job_id(1), "status": status, "decision": verb}
    assert api("POST", f"{ONE}/{verb}", PROMPT).body == first.body
    said = api("POST", f"{ONE}/{other}", PROMPT)
    assert (said.status, said.body["code"]) == (409, "already_decided")
    assert [output["decision"] for _, output in api.workflow.succeeded] == [verb]
    assert api.jobs.records[job_id(1)].decisions[-1].note == "Seen."


@pytest.mark.parametrize("body", [{"note": ""}, {"note": "x" * 501}, {"note": 7}, {"reason": "x"}])
def test_a_note_has_bounds(body: Any) -> None:
    api = Api(a_held_job())
    assert api("POST", f"{ONE}/refuse", PROMPT | body).status == 422
    assert api.jobs.records[job_id(1)].status is JobStatus.HELD


@pytest.mark.parametrize("verb", ["release", "refuse"])
@pytest.mark.parametrize(
    "body", [None, {}, {"note": "Seen."}, {"stage": "person"}, {"stage": None}, {"stage": 1}], ids=str
)
def test_a_decision_says_what_it_is_about(verb: str, body: Any) -> None:
    api = Api(a_held_job())
    said = api("POST", f"{ONE}/{verb}", body)
    assert (said.status, said.body["code"]) == (422, "invalid_request")
    assert api.jobs.records[job_id(1)].status is JobStatus.HELD


def hold_pictures(api: Api) -> None:
    """Have a released job make its pictures, which wait for a person as well."""
    for status in (JobStatus.GENERATING, JobStatus.REVIEWING):
        api.jobs.advance(job_id(1), status, NOW_MS)
    held = JobChanges(decisions=(dataclasses.replace(HOLDING, stage="picture"),))
    job = api.jobs.advance(job_id(1), JobStatus.HELD, NOW_MS, held)
    api.holds.register(a_hold(job, Stage.PICTURE, task_token="token-of-pictures"))
    api.workflow.waiting.add("token-of-pictures")


def test_a_repeat_about_the_prompt_releases_no_pictures_and_answers_the_same() -> None:
    api = Api(a_held_job())
    first = api("POST", f"{ONE}/release", PROMPT)
    hold_pictures(api)
    again = api("POST", f"{ONE}/release", PROMPT)
    assert (again.status, again.body["decision"]) == (first.status, first.body["decision"])
    late = api("POST", f"{ONE}/refuse", PROMPT)
    assert (late.status, late.body["code"]) == (409, "already_decided")
    assert api.jobs.records[job_id(1)].status is JobStatus.HELD
    assert [token for token, _ in api.workflow.succeeded] == ["held-token"]
    assert api("GET", ONE).body["stage"] == "picture"
    assert api("POST", f"{ONE}/release", PICTURE).body["status"] == "REVIEWING"
    assert [token for token, _ in api.workflow.succeeded] == ["held-token", "token-of-pictures"]


def test_pictures_that_are_not_there_yet_cannot_be_decided() -> None:
    api = Api(a_held_job())
    for verb in ("release", "refuse"):
        said = api("POST", f"{ONE}/{verb}", PICTURE)
        assert (said.status, said.body["code"]) == (409, "not_held")
    assert api.jobs.records[job_id(1)].status is JobStatus.HELD


def with_pictures(s3: Any, bucket: str, **changes: Any) -> Api:
    """Two pictures in quarantine, of which the second is held."""
    held = dataclasses.replace(HOLDING, stage="picture")
    job = a_held_job(Stage.PICTURE, decisions=(dataclasses.replace(held, action="allow"), held))
    api = Api(job, quarantine=S3Quarantine(s3, bucket))
    attempt = an_attempt(job, outcome=SUCCEEDED)
    result = a_result(job, attempt)
    images = tuple(dataclasses.replace(image, **changes) for image in result.images)
    api.attempts.register(attempt)
    api.results.results[attempt.output_location or ""] = dataclasses.replace(result, images=images)
    for image in images:
        for key in (image.key, image.thumbnail_key):
            s3.put_object(Bucket=bucket, Key=key, Body=f"bytes of {key}".encode())
    return api


def test_a_held_picture_comes_in_the_answer(s3: Any, bucket: str) -> None:
    api = with_pictures(s3, bucket)
    assert api("GET", ONE).body["held_pictures"] == [1]
    said = api("GET", f"{ONE}/pictures/1").body
    assert base64.b64decode(said["base64"]).endswith(b"/1.png")
    assert (said["content_type"], said["whole"]) == ("image/png", True)
    assert api("GET", f"{ONE}/pictures/3").status == 404


def test_a_picture_too_large_for_an_answer_is_shown_by_its_thumbnail(s3: Any, bucket: str) -> None:
    said = with_pictures(s3, bucket, size_bytes=MOST_BYTES + 1)("GET", f"{ONE}/pictures/1").body
    assert base64.b64decode(said["base64"]).endswith(b"/1.jpg")
    assert (said["content_type"], said["whole"]) == ("image/jpeg", False)


def test_pictures_of_a_held_prompt_are_not_shown(s3: Any, bucket: str) -> None:
    api = Api(a_held_job(), quarantine=S3Quarantine(s3, bucket))
    said = api("GET", f"{ONE}/pictures/0")
    assert (said.status, said.body["code"]) == (409, "not_held")


def test_a_result_that_names_what_is_not_the_jobs_is_not_followed(s3: Any, bucket: str) -> None:
    for key in ("images/9/0.png", f"quarantine/{job_id(2)}/a/0.png", f"quarantine/{job_id(1)}/../x.png"):
        assert with_pictures(s3, bucket, key=key)("GET", f"{ONE}/pictures/0").status == 500, key


@pytest.mark.parametrize("key", ["quarantine/none.png", "images/9/0.png", "jobs/x.json"])
def test_nothing_but_what_is_in_quarantine_is_read(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key="images/9/0.png", Body=b"x")
    with pytest.raises(InvalidResultError):
        S3Quarantine(s3, bucket).read(key)


def test_a_store_that_does_not_answer_is_asked_again_later() -> None:
    api = Api(a_held_job())
    api.jobs.fail_next("get", StoreUnavailableError())
    said = api("POST", f"{ONE}/release", PROMPT)
    assert (said.status, said.body["code"]) == (503, "temporarily_unavailable")


def test_the_picture_that_a_held_request_begins_from_comes_in_parts(s3: Any, bucket: str) -> None:
    content = bytes(range(256)) * (MOST_BYTES // 256) + b"the rest"
    picture = InputPicture(upload="u", etag="t", size_bytes=len(content), content_type="image/jpeg")
    job = a_held_job()
    job = dataclasses.replace(job, spec=dataclasses.replace(job.spec, input=picture, adapter="ink"))
    s3.put_object(Bucket=bucket, Key=input_key(job.job_id), Body=content)
    api = Api(job, quarantine=S3Quarantine(s3, bucket))
    seen = api("GET", ONE).body
    assert (seen["begins_from_picture"], seen["adapter"]) == (True, "ink")
    first = api("GET", f"{ONE}/input").body
    assert (first["content_type"], first["size_bytes"], first["start"]) == ("image/jpeg", len(content), 0)
    rest = api("GET", f"{ONE}/input", start=str(MOST_BYTES)).body
    assert base64.b64decode(first["base64"]) + base64.b64decode(rest["base64"]) == content
    assert api("GET", f"{ONE}/input", start=str(len(content))).status == 404


def test_a_held_request_without_an_input_picture_has_none_to_show(s3: Any, bucket: str) -> None:
    assert Api(a_held_job(), quarantine=S3Quarantine(s3, bucket))("GET", f"{ONE}/input").status == 404
