"""A model is published to the local cloud's S3 by the real SDK, from the environment that is made for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.models.publish import content_digest
from local.environment import root_client
from local.settings import ARTIFACT_BUCKET, ROOT

DEMO = ROOT / "model" / "demo" / "weights"


def test_the_demo_model_is_published_once_and_kept_the_second_time(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = cloud.settings
    monkeypatch.setattr("cli.commands.model.local_settings", lambda: settings)
    client = root_client(settings, "s3")
    command = ["model", "publish", str(DEMO), "--no-trial", "--json"]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    prefix = told["prefix"].removeprefix(f"s3://{ARTIFACT_BUCKET}/")
    listing = json.loads(client.get_object(Bucket=ARTIFACT_BUCKET, Key=f"{prefix}digests.json")["Body"].read())
    assert told["sent"] == len(listing["files"]) + 1
    assert prefix == f"models/weights/{content_digest(listing['files'])[:16]}/"
    for name in listing["files"]:
        body = client.get_object(Bucket=ARTIFACT_BUCKET, Key=f"{prefix}{name}")["Body"].read()
        assert body == Path(DEMO / name).read_bytes(), name
    assert json.loads(CliRunner().invoke(app, command).stdout)["sent"] == 0
