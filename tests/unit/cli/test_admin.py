"""`afterimage admin`: people, quotas, the switch for new requests, everybody's requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from botocore.stub import Stubber
from fakes.stubbed import stubbed
from typer.testing import Result

from cli.commands import admin
from tests.unit.cli.service import JOB_ID, Service, problem

Run = Callable[..., Result]
BOB = "users/bob%40example.com"
GENERAL = {"monthly_pictures": 500, "concurrent_jobs": None, "campaign_rows": 500, "daily_pictures": 5000}
OWN = {"monthly_pictures": 9, "concurrent_jobs": 4, "campaign_rows": None}
USED = {"monthly_pictures": 7, "open_requests": 2}
OPEN = {"id": JOB_ID, "owner": "user#ada", "status": "GENERATING", "updated_at": "2026-11-22T13:45:30.500000Z"}


def asked(service: Service) -> list[str]:
    """Method and path of every request, as they went over the wire."""
    marker = "/v1/admin/"
    return [
        f"{request.method} {request.url.raw_path.decode().partition(marker)[2].partition('?')[0]}"
        for request in service.requests
    ]


def someone(**changes: Any) -> dict[str, Any]:
    return {"quota": OWN, "used": USED, "overridden": True, "disabled": False} | changes


def somebody(email: str | None, *, enabled: bool = True) -> dict[str, Any]:
    return {"username": "u-1", "email": email, "status": "CONFIRMED", "enabled": enabled}


@pytest.fixture
def pool(run: Run, monkeypatch: pytest.MonkeyPatch) -> Stubber:
    """The pool of a local cloud that runs."""
    client, stubber = stubbed("cognito-idp")
    monkeypatch.setattr(admin, "stack_outputs", lambda settings: {"UserPoolId": "pool_1"})
    monkeypatch.setattr(admin, "root_client", lambda settings, service: client)
    return stubber


class TestUsers:
    """Who may sign in."""

    def test_every_page_is_listed_with_who_may_sign_in(self, run: Run, service: Service) -> None:
        service.answers["GET /v1/admin/users"] = [
            {"items": [somebody("ada@example.com")], "cursor": "next"},
            {"items": [somebody(None, enabled=False)], "cursor": None},
        ]
        lines = run("admin", "users").stdout.splitlines()
        assert [line.split() for line in lines[1:]] == [
            ["ada@example.com", "u-1", "CONFIRMED", "yes"],
            ["u-1", "CONFIRMED", "no"],
        ]
        pages = [dict(request.url.params) for request in service.requests]
        assert pages == [{"limit": "50"}, {"limit": "50", "cursor": "next"}]

    def test_as_json_the_pages_are_one_document(self, run: Run, service: Service) -> None:
        pages = [{"items": [somebody(None)], "cursor": "next"}, {"items": [somebody(None)], "cursor": None}]
        service.answers["GET /v1/admin/users"] = pages
        assert json.loads(run("admin", "users", "--json").stdout) == {"items": [somebody(None)] * 2}

    def test_an_address_moves_no_cursor(self, run: Run, service: Service) -> None:
        service.answers["GET /v1/admin/users"] = {"items": [somebody("a\x1b[2J[red]b@example.com")], "cursor": None}
        shown = run("admin", "users").stdout
        assert "\x1b" not in shown
        assert "[red]b@example.com" in shown

    def test_who_is_no_admin_is_told_how_one_becomes_one(self, run: Run, service: Service) -> None:
        service.answers["GET /v1/admin/users"] = problem(403, "admin_only", "For admins.")
        done = run("admin", "users")
        assert done.exit_code == 1
        assert done.stderr.splitlines()[0] == "error: For admins. (admin_only)"
        assert "admin grant" in done.stderr


class TestQuota:
    """What may be asked for, in general and by somebody."""

    def test_the_general_quotas_are_shown_with_what_has_no_bound(self, run: Run, service: Service) -> None:
        service.answers["GET /v1/admin/quotas"] = GENERAL
        rows = [line.rstrip().split("  ") for line in run("admin", "quota").stdout.splitlines()[1:]]
        assert [(row[0], row[-1].strip()) for row in rows] == [
            ("pictures in a month", "500"),
            ("open requests", "no bound"),
            ("rows of a campaign", "500"),
            ("everybody's pictures in a day", "5000"),
        ]
        assert asked(service) == ["GET quotas"]

    @pytest.mark.parametrize(
        ("answer", "sentence"),
        [
            (someone(), "bob@example.com has a quota of their own."),
            (someone(overridden=False), "bob@example.com has the general quota."),
            (someone(disabled=True), "bob@example.com has a quota of their own and is disabled."),
        ],
    )
    def test_somebodys_quota_is_shown_beside_their_use(
        self, run: Run, service: Service, answer: dict[str, Any], sentence: str
    ) -> None:
        service.answers["GET /v1/admin/users/bob@example.com/quota"] = answer
        lines = run("admin", "quota", "bob@example.com").stdout.splitlines()
        assert lines[1].split()[-2:] == ["7", "9"]
        assert lines[2].split()[-2:] == ["2", "4"]
        assert lines[-1] == sentence
        assert asked(service) == [f"GET {BOB}/quota"]

    def test_what_is_not_named_stays_as_it_is(self, run: Run, service: Service) -> None:
        service.answers |= {"GET /v1/admin/quotas": GENERAL, "PUT /v1/admin/quotas": GENERAL}
        assert run("admin", "quota", "--monthly", "none", "--open", "0", "--daily", "70").exit_code == 0
        assert service.bodies("PUT") == [
            {"monthly_pictures": None, "concurrent_jobs": 0, "campaign_rows": 500, "daily_pictures": 70}
        ]

    def test_somebodys_quota_is_changed_from_what_holds_for_them(self, run: Run, service: Service) -> None:
        path = "/v1/admin/users/bob@example.com/quota"
        service.answers |= {f"GET {path}": someone(), f"PUT {path}": someone(quota=OWN | {"campaign_rows": 3})}
        done = run("admin", "quota", "bob@example.com", "--rows", "3", "--json")
        assert json.loads(done.stdout)["quota"]["campaign_rows"] == 3
        assert service.bodies("PUT") == [OWN | {"campaign_rows": 3}]

    def test_somebodys_own_quota_is_taken_away_without_a_look_at_it(self, run: Run, service: Service) -> None:
        service.answers["DELETE /v1/admin/users/bob@example.com/quota"] = someone(overridden=False)
        assert "has the general quota." in run("admin", "quota", "bob@example.com", "--remove").stdout
        assert asked(service) == [f"DELETE {BOB}/quota"]

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--monthly", "many"),
            ("--monthly=-1",),
            ("--open", "1.5"),
            ("bob@example.com", "--daily", "5"),
            ("--remove",),
            ("bob@example.com", "--remove", "--rows", "5"),
        ],
    )
    def test_what_makes_no_sense_is_refused_before_anything_is_asked(
        self, run: Run, service: Service, arguments: tuple[str, ...]
    ) -> None:
        assert run("admin", "quota", *arguments).exit_code == 2
        assert service.requests == []


class TestPeople:
    """Refusing somebody, and serving them again."""

    def test_who_is_disabled_is_named_with_the_way_back(self, run: Run, service: Service) -> None:
        service.answers["POST /v1/admin/users/bob@example.com/disable"] = someone(disabled=True)
        done = run("admin", "disable", "bob@example.com")
        assert done.exit_code == 0
        assert done.stdout.startswith("bob@example.com is disabled. Undo: ")
        assert done.stdout.endswith("admin enable bob@example.com\n")
        assert asked(service) == [f"POST {BOB}/disable"]

    def test_who_is_enabled_is_named(self, run: Run, service: Service) -> None:
        service.answers["POST /v1/admin/users/bob@example.com/enable"] = someone()
        done = run("admin", "enable", "bob@example.com")
        assert (done.exit_code, done.stdout) == (0, "bob@example.com is served again.\n")

    @pytest.mark.parametrize("who", ["client:nightly", "schedule:every/day", "a b@example.com"])
    def test_whoever_it_is_stays_one_step_of_the_path(self, run: Run, service: Service, who: str) -> None:
        service.answers[f"POST /v1/admin/users/{who}/disable"] = someone(disabled=True)
        assert run("admin", "disable", who).exit_code == 0
        ((method, _, path),) = [line.partition(" ") for line in asked(service)]
        assert (method, path.count("/")) == ("POST", 2)

    @pytest.mark.parametrize("what", ["disable", "enable"])
    def test_nobody_of_that_name_is_an_error(self, run: Run, service: Service, what: str) -> None:
        service.answers[f"POST /v1/admin/users/bob/{what}"] = problem(404, "person_not_found", "There is nobody.")
        done = run("admin", what, "bob")
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("error: There is nobody. (person_not_found)")


class TestAdmission:
    """The switch for new requests."""

    def test_it_is_shown_with_what_is_kept_beside_it(self, run: Run, service: Service) -> None:
        service.answers["GET /v1/admin/admission"] = {"state": "closed", "note": "since noon: a test"}
        assert run("admin", "admission").stdout == "Admission is closed. since noon: a test\n"

    @pytest.mark.parametrize(
        ("arguments", "body"),
        [
            (("closed", "--reason", "a flood"), {"state": "closed", "reason": "a flood"}),
            (("open",), {"state": "open"}),
        ],
    )
    def test_it_is_set(self, run: Run, service: Service, arguments: tuple[str, ...], body: dict[str, str]) -> None:
        service.answers["PUT /v1/admin/admission"] = {"state": body["state"], "note": ""}
        assert run("admin", "admission", *arguments).stdout == f"Admission is {body['state']}.\n"
        assert service.bodies("PUT") == [body]

    def test_as_json_it_is_what_the_service_said(self, run: Run, service: Service) -> None:
        said = {"state": "open", "note": ""}
        service.answers["GET /v1/admin/admission"] = said
        assert json.loads(run("admin", "admission", "--json").stdout) == said

    def test_a_word_that_is_no_state_sets_nothing(self, run: Run, service: Service) -> None:
        assert run("admin", "admission", "close").exit_code == 2
        assert service.requests == []


class TestSuppressions:
    """Addresses that get no mail."""

    ANNE = "anne+mail@example.com"
    PATH = "suppressions/anne%2Bmail%40example.com"
    NONE: dict[str, Any] = {"suppressed": False, "kind": None, "since": None, "until": None}  # noqa: RUF012
    BOUNCED = NONE | {
        "suppressed": True,
        "kind": "bounce",
        "since": "2026-11-22T13:45:30Z",
        "until": "2027-05-21T13:45:30Z",
    }

    def test_one_is_shown_with_why_until_when_and_the_way_back(self, run: Run, service: Service) -> None:
        service.answers[f"GET /v1/admin/suppressions/{self.ANNE}"] = self.BOUNCED
        done = run("admin", "suppressions", self.ANNE)
        assert done.exit_code == 0
        assert done.stdout.startswith(
            f"{self.ANNE} gets no mail, since 2026-11-22 and until 2027-05-21, after a bounce."
        )
        assert done.stdout.endswith(f"admin suppressions {self.ANNE} --lift\n")
        assert asked(service) == [f"GET {self.PATH}"]
        assert json.loads(run("admin", "suppressions", self.ANNE, "--json").stdout) == self.BOUNCED

    def test_one_that_gets_mail_is_said_to(self, run: Run, service: Service) -> None:
        service.answers[f"GET /v1/admin/suppressions/{self.ANNE}"] = self.NONE
        assert run("admin", "suppressions", self.ANNE).stdout == f"{self.ANNE} gets mail.\n"

    def test_one_is_lifted(self, run: Run, service: Service) -> None:
        service.answers[f"DELETE /v1/admin/suppressions/{self.ANNE}"] = self.NONE
        assert run("admin", "suppressions", self.ANNE, "--lift").stdout == f"{self.ANNE} gets mail again.\n"
        assert asked(service) == [f"DELETE {self.PATH}"]

    def test_what_is_no_address_is_an_error(self, run: Run, service: Service) -> None:
        service.answers["DELETE /v1/admin/suppressions/anne"] = problem(422, "invalid_address", "No address.")
        done = run("admin", "suppressions", "anne", "--lift")
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("error: No address. (invalid_address)")


class TestJobs:
    """Everybody's requests."""

    def test_open_requests_are_listed_with_their_owners(self, run: Run, service: Service) -> None:
        service.answers["GET /v1/admin/jobs"] = {"items": [OPEN]}
        lines = run("admin", "jobs", "--limit", "3").stdout.splitlines()
        assert [line.split() for line in lines[1:]] == [[JOB_ID, "user#ada", "GENERATING", "2026-11-22T13:45:30"]]
        assert dict(service.requests[0].url.params) == {"limit": "3"}
        assert json.loads(run("admin", "jobs", "--json").stdout) == {"items": [OPEN]}

    def test_no_open_request_is_said(self, run: Run, service: Service) -> None:
        service.answers["GET /v1/admin/jobs"] = {"items": []}
        assert run("admin", "jobs").stdout == "No request is open.\n"

    @pytest.mark.parametrize(("flags", "params"), [((), {}), (("--prompt",), {"prompt": "true"})])
    def test_a_prompt_is_asked_for_only_when_it_is_wanted(
        self, run: Run, service: Service, flags: tuple[str, ...], params: dict[str, str]
    ) -> None:
        service.answers[f"GET /v1/admin/jobs/{JOB_ID}"] = OPEN
        assert json.loads(run("admin", "job", JOB_ID, *flags).stdout) == OPEN
        assert dict(service.requests[0].url.params) == params


class TestGrant:
    """Making an admin, on this machine only."""

    def test_who_becomes_an_admin_is_told_to_sign_in_anew(self, run: Run, pool: Stubber) -> None:
        pool.add_response(
            "admin_add_user_to_group",
            {},
            {"UserPoolId": "pool_1", "Username": "bob@example.com", "GroupName": "admin"},
        )
        done = run("admin", "grant", "bob@example.com")
        assert done.exit_code == 0
        assert "bob@example.com is an admin from the next sign-in on" in done.stdout
        pool.assert_no_pending_responses()

    def test_nobody_of_that_address_is_an_error(self, run: Run, pool: Stubber) -> None:
        pool.add_client_error("admin_add_user_to_group", "UserNotFoundException")
        done = run("admin", "grant", "bob@example.com")
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("error: bob@example.com is not in the pool of the local cloud.")

    def test_without_a_local_cloud_there_is_nobody_to_ask(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admin, "stack_outputs", lambda settings: None)
        done = run("admin", "grant", "bob@example.com")
        assert done.exit_code == 1
        assert done.stderr.startswith("error: The local cloud is not running.")
        assert "up" in done.stderr


def test_an_answer_that_is_no_api_is_not_taken_for_success(run: Run, service: Service) -> None:
    service.answers["POST /v1/admin/users/bob/disable"] = httpx.Response(200, text="<html>")
    assert run("admin", "disable", "bob").exit_code == 1


def test_somebody_is_forgiven(run: Run, service: Service) -> None:
    service.answers["POST /v1/admin/users/bob@example.com/forgive"] = someone()
    assert run("admin", "forgive", "bob@example.com").stdout == "bob@example.com may ask again.\n"
    assert asked(service) == [f"POST {BOB}/forgive"]


def test_who_cools_down_is_shown_with_a_way_out(run: Run, service: Service) -> None:
    strikes = {"recent": 0, "bound": 3, "cooling_until": "2026-11-22T14:45:30Z"}
    service.answers["GET /v1/admin/users/bob@example.com/quota"] = someone(strikes=strikes)
    shown = " ".join(run("admin", "quota", "bob@example.com").stdout.split())
    assert "not taken until 2026-11-22 14:45 UTC" in shown
    assert "admin forgive bob@example.com" in shown
