"""Links in DynamoDB, by the hash of their token. The function behind the public link may read these items only."""

from __future__ import annotations

from typing import Any

from afterimage.adapters.dynamodb.items import Item, attributes, key, reaching_the_table, read
from afterimage.domain.links import Link

_KEYS = frozenset({"pk", "sk"})


def _link_key(token_hash: str) -> Item:
    return key(f"LINK#{token_hash}", "LINK")


class DynamoLinkStore:
    """Implements `ports.LinkStore`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, link: Link) -> None:
        """Store a link; 256 random bits do not collide, so a link that is there is a fault and is refused."""
        with reaching_the_table():
            self._client.put_item(
                TableName=self._table,
                Item={**_link_key(link.token_hash), **attributes(link)},
                ConditionExpression="attribute_not_exists(pk)",
            )

    def find(self, token_hash: str) -> Link | None:
        """Return a link, expired or revoked ones too; None for none."""
        with reaching_the_table():
            item = self._client.get_item(TableName=self._table, Key=_link_key(token_hash), ConsistentRead=True).get(
                "Item"
            )
        return read(Link, item, _KEYS) if item else None
