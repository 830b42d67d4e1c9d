"""What the table holds under an owner: counters, and the mark of one that is being erased."""

from __future__ import annotations

from typing import Any

from afterimage.adapters.dynamodb.accounts import limits_key
from afterimage.adapters.dynamodb.items import Item, attribute, key, reaching_the_table
from afterimage.domain.quotas import MONTH_KEPT_S

# An access token lives for an hour (`AccessTokenValidity`); whoever was erased never signs in as the same owner again.
REFUSED_S = 2 * 3600


def _owner_key(owner: str, sort: str) -> Item:
    return key(f"OWNER#{owner}", sort)


class DynamoOwnerStore:
    """Implements `ports.OwnerStore`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def begin_erasing(self, owner: str, at_ms: int) -> None:
        """Mark the counter of open jobs, which no new job passes by: from now on none is taken."""
        with reaching_the_table():
            self._client.update_item(
                TableName=self._table,
                Key=_owner_key(owner, "OPEN"),
                UpdateExpression="SET erasing = :at, expires_at_s = :expires",
                ExpressionAttributeValues={
                    ":at": attribute(at_ms),
                    ":expires": attribute(at_ms // 1000 + MONTH_KEPT_S),
                },
            )

    def erase(self, owner: str, at_ms: int) -> None:
        """Refuse the owner for as long as a token may live, then delete every other item of the partition, the mark
        with them. There are a dozen months at most."""
        with reaching_the_table():
            self._client.update_item(
                TableName=self._table,
                Key=limits_key(owner),
                UpdateExpression="SET disabled = :yes, expires_at_s = :expires REMOVE #override",
                ExpressionAttributeNames={"#override": "override"},
                ExpressionAttributeValues={
                    ":yes": attribute(True),
                    ":expires": attribute(at_ms // 1000 + REFUSED_S),
                },
            )
        with reaching_the_table():
            items = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": _owner_key(owner, "")["pk"]},
                ConsistentRead=True,
            )["Items"]
        for item in items:
            if item["sk"] != limits_key(owner)["sk"]:
                with reaching_the_table():
                    self._client.delete_item(TableName=self._table, Key=_owner_key(owner, item["sk"]["S"]))

    def end_erasing(self, owner: str) -> None:
        """Remove the mark."""
        with reaching_the_table():
            self._client.update_item(
                TableName=self._table, Key=_owner_key(owner, "OPEN"), UpdateExpression="REMOVE erasing"
            )
