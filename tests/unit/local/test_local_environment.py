"""Nothing of a person's AWS account reaches a process or a client of the local cloud."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.environment import clean_environment, role_environment, root_client, root_environment
from local.settings import ROOT, Settings

POISON = {
    "AWS_ACCESS_KEY_ID": "AKIAREALACCOUNT00000",
    "AWS_SECRET_ACCESS_KEY": "real-secret",
    "AWS_SESSION_TOKEN": "real-token",
    "AWS_PROFILE": "production",
    "AWS_DEFAULT_PROFILE": "production",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ENDPOINT_URL": "https://real.example",
    "AWS_ENDPOINT_URL_S3": "https://real-s3.example",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/real",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/real/token",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/real",
    "AWS_CA_BUNDLE": "/real/bundle.pem",
    "BOTO_CONFIG": "/real/boto",
    "SAM_CLI_TELEMETRY": "1",
    "HTTPS_PROXY": "http://proxy.example:3128",
    "PYTHONPATH": "/real/python",
    "VIRTUAL_ENV": "/real/venv",
    "HOME": "/home/person",
    "PATH": "/usr/bin",
}
SETTINGS = Settings.from_environment({})


def test_no_poisoned_value_about_aws_survives_in_any_environment() -> None:
    for made in (
        clean_environment(SETTINGS, POISON),
        root_environment(SETTINGS, POISON),
        role_environment(SETTINGS, "token", POISON),
    ):
        kept = {name for name, value in made.items() if value == POISON.get(name)}
        assert kept == {"HTTPS_PROXY", "HOME", "PATH"}
        assert made["AWS_REGION"] == made["AWS_DEFAULT_REGION"] == "us-east-1"
        assert made["AWS_CONFIG_FILE"] == made["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
        assert made["AWS_EC2_METADATA_DISABLED"] == "true"
        assert made["SAM_CLI_TELEMETRY"] == "0"


def test_only_the_named_environments_hold_credentials_and_an_endpoint() -> None:
    names = {"AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_CONTAINER_CREDENTIALS_FULL_URI"}
    assert names.isdisjoint(clean_environment(SETTINGS, POISON))
    root = root_environment(SETTINGS, POISON)
    assert (root["AWS_ACCESS_KEY_ID"], root["AWS_ENDPOINT_URL"]) == ("test", "http://127.0.0.1:4566")
    role = role_environment(SETTINGS, "a-token", POISON)
    assert "AWS_ACCESS_KEY_ID" not in role  # it would win over the role's own credentials
    assert role["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:4567/_credentials"
    assert role["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == "a-token"


def test_a_proxy_is_kept_for_downloads_but_not_for_the_loopback() -> None:
    made = clean_environment(SETTINGS, {"NO_PROXY": "intranet.example"})
    assert made["NO_PROXY"] == "intranet.example,127.0.0.1,localhost"


def test_a_shell_without_home_gets_one_inside_the_state_folder() -> None:
    assert clean_environment(SETTINGS, {})["HOME"] == str(SETTINGS.folder)


def test_a_client_in_a_poisoned_process_speaks_to_the_emulator_as_its_root(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in POISON.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    for service in ("s3", "cloudformation", "sagemaker-runtime"):
        client = root_client(SETTINGS, service)
        assert client.meta.endpoint_url == "http://127.0.0.1:4566"
        assert client.meta.region_name == "us-east-1"
        credentials = client._request_signer._credentials
        assert (credentials.access_key, credentials.token) == ("test", None)


def test_the_command_cleans_its_own_process_before_it_does_anything(tmp_path: Path) -> None:
    code = (
        "import os, sys; from local import __main__ as m; sys.argv = ['local', 'down']; assert m.main() == 0; "
        "print(sorted(name for name in os.environ if name.startswith('AWS_')))"
    )
    environment = {**os.environ, **POISON, "PATH": os.environ["PATH"], "AFTERIMAGE_STATE": str(tmp_path)}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    left = "AWS_CONFIG_FILE AWS_DEFAULT_REGION AWS_EC2_METADATA_DISABLED AWS_REGION AWS_SHARED_CREDENTIALS_FILE"
    assert done.stdout.splitlines()[-1] == str(left.split())
