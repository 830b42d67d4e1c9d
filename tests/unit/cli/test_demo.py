"""What the demo takes for proof. Its way through a real local cloud is an integration test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.api import Api
from cli.commands.demo import prove
from cli.errors import CliError
from cli.jobs import parse_job
from local.settings import Settings
from tests.unit.cli.service import PICTURE, Service, job_document, png, write_mail

REDIRECT = httpx.Response(302, headers={"Location": "http://127.0.0.1:4566/bucket/images/abc/0.png"})


@pytest.fixture
def attempt(
    make_api: Callable[..., Api], service: Service, cloud_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Prove a request whose mail arrived and whose link redirects, unless the test changed that."""
    monkeypatch.setattr("cli.commands.demo.MAIL_PATIENCE_S", 0.0)
    service.answers["GET /i/secret"] = REDIRECT
    write_mail(cloud_folder / "mail")

    def call(*statuses: str, **changes: Any) -> Any:
        return prove(make_api(), parse_job(job_document(*statuses, **changes)), Settings.from_environment())

    return call


def test_picture_mail_and_link_are_proof(attempt: Callable[..., Any], cloud_folder: Path) -> None:
    proof = attempt()
    assert proof.content == PICTURE
    assert proof.path.read_bytes() == PICTURE
    assert proof.path.parent == cloud_folder / "demo"
    assert proof.link.endswith("/i/secret")


def test_a_request_without_a_picture_is_not(attempt: Callable[..., Any]) -> None:
    failure = {"code": "x", "sentence": "The model was away."}
    with pytest.raises(CliError, match=r"FAILED: The model was away\."):
        attempt("QUEUED", "FAILED", failure=failure)


def test_a_picture_without_a_mail_is_not(attempt: Callable[..., Any], cloud_folder: Path) -> None:
    next((cloud_folder / "mail").iterdir()).unlink()
    with pytest.raises(CliError, match="no mail about it arrived"):
        attempt()


@pytest.mark.parametrize(
    ("link", "picture", "sentence"),
    [
        (httpx.Response(200, content=PICTURE), PICTURE, "answered 200 instead of 302"),
        (httpx.Response(410, json={}), PICTURE, "answered 410 instead of 302"),
        (REDIRECT, [PICTURE, httpx.Response(403)], "not a PNG"),
        (REDIRECT, [PICTURE, b"<html>"], "not a PNG"),
        (REDIRECT, [PICTURE, png((0, 0, 255))], "bytes differ"),
    ],
)
def test_a_link_that_does_not_lead_to_the_very_picture_is_not(
    attempt: Callable[..., Any], service: Service, link: httpx.Response, picture: Any, sentence: str
) -> None:
    service.answers["GET /i/secret"] = link
    service.answers["GET /bucket/images/abc/0.png"] = picture
    with pytest.raises(CliError, match=sentence):
        attempt()
