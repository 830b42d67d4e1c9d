"""Which model a deployed stack's endpoint serves: one parameter, changed with everything else as it was."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from cli.errors import CliError

NO_MODEL = "s3://none/none/"
_PREFIX = re.compile(r"s3://([a-z0-9.-]{3,63})/((?:[A-Za-z0-9_.=-]+/)+)")
FAMILY_OF_PROFILE = {"demo": "sd15", "sd15": "sd15", "sdxl": "sdxl"}


@dataclass(frozen=True, kw_only=True)
class Change:
    """What would be, or was, changed: parameter → (before, after). Nothing means it is so already."""

    stack: str
    parameters: dict[str, tuple[str, str]]


def read_parameters(cloudformation: Any, stack: str) -> dict[str, str]:
    """The parameters of a stack that makes its endpoint itself. Raises CliError and what botocore raises."""
    (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    parameters = {entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in found.get("Parameters", [])}
    if "ModelDataPrefix" not in parameters:
        raise CliError(f"The stack {stack} has no parameter ModelDataPrefix, so it is not an Afterimage stack.")
    if parameters.get("DeployEndpoint") != "true":
        raise CliError(
            f"The stack {stack} makes no endpoint of its own (DeployEndpoint is false), so there is none to point.",
            "Publish without pointing: --no-point --to s3://bucket/models/",
        )
    return parameters


def plan_change(
    stack: str, parameters: dict[str, str], prefix: str, family: str, model_profile: str | None = None
) -> Change:
    """What must change so that `stack` serves `prefix`. Raises CliError for a model that its door would misjudge."""
    profile = model_profile or parameters["ModelProfile"]
    if FAMILY_OF_PROFILE.get(profile) != family:
        raise CliError(
            f"The stack's ModelProfile is {profile}, and this model is {family}: the door would accept other sizes.",
            f"Change both: --model-profile {family}",
        )
    wanted = {"ModelDataPrefix": prefix, "ModelProfile": profile}
    changed = {name: (parameters[name], value) for name, value in wanted.items() if parameters[name] != value}
    return Change(stack=stack, parameters=changed)


def perform(cloudformation: Any, change: Change, parameters: dict[str, str]) -> None:
    """Update the stack: its own template, every other parameter as it is. CloudFormation goes on by itself."""
    if not change.parameters:
        return
    kept: list[dict[str, Any]] = [
        {"ParameterKey": name, "UsePreviousValue": True} for name in parameters if name not in change.parameters
    ]
    new = [{"ParameterKey": name, "ParameterValue": after} for name, (_, after) in change.parameters.items()]
    cloudformation.update_stack(
        StackName=change.stack,
        UsePreviousTemplate=True,
        Parameters=[*kept, *new],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )


def destination(to: str | None, parameters: dict[str, str], name: str, digest: str) -> tuple[str, str]:
    """Bucket and prefix of a model: named by what it holds, so that nothing served is ever overwritten.

    `to` is s3://bucket/prefix/; without it, the bucket of the model that is there now. Raises CliError.
    """
    if to is None:
        current = parameters.get("ModelDataPrefix", NO_MODEL)
        if current == NO_MODEL:
            raise CliError("The stack has no model yet, so it names no bucket.", "Name one: --to s3://bucket/models/")
        to = f"s3://{current.removeprefix('s3://').partition('/')[0]}/models/"
    match = _PREFIX.fullmatch(to if to.endswith("/") else f"{to}/")
    if match is None:
        raise CliError(f"{to} is no prefix of plain characters like s3://bucket/models/.")
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "model"
    return match[1], f"{match[2]}{plain}/{digest[:16]}/"
