"""That an Idempotency-Key is taken, as a member of the transaction that puts what it was taken for."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code
from afterimage.adapters.dynamodb.items import Item, attribute, attributes, key, reaching_the_table, read
from afterimage.domain.expiry import is_expired
from afterimage.ports import IdempotencyClaim

_KEYS = frozenset({"pk", "sk"})


def claim_key(key_hash: str) -> Item:
    return key(f"IDEMPOTENCY#{key_hash}", "IDEMPOTENCY")


def claim_put(table: str, claim: IdempotencyClaim, at_ms: int) -> Item:
    """Return a put that replaces nothing, but for a claim that has expired and was not yet deleted."""
    return {
        "Put": {
            "TableName": table,
            "Item": {**claim_key(claim.key_hash), **attributes(claim)},
            "ConditionExpression": "attribute_not_exists(pk) OR expires_at_s <= :now",
            "ExpressionAttributeValues": {":now": attribute(at_ms // 1000)},
        }
    }


def find_claim(client: Any, table: str, key_hash: str, now_ms: int) -> IdempotencyClaim | None:
    """Return the living claim on a key, read consistently: a replay may follow by milliseconds."""
    with reaching_the_table():
        item = client.get_item(TableName=table, Key=claim_key(key_hash), ConsistentRead=True).get("Item")
    claim = read(IdempotencyClaim, item, _KEYS) if item else None
    return claim if claim and not is_expired(claim.expires_at_s, now_ms) else None


def erase_claim(client: Any, table: str, key_hash: str, holder: str) -> None:
    """Delete a claim, unless its key stands for something else by now."""
    try:
        with reaching_the_table():
            client.delete_item(
                TableName=table,
                Key=claim_key(key_hash),
                ConditionExpression="job_id = :job",
                ExpressionAttributeValues={":job": attribute(holder)},
            )
    except ClientError as exc:
        if error_code(exc) != "ConditionalCheckFailedException":
            raise
