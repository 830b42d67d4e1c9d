"""The counters of what jobs take, as members of the transaction that puts or ends a job: pure, like `status_write`.

An owner's month (`USE#2026-11`) and open requests (`OPEN`) stand in the owner's partition, everybody's day in one of
its own.
"""

from __future__ import annotations

from afterimage.adapters.dynamodb.items import Item, attribute, key, read
from afterimage.contracts.codec import ContractError
from afterimage.domain.errors import QuotaExceededError
from afterimage.domain.job import Job
from afterimage.domain.quotas import (
    DAY_KEPT_S,
    MONTH_KEPT_S,
    Charge,
    Quotas,
    day_is_full,
    month_is_full,
    too_many_open,
)


def month_key(owner: str, month: str) -> Item:
    return key(f"OWNER#{owner}", f"USE#{month}")


def open_key(owner: str) -> Item:
    return key(f"OWNER#{owner}", "OPEN")


def day_key(day: str) -> Item:
    return key(f"DAY#{day}", "USE")


def takings(table: str, job: Job, quotas: Quotas) -> list[tuple[Item, QuotaExceededError]]:
    """Return an update for each counter of a new job, with the refusal that its failed condition stands for. The one
    with the longest wait comes first."""
    charge, at_ms = job.charge, job.created_at_ms
    if charge is None:
        return []
    now_s = at_ms // 1000
    month = _take("pictures", charge.pictures, quotas.monthly_pictures, now_s + MONTH_KEPT_S)
    jobs = _take("jobs", 1, quotas.concurrent_jobs, now_s + MONTH_KEPT_S)
    taken = [
        ({"Update": {"TableName": table, "Key": month_key(job.owner, charge.month), **month}}, month_is_full(at_ms))
    ]
    if charge.day is not None:
        day = _take("pictures", charge.pictures, quotas.daily_pictures, now_s + DAY_KEPT_S)
        taken.append(({"Update": {"TableName": table, "Key": day_key(charge.day), **day}}, day_is_full(at_ms)))
    # What was there says whether the owner has too many open, or is being erased (`owners.py`).
    known = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    jobs = _unless_erasing(jobs) | known
    taken.append(({"Update": {"TableName": table, "Key": open_key(job.owner), **jobs}}, too_many_open()))
    return taken


def releases(table: str, record: Item, *, delivered: bool) -> list[Item]:
    """Return an update for each counter that a job gives back at its end. Of its record only the owner and the charge
    are looked at: a record that cannot be read as a whole ends too."""
    charge, owner = _charge(record), record["owner"]["S"]
    if charge is None:
        return []
    pictures = _give_back("pictures", charge.pictures)
    given: list[Item] = [{"Update": {"TableName": table, "Key": open_key(owner), **_give_back("jobs", 1)}}]
    if not delivered:
        given.append({"Update": {"TableName": table, "Key": month_key(owner, charge.month), **pictures}})
        if charge.day is not None:
            given.append({"Update": {"TableName": table, "Key": day_key(charge.day), **pictures}})
    return given


def _charge(record: Item) -> Charge | None:
    try:
        return read(Charge, record["charge"]["M"], frozenset())
    except (KeyError, ContractError):  # older than quotas, or written by another version
        return None


def _take(name: str, amount: int, bound: int | None, expires_at_s: int) -> Item:
    update: Item = {
        "UpdateExpression": "ADD #counted :amount SET expires_at_s = :expires",
        "ExpressionAttributeNames": {"#counted": name},
        "ExpressionAttributeValues": {":amount": attribute(amount), ":expires": attribute(expires_at_s)},
    }
    if bound is not None:
        update["ConditionExpression"] = "#counted <= :room"
        update["ExpressionAttributeValues"][":room"] = attribute(bound - amount)
        if amount <= bound:  # more than the bound at once does not fit an empty counter either
            update["ConditionExpression"] += " OR attribute_not_exists(#counted)"
    return update


def _unless_erasing(update: Item) -> Item:
    """The mark stands on a counter that every new job writes, so that nothing is read for it."""
    bound = update.get("ConditionExpression")
    condition = "attribute_not_exists(erasing)"
    return {**update, "ConditionExpression": f"{condition} AND ({bound})" if bound else condition}


def not_erasing(table: str, owner: str) -> Item:
    """Return the condition that nothing of an owner who is being erased is put, for what counts nothing."""
    return {
        "ConditionCheck": {
            "TableName": table,
            "Key": open_key(owner),
            "ConditionExpression": "attribute_not_exists(erasing)",
        }
    }


def _give_back(name: str, amount: int) -> Item:
    """Without a condition: nothing about a counter may keep a job from ending. One that is gone was erased with its
    owner, and comes back as 0 with nothing owed."""
    return {
        "UpdateExpression": "SET #counted = if_not_exists(#counted, :amount) - :amount",
        "ExpressionAttributeNames": {"#counted": name},
        "ExpressionAttributeValues": {":amount": attribute(amount)},
    }
