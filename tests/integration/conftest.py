"""A local cloud for the whole test run: own ports, own folder, deployed once, stopped at the end.

It never touches a cloud that a person has running, and it fails when it leaves a process behind.
"""

from __future__ import annotations

import contextlib
import email
import email.message
import email.policy
import json
import os
import secrets
import shutil
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from local import processes, runtime_control
from local.deploy import read_stack
from local.environment import root_client
from local.settings import PORT_VARIABLES, ROOT, Settings, free_ports

T = TypeVar("T")
PASSWORD = "Aa1-integration-tests"


@dataclass
class LocalCloud:
    """What a test may do with the deployed stack."""

    settings: Settings
    stack: dict[str, Any]
    environment: dict[str, str]
    _clients: dict[str, Any] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def api_base(self) -> str:
        return self.settings.api_base

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of the stack by name."""
        return dict(self.stack["outputs"])

    def client(self, service: str) -> Any:
        """A boto3 client with the rights of the emulator's root."""
        if service not in self._clients:
            self._clients[service] = root_client(self.settings, service)
        return self._clients[service]

    def user(self, address: str, *, verified: bool = True) -> str:
        """Create a person with that address unless there is one; return the name to sign in with."""
        client, pool = self.client("cognito-idp"), self.outputs["UserPoolId"]
        attributes = [
            {"Name": "email", "Value": address},
            {"Name": "email_verified", "Value": "true" if verified else "false"},
        ]
        with contextlib.suppress(client.exceptions.UsernameExistsException):
            client.admin_create_user(
                UserPoolId=pool, Username=address, UserAttributes=attributes, MessageAction="SUPPRESS"
            )
        client.admin_set_user_password(UserPoolId=pool, Username=address, Password=PASSWORD, Permanent=True)
        return address

    def token(self, address: str = "tester@afterimage.example") -> str:
        """The access token of a signed-in person."""
        if address not in self._tokens:
            answer = self.client("cognito-idp").initiate_auth(
                ClientId=self.outputs["UserPoolClientId"],
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": self.user(address), "PASSWORD": PASSWORD},
            )
            self._tokens[address] = answer["AuthenticationResult"]["AccessToken"]
        return self._tokens[address]

    def forget(self, address: str) -> None:
        """Let somebody sign in anew."""
        self._tokens.pop(address, None)

    def http(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """One request to the API. `path` begins with a slash or is a whole address; redirects are not followed."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        content = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        address = path if path.startswith("http") else self.api_base + path
        with httpx.Client(trust_env=False, timeout=30) as client:
            return client.request(method, address, content=content, headers=sent)

    def mails(self) -> list[email.message.EmailMessage]:
        """Every mail that arrived so far, the oldest first."""
        paths = sorted(self.settings.mail.glob("*.eml"))
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)  # type: ignore[misc]
            for path in paths
        ]

    def wait_for_mail(self, to: str, timeout_s: float = 30) -> email.message.EmailMessage:
        """Return the newest mail to that address as soon as there is one."""

        def newest() -> email.message.EmailMessage | None:
            found = [mail for mail in self.mails() if to in str(mail["To"])]
            return found[-1] if found else None

        return self.wait_until(newest, f"a mail to {to}", timeout_s)

    def wait_until(self, probe: Callable[[], T | None], what: str, timeout_s: float = 60) -> T:
        """Return the first value of `probe` that is not None and not False."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            value = probe()
            if value is not None and value is not False:
                return value
            time.sleep(0.05)
        raise AssertionError(f"{what} did not come within {timeout_s:g} s; logs: {self.settings.logs}")

    def local(self, command: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """`python -m local COMMAND` for this cloud, with other environment variables where `changes` names them."""
        return run_local(command, {**self.environment, **changes})

    def faults(self, *rules: dict[str, Any]) -> None:
        """Tell the stand-in of the SageMaker runtime to misbehave; its module `faults` lists how."""
        runtime_control.request(self.settings, "PUT", "/_faults", list(rules))

    def faults_left(self) -> list[dict[str, Any]]:
        """The rules that no request has met yet."""
        left: list[dict[str, Any]] = runtime_control.request(self.settings, "GET", "/_faults")
        return left

    def clear_faults(self) -> None:
        runtime_control.request(self.settings, "DELETE", "/_faults")


class RealAccount:
    """Stands for a person's AWS account: an address to which nothing of the local cloud may ever connect."""

    def __init__(self) -> None:
        self.visits: list[str] = []
        visits = self.visits

        class Visit(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                visits.append(self.request.recv(200).decode(errors="replace"))

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Visit)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def environment(self, folder: Path) -> dict[str, str]:
        """What the shell of somebody who works with that account may hold."""
        address = f"http://127.0.0.1:{self._server.server_address[1]}"
        folder.mkdir(parents=True)
        keys = "aws_access_key_id = AKIAREALACCOUNT00000\naws_secret_access_key = real\n"
        config = f"region = eu-central-1\nendpoint_url = {address}\n"
        (folder / "credentials").write_text(f"[default]\n{keys}[production]\n{keys}")
        (folder / "config").write_text(f"[default]\n{config}[profile production]\n{config}")
        return {
            "AWS_ACCESS_KEY_ID": "AKIAREALACCOUNT00000",
            "AWS_SECRET_ACCESS_KEY": "real",
            "AWS_SESSION_TOKEN": "real",
            "AWS_PROFILE": "production",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_REGION": "eu-central-1",
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
            "AWS_ENDPOINT_URL": address,
            "AWS_ENDPOINT_URL_S3": address,
            "AWS_ENDPOINT_URL_CLOUDFORMATION": address,
            "AWS_ENDPOINT_URL_SNS": address,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{address}/credentials",
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def real_account() -> Iterator[RealAccount]:
    account = RealAccount()
    yield account
    account.close()


@pytest.fixture(scope="session")
def cloud(real_account: RealAccount, request: pytest.FixtureRequest) -> Iterator[LocalCloud]:
    """The deployed stack on a local cloud of its own, started in the shell of somebody with a real account."""
    folder = ROOT / ".afterimage" / "test" / secrets.token_hex(4)
    environment = {
        **os.environ,
        **real_account.environment(folder / "aws"),
        "AFTERIMAGE_STATE": str(folder),
        "AFTERIMAGE_MODEL_DIR": str(_model()),
    }
    for (variable, _), port in zip(PORT_VARIABLES.values(), free_ports(len(PORT_VARIABLES)), strict=True):
        environment[variable] = str(port)
    settings = Settings.from_environment(environment)
    try:
        _succeed("up", environment)
        sessions = [running.pid for running in map(processes.read, settings.run.glob("*.json")) if running]
        stack = read_stack(settings)
        assert stack is not None
        yield LocalCloud(settings=settings, stack=stack, environment=environment)
    finally:
        _succeed("down", environment)
    assert len(sessions) == len(PORT_VARIABLES)
    orphans = [row for session in sessions for row in processes.session_members(session)]
    assert not orphans, f"processes were left behind: {orphans}"
    assert real_account.visits == []
    if request.session.testsfailed == 0:  # else the logs are what somebody looks for now
        shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test's faults end with the test."""
    yield
    if "cloud" in request.fixturenames:
        request.getfixturevalue("cloud").clear_faults()


def run_local(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`python -m local COMMAND` as a person runs it."""
    return subprocess.run(
        [sys.executable, "-m", "local", command],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _succeed(command: str, environment: dict[str, str]) -> None:
    done = run_local(command, environment)
    if done.returncode != 0:
        pytest.fail(f"`python -m local {command}` failed:\n{done.stdout}", pytrace=False)


def _model() -> Path:
    """The demo model where it is trained already, else a tiny pipeline with random weights."""
    demo = ROOT / "model" / "demo" / "weights"
    if (demo / "model_index.json").is_file():
        return demo
    tiny = ROOT / ".afterimage" / "test" / "tiny-model"
    if not (tiny / "model_index.json").is_file():
        python = ROOT / ".afterimage" / "env" / "model" / "bin" / "python"
        code = (
            f"from pathlib import Path; from tiny_pipeline import make_tiny_pipeline as make; make(Path({str(tiny)!r}))"
        )
        paths = os.pathsep.join(str(ROOT / name) for name in ("tests/model", "functions", "model"))
        subprocess.run([str(python), "-c", code], env={**os.environ, "PYTHONPATH": paths}, check=True)
    return tiny
