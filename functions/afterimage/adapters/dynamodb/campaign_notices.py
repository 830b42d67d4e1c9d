"""Who was told of a leg of a run, one item for each address, by its hash."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code
from afterimage.adapters.dynamodb.items import Item, attribute, key, reaching_the_table
from afterimage.contracts.codec import from_document
from afterimage.domain.campaign import Run
from afterimage.domain.job import Notice


def _told_key(run: Run, address_hash: str) -> Item:
    return key(f"TOLD#{run.campaign_id}#{run.run_id}#{run.leg}", f"TO#{address_hash}")


class DynamoCampaignNotices:
    """Implements `campaign_ports.CampaignNotices`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def find(self, run: Run, address_hash: str) -> Notice | None:
        """Return how it stands, read consistently."""
        stored = _told_key(run, address_hash)
        with reaching_the_table():
            item = self._client.get_item(TableName=self._table, Key=stored, ConsistentRead=True).get("Item", {})
        if "state" not in item:
            return None
        known = {"state": item["state"]["S"], "at_ms": int(item["at_ms"]["N"])}
        return from_document(Notice, known)

    def swap(self, run: Run, address_hash: str, expected_state: str | None, notice: Notice | None) -> bool:
        """Replace the state if it is the expected one. None is none, before as after."""
        values: Item = {":expires": attribute(run.expires_at_s)}
        condition = "attribute_not_exists(#state)"
        if expected_state is not None:
            condition, values[":expected"] = "#state = :expected", attribute(expected_state)
        update = "SET expires_at_s = :expires REMOVE #state, at_ms, failure_code"
        if notice is not None:
            values |= {":state": attribute(notice.state), ":at": attribute(notice.at_ms)}
            values[":code"] = attribute(notice.failure_code or "")
            update = "SET expires_at_s = :expires, #state = :state, at_ms = :at, failure_code = :code"
        try:
            with reaching_the_table():
                self._client.update_item(
                    TableName=self._table,
                    Key=_told_key(run, address_hash),
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues=values,
                )
        except ClientError as exc:
            if error_code(exc) != "ConditionalCheckFailedException":
                raise
            return False
        return True
