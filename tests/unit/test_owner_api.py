"""What an owner may do with what is theirs, through `handle`. Every answer is held against openapi.json."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from afterimage.domain.errors import StoreUnavailableError, WorkflowUnavailableError
from afterimage.domain.status import JobStatus
from afterimage.handlers import owner_api, public_link
from afterimage.usecases.cancel_request import Stopper
from afterimage.usecases.delete_request import Eraser
from afterimage.usecases.share_request import Sharing
from fakes.digest_world import MemoryUnsubscribeStore
from fakes.http import MACHINE, PERSON, STRANGER, Answer, a_presigning_gallery, an_event, answer
from fakes.outside import Dice, FakeErasures, FakeJobObjects, FakeUploads, FakeWorkflow, Ticker
from fakes.samples import a_job, job_id, pictures
from fakes.stores import (
    MemoryAccountStore,
    MemoryAttemptStore,
    MemoryHoldStore,
    MemoryJobStore,
    MemoryLinkStore,
    MemoryOwnerStore,
)

BASE = "https://pictures.example"
JOB = f"/v1/images/{job_id(1)}"
ME = ("DELETE", "/v1/me")
ROUTES = [("POST", f"{JOB}/cancel"), ("DELETE", JOB), ("POST", f"{JOB}/share"), ("DELETE", f"{JOB}/share")]


class Api:
    """The owner's side of one request."""

    def __init__(self, status: JobStatus = JobStatus.SUCCEEDED) -> None:
        self.jobs = MemoryJobStore(a_job(status, pictures=pictures() if status is JobStatus.SUCCEEDED else ()))
        self.links = MemoryLinkStore()
        self.objects = FakeJobObjects()
        self.workflow = FakeWorkflow()
        self.erasures = FakeErasures()
        self.accounts = MemoryAccountStore(self.jobs)
        self.clock = Ticker()
        stopper = Stopper(jobs=self.jobs, objects=self.objects, workflow=self.workflow, clock=self.clock)
        self.deps = owner_api.Dependencies(
            owners=MemoryOwnerStore(self.jobs),
            accounts=self.accounts,
            eraser=Eraser(
                stopper=stopper,
                attempts=MemoryAttemptStore(),
                holds=MemoryHoldStore(),
                links=self.links,
                uploads=FakeUploads(),
                erasures=self.erasures,
            ),
            sharing=Sharing(jobs=self.jobs, links=self.links, link_base=BASE, clock=self.clock, entropy=Dice()),
        )

    def call(self, method: str, path: str, **arguments: Any) -> Answer:
        return answer(functools.partial(owner_api.handle, deps=self.deps), an_event(method, path, **arguments))

    def follow(self, url: str) -> int:
        deps = public_link.Dependencies(
            links=self.links,
            unsubscribes=MemoryUnsubscribeStore(),
            gallery=a_presigning_gallery(),
            clock=self.clock,
        )
        event = an_event("GET", url.removeprefix(BASE), claims=None)
        return answer(functools.partial(public_link.handle, deps=deps), event).status


def test_a_cancelled_request_is_shown_as_it_stands() -> None:
    found = Api(JobStatus.GENERATING).call("POST", f"{JOB}/cancel")
    assert (found.status, found.body["status"], found.body["images"]) == (200, "CANCELLED", [])
    assert found.body["failure"] == {"code": "cancelled", "sentence": "The request was cancelled."}
    assert found.body["notice"]["state"] == "not_wanted"
    assert found.headers["cache-control"] == "no-store"


def test_cancelling_again_answers_the_same() -> None:
    api = Api(JobStatus.GENERATING)
    first, second = (api.call("POST", f"{JOB}/cancel") for _ in range(2))
    assert (second.status, second.body) == (200, first.body)


def test_what_has_its_pictures_cannot_be_cancelled() -> None:
    found = Api().call("POST", f"{JOB}/cancel")
    assert (found.status, found.body["code"]) == (409, "job_closed")


def test_an_erased_request_is_gone() -> None:
    api = Api()
    erased = owner_api.handle(an_event("DELETE", JOB), api.deps)
    assert (erased["statusCode"], erased["body"], api.jobs.records) == (204, "", {})
    again = api.call("DELETE", JOB)
    assert (again.status, again.body["code"]) == (404, "job_not_found")


def test_shared_pictures_open_until_they_are_taken_back() -> None:
    api = Api()
    found = api.call("POST", f"{JOB}/share", body={})
    assert (found.status, [item["picture"] for item in found.body["items"]]) == (201, [0, 1])
    assert found.headers["cache-control"] == "no-store"
    urls = [item["url"] for item in found.body["items"]]
    assert [api.follow(url) for url in urls] == [302, 302]
    assert api.call("DELETE", f"{JOB}/share").status == 204
    assert [api.follow(url) for url in urls] == [404, 404]
    assert api.call("DELETE", f"{JOB}/share").status == 204


def test_no_body_shares_everything_for_a_week() -> None:
    assert len(Api().call("POST", f"{JOB}/share").body["items"]) == 2


def test_one_picture_is_shared_for_as_long_as_asked() -> None:
    (item,) = Api().call("POST", f"{JOB}/share", body={"picture": 1, "days": 2}).body["items"]
    assert item["picture"] == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"picture": 2}, 422, "no_such_picture"),
        ({"picture": -1}, 422, "invalid_request"),
        ({"picture": "0"}, 422, "invalid_request"),
        ({"days": 0}, 422, "invalid_request"),
        ({"days": 10**6}, 422, "invalid_request"),
        ({"surprise": 1}, 422, "invalid_request"),
        ("{", 400, "invalid_json"),
        ("[]", 422, "invalid_request"),
    ],
)
def test_a_wish_out_of_bounds_is_refused_with_a_code(body: Any, status: int, code: str) -> None:
    api = Api()
    found = api.call("POST", f"{JOB}/share", body=body)
    assert (found.status, found.body["code"], api.links.records) == (status, code, {})


def test_what_has_no_pictures_cannot_be_shared() -> None:
    found = Api(JobStatus.GENERATING).call("POST", f"{JOB}/share", body={})
    assert (found.status, found.body["code"]) == (409, "nothing_to_share")


def test_erasing_oneself_begins_at_once_and_may_be_asked_for_again() -> None:
    api = Api()
    for _ in range(2):
        found = api.call(*ME)
        assert (found.status, found.body) == (202, {"status": "erasing"})
    assert api.jobs.erasing == {"user#ada"}
    assert api.erasures.owners == ["user#ada"] * 2


def test_an_erasing_that_could_not_be_started_says_when_to_come_back() -> None:
    api = Api()
    api.erasures.fail_next("erase_owner", WorkflowUnavailableError())
    assert api.call(*ME).status == 503
    assert api.call(*ME).status == 202


@pytest.mark.parametrize(("claims", "owner"), [(PERSON, "user#ada"), (MACHINE, "client#nightly")])
def test_who_is_disabled_shares_nothing(claims: dict[str, str], owner: str) -> None:
    api = Api()
    api.accounts.set_disabled(owner, True)
    found = api.call("POST", f"{JOB}/share", body={}, claims=claims)
    assert (found.status, found.body["code"], api.links.records) == (403, "account_disabled", {})
    api.accounts.set_disabled(owner, False)
    assert api.call("POST", f"{JOB}/share", body={}, claims=claims).status == (201 if claims is PERSON else 404)


@pytest.mark.parametrize(
    ("status", "method", "path", "answered"),
    [
        (JobStatus.GENERATING, "POST", f"{JOB}/cancel", 200),
        (JobStatus.SUCCEEDED, "DELETE", f"{JOB}/share", 204),
        (JobStatus.SUCCEEDED, "DELETE", JOB, 204),
        (JobStatus.SUCCEEDED, *ME, 202),
    ],
)
def test_who_is_disabled_may_still_stop_and_erase_what_is_theirs(
    status: JobStatus, method: str, path: str, answered: int
) -> None:
    api = Api(status)
    api.accounts.set_disabled("user#ada", True)
    assert api.call(method, path).status == answered


@pytest.mark.parametrize("disabled", [False, True])
def test_a_program_cannot_erase_what_is_counted_of_it_and_decided_about_it(disabled: bool) -> None:
    api = Api()
    api.accounts.set_disabled("client#nightly", disabled)
    found = api.call(*ME, claims=MACHINE)
    assert (found.status, found.body["code"]) == (403, "program_erasure")
    assert (api.jobs.erasing, api.erasures.owners) == (set(), [])


@pytest.mark.parametrize("claims", [STRANGER, MACHINE])
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_anothers_request_looks_like_none(method: str, path: str, claims: dict[str, str]) -> None:
    api = Api()
    before = dict(api.jobs.records)
    theirs = api.call(method, path, claims=claims)
    none = api.call(method, path.replace(job_id(1), job_id(9)), claims=claims)
    assert (theirs.status, theirs.body) == (none.status, none.body)
    assert theirs.body["code"] == "job_not_found"
    assert (api.jobs.records, api.links.records, api.objects.keys) == (before, {}, set())


@pytest.mark.parametrize(("method", "path"), [*ROUTES, ME])
def test_an_id_token_is_refused(method: str, path: str) -> None:
    found = Api().call(method, path, claims={"sub": "ada", "token_use": "id"})
    assert (found.status, found.body["code"]) == (401, "access_token_needed")


@pytest.mark.parametrize("name", ["x" * 65, "..%2F..", "%00", "🌋"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_path_that_names_no_job_is_answered_as_declared(method: str, path: str, name: str) -> None:
    found = Api().call(method, path.replace(job_id(1), name))
    assert found.status in (404, 422)


@pytest.mark.parametrize(
    ("where", "method", "error"),
    [("objects", "put_tombstone", StoreUnavailableError()), ("workflow", "stop", WorkflowUnavailableError())],
)
def test_what_may_pass_says_when_to_come_back(where: str, method: str, error: Exception) -> None:
    api = Api(JobStatus.GENERATING)
    getattr(api, where).fail_next(method, error)
    found = api.call("POST", f"{JOB}/cancel")
    assert (found.status, found.body["code"]) == (503, "temporarily_unavailable")
    assert int(found.headers["retry-after"]) > 0
    assert api.call("POST", f"{JOB}/cancel").status == 200
