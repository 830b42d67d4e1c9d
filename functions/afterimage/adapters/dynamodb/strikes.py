"""A strike as a member of the transaction that ends its job: pure, like `counters.py`. One job is one item, so a
repeat counts nothing twice."""

from __future__ import annotations

from afterimage.adapters.dynamodb.items import Item, attribute, key
from afterimage.domain.status import JobStatus
from afterimage.domain.strikes import STRIKE_KEPT_S, is_strike


def strike_key(owner: str, job_id: str) -> Item:
    return key(f"OWNER#{owner}", f"STRIKE#{job_id}")


def strikes(table: str, record: Item, to: JobStatus, code: str | None, at_ms: int) -> list[Item]:
    """Return the update that notes a strike, none for any other end. Without a condition: nothing about it may keep a
    job from ending."""
    if not is_strike(to, code, of_campaign="row" in record):
        return []
    noted = {
        "UpdateExpression": "SET at_ms = :at, expires_at_s = :expires",
        "ExpressionAttributeValues": {
            ":at": attribute(at_ms),
            ":expires": attribute(at_ms // 1000 + STRIKE_KEPT_S),
        },
    }
    strike = strike_key(record["owner"]["S"], record["job_id"]["S"])
    return [{"Update": {"TableName": table, "Key": strike, **noted}}]
