"""Rows of a run, as members of the transaction that puts or ends a row's job: pure, like `counters`.

A run and its rows are one partition: `RUN#{campaign}#{run} / RUN` and `… / ROW#000017`. What the run counts and what
its rows say is written together with the job's own status, so that they cannot differ.
"""

from __future__ import annotations

from typing import Any

from afterimage.adapters.dynamodb.items import Item, attribute, key, read
from afterimage.contracts.codec import ContractError
from afterimage.domain.campaign import (
    BUDGET_DOLLARS,
    BUDGET_PICTURES,
    TOO_MANY_FAILURES,
    RowClaim,
    Run,
    RunStatus,
)
from afterimage.domain.errors import RunHaltedError
from afterimage.domain.job import JobId
from afterimage.domain.row_ref import CampaignId, RowRef
from afterimage.domain.status import JobStatus

KEYS = frozenset({"pk", "sk"})
_COUNTER = {
    JobStatus.SUCCEEDED: "succeeded",
    JobStatus.BLOCKED: "blocked",
    JobStatus.FAILED: "failed",
    JobStatus.EXPIRED: "failed",
    JobStatus.CANCELLED: "cancelled",
}


def run_key(campaign_id: CampaignId, run_id: str) -> Item:
    return key(f"RUN#{campaign_id}#{run_id}", "RUN")


def row_key(campaign_id: CampaignId, run_id: str, row: int) -> Item:
    return key(f"RUN#{campaign_id}#{run_id}", f"ROW#{row:06}")


def claimings(
    table: str, claim: RowClaim, run: Run, job_id: JobId | None, failure_code: str | None = None
) -> list[Item]:
    """Return the updates of run and row by which `job_id` becomes the row's job; without one the row is settled as
    FAILED at once. `run` is read before: its bounds hold for the whole leg, and its counters are not looked at."""
    ref = claim.ref
    known = {"TableName": table, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    refused = job_id is None
    return [
        {"Update": {**known, "Key": run_key(ref.campaign_id, ref.run_id), **_take(claim, run, refused=refused)}},
        {
            "Update": {
                **known,
                "Key": row_key(ref.campaign_id, ref.run_id, ref.row),
                **_row(claim, job_id, failure_code),
            }
        },
    ]


def _take(claim: RowClaim, run: Run, *, refused: bool) -> Item:
    """What the run counts. A retry takes over a failure that was counted; a refusal is one at once."""
    added = {"claimed": 0 if claim.retries else 1, "failed": 0}
    if claim.retries:
        added[_COUNTER[claim.retries]] -= 1
    if refused:
        added["failed"] += 1
    else:
        added |= {"pictures": claim.pictures, "micros": claim.micros}
    bounds = {"failed": run.max_failures}
    if not refused:
        bounds["pictures"] = _room(run.budget_pictures, claim.pictures)
        bounds["micros"] = _room(run.budget_micros, claim.micros)
    held = {name: bound for name, bound in bounds.items() if bound is not None}
    values = {":running": RunStatus.RUNNING, ":leg": claim.leg}
    values |= {f":{name}": more for name, more in added.items()} | {
        f":{name}_room": bound for name, bound in held.items()
    }
    return {
        "UpdateExpression": f"ADD {', '.join(f'{name} :{name}' for name in added)}",
        "ConditionExpression": " AND ".join(
            ["#status = :running", "leg = :leg", *(f"{name} <= :{name}_room" for name in held)]
        ),
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {name: attribute(value) for name, value in values.items()},
    }


def _room(bound: int | None, wanted: int) -> int | None:
    return None if bound is None else bound - wanted


def _row(claim: RowClaim, job_id: JobId | None, failure_code: str | None) -> Item:
    ref = claim.ref
    values: dict[str, Any] = {
        ":row": ref.row,
        ":attempt": ref.attempt,
        ":leg": claim.leg,
        ":expires": claim.expires_at_s,
    }
    sets = ["#row = :row", "attempt = :attempt", "leg = :leg", "expires_at_s = :expires"]
    removes = []
    if job_id is None:
        values |= {":outcome": JobStatus.FAILED, ":code": failure_code}
        sets += ["outcome = :outcome", "failure_code = :code"]
        removes += ["job_id", "task_token"]
    else:
        values |= {":job": job_id, ":token": claim.task_token}
        sets += ["job_id = :job", "task_token = :token"]
        removes += ["outcome", "failure_code"]
    condition = "attribute_not_exists(pk)"
    if claim.retries is not None:
        condition = "outcome = :retried AND attempt = :before"
        values |= {":retried": claim.retries, ":before": ref.attempt - 1}
    return {
        "UpdateExpression": f"SET {', '.join(sets)} REMOVE {', '.join(removes)}",
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#row": "row"},
        "ExpressionAttributeValues": {name: attribute(value) for name, value in values.items()},
    }


def refusal(claim: RowClaim, item: Item) -> RunHaltedError:
    """Return why a run that was found as `item` takes no row; for a bound of its own, with the reason to pause for."""
    if not item:
        return RunHaltedError()
    run = read(Run, item, KEYS)
    if run.status is not RunStatus.RUNNING or run.leg != claim.leg:
        return RunHaltedError()
    if run.max_failures is not None and run.failed > run.max_failures:
        return RunHaltedError(reason=TOO_MANY_FAILURES)
    if run.budget_pictures is not None and run.pictures + claim.pictures > run.budget_pictures:
        return RunHaltedError(reason=BUDGET_PICTURES)
    return RunHaltedError(reason=BUDGET_DOLLARS)


def settlements(table: str, record: Item, to: JobStatus, failure_code: str | None) -> list[Item]:
    """Return the updates by which the end of a row's job settles the row; none for a job that is no row's.

    Without conditions, as with counters: nothing about a campaign may keep a job from ending. A row that another
    attempt took over meanwhile cannot be: it is retried only when it has an outcome."""
    ref = _ref(record)
    if ref is None:
        return []
    expires = record["expires_at_s"]
    pictures = len(record["spec"]["M"]["seeds"]["L"])
    given_back = 0 if to is JobStatus.SUCCEEDED else -pictures
    values: Item = {":outcome": attribute(to), ":expires": expires}
    sets = ["outcome = :outcome", "expires_at_s = :expires"]
    if failure_code is not None:
        sets.append("failure_code = :code")
        values[":code"] = attribute(failure_code)
    return [
        {
            "Update": {
                "TableName": table,
                "Key": run_key(ref.campaign_id, ref.run_id),
                "UpdateExpression": f"ADD {_COUNTER[to]} :one, pictures :back SET expires_at_s = :expires",
                "ExpressionAttributeValues": {
                    ":one": attribute(1),
                    ":back": attribute(given_back),
                    ":expires": expires,
                },
            }
        },
        {
            "Update": {
                "TableName": table,
                "Key": row_key(ref.campaign_id, ref.run_id, ref.row),
                "UpdateExpression": f"SET {', '.join(sets)}",
                "ExpressionAttributeValues": values,
            }
        },
    ]


def _ref(record: Item) -> RowRef | None:
    try:
        return read(RowRef, record["row"]["M"], frozenset())
    except (KeyError, ContractError):  # a request of its own
        return None
