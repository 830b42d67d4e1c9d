"""An owner's bounds and use in DynamoDB: what an admin decided (`LIMITS`), beside the counters that jobs write."""

from __future__ import annotations

from typing import Any

from afterimage.adapters.dynamodb.counters import day_key, month_key, open_key
from afterimage.adapters.dynamodb.items import Item, attribute, key, reaching_the_table, read
from afterimage.adapters.dynamodb.strikes import strike_key
from afterimage.domain.account import Account, Usage
from afterimage.domain.expiry import is_expired
from afterimage.domain.quotas import Quota, day_of, month_of
from afterimage.domain.strikes import MOST_STRIKES

_KEYS = frozenset({"pk", "sk"})


def limits_key(owner: str) -> Item:
    return key(f"OWNER#{owner}", "LIMITS")


class DynamoAccountStore:
    """Implements `ports.AccountStore`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def find(self, owner: str) -> Account:
        """Return what was decided, read consistently: a decision holds from the next request on."""
        with reaching_the_table():
            item = self._client.get_item(TableName=self._table, Key=limits_key(owner), ConsistentRead=True).get("Item")
        return read(Account, item, _KEYS) if item else Account()

    def usage(self, owner: str, at_ms: int) -> Usage:
        """Return the counters of a moment."""
        counters = (month_key(owner, month_of(at_ms)), open_key(owner), day_key(day_of(at_ms)))
        with reaching_the_table():
            month, opened, day = (
                self._client.get_item(TableName=self._table, Key=counter, ConsistentRead=True).get("Item", {})
                for counter in counters
            )
        return Usage(
            monthly_pictures=_count(month, "pictures"),
            open_requests=_count(opened, "jobs"),
            daily_pictures=_count(day, "pictures"),
        )

    def strikes(self, owner: str, at_ms: int) -> tuple[int, ...]:
        """Return when the newest requests of an owner that count as strikes were blocked."""
        items = self._strikes(owner, MOST_STRIKES)
        return tuple(int(item["at_ms"]["N"]) for item in items if not is_expired(int(item["expires_at_s"]["N"]), at_ms))

    def set_override(self, owner: str, override: Quota | None) -> None:
        """Put bounds in place of the general ones, or take them away."""
        self._set(owner, "override", override)

    def set_disabled(self, owner: str, disabled: bool) -> None:
        """Refuse an owner from now on, or no longer."""
        self._set(owner, "disabled", disabled)

    def forgive(self, owner: str) -> None:
        """Delete every strike of an owner, a page at a time."""
        while items := self._strikes(owner, MOST_STRIKES):
            for item in items:
                job_id = item["sk"]["S"].removeprefix("STRIKE#")
                with reaching_the_table():
                    self._client.delete_item(TableName=self._table, Key=strike_key(owner, job_id))

    def _strikes(self, owner: str, limit: int) -> list[Item]:
        beginning = strike_key(owner, "")
        with reaching_the_table():
            items: list[Item] = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
                ExpressionAttributeValues={":pk": beginning["pk"], ":sk": beginning["sk"]},
                ScanIndexForward=False,
                ConsistentRead=True,
                Limit=limit,
            )["Items"]
        return items

    def _set(self, owner: str, name: str, value: Quota | bool | None) -> None:
        change: Item = {"UpdateExpression": "REMOVE #name"}
        if value is not None:
            change = {
                "UpdateExpression": "SET #name = :value",
                "ExpressionAttributeValues": {":value": attribute(value)},
            }
        with reaching_the_table():
            self._client.update_item(
                TableName=self._table, Key=limits_key(owner), ExpressionAttributeNames={"#name": name}, **change
            )


def _count(counter: Item, name: str) -> int:
    return int(counter[name]["N"]) if name in counter else 0
