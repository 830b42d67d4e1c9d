"""The local cloud as a person meets it, and the SageMaker runtime as a function meets it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local import cloud as control
from local.sagemaker_runtime.caller import function_principal
from local.services import credentials_token, services

if TYPE_CHECKING:
    from integration.conftest import LocalCloud, RealAccount


def runtime_client(cloud: LocalCloud, function: str) -> Any:
    """A client of the SageMaker runtime with the credentials of the function whose logical id that is."""
    name = cloud.client("cloudformation").describe_stack_resource(
        StackName=cloud.stack["stack_name"], LogicalResourceId=function
    )["StackResourceDetail"]["PhysicalResourceId"]
    found = cloud.client("lambda").get_function_configuration(FunctionName=name)
    keys = function_principal(found["FunctionArn"], found["Role"]).credentials
    return boto3.Session(
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
        region_name="us-east-1",
    ).client(
        "sagemaker-runtime", endpoint_url=cloud.settings.runtime_url, config=Config(retries={"total_max_attempts": 1})
    )


def invoke(cloud: LocalCloud, function: str, **changes: Any) -> Any:
    call = {
        "EndpointName": cloud.outputs["EndpointName"],
        "InputLocation": f"s3://{cloud.outputs['BucketName']}/jobs/none/input.json",
        "InferenceId": "test-local-cloud",
        **changes,
    }
    return runtime_client(cloud, function).invoke_endpoint_async(**call)


def refusal(cloud: LocalCloud, function: str, **changes: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        invoke(cloud, function, **changes)
    return caught.value


def test_a_second_up_is_a_no_op_that_says_so(cloud: LocalCloud) -> None:
    before = sorted(path.read_text() for path in cloud.settings.run.glob("*.json"))
    done = cloud.local("up")
    assert done.returncode == 0
    assert "The stack is unchanged." in done.stdout
    assert "was up already" in done.stdout
    assert sorted(path.read_text() for path in cloud.settings.run.glob("*.json")) == before


def test_status_shows_every_service_ready_and_the_stack_deployed(cloud: LocalCloud) -> None:
    done = cloud.local("status")
    assert done.returncode == 0
    *services_lines, _ = done.stdout.splitlines()
    assert [line.split("127.0.0.1")[0].split()[-1] for line in services_lines] == ["ready"] * 4
    assert done.stdout.splitlines()[-1].split() == ["stack", "deployed", cloud.api_base]


def test_a_second_cloud_on_the_same_ports_is_refused_with_the_variable_to_change(
    cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory
) -> None:
    done = cloud.local("up", AFTERIMAGE_STATE=str(tmp_path_factory.mktemp("state")))
    assert done.returncode == 1
    assert f"Port {cloud.settings.emulator_port} for the AWS emulator is taken" in done.stdout
    assert "AFTERIMAGE_PORT=" in done.stdout
    assert all(control.is_running(service) for service in services(cloud.settings))


def test_nothing_spoke_to_the_account_that_the_shell_has_credentials_of(
    cloud: LocalCloud, real_account: RealAccount
) -> None:
    assert cloud.environment["AWS_PROFILE"] == "production"
    assert cloud.local("deploy").returncode == 0
    assert real_account.visits == []


def test_the_function_that_starts_generations_may_invoke_the_endpoint(cloud: LocalCloud) -> None:
    cloud.faults({"kind": "lose", "match": "test-local-cloud"})
    answer = invoke(cloud, "StartGenerationFunction")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["InferenceId"] == "test-local-cloud"
    bucket = cloud.outputs["BucketName"]
    assert answer["OutputLocation"].startswith(f"s3://{bucket}/inference/output/")
    assert answer["FailureLocation"].startswith(f"s3://{bucket}/inference/failure/")


def test_a_function_without_the_permission_is_denied(cloud: LocalCloud) -> None:
    error = refusal(cloud, "NotifyRequesterFunction")
    assert error.response["Error"]["Code"] == "AccessDeniedException"
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_an_unknown_endpoint_is_a_validation_error(cloud: LocalCloud) -> None:
    error = refusal(cloud, "StartGenerationFunction", EndpointName="nobody")
    assert error.response["Error"]["Code"] == "ValidationError"


def test_the_model_server_gets_the_container_role_and_nobody_without_the_token_does(cloud: LocalCloud) -> None:
    def fetch(token: str) -> Any:
        request = urllib.request.Request(f"{cloud.settings.runtime_url}/_credentials", headers={"Authorization": token})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return json.loads(answer.read())

    keys = fetch(credentials_token(cloud.settings))
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"], region_name="us-east-1")
    caller = session.client("sts", endpoint_url=cloud.settings.emulator_url).get_caller_identity()["Arn"]
    assert caller.split("/")[1] == cloud.outputs["ModelRoleArn"].rsplit("/", 1)[-1]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch("wrong")
