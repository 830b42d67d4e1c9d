"""Clients whose answers are given beforehand, each call checked against the service's own model by botocore."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.stub import Stubber

# What botocore raises when a service is not reached, or does not answer in time.
UNREACHED = (
    EndpointConnectionError(endpoint_url="https://aws"),
    ConnectTimeoutError(endpoint_url="https://aws"),
    ConnectionClosedError(endpoint_url="https://aws"),
    ReadTimeoutError(endpoint_url="https://aws"),
)


def stubbed(service: str) -> tuple[Any, Stubber]:
    """Return a client that asks nobody, and the stubber to give it answers."""
    client = _client(service)
    stubber = Stubber(client)
    stubber.activate()
    return client, stubber


def unreached(service: str, error: Exception) -> Any:
    """Return a client whose every call ends in `error` before anything is sent."""
    client = _client(service)

    def fail(**_: Any) -> None:
        raise error

    client.meta.events.register_first("before-call", fail)
    return client


def _client(service: str) -> Any:
    return boto3.client(
        service, region_name="eu-central-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
