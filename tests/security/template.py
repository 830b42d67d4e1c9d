"""`template.yaml` as plain data, with CloudFormation's short tags written out, for the tests that read it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = "AWS::Serverless::Function"


class _Loader(yaml.SafeLoader):
    """Reads `!Ref x` as `{"Ref": x}` and any other `!Name x` as `{"Fn::Name": x}`."""


def _tag(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = str(value).split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix == "Ref" else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tag)


def text() -> str:
    """The template as it is written, for what only its comments say."""
    return (ROOT / "template.yaml").read_text(encoding="utf-8")


@functools.cache
def template() -> dict[str, Any]:
    """The whole template."""
    document: dict[str, Any] = yaml.load(text(), Loader=_Loader)  # noqa: S506 - a SafeLoader with tags
    return document


def resources(kind: str | None = None) -> dict[str, dict[str, Any]]:
    """Logical id to resource, all or those of one type."""
    return {
        name: resource for name, resource in template()["Resources"].items() if kind is None or resource["Type"] == kind
    }


def functions() -> dict[str, dict[str, Any]]:
    """Logical id to properties of every Lambda function."""
    return {name: resource["Properties"] for name, resource in resources(FUNCTION).items()}


def as_list(value: Any) -> list[Any]:
    """What CloudFormation and IAM take as one or many."""
    return value if isinstance(value, list) else [value]


def policies() -> dict[str, list[dict[str, Any]]]:
    """Every statement of an identity policy by the logical id of the function or role that holds it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, properties in functions().items():
        for document in properties.get("Policies", []):
            found.setdefault(name, []).extend(document["Statement"])
    for name, resource in resources("AWS::IAM::Role").items():
        for policy in resource["Properties"].get("Policies", []):
            found.setdefault(name, []).extend(policy["PolicyDocument"]["Statement"])
    for resource in resources("AWS::IAM::Policy").values():
        for role in resource["Properties"]["Roles"]:
            found.setdefault(role["Ref"], []).extend(resource["Properties"]["PolicyDocument"]["Statement"])
    return found
