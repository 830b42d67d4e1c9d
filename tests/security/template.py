"""The template as its tests look at it: resources by type, functions, and every statement of a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fakes.template import FILE, template

ROOT = Path(FILE).resolve().parent
FUNCTION = "AWS::Serverless::Function"

__all__ = ["ROOT", "as_list", "functions", "policies", "resources", "template", "text"]


def text() -> str:
    """The template as it is written, for what only its comments say."""
    return Path(FILE).read_text(encoding="utf-8")


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
            # One that stands behind a condition counts as if it were there.
            found.setdefault(name, []).extend(
                entry["If"][1] if "If" in entry else entry for entry in document["Statement"]
            )
    for name, resource in resources("AWS::IAM::Role").items():
        for policy in resource["Properties"].get("Policies", []):
            found.setdefault(name, []).extend(policy["PolicyDocument"]["Statement"])
    for resource in resources("AWS::IAM::Policy").values():
        for role in resource["Properties"]["Roles"]:
            found.setdefault(role["Ref"], []).extend(resource["Properties"]["PolicyDocument"]["Statement"])
    return found
