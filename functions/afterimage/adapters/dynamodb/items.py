"""Between dataclasses and DynamoDB items. Numbers come back as Decimal and floats may not go in, so both are turned."""

from __future__ import annotations

from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from afterimage.adapters.aws import unavailable_as
from afterimage.contracts.codec import from_document, to_document
from afterimage.domain.errors import StoreUnavailableError

T = TypeVar("T")
Item = dict[str, Any]

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def attribute(value: Any) -> Any:
    """Return one value (dataclass, enum, tuple or plain) as a typed DynamoDB attribute."""
    return _serialize(_without_floats(to_document(value)))


def attributes(value: Any) -> Item:
    """Return a dataclass as attributes, without the fields that are None: an absent key keeps an index sparse."""
    return {name: attribute(field) for name, field in to_document(value).items() if field is not None}


def read(cls: type[T], item: Item, without: frozenset[str]) -> T:
    """Build `cls` from an item, leaving the attributes named in `without` (keys of table and index) aside."""
    known = {name: _without_decimals(_deserialize(value)) for name, value in item.items() if name not in without}
    return from_document(cls, known, lenient=True)


def key(partition: str, sort: str) -> Item:
    """Return the primary key of an item."""
    return {"pk": {"S": partition}, "sk": {"S": sort}}


def reaching_the_table() -> AbstractContextManager[None]:
    """Turn what may pass of a call to DynamoDB into StoreUnavailableError."""
    return unavailable_as(StoreUnavailableError)


def _without_floats(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, list):
        return [_without_floats(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_floats(item) for name, item in value.items()}
    return value


def _without_decimals(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [_without_decimals(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_decimals(item) for name, item in value.items()}
    return value
