"""Clients whose answers are given beforehand, each call checked against the service's own model by botocore."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.stub import Stubber


def stubbed(service: str) -> tuple[Any, Stubber]:
    """Return a client that asks nobody, and the stubber to give it answers."""
    client = boto3.client(
        service, region_name="eu-central-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    stubber = Stubber(client)
    stubber.activate()
    return client, stubber
