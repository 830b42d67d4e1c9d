"""Suppressed addresses in DynamoDB, by their hash. What holds longer replaces what holds shorter, never the reverse."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code
from afterimage.adapters.dynamodb.items import Item, attribute, attributes, key, reaching_the_table, read
from afterimage.domain.expiry import is_expired
from afterimage.domain.suppression import Suppression

_KEYS = frozenset({"pk", "sk"})


def _suppression_key(address_hash: str) -> Item:
    return key(f"SUPPRESSED#{address_hash}", "SUPPRESSED")


class DynamoSuppressionStore:
    """Implements `ports.SuppressionStore`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, suppression: Suppression) -> None:
        """Store it unless one that holds as long is there."""
        try:
            with reaching_the_table():
                self._client.put_item(
                    TableName=self._table,
                    Item={**_suppression_key(suppression.address_hash), **attributes(suppression)},
                    ConditionExpression="attribute_not_exists(pk) OR expires_at_s < :expires_at_s",
                    ExpressionAttributeValues={":expires_at_s": attribute(suppression.expires_at_s)},
                )
        except ClientError as exc:
            if error_code(exc) != "ConditionalCheckFailedException":
                raise

    def find(self, address_hash: str, now_ms: int) -> Suppression | None:
        """Return the suppression that holds now, read consistently: the next mail may follow a bounce at once."""
        with reaching_the_table():
            item = self._client.get_item(
                TableName=self._table, Key=_suppression_key(address_hash), ConsistentRead=True
            ).get("Item")
        found = read(Suppression, item, _KEYS) if item else None
        return found if found and not is_expired(found.expires_at_s, now_ms) else None

    def lift(self, address_hash: str) -> None:
        """Delete what is there."""
        with reaching_the_table():
            self._client.delete_item(TableName=self._table, Key=_suppression_key(address_hash))
