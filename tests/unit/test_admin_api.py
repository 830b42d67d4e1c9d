"""The admin's routes: who may use them, what they change, and that a change is on record without an address."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from afterimage.contracts.codec import ContractError
from afterimage.domain.account import Account, PeoplePage, Person
from afterimage.domain.errors import InvalidCursorError, StoreUnavailableError
from afterimage.domain.job import Failure, Job, JobId
from afterimage.domain.quotas import Quota, Quotas
from afterimage.domain.status import JobStatus
from afterimage.domain.strikes import StrikeRules
from afterimage.domain.suppression import SuppressionKind, hash_address, suppression_of
from afterimage.handlers import admin_api
from fakes.faults import Faulty, breakable
from fakes.http import MACHINE, PERSON, Answer, an_event, answer
from fakes.outside import NOW_MS, FakeErasures, Ticker
from fakes.samples import ADDRESS, a_job, job_id
from fakes.stores import MemoryAccountStore, MemoryJobStore, MemoryOwnerStore, MemorySuppressionStore

ADMIN = PERSON | {"sub": "root", "username": "root", "cognito:groups": "[admin]"}
GENERAL = Quotas(monthly_pictures=50, concurrent_jobs=5, campaign_rows=10, daily_pictures=None)
OWN = {"monthly_pictures": 7, "concurrent_jobs": None, "campaign_rows": 0}
CANARY = "canary-prompt"


class FakeDirectory:
    """Implements `ports.Directory`."""

    def __init__(self, *names: str) -> None:
        self.people = {name: a_person(name) for name in names}
        self.switched: list[tuple[str, bool]] = []

    def list_people(self, limit: int, cursor: str | None) -> PeoplePage:
        if cursor == "foreign":
            raise InvalidCursorError
        return PeoplePage(people=tuple(self.people.values())[:limit], cursor=None)

    def find_person(self, username: str) -> Person | None:
        return self.people.get(username.split("@")[0])

    def switch(self, username: str, enabled: bool) -> None:
        self.switched.append((username, enabled))


def a_person(name: str) -> Person:
    address = f"{name}@example.com"
    return Person(username=name, sub=name, email=address, enabled=True, status="CONFIRMED", created_at_ms=NOW_MS)


class Parameter:
    """A parameter in memory, for quotas and switch alike."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def read(self) -> Any:
        return self.value

    def write(self, value: Any) -> None:
        self.value = value


class FakeMailService(Faulty):
    """Implements `ports.MailService`."""

    def __init__(self, *addresses: str) -> None:
        super().__init__()
        self.listed = set(addresses)

    @breakable
    def forgive(self, address: str) -> None:
        self.listed.discard(address)


class Api:
    def __init__(self) -> None:
        self.jobs = MemoryJobStore()
        self.accounts = MemoryAccountStore(self.jobs)
        self.directory = FakeDirectory("ada", "bob", "root")
        self.erasures = FakeErasures()
        self.suppressions = MemorySuppressionStore(suppression_of(ADDRESS, SuppressionKind.BOUNCE, NOW_MS - 1000))
        self.mail_service = FakeMailService(ADDRESS)
        self.switch, self.general = Parameter("open"), Parameter(GENERAL)
        self.deps = admin_api.Dependencies(
            accounts=self.accounts,
            directory=self.directory,
            owners=MemoryOwnerStore(self.jobs),
            erasures=self.erasures,
            jobs=self.jobs,
            suppressions=self.suppressions,
            mail_service=self.mail_service,
            switch=self.switch,  # type: ignore[arg-type]
            general=self.general,  # type: ignore[arg-type]
            strike_rules=StrikeRules,
            clock=Ticker(),
        )

    def call(self, method: str, path: str, claims: Any = ADMIN, **arguments: Any) -> Answer:
        event = an_event(method, f"/v1/admin/{path}", claims=claims, **arguments)
        return answer(functools.partial(admin_api.handle, deps=self.deps), event)


@pytest.fixture
def api() -> Api:
    return Api()


EVERY = [
    ("GET", "users", None),
    ("GET", "users/ada/quota", None),
    ("PUT", "users/ada/quota", OWN),
    ("DELETE", "users/ada/quota", None),
    ("POST", "users/ada/disable", None),
    ("POST", "users/ada/forgive", None),
    ("POST", "users/ada/enable", None),
    ("DELETE", "users/ada", None),
    ("GET", "quotas", None),
    ("PUT", "quotas", OWN | {"daily_pictures": 1}),
    ("GET", "admission", None),
    ("PUT", "admission", {"state": "closed"}),
    ("GET", "jobs", None),
    ("GET", f"jobs/{job_id(1)}", None),
    ("GET", "suppressions/ada@example.com", None),
    ("DELETE", "suppressions/ada@example.com", None),
]


def test_the_list_here_is_of_every_route() -> None:
    assert len(EVERY) == len(admin_api.app._static_routes + admin_api.app._dynamic_routes)


@pytest.mark.parametrize(("method", "path", "body"), EVERY)
@pytest.mark.parametrize(
    "claims", [PERSON, PERSON | {"cognito:groups": "[admins]"}, MACHINE | {"cognito:groups": "[admin]"}]
)
def test_who_is_no_admin_may_nothing(api: Api, method: str, path: str, body: Any, claims: Any) -> None:
    api.jobs.create(a_job(), None)
    found = api.call(method, path, claims, body=body)
    assert (found.status, found.body["code"]) == (403, "admin_only")
    assert (api.accounts.records, api.switch.value, api.general.value) == ({}, "open", GENERAL)
    assert (api.directory.switched, api.erasures.owners, api.jobs.erasing) == ([], [], set())


@pytest.mark.parametrize(("method", "path", "body"), EVERY)
def test_an_admin_may_all_of_it_until_disabled(api: Api, method: str, path: str, body: Any) -> None:
    api.jobs.create(a_job(), None)
    assert api.call(method, path, body=body).status == (202 if path == "users/ada" else 200)
    assert api.call(method, path, ADMIN | {"cognito:groups": ["admin"]}, body=body).status in (200, 202)
    api.accounts.set_disabled("user#root", True)
    assert api.call(method, path, body=body).body["code"] == "account_disabled"


def test_a_quota_of_ones_own_replaces_the_general_one_until_it_is_taken_away(api: Api) -> None:
    assert api.call("GET", "users/ada/quota").body["quota"]["monthly_pictures"] == 50
    put = api.call("PUT", "users/ada@example.com/quota", body=OWN).body
    assert (put["owner"], put["quota"], put["overridden"]) == ("user#ada", OWN, True)
    assert api.accounts.find("user#ada") == Account(override=Quota(**OWN))
    gone = api.call("DELETE", "users/ada/quota").body
    assert (gone["quota"]["monthly_pictures"], gone["overridden"]) == (50, False)


def test_programs_and_schedules_have_quotas_too(api: Api) -> None:
    assert api.call("PUT", "users/client:nightly/quota", body=OWN).body["owner"] == "client#nightly"
    assert api.accounts.find("client#nightly").override == Quota(**OWN)
    api.call("POST", "users/schedule:sample/disable")
    assert api.accounts.find("schedule#sample").disabled
    assert api.directory.switched == []


@pytest.mark.parametrize("path", ["users/eve/quota", "users/eve@example.com/quota"])
def test_nobody_is_not_found(api: Api, path: str) -> None:
    assert api.call("GET", path).body["code"] == "person_not_found"
    assert api.call("PUT", path, body=OWN).body["code"] == "person_not_found"
    assert api.accounts.records == {}


@pytest.mark.parametrize("body", [{}, OWN | {"monthly_pictures": -1}, OWN | {"x": 1}, OWN | {"campaign_rows": "5"}])
def test_a_quota_is_whole_and_plain(api: Api, body: Any) -> None:
    assert api.call("PUT", "users/ada/quota", body=body).status == 422
    assert api.call("PUT", "quotas", body=body).status == 422
    assert (api.accounts.records, api.general.value) == ({}, GENERAL)


def test_somebody_who_cools_down_is_shown_so_and_forgiven(api: Api) -> None:
    api.jobs.strikes["user#bob"] = {job_id(n): NOW_MS for n in range(3)}
    shown = api.call("GET", "users/bob/quota").body["strikes"]
    assert (shown["recent"], shown["bound"]) == (0, 3)
    assert shown["cooling_until"]
    forgiven = api.call("POST", "users/bob/forgive").body["strikes"]
    assert forgiven == {"recent": 0, "bound": 3, "cooling_until": None}
    assert api.jobs.strikes == {}


def test_somebody_is_disabled_here_and_in_the_directory(api: Api) -> None:
    assert api.call("POST", "users/bob/disable").body["disabled"] is True
    assert api.accounts.find("user#bob").disabled
    assert api.call("POST", "users/bob/enable").body["disabled"] is False
    assert api.directory.switched == [("bob", False), ("bob", True)]


def test_an_admin_cannot_shut_themselves_out(api: Api) -> None:
    found = api.call("POST", "users/root/disable")
    assert (found.status, found.body["code"]) == (409, "own_account")
    assert not api.accounts.find("user#root").disabled


def test_somebody_is_erased_whole_and_takes_nothing_new_from_then_on(api: Api) -> None:
    found = api.call("DELETE", "users/bob@example.com")
    assert (found.status, found.body) == (202, {"status": "erasing"})
    assert (api.erasures.owners, api.jobs.erasing) == (["user#bob"], {"user#bob"})
    assert api.call("DELETE", "users/client:nightly").status == 202
    assert api.erasures.owners == ["user#bob", "client#nightly"]


@pytest.mark.parametrize(("whom", "code"), [("root", "own_account"), ("eve", "person_not_found")])
def test_neither_the_admin_nor_nobody_is_erased(api: Api, whom: str, code: str) -> None:
    assert api.call("DELETE", f"users/{whom}").body["code"] == code
    assert (api.erasures.owners, api.jobs.erasing) == ([], set())


def test_the_general_quotas_are_replaced(api: Api) -> None:
    body = {"monthly_pictures": None, "concurrent_jobs": 1, "campaign_rows": 2, "daily_pictures": 3}
    assert api.call("PUT", "quotas", body=body).body == api.call("GET", "quotas").body == body
    assert api.general.value == Quotas(**body)


def test_the_switch_carries_time_and_reason(api: Api) -> None:
    body = {"state": "closed", "reason": "the endpoint is being moved"}
    assert api.call("PUT", "admission", body=body).body["state"] == "closed"
    assert api.switch.value == "closed 2026-11-18T11:06:40Z the endpoint is being moved"
    assert api.call("GET", "admission").body["note"] == "2026-11-18T11:06:40Z the endpoint is being moved"


@pytest.mark.parametrize("value", ["closed", "", "?", "reopen"])
def test_what_does_not_say_open_is_closed(api: Api, value: str) -> None:
    api.switch.value = value
    assert api.call("GET", "admission").body["state"] == "closed"


@pytest.mark.parametrize("reason", ["two\nlines", "{{ssm:x}}", "x" * 201])
def test_a_reason_is_one_plain_line(api: Api, reason: str) -> None:
    assert api.call("PUT", "admission", body={"state": "open", "reason": reason}).status == 422


def test_people_are_listed_and_a_foreign_cursor_is_refused(api: Api) -> None:
    listed = api.call("GET", "users", query={"limit": "2"}).body
    assert [item["username"] for item in listed["items"]] == ["ada", "bob"]
    assert api.call("GET", "users", query={"cursor": "foreign"}).body["code"] == "invalid_cursor"


def test_open_requests_of_everybody_are_listed_and_ended_ones_are_not(api: Api) -> None:
    api.jobs.create(a_job(JobStatus.GENERATING, 1, updated_at_ms=NOW_MS - 5), None)
    api.jobs.create(a_job(JobStatus.QUEUED, 2, updated_at_ms=NOW_MS - 9, owner="client#nightly"), None)
    api.jobs.create(a_job(JobStatus.FAILED, 3, failure=Failure(code="timed_out", sentence="Too long.")), None)
    items = api.call("GET", "jobs").body["items"]
    assert [(item["id"], item["owner"]) for item in items] == [
        (job_id(2), "client#nightly"),
        (job_id(1), "user#ada"),
    ]
    assert {item["prompt"] for item in items} == {None}


def test_one_record_that_cannot_be_read_does_not_hide_the_others(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        api.jobs.create(a_job(JobStatus.GENERATING, number), None)
    known = api.jobs.get

    def get(asked: JobId, now_ms: int) -> Job:
        if asked == job_id(1):
            raise ContractError("$.spec is missing")
        return known(asked, now_ms)

    monkeypatch.setattr(api.jobs, "get", get)
    assert [item["id"] for item in api.call("GET", "jobs").body["items"]] == [job_id(2)]


def test_a_prompt_is_shown_only_when_asked_for_and_the_look_is_on_record(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    job = a_job()
    api.jobs.create(job, None)
    assert api.call("GET", f"jobs/{job.job_id}").body["prompt"] is None
    assert api.call("GET", f"jobs/{job.job_id}", query={"prompt": "true"}).body["prompt"] == job.spec.prompt
    looks = [vars(record) for record in caplog.records if record.message == "read by an admin"]
    assert [(look["admin"], look["job_id"], look["prompt_shown"]) for look in looks] == [
        ("user#root", job.job_id, False),
        ("user#root", job.job_id, True),
    ]
    assert job.spec.prompt not in repr(looks)


@pytest.mark.parametrize("asked", ["not-an-id", job_id(9)])
def test_no_job_is_not_found(api: Api, asked: str) -> None:
    assert api.call("GET", f"jobs/{asked}").body["code"] == "job_not_found"


def test_an_address_that_bounced_is_shown_with_why_and_until_when(api: Api) -> None:
    found = api.call("GET", f"suppressions/{ADDRESS.upper()}").body
    assert (found["suppressed"], found["kind"], found["since"][:10]) == (True, "bounce", "2026-11-18")
    assert found["until"][:10] == "2027-05-17"
    none = api.call("GET", "suppressions/eve+mail@example.com").body
    assert none == {"suppressed": False, "kind": None, "since": None, "until": None}


def test_an_address_gets_mail_again_of_ours_and_of_the_mail_service_and_twice_is_as_good(api: Api) -> None:
    for _ in range(2):
        assert api.call("DELETE", f"suppressions/{ADDRESS}").body["suppressed"] is False
        assert (api.suppressions.records, api.mail_service.listed) == ({}, set())
    assert api.call("GET", f"suppressions/{ADDRESS}").body["suppressed"] is False


def test_while_the_mail_service_does_not_answer_an_address_is_shown_as_suppressed(api: Api) -> None:
    api.mail_service.fail_next("forgive", StoreUnavailableError())
    found = api.call("DELETE", f"suppressions/{ADDRESS}")
    assert (found.status, found.body["code"]) == (503, "temporarily_unavailable")
    assert api.call("GET", f"suppressions/{ADDRESS}").body["suppressed"] is True
    assert api.call("DELETE", f"suppressions/{ADDRESS}").status == 200


@pytest.mark.parametrize("text", ["ada", "ada@", "@example.com", "a@b@example.com", "a b@example.com", "x" * 255])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_is_no_address_is_refused(api: Api, method: str, text: str) -> None:
    found = api.call(method, f"suppressions/{text}")
    assert found.status == 422
    assert found.body["code"] in ("invalid_address", "invalid_request")
    assert api.mail_service.listed == {ADDRESS}


def test_a_lifted_suppression_is_on_record_without_the_address(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    api.call("GET", f"suppressions/{ADDRESS}")
    api.call("DELETE", f"suppressions/{ADDRESS}")
    (change,) = [vars(record) for record in caplog.records if record.message == "changed by an admin"]
    assert (change["admin"], change["what"]) == ("user#root", "suppression lifted")
    assert change["suppression"] == hash_address(ADDRESS)[:8]
    said = repr([vars(record) for record in caplog.records]).lower()
    assert ADDRESS.lower() not in said
    assert hash_address(ADDRESS) not in said


def test_a_change_is_on_record_with_who_made_it_and_without_an_address(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.call("PUT", "users/ada@example.com/quota", body=OWN)
    api.call("POST", "users/bob@example.com/disable")
    api.call("PUT", "admission", body={"state": "closed", "reason": CANARY})
    changes = [vars(record) for record in caplog.records if record.message == "changed by an admin"]
    assert [(change["admin"], change["what"], change.get("whom")) for change in changes] == [
        ("user#root", "quota", "user#ada"),
        ("user#root", "disabled", "user#bob"),
        ("user#root", "admission", None),
    ]
    assert "@example.com" not in repr(changes)
    assert CANARY not in repr(changes)
