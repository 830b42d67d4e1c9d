"""The machine that campaigns hold, in Application Auto Scaling and DynamoDB by moto."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import boto3
import pytest
from afterimage.adapters.endpoint_capacity import NO_ENDPOINT, EndpointCapacity
from afterimage.domain.errors import EngineUnavailableError
from fakes.stubbed import UNREACHED, stubbed, unreached
from moto import mock_aws

VARIANT = "endpoint/stack-images/variant/main"
TARGET = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}


@pytest.fixture
def scaling(dynamodb: Any) -> Iterator[Any]:
    """A registered target that follows its backlog from none to three."""
    del dynamodb  # its credentials are nobody's
    with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "eu-central-1"}), mock_aws():
        sagemaker = boto3.client("sagemaker")
        role = "arn:aws:iam::123456789012:role/model"
        sagemaker.create_model(ModelName="m", ExecutionRoleArn=role)
        variant = {"VariantName": "main", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.g4dn.xlarge"}
        sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName="stack-images", EndpointConfigName="c")
        client = boto3.client("application-autoscaling")
        client.register_scalable_target(**TARGET, ResourceId=VARIANT, MinCapacity=0, MaxCapacity=3)
        yield client


def bounds(scaling: Any) -> tuple[int, int]:
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    return target["MinCapacity"], target["MaxCapacity"]


def test_one_machine_is_kept_until_every_holder_has_let_go(scaling: Any, dynamodb: Any, table: str) -> None:
    capacity = EndpointCapacity(scaling, dynamodb, table, VARIANT)
    for holder in ("a", "b", "a"):
        assert capacity.warm(holder)
        assert bounds(scaling) == (1, 3)
    capacity.let_go("a")
    capacity.let_go("a")
    assert bounds(scaling) == (1, 3), "somebody else holds it"
    capacity.let_go("b")
    assert bounds(scaling) == (0, 3)
    capacity.let_go("nobody")
    assert bounds(scaling) == (0, 3)
    assert capacity.warm("c")
    assert bounds(scaling) == (1, 3)


def test_whoever_comes_while_the_last_one_goes_keeps_the_machine(scaling: Any, dynamodb: Any, table: str) -> None:
    capacity = EndpointCapacity(scaling, dynamodb, table, VARIANT)
    capacity.warm("a")
    writes = []

    def comes_in_between(params: Any, **_: Any) -> None:
        writes.append(params["MinCapacity"])
        if writes == [0]:
            assert EndpointCapacity(boto3.client("application-autoscaling"), dynamodb, table, VARIANT).warm("b")

    scaling.meta.events.register(
        "provide-client-params.application-autoscaling.RegisterScalableTarget", comes_in_between
    )
    capacity.let_go("a")
    assert (writes, bounds(scaling)) == ([0, 1], (1, 3))


def test_without_an_endpoint_nothing_is_asked(dynamodb: Any, table: str) -> None:
    capacity = EndpointCapacity(unreached("application-autoscaling", UNREACHED[0]), dynamodb, table, NO_ENDPOINT)
    assert not capacity.warm("a")
    capacity.let_go("a")
    assert dynamodb.scan(TableName=table)["Items"] == []


def test_a_machine_that_may_not_be_asked_for_keeps_no_campaign_from_its_rows(dynamodb: Any, table: str) -> None:
    client, stubber = stubbed("application-autoscaling")
    for _ in range(2):
        stubber.add_client_error("register_scalable_target", "ObjectNotFoundException")
    capacity = EndpointCapacity(client, dynamodb, table, VARIANT)
    assert not capacity.warm("a")
    with pytest.raises(EngineUnavailableError):  # but one that is not let go costs money
        capacity.let_go("a")


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_what_may_pass_is_tried_again(error: Exception, dynamodb: Any, table: str) -> None:
    with pytest.raises(EngineUnavailableError):
        EndpointCapacity(unreached("application-autoscaling", error), dynamodb, table, VARIANT).warm("a")
