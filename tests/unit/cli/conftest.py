"""The command line in front of a service without a network, and a local cloud's state in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from cli.api import Api
from cli.main import app
from cli.stacks import Choice, Stack
from tests.unit.cli.service import BASE, JOB_ID, PICTURE, Service, Tokens, job_document


@pytest.fixture
def service() -> Service:
    """A service on which one request runs through to its picture."""
    return Service(
        {
            "POST /v1/images": job_document("QUEUED"),
            f"GET /v1/images/{JOB_ID}": job_document(),
            "GET /bucket/images/abc/0.png": PICTURE,
        }
    )


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def make_api(service: Service, tokens: Tokens, tmp_path: Path) -> Callable[..., Api]:
    """Make an API client of `service`, local or deployed, that never sleeps."""

    def make(choice: Choice | None = None, sleeps: list[float] | None = None) -> Api:
        stack = Stack(
            choice=choice or Choice(),
            api_base=BASE,
            client_id="client",
            token_file=tmp_path / "sign_in.json",
            cognito=lambda: None,
        )
        sleep = (sleeps if sleeps is not None else []).append
        return Api(stack, tokens, httpx.MockTransport(service), sleep)

    return make


@pytest.fixture
def cloud_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a local cloud that was deployed, in an environment without other settings."""
    folder = tmp_path / "cloud"
    (folder / "state").mkdir(parents=True)
    (folder / "mail").mkdir()
    (folder / "state" / "demo_password").write_text("Aa1-secret")
    document = {
        "digest": "0",
        "api_base": BASE,
        "outputs": {"UserPoolClientId": "client"},
        "user": {"username": "demo@afterimage.example", "password_file": str(folder / "state" / "demo_password")},
    }
    (folder / "state" / "stack.json").write_text(json.dumps(document))
    for name in ("AFTERIMAGE_STACK", "AFTERIMAGE_PROFILE", "AFTERIMAGE_REGION", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AFTERIMAGE_STATE", str(folder))
    return folder


@pytest.fixture
def run(
    cloud_folder: Path, make_api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Result]:
    """Run `afterimage ARGUMENTS` against `service` in an empty working folder."""
    monkeypatch.setattr("cli.options.connect", lambda stack: make_api(stack.choice))
    monkeypatch.setattr("cli.watch.SHORTEST_PAUSE_S", 0.001)
    monkeypatch.setattr("cli.watch.LONGEST_PAUSE_S", 0.001)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def call(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(app, list(arguments), **options)

    return call
