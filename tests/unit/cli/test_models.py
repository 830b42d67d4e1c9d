"""A model of one's own: asked about in another environment, uploaded file by file, given to a stack by a parameter."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from typer.testing import Result

from cli.errors import CliError
from cli.models.publish import content_digest, digests_document
from cli.models.stack import destination, perform, plan_change, read_parameters
from cli.models.upload import UploadError, upload

PARAMETERS = {
    "ModelProfile": "sd15",
    "DeployEndpoint": "true",
    "ModelDataPrefix": "s3://bucket/models/old/",
    "ContainerImageUri": "image",
}
NEW = "s3://bucket/models/mine/0123456789abcdef/"
FILES = {
    "model_index.json": {"sha256": "aa" * 32, "size": 2},
    "unet/w.safetensors": {"sha256": "bb" * 32, "size": 5},
}


def described(**changes: str) -> dict[str, Any]:
    parameters = [{"ParameterKey": name, "ParameterValue": text} for name, text in (PARAMETERS | changes).items()]
    stack = {"StackName": "mine", "CreationTime": 0, "StackStatus": "CREATE_COMPLETE", "Parameters": parameters}
    return {"Stacks": [stack]}


@pytest.fixture
def cloudformation() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client(
        "cloudformation", region_name="eu-central-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    with Stubber(client) as stubber:
        yield client, stubber


def test_one_parameter_changes_and_every_other_stays(cloudformation: tuple[Any, Stubber]) -> None:
    client, stubber = cloudformation
    stubber.add_response("describe_stacks", described(), {"StackName": "mine"})
    kept = [name for name in PARAMETERS if name != "ModelDataPrefix"]
    stubber.add_response(
        "update_stack",
        {"StackId": "arn"},
        {
            "StackName": "mine",
            "UsePreviousTemplate": True,
            "Parameters": [
                *({"ParameterKey": name, "UsePreviousValue": True} for name in kept),
                {"ParameterKey": "ModelDataPrefix", "ParameterValue": NEW},
            ],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        },
    )
    parameters = read_parameters(client, "mine")
    change = plan_change("mine", parameters, NEW, "sd15")
    assert change.parameters == {"ModelDataPrefix": ("s3://bucket/models/old/", NEW)}
    perform(client, change, parameters)
    stubber.assert_no_pending_responses()


def test_a_stack_that_serves_it_already_is_left_alone(cloudformation: tuple[Any, Stubber]) -> None:
    client, _ = cloudformation  # nothing may be called
    change = plan_change("mine", PARAMETERS, PARAMETERS["ModelDataPrefix"], "sd15")
    assert change.parameters == {}
    perform(client, change, PARAMETERS)


@pytest.mark.parametrize(
    ("changes", "words"), [({"DeployEndpoint": "false"}, "no endpoint of its own"), ({}, "not an Afterimage stack")]
)
def test_a_stack_without_an_endpoint_of_its_own_is_refused(
    changes: dict[str, str], words: str, cloudformation: tuple[Any, Stubber]
) -> None:
    client, stubber = cloudformation
    answer = described(**changes)
    if not changes:
        answer["Stacks"][0]["Parameters"] = []
    stubber.add_response("describe_stacks", answer)
    with pytest.raises(CliError, match=words):
        read_parameters(client, "mine")


def test_a_model_of_another_family_needs_the_stacks_profile_changed_with_it() -> None:
    with pytest.raises(CliError, match="ModelProfile is sd15, and this model is sdxl") as refused:
        plan_change("mine", PARAMETERS, NEW, "sdxl")
    assert refused.value.hint == "Change both: --model-profile sdxl"
    changed = plan_change("mine", PARAMETERS, NEW, "sdxl", "sdxl").parameters
    assert changed == {"ModelDataPrefix": ("s3://bucket/models/old/", NEW), "ModelProfile": ("sd15", "sdxl")}


def test_the_prefix_is_named_by_what_it_holds_and_lies_beside_the_present_one() -> None:
    digest = content_digest(FILES)
    other = content_digest(FILES | {"model_index.json": {"sha256": "cc" * 32, "size": 2}})
    assert digest != other
    assert destination(None, PARAMETERS, "my model!", digest) == ("bucket", f"models/my-model/{digest[:16]}/")
    assert destination("s3://other/here", {}, "m", digest) == ("other", f"here/m/{digest[:16]}/")
    for to, parameters in ((None, {"ModelDataPrefix": "s3://none/none/"}), ("s3://UPPER/x/", {}), ("/folder", {})):
        with pytest.raises(CliError):
            destination(to, parameters, "m", digest)


def test_the_list_of_digests_says_where_a_hub_model_came_from() -> None:
    document = json.loads(digests_document(FILES, "c0ffee"))
    assert document == {"content_sha256": content_digest(FILES), "hub_commit": "c0ffee", "files": FILES}


TEMPLATE = {
    "Parameters": {name: {"Type": "String"} for name in PARAMETERS},
    "Resources": {
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {
                "ExecutionRoleArn": "arn:aws:iam::123456789012:role/model",
                "PrimaryContainer": {
                    "Image": {"Ref": "ContainerImageUri"},
                    "ModelDataSource": {
                        "S3DataSource": {
                            "S3Uri": {"Ref": "ModelDataPrefix"},
                            "S3DataType": "S3Prefix",
                            "CompressionType": "None",
                        }
                    },
                },
            },
        },
    },
}


def test_sagemaker_has_a_model_that_reads_the_new_prefix_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("cloudformation", "us-east-1")
        given = [{"ParameterKey": name, "ParameterValue": text} for name, text in PARAMETERS.items()]
        client.create_stack(StackName="mine", TemplateBody=json.dumps(TEMPLATE), Parameters=given)
        parameters = read_parameters(client, "mine")
        perform(client, plan_change("mine", parameters, NEW, "sd15"), parameters)
        sagemaker = boto3.client("sagemaker", "us-east-1")
        (model,) = sagemaker.list_models()["Models"]
        container = sagemaker.describe_model(ModelName=model["ModelName"])["PrimaryContainer"]
    assert container["ModelDataSource"]["S3DataSource"]["S3Uri"] == NEW
    assert container["Image"] == "image"


class Bucket:
    """S3 and the SDK's `upload_data`, which names an object by its file."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.broken = ""

    def send(self, *, path: str, bucket: str, key_prefix: str, extra_args: dict[str, Any]) -> None:
        key = f"{bucket}/{key_prefix}/{Path(path).name}"
        if Path(path).name == self.broken:
            raise OSError("the network is gone")
        self.objects[key] = {"ContentLength": Path(path).stat().st_size, **extra_args}

    def head(self, bucket: str, key: str) -> dict[str, Any] | None:
        return self.objects.get(f"{bucket}/{key}")


@pytest.fixture
def plan(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "unet").mkdir()
    for name, body in (("model_index.json", "{}"), ("unet/w.safetensors", "12345"), ("digests.json", "{ }")):
        (tmp_path / name).write_text(body)
    files = FILES | {"digests.json": {"sha256": "dd" * 32, "size": 3}}
    entries = [{"name": name, "path": str(tmp_path / name), **entry} for name, entry in files.items()]
    return {"bucket": "b", "prefix": "models/mine/01/", "files": entries}


def test_an_upload_that_was_cut_goes_on_where_it_stopped(
    plan: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    bucket = Bucket()
    bucket.broken = "w.safetensors"
    with pytest.raises(OSError, match="network"):
        upload(plan, bucket.send, bucket.head)
    assert set(bucket.objects) == {"b/models/mine/01/model_index.json"}, "the list of digests goes last"
    bucket.broken = ""
    capsys.readouterr()
    upload(plan, bucket.send, bucket.head)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told == [
        {"kept": "model_index.json"},
        {"sent": "unet/w.safetensors", "size": 5},
        {"sent": "digests.json", "size": 3},
    ]
    assert bucket.objects["b/models/mine/01/unet/w.safetensors"]["Metadata"] == {"sha256": "bb" * 32}


def test_an_object_that_is_not_as_it_was_sent_is_an_error(plan: dict[str, Any]) -> None:
    bucket = Bucket()
    with pytest.raises(UploadError, match=r"model_index\.json is not in S3"):
        upload(plan, lambda **options: None, bucket.head)


ANSWER = {
    "well": False,
    "findings": [{"code": "pickled_weights", "sentence": "unet/x.bin is a pickle.", "warning": False}],
    "facts": {},
}


@pytest.fixture
def model_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A model's environment whose Python runs a line instead."""

    def make(line: str) -> None:
        script = tmp_path / "python"
        script.write_text(f"#!{sys.executable}\nimport json, sys\n{line}\n")
        script.chmod(0o755)
        monkeypatch.setattr("cli.models.folder.model_python", lambda settings: script)

    return make


def test_a_check_shows_each_fault_with_its_code_and_ends_with_1(
    run: Callable[..., Result], model_environment: Callable[[str], None], tmp_path: Path
) -> None:
    model_environment(f"print('a library says hello'); print(json.dumps({ANSWER!r})); sys.exit(1)")
    done = run("model", "check", str(tmp_path))
    assert (done.exit_code, done.stdout) == (1, "✗ unet/x.bin is a pickle. (pickled_weights)\n")
    assert json.loads(run("model", "check", str(tmp_path), "--json").stdout)["well"] is False
    refused = run("model", "publish", str(tmp_path))
    assert refused.exit_code == 1
    assert refused.stderr == "error: The model cannot be served, so it is not published.\n"


def test_a_check_that_dies_is_a_sentence(
    run: Callable[..., Result], model_environment: Callable[[str], None], tmp_path: Path
) -> None:
    model_environment("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    done = run("model", "check", str(tmp_path))
    assert done.exit_code == 1
    assert "it was killed, perhaps for want of memory" in done.stderr


def test_a_dry_run_makes_no_environment_and_sends_nothing(
    run: Callable[..., Result],
    model_environment: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*arguments: Any) -> None:
        raise AssertionError("a dry run does nothing")

    monkeypatch.setattr("cli.models.publish.make_environment", never)
    facts = {"files": FILES, "size_bytes": 7, "family": "sd15", "file_count": 2}
    model_environment(f"print(json.dumps({{'well': True, 'findings': [], 'facts': {facts!r}}}))")
    done = run("model", "publish", str(tmp_path), "--dry-run", "--json")
    told = json.loads(done.stdout)
    assert told["prefix"].endswith(f"/{content_digest(FILES)[:16]}/")
    assert (told["dry_run"], told["sent"], told["change"]) == (True, 0, None)


def test_a_hub_model_that_is_not_given_is_an_error_with_a_hint(
    run: Callable[..., Result], model_environment: Callable[[str], None]
) -> None:
    model_environment("print(json.dumps({'error': 'The hub did not give a/b: 404'})); sys.exit(1)")
    done = run("model", "check", "a/b")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: The hub did not give a/b: 404\n")
    assert "There is no folder a/b either." in done.stderr
