"""`sam deploy` against the emulator, and what a person would do by hand afterwards in a new account."""

from __future__ import annotations

import contextlib
import json
import tomllib
from pathlib import Path
from typing import Any

from local import build
from local.cloud import CloudError
from local.digest import digest_of
from local.environment import root_client, root_environment
from local.package import package
from local.services import kept_secret
from local.settings import ACCOUNT, API_ID, API_ID_TAG, ARTIFACT_BUCKET, ENDPOINT_NAME, REGION, STACK_NAME, Settings
from local.signing_key import root_file, stored_signing_key

DEMO_USER = "demo@afterimage.example"
SENDER = "studio@afterimage.example"
CONCURRENCY = 1  # the CPU is the limit; SageMaker's MaxConcurrentInvocationsPerInstance


def deploy(settings: Settings) -> bool:
    """Bring the stack to the state of the sources; return whether there was anything to do."""
    values = build.override_list(parameters(settings) | {"SigningSecretArn": stored_signing_key(settings)})
    wanted = digest_of([settings.root / "samconfig.toml"], build.sources_digest(settings), *values)
    known = read_stack(settings)
    if known and known["digest"] == wanted and stack_outputs(settings) is not None:
        return False
    build.build(settings)
    s3 = root_client(settings, "s3")
    s3.create_bucket(Bucket=ARTIFACT_BUCKET)
    packaged = package(settings.build / "out", s3, ARTIFACT_BUCKET)
    argv = [str(settings.environments / "sam" / "bin" / "sam"), "deploy"]
    argv += ["--config-file", str(settings.root / "samconfig.toml"), "--config-env", "local"]
    argv += ["--template-file", str(packaged)]
    argv += ["--stack-name", STACK_NAME, "--s3-bucket", ARTIFACT_BUCKET, "--region", REGION]
    argv += ["--no-confirm-changeset", "--no-fail-on-empty-changeset"]
    argv += ["--tags", f"{API_ID_TAG}={API_ID}"]
    argv += ["--parameter-overrides", *values]
    environment = root_environment(settings) | {"SAM_CLI_POLL_DELAY": "0.3"}
    try:
        build.run_sam(settings, argv, environment, "sam deploy", settings.logs / "deploy.log")
    finally:
        packaged.unlink()
    outputs = stack_outputs(settings)
    if outputs is None:
        raise CloudError(f"`sam deploy` ended well, but there is no stack {STACK_NAME}.")
    verify_sender(settings)
    create_demo_user(settings, outputs)
    write_stack(settings, outputs, wanted)
    return True


def parameters(settings: Settings) -> dict[str, str]:
    """All template parameters of a local deployment: the fixed ones from samconfig.toml, the rest computed."""
    with (settings.root / "samconfig.toml").open("rb") as file:
        fixed = tomllib.load(file)["local"]["deploy"]["parameters"].get("parameter_overrides", [])
    pairs = dict(item.split("=", 1) for item in fixed)
    return (
        pairs
        | build.parameters(settings)
        | {
            "EndpointName": ENDPOINT_NAME,
            "PublicBaseUrl": settings.api_base,
            "SagemakerRuntimeEndpoint": settings.runtime_url,
            "SenderAddress": SENDER,
        }
    )


def stack_outputs(settings: Settings) -> dict[str, str] | None:
    """The outputs of the stack by name, or None without a stack."""
    from botocore.exceptions import ClientError

    client = root_client(settings, "cloudformation")
    try:
        stack = client.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    except ClientError:
        return None
    if not stack["StackStatus"].endswith("_COMPLETE") or "ROLLBACK" in stack["StackStatus"]:
        return None
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def verify_sender(settings: Settings) -> None:
    """What a person does by clicking in a mail. The template's identity stays unverified otherwise."""
    root_client(settings, "ses").verify_email_identity(EmailAddress=SENDER)


def create_demo_user(settings: Settings, outputs: dict[str, str]) -> None:
    """Create the person of the demo, with a verified address and a password that this machine made up."""
    client = root_client(settings, "cognito-idp")
    pool = outputs["UserPoolId"]
    attributes = [{"Name": "email", "Value": DEMO_USER}, {"Name": "email_verified", "Value": "true"}]
    with contextlib.suppress(client.exceptions.UsernameExistsException):
        client.admin_create_user(
            UserPoolId=pool, Username=DEMO_USER, UserAttributes=attributes, MessageAction="SUPPRESS"
        )
    password = kept_secret(settings.state / "demo_password", prefix="Aa1-")  # one character of each kind
    client.admin_set_user_password(UserPoolId=pool, Username=DEMO_USER, Password=password, Permanent=True)


def endpoint_document(settings: Settings, outputs: dict[str, str]) -> dict[str, Any]:
    """What the stand-in of the SageMaker runtime is told about the endpoint."""
    bucket = outputs["BucketName"]
    return {
        "name": ENDPOINT_NAME,
        "arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{ENDPOINT_NAME}",
        "role_arn": outputs["ModelRoleArn"],
        "container_url": settings.model_url,
        "output_path": f"s3://{bucket}/inference/output",
        "failure_path": f"s3://{bucket}/inference/failure",
        "success_topic_arn": outputs["SuccessTopicArn"],
        "error_topic_arn": outputs["ErrorTopicArn"],
        "concurrency": CONCURRENCY,
    }


def write_stack(settings: Settings, outputs: dict[str, str], digest: str) -> None:
    """Leave `state/stack.json` for the command line, the page and the tests."""
    document = {
        "digest": digest,
        "stack_name": STACK_NAME,
        "region": REGION,
        "endpoint_url": settings.emulator_url,
        "runtime_url": settings.runtime_url,
        "api_base": settings.api_base,
        "user": {"username": DEMO_USER, "password_file": str(settings.state / "demo_password")},
        "mail_folder": str(settings.mail),
        "signing_root": str(root_file(settings)),
        "outputs": outputs,
    }
    path = stack_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    temporary.replace(path)


def stack_file(settings: Settings) -> Path:
    return settings.state / "stack.json"


def read_stack(settings: Settings) -> dict[str, Any] | None:
    """What `write_stack` left, or None."""
    try:
        document: dict[str, Any] = json.loads(stack_file(settings).read_text())
        return document
    except (OSError, ValueError):
        return None
