"""The use case's own door over the deployed table, for many callers at once; nothing is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.quotas import Quotas
from afterimage.domain.recipients import Caller
from afterimage.telemetry import now_ms, random_bytes
from afterimage.usecases.create_request import Door
from botocore.config import Config
from fakes.outside import FakePeople, FakeWorkflow
from integration.journey import person

if TYPE_CHECKING:
    from integration.conftest import LocalCloud


def a_door(cloud: LocalCloud, quotas: Quotas, threads: int) -> Door:
    """A door with a connection to the table for each of so many threads."""
    known = cloud.client("dynamodb")
    credentials = known._request_signer._credentials
    table = boto3.client(
        "dynamodb",
        endpoint_url=known.meta.endpoint_url,
        region_name=known.meta.region_name,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        config=Config(max_pool_connections=threads, read_timeout=60),
    )
    name = cloud.outputs["TableName"]
    return Door(
        jobs=DynamoJobStore(table, name),
        workflow=FakeWorkflow(),
        people=FakePeople(),
        accounts=DynamoAccountStore(table, name),
        profile=model_profiles()["demo"],
        admission_is_open=lambda: True,
        quotas=lambda: quotas,
        job_ttl_s=86_400,
        clock=now_ms,
        entropy=random_bytes,
    )


def a_program() -> Caller:
    """Somebody new who needs no address of their own."""
    return Caller(owner=f"client#{person()}", username=None, scopes=frozenset({"afterimage/mail:any"}))
