"""Waits for a person and their task tokens in DynamoDB, beside the attempts of the job; gone by TTL."""

from __future__ import annotations

from typing import Any

from afterimage.adapters.dynamodb.items import Item, attributes, key, reaching_the_table, read
from afterimage.domain.holds import Hold, Stage
from afterimage.domain.job import JobId

_KEYS = frozenset({"pk", "sk"})


def _hold_key(job_id: JobId, stage: Stage) -> Item:
    return key(f"JOB#{job_id}", f"HOLD#{stage.value}")


class DynamoHoldStore:
    """Implements `ports.HoldStore`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def register(self, hold: Hold) -> None:
        """Put a hold in place of what was there: of two tokens the older one is no longer waited for."""
        with reaching_the_table():
            self._client.put_item(
                TableName=self._table, Item={**_hold_key(hold.job_id, hold.stage), **attributes(hold)}
            )

    def find(self, job_id: JobId, stage: Stage) -> Hold | None:
        """Return a hold, read consistently."""
        with reaching_the_table():
            item = self._client.get_item(TableName=self._table, Key=_hold_key(job_id, stage), ConsistentRead=True).get(
                "Item"
            )
        return read(Hold, item, _KEYS) if item else None

    def erase(self, job_id: JobId) -> None:
        """Delete the holds of every stage."""
        for stage in Stage:
            with reaching_the_table():
                self._client.delete_item(TableName=self._table, Key=_hold_key(job_id, stage))
