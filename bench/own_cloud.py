"""A local cloud of the benchmark's own, beside whatever a person has running."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.deploy import read_stack
from local.environment import root_client
from local.settings import PORT_VARIABLES, ROOT, Settings, free_ports

PASSWORD = "Aa1-" + secrets.token_urlsafe(18)


class BenchError(Exception):
    """Raised when there is nothing to measure: the local cloud does not start, or a request does not succeed."""


@dataclass(frozen=True, kw_only=True)
class OwnCloud:
    """A deployed stack."""

    settings: Settings
    outputs: dict[str, str]
    environment: dict[str, str]

    def client(self, service: str) -> Any:
        """A boto3 client with the rights of the emulator's root."""
        return root_client(self.settings, service)

    def sign_in(self, address: str) -> str:
        """Create a person with a confirmed address and return their access token."""
        client, pool = self.client("cognito-idp"), self.outputs["UserPoolId"]
        attributes = [{"Name": "email", "Value": address}, {"Name": "email_verified", "Value": "true"}]
        client.admin_create_user(UserPoolId=pool, Username=address, UserAttributes=attributes, MessageAction="SUPPRESS")
        client.admin_set_user_password(UserPoolId=pool, Username=address, Password=PASSWORD, Permanent=True)
        answer = client.initiate_auth(
            ClientId=self.outputs["UserPoolClientId"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": address, "PASSWORD": PASSWORD},
        )
        return str(answer["AuthenticationResult"]["AccessToken"])


@contextlib.contextmanager
def own_cloud(name: str = "bench") -> Iterator[OwnCloud]:
    """Start, deploy, and stop at the end; everything lies in the folder `name`. The model is the one that
    AFTERIMAGE_MODEL_DIR names, or the demo's."""
    folder = ROOT / ".afterimage" / name
    environment = {**os.environ, "AFTERIMAGE_STATE": str(folder)}
    for (variable, _), port in zip(PORT_VARIABLES.values(), free_ports(len(PORT_VARIABLES)), strict=True):
        environment[variable] = str(port)
    settings = Settings.from_environment(environment)
    if not (settings.model_dir / "model_index.json").is_file():
        raise BenchError(f"There is no model in {settings.model_dir}. AFTERIMAGE_MODEL_DIR names another folder.")
    try:
        _local("up", environment)
        stack = read_stack(settings)
        if stack is None:
            raise BenchError("The local cloud started without a stack.")
        yield OwnCloud(settings=settings, outputs=dict(stack["outputs"]), environment=environment)
    finally:
        _local("down", environment)
        shutil.rmtree(folder, ignore_errors=True)


def _local(command: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BenchError(f"`python -m local {command}` failed:\n{done.stdout}{done.stderr}")
