"""Who left the mail of campaigns, and the links by which one does, both by hashes only."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code
from afterimage.adapters.dynamodb.items import Item, attributes, key, reaching_the_table, read
from afterimage.domain.unsubscribing import Unsubscribed, UnsubscribeLink

_KEYS = frozenset({"pk", "sk"})


def _unsubscribe_key(token_hash: str) -> Item:
    return key(f"UNSUBSCRIBE#{token_hash}", "UNSUBSCRIBE")


def _unsubscribed_key(address_hash: str) -> Item:
    return key(f"UNSUBSCRIBED#{address_hash}", "UNSUBSCRIBED")


class DynamoUnsubscribeStore:
    """Implements `campaign_ports.UnsubscribeStore`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def put_link(self, link: UnsubscribeLink) -> None:
        """Store a link. 256 random bits do not collide, so one that is there is a fault and is refused."""
        with reaching_the_table():
            self._client.put_item(
                TableName=self._table,
                Item={**_unsubscribe_key(link.token_hash), **attributes(link)},
                ConditionExpression="attribute_not_exists(pk)",
            )

    def find_link(self, token_hash: str) -> UnsubscribeLink | None:
        """Return a link, expired ones too; None for none."""
        with reaching_the_table():
            item = self._client.get_item(TableName=self._table, Key=_unsubscribe_key(token_hash)).get("Item")
        return read(UnsubscribeLink, item, _KEYS) if item else None

    def unsubscribe(self, left: Unsubscribed) -> None:
        """Store it; whoever has left already has."""
        try:
            with reaching_the_table():
                self._client.put_item(
                    TableName=self._table,
                    Item={**_unsubscribed_key(left.address_hash), **attributes(left)},
                    ConditionExpression="attribute_not_exists(pk)",
                )
        except ClientError as exc:
            if error_code(exc) != "ConditionalCheckFailedException":
                raise

    def has_left(self, address_hash: str) -> bool:
        """True when the address is to get no mail of campaigns, read consistently."""
        stored = _unsubscribed_key(address_hash)
        with reaching_the_table():
            return "Item" in self._client.get_item(TableName=self._table, Key=stored, ConsistentRead=True)
