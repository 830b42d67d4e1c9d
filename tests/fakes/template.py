"""The template as data, so that a test's table is the table that is deployed."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[2] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags as {tag: value}; nobody here resolves them."""


def _short_tag(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {tag: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _short_tag)


@functools.cache
def template() -> dict[str, Any]:
    """Return template.yaml, parsed."""
    loaded: dict[str, Any] = yaml.load(FILE.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    return loaded


def create_table(client: Any, name: str) -> None:
    """Create the one table with the keys and indexes that the template gives it."""
    properties = template()["Resources"]["Table"]["Properties"]
    taken = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    client.create_table(TableName=name, **{key: properties[key] for key in taken})
