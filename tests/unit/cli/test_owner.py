"""`afterimage cancel`, `delete`, `share` and `unshare`."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from typer.testing import Result

from tests.unit.cli.service import BASE, JOB_ID, Service, job_document, problem

Run = Callable[..., Result]
LINK = f"{BASE}/i/{'x' * 43}"
SHARED = {"items": [{"picture": 0, "url": LINK, "expires_at": "2026-11-29T13:45:30Z"}]}
NOTHING = httpx.Response(204)


def asked(service: Service) -> list[str]:
    prefix = "/_aws/execute-api/a17e1a6e/$default"
    return [f"{request.method} {request.url.path.removeprefix(prefix)}" for request in service.requests]


def test_a_cancelled_request_is_named_by_its_prompt(run: Run, service: Service) -> None:
    service.answers[f"POST /v1/images/{JOB_ID}/cancel"] = job_document("QUEUED", "CANCELLED")
    done = run("cancel", JOB_ID)
    assert (done.exit_code, done.stdout) == (0, "Cancelled: a red circle\n")
    assert json.loads(run("cancel", JOB_ID, "--json").stdout)["status"] == "CANCELLED"


def test_what_is_done_cannot_be_cancelled_and_leads_to_delete(run: Run, service: Service) -> None:
    service.answers[f"POST /v1/images/{JOB_ID}/cancel"] = problem(409, "job_closed", "It has moved on.")
    done = run("cancel", JOB_ID)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[0] == "error: It has moved on. (job_closed)"
    assert "delete" in done.stderr


def test_deleting_asks_first_and_says_what_goes(run: Run, service: Service) -> None:
    service.answers[f"DELETE /v1/images/{JOB_ID}"] = NOTHING
    done = run("delete", JOB_ID, input="y\n")
    assert done.exit_code == 0
    assert 'Erase "a red circle" with 1 picture?' in done.stdout
    assert done.stdout.endswith("Erased.\n")
    assert asked(service) == [f"GET /v1/images/{JOB_ID}", f"DELETE /v1/images/{JOB_ID}"]


@pytest.mark.parametrize("said", ["n\n", "\n", ""])
def test_deleting_without_a_yes_changes_nothing(run: Run, service: Service, said: str) -> None:
    done = run("delete", JOB_ID, input=said)
    assert done.exit_code == 1
    assert "Nothing was changed." in done.stdout
    assert asked(service) == [f"GET /v1/images/{JOB_ID}"]


def test_deleting_with_yes_asks_nobody(run: Run, service: Service) -> None:
    service.answers[f"DELETE /v1/images/{JOB_ID}"] = NOTHING
    done = run("delete", JOB_ID, "--yes")
    assert (done.exit_code, done.stdout) == (0, "Erased.\n")
    assert asked(service) == [f"DELETE /v1/images/{JOB_ID}"]


def test_deleting_what_is_not_there_leads_to_the_list(run: Run, service: Service) -> None:
    service.answers[f"DELETE /v1/images/{JOB_ID}"] = problem(404, "job_not_found", "There is no such request.")
    done = run("delete", JOB_ID, "--yes")
    assert done.exit_code == 1
    assert "afterimage jobs" in done.stderr


def test_a_share_shows_each_link_with_its_end_and_how_to_take_it_back(run: Run, service: Service) -> None:
    service.answers[f"POST /v1/images/{JOB_ID}/share"] = SHARED
    lines = run("share", JOB_ID).stdout.splitlines()
    assert lines[0] == f"picture 0  {LINK}  until 2026-11-29"
    assert f"unshare {JOB_ID}" in lines[-1]
    assert service.bodies() == [{"days": 7}]


def test_a_share_of_one_picture_for_some_days(run: Run, service: Service) -> None:
    service.answers[f"POST /v1/images/{JOB_ID}/share"] = SHARED
    assert json.loads(run("share", JOB_ID, "--picture", "0", "--days", "2", "--json").stdout) == SHARED
    assert service.bodies() == [{"days": 2, "picture": 0}]


def test_a_share_of_what_has_no_pictures_yet_says_what_to_do(run: Run, service: Service) -> None:
    service.answers[f"POST /v1/images/{JOB_ID}/share"] = problem(409, "nothing_to_share")
    done = run("share", JOB_ID)
    assert done.exit_code == 1
    assert "--wait" in done.stderr


def test_taking_back_says_that_it_is_done(run: Run, service: Service) -> None:
    service.answers[f"DELETE /v1/images/{JOB_ID}/share"] = NOTHING
    done = run("unshare", JOB_ID)
    assert (done.exit_code, done.stdout) == (0, "No link leads to its pictures any more.\n")


def test_an_answer_that_is_no_api_is_not_taken_for_success(run: Run, service: Service) -> None:
    service.answers[f"DELETE /v1/images/{JOB_ID}"] = b"<html>"
    assert run("delete", JOB_ID, "--yes").exit_code == 1


def test_erasing_oneself_asks_first(run: Run, service: Service) -> None:
    service.answers["DELETE /v1/me"] = httpx.Response(202, json={"status": "erasing"})
    assert run("erase-me", input="n\n").exit_code == 1
    assert asked(service) == []
    done = run("erase-me", input="y\n")
    assert done.exit_code == 0
    assert "Erasing has begun" in done.stdout
    assert asked(service) == ["DELETE /v1/me"]


def test_erasing_oneself_with_yes_asks_nobody(run: Run, service: Service) -> None:
    service.answers["DELETE /v1/me"] = httpx.Response(202, json={"status": "erasing"})
    assert run("erase-me", "--yes").exit_code == 0


def test_an_admin_erasing_somebody_is_asked_first(run: Run, service: Service) -> None:
    service.answers["DELETE /v1/admin/users/bob@example.com"] = httpx.Response(202, json={"status": "erasing"})
    assert run("admin", "erase", "bob@example.com", input="n\n").exit_code == 1
    assert asked(service) == []
    done = run("admin", "erase", "bob@example.com", input="y\n")
    assert (done.exit_code, "bob@example.com" in done.stdout) == (0, True)
    assert asked(service) == ["DELETE /v1/admin/users/bob@example.com"]
