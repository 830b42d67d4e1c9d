"""`afterimage doctor`: every failure comes with what to do about it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import Result

from cli.api import Api
from cli.checks import Finding, api_findings, request_finding
from cli.mailbox import Mailbox
from local.settings import PORT_VARIABLES
from tests.unit.cli.service import PICTURE, Service, job_document, png, write_mail


@pytest.fixture
def mailbox(cloud_folder: Path) -> Mailbox:
    return Mailbox(cloud_folder / "mail")


@pytest.fixture
def well(service: Service, cloud_folder: Path) -> Service:
    """A stack on which everything works."""
    redirect = httpx.Response(302, headers={"Location": "http://127.0.0.1:4566/bucket/images/abc/0.png"})
    service.answers |= {
        "GET /v1/health": {"status": "ok"},
        "GET /v1/presets": {"items": []},
        "GET /v1/images": {"items": [job_document()], "cursor": None},
        "GET /i/secret": redirect,
    }
    write_mail(cloud_folder / "mail")
    return service


def look(api: Api, mailbox: Mailbox | None) -> list[Finding]:
    return list(api_findings(api, mailbox))


def test_a_stack_that_works_is_well(make_api: Callable[..., Api], well: Service, mailbox: Mailbox) -> None:
    findings = look(make_api(), mailbox)
    assert [(finding.name, finding.well) for finding in findings] == [("API", True), ("sign-in", True), ("link", True)]
    assert "its picture" in findings[-1].sentence


def test_without_a_mail_a_made_up_link_must_be_refused(make_api: Callable[..., Api], well: Service) -> None:
    assert look(make_api(), None)[-1].well
    well.answers["GET /i/" + "0" * 43] = PICTURE
    finding = look(make_api(), None)[-1]
    assert (finding.well, finding.sentence) == (False, "a made-up link answered 200 instead of 404")


@pytest.mark.parametrize("answer", [b"", png((0, 0, 255)), httpx.Response(403)])
def test_a_link_to_something_else_is_not_well(
    make_api: Callable[..., Api], well: Service, mailbox: Mailbox, answer: object
) -> None:
    well.answers["GET /bucket/images/abc/0.png"] = answer
    assert [finding.name for finding in look(make_api(), mailbox) if not finding.well] == ["link"]


def test_after_a_failure_nothing_further_is_asked(
    make_api: Callable[..., Api], well: Service, mailbox: Mailbox
) -> None:
    well.answers["GET /v1/presets"] = httpx.Response(401, json={"message": "Unauthorized"})
    findings = look(make_api(), mailbox)
    assert [(finding.name, finding.well) for finding in findings] == [("API", True), ("sign-in", False)]
    assert all(finding.remedy for finding in findings if not finding.well)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_cloud_that_is_down_is_told_service_by_service(
    run: Callable[..., Result], cloud_folder: Path, monkeypatch: pytest.MonkeyPatch, taken_port: int
) -> None:
    (cloud_folder / "state" / "stack.json").unlink()
    free = []
    for variable, _ in PORT_VARIABLES.values():
        probe = socket.socket()
        probe.bind(("127.0.0.1", 0))
        free.append(probe)
        monkeypatch.setenv(variable, str(probe.getsockname()[1]))
    for probe in free:
        probe.close()
    monkeypatch.setenv("AFTERIMAGE_PORT", str(taken_port))
    done = run("doctor", "--json")
    assert done.exit_code == 1
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert "another program has port" in findings["AWS emulator"]["sentence"]
    assert f"AFTERIMAGE_PORT={taken_port + 100}" in findings["AWS emulator"]["remedy"]
    assert findings["mail sink"]["sentence"] == "stopped"
    assert findings["mail sink"]["remedy"].endswith("afterimage up")
    assert not findings["stack"]["well"]
    assert "API" not in findings


def test_each_failure_is_followed_by_its_remedy(
    run: Callable[..., Result], cloud_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "cli.commands.doctor.local_findings",
        lambda settings: iter([Finding(name="x", well=False, sentence="ill", remedy="Rest.")]),
    )
    done = run("doctor")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["✗", "x", "ill"]
    assert lines[1].strip() == "→ Rest."
    assert lines[-1] == "1 of 1 need attention."
    assert done.exit_code == 1


def test_a_warning_is_shown_with_its_remedy_and_fails_nothing(
    run: Callable[..., Result], cloud_folder: Path, monkeypatch: pytest.MonkeyPatch, well: Service
) -> None:
    found = Finding(name="x", well=True, warning=True, sentence="so so", remedy="Rest.")
    monkeypatch.setattr("cli.commands.doctor._look", lambda choice, order_one: iter([found]))
    done = run("doctor")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["!", "x", "so", "so"]
    assert lines[1].strip() == "→ Rest."
    assert lines[-1] == "Everything is well. 1 to keep an eye on."
    assert done.exit_code == 0
    (document,) = json.loads(run("doctor", "--json").stdout)["findings"]
    assert document["warning"] is True


def test_a_picture_is_ordered_and_fetched_only_on_request(make_api: Callable[..., Api], well: Service) -> None:
    assert request_finding(make_api(), 10).well
    posted = [request for request in well.requests if request.method == "POST"]
    assert len(posted) == 1
    assert posted[0].headers["Idempotency-Key"].startswith("doctor-")


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("GET /v1/images/01m81r2gphs3sdm6jwd27j442t", job_document("QUEUED", "FAILED"), "ended FAILED"),
        ("GET /bucket/images/abc/0.png", png((0, 0, 255)), "other bytes"),
        ("POST /v1/images", httpx.Response(429, json={"code": "daily_cap_reached", "detail": "Enough."}), "Enough"),
    ],
)
def test_an_order_that_fails_is_not_well(
    make_api: Callable[..., Api], well: Service, path: str, answer: object, words: str
) -> None:
    well.answers[path] = answer
    finding = request_finding(make_api(), 10)
    assert not finding.well
    assert words in finding.sentence


def test_a_deployed_stack_is_looked_at_in_its_account_then_through_its_api(
    run: Callable[..., Result], make_api: Callable[..., Api], well: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.commands.doctor.find_stack", lambda choice, fresh: make_api(choice).stack)
    monkeypatch.setattr("cli.commands.doctor.connect", lambda stack: make_api(stack.choice))
    monkeypatch.setattr("cli.commands.doctor.read_deployed", lambda client, name: name)
    inside = Finding(name="inside", well=True, sentence="looked at")
    monkeypatch.setattr("cli.commands.doctor.deployed_findings", lambda client, stack: iter([inside]))
    well.answers["GET /i/" + "0" * 43] = httpx.Response(404)
    asked = ["doctor", "--json", "--stack", "afterimage", "--region", "eu-central-1"]
    names = [finding["name"] for finding in json.loads(run(*asked).stdout)["findings"]]
    assert names == ["stack", "inside", "API", "sign-in", "link"]
    names = [finding["name"] for finding in json.loads(run(*asked, "--request").stdout)["findings"]]
    assert names == ["stack", "inside", "API", "sign-in", "link", "request"]
