"""The one place that decides what a process of the local cloud may know about AWS.

A person who tries Afterimage may have credentials, profiles and endpoints of a real account in the shell. None of it
may reach a subprocess or a client: everything named AWS_* goes, and files are replaced by the empty one, before the
local endpoint and dummy keys are set.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from local.settings import HOST, REGION, Settings

if TYPE_CHECKING:
    import boto3

ROOT_KEY = "test"  # the emulator's account root
_DROPPED_PREFIXES = ("AWS_", "SAM_CLI_", "__SAM_CLI", "BOTO", "LOCALSTACK", "MINISTACK")
_DROPPED = {
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "SMTP_HOST",
    "GATEWAY_PORT",
    "EDGE_PORT",
    "AUTH",
}


def clean_environment(settings: Settings, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return `environ` without any trace of AWS, Python paths of others, or a proxy in front of the loopback."""
    source = os.environ if environ is None else environ
    kept = {
        name: value
        for name, value in source.items()
        if name not in _DROPPED and not name.upper().startswith(_DROPPED_PREFIXES)
    }
    kept.setdefault("HOME", str(settings.folder))  # a bare CI shell may lack it, and pip and sam want one
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in kept.get(name, "").split(",") if host and host not in (HOST, "localhost")]
        kept[name] = ",".join([*hosts, HOST, "localhost"])
    kept.update(
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
        SAM_CLI_TELEMETRY="0",
        __SAM_CLI_APP_DIR=str(settings.folder / "sam"),
        PYTHONUNBUFFERED="1",
    )
    return kept


def root_environment(settings: Settings, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """`clean_environment` and the emulator's root: for deployment and tools."""
    return clean_environment(settings, environ) | {
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_ENDPOINT_URL": settings.emulator_url,
    }


def role_environment(settings: Settings, token: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """`clean_environment` and the container's role, fetched and refreshed by the SDK as on SageMaker."""
    return clean_environment(settings, environ) | {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{settings.runtime_url}/_credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
        "AWS_ENDPOINT_URL": settings.emulator_url,
    }


def root_session(settings: Settings) -> boto3.Session:
    """A boto3 session as the emulator's root that reads neither the environment nor a file of the person."""
    import boto3
    import botocore.session

    nothing: dict[str, Any] = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
        "ca_bundle": (None, None, None, None),
    }
    core = botocore.session.Session(session_vars=nothing)
    core.set_credentials(ROOT_KEY, ROOT_KEY)
    return boto3.Session(botocore_session=core, region_name=REGION)


def root_client(settings: Settings, service: str) -> Any:
    """A client of `service` on the local emulator, for any process, whatever its environment holds."""
    from botocore.config import Config

    return root_session(settings).client(
        service,
        endpoint_url=settings.emulator_url,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, proxies={})
        if service == "s3"
        else Config(proxies={}),
    )
