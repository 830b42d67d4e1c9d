"""Strict translation between frozen dataclasses and JSON: a wrong shape is named by its path, never passed on."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")


class ContractError(ValueError):
    """Raised when a document from another process does not have the agreed shape; the message names the path."""


def to_document(value: Any) -> Any:
    """Return `value` (dataclass, enum, tuple or plain) as what `json.dumps` takes; absent optionals stay `None`."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_document(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [to_document(item) for item in value]
    if isinstance(value, dict):
        return {key: to_document(item) for key, item in value.items()}
    return value


def to_json(value: Any) -> str:
    """Return `value` as compact JSON with sorted keys, so that equal values have equal bytes."""
    return json.dumps(to_document(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def from_json(cls: type[T], text: str | bytes) -> T:
    """Parse `text` as a `cls`. Raises ContractError for broken JSON as for a wrong shape."""
    try:
        document = json.loads(text)
    except ValueError as exc:  # includes UnicodeDecodeError
        raise ContractError(f"not JSON: {exc}") from exc
    return from_document(cls, document)


def from_document(cls: type[T], document: Any, path: str = "$", *, lenient: bool = False) -> T:
    """Build the dataclass `cls` from a decoded JSON object.

    Unknown fields are refused, because both sides of a contract ship together; `lenient` leaves them aside, for stored
    records, which outlive versions in both directions.

    Raises ContractError naming the path of the first missing, unknown or ill-typed field.
    """
    if not isinstance(document, dict):
        raise ContractError(f"{path} must be an object")
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if not lenient and (unknown := sorted(set(document) - set(fields))):
        raise ContractError(f"{path} has unknown fields: {', '.join(unknown)}")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in document:
            values[name] = _decode(hints[name], document[name], f"{path}.{name}", lenient)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ContractError(f"{path}.{name} is missing")
    try:
        return cls(**values)
    except ValueError as exc:  # what the dataclass itself forbids, ContractError included
        raise ContractError(f"{path}: {exc}") from exc


def _decode(hint: Any, value: Any, path: str, lenient: bool) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(hint, value, path, lenient)
    if origin is tuple:
        if not isinstance(value, list):
            raise ContractError(f"{path} must be a list")
        item = typing.get_args(hint)[0]
        return tuple(_decode(item, element, f"{path}[{index}]", lenient) for index, element in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise ContractError(f"{path} must be an object")
        item = typing.get_args(hint)[1]
        return {key: _decode(item, element, f"{path}.{key}", lenient) for key, element in value.items()}
    if dataclasses.is_dataclass(hint):
        return from_document(typing.cast("type[Any]", hint), value, path, lenient=lenient)
    if isinstance(hint, type) and issubclass(hint, Enum):
        try:
            return hint(value)
        except ValueError as exc:
            raise ContractError(f"{path} must be one of: {', '.join(str(m.value) for m in hint)}") from exc
    return _decode_plain(getattr(hint, "__supertype__", hint), value, path)


def _decode_union(hint: Any, value: Any, path: str, lenient: bool) -> Any:
    options = [option for option in typing.get_args(hint) if option is not type(None)]
    if value is None:
        if len(options) < len(typing.get_args(hint)):
            return None
        raise ContractError(f"{path} must not be null")
    return _decode(options[0], value, path, lenient)


def _decode_plain(expected: Any, value: Any, path: str) -> Any:
    if expected is Any:
        return value
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError as exc:
            raise ContractError(f"{path} must be a smaller number") from exc
    if isinstance(value, expected) and not (isinstance(value, bool) and expected is not bool):
        return value
    raise ContractError(f"{path} must be {expected.__name__}")
