"""Jobs and idempotency claims in DynamoDB. Every status write is one conditional update on the transition table."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code
from afterimage.adapters.dynamodb.items import Item, attribute, attributes, key, reaching_the_table, read
from afterimage.adapters.dynamodb.status_write import status_write
from afterimage.domain.errors import JobClosedError, JobNotFoundError, StoreUnavailableError
from afterimage.domain.expiry import is_expired
from afterimage.domain.job import Job, JobId, Notice
from afterimage.domain.status import JobStatus, predecessors
from afterimage.ports import NO_CHANGES, IdempotencyClaim, JobChanges, KeyTakenError, Phase

OWNER_INDEX = "by-owner"
OPEN_INDEX = "open"
_KEYS = frozenset({"pk", "sk", "open"})
# Why a transaction is cancelled that may pass in a moment; the first is another transaction on the same key.
_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


def _job_key(job_id: JobId) -> Item:
    return key(f"JOB#{job_id}", "JOB")


def _claim_key(key_hash: str) -> Item:
    return key(f"IDEMPOTENCY#{key_hash}", "IDEMPOTENCY")


class DynamoJobStore:
    """Implements `ports.JobStore` on one table; see the port for what each method promises."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def create(self, job: Job, claim: IdempotencyClaim | None) -> None:
        """Put job and claim in one transaction. Raises KeyTakenError."""
        phase = Phase.of(job.status)
        opened = {"open": attribute(phase)} if phase else {}
        puts = [self._put({**_job_key(job.job_id), **attributes(job), **opened})]
        if claim:
            puts.append(self._put({**_claim_key(claim.key_hash), **attributes(claim)}, now_ms=job.created_at_ms))
        try:
            with reaching_the_table():
                self._client.transact_write_items(TransactItems=puts)
        except ClientError as exc:
            reasons = [reason.get("Code") for reason in exc.response.get("CancellationReasons", [])]
            if error_code(exc) == "TransactionCanceledException" and "ConditionalCheckFailed" in reasons[1:]:
                raise KeyTakenError from exc
            if _PASSING.intersection(reasons):
                raise StoreUnavailableError() from exc
            raise

    def _put(self, item: Item, now_ms: int | None = None) -> Item:
        """A put that replaces nothing, but for a claim that has expired and was not yet deleted."""
        put: Item = {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        if now_ms is not None:
            put["ConditionExpression"] += " OR expires_at_s <= :now"
            put["ExpressionAttributeValues"] = {":now": attribute(now_ms // 1000)}
        return {"Put": put}

    def find_claim(self, key_hash: str, now_ms: int) -> IdempotencyClaim | None:
        """Return the living claim on a key, read consistently: a replay may follow by milliseconds."""
        with reaching_the_table():
            item = self._client.get_item(TableName=self._table, Key=_claim_key(key_hash), ConsistentRead=True).get(
                "Item"
            )
        claim = read(IdempotencyClaim, item, _KEYS) if item else None
        return claim if claim and not is_expired(claim.expires_at_s, now_ms) else None

    def get(self, job_id: JobId, now_ms: int) -> Job:
        """Return a job, read consistently. Raises JobNotFoundError."""
        with reaching_the_table():
            item = self._client.get_item(TableName=self._table, Key=_job_key(job_id), ConsistentRead=True).get("Item")
        if item is None or is_expired(int(item["expires_at_s"]["N"]), now_ms):
            raise JobNotFoundError()
        return read(Job, item, _KEYS)

    def list_by_owner(self, owner: str, limit: int, after: JobId | None, now_ms: int) -> tuple[Job, ...]:
        """Return a page by job id, which sorts by time, newest first."""
        values = {":owner": attribute(owner), ":now": attribute(now_ms // 1000)}
        condition = "#owner = :owner"
        if after:
            condition += " AND job_id < :after"
            values[":after"] = attribute(after)
        query: Item = {
            "TableName": self._table,
            "IndexName": OWNER_INDEX,
            "KeyConditionExpression": condition,
            "FilterExpression": "expires_at_s > :now",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": values,
            "ScanIndexForward": False,
            "Limit": limit,
        }
        return self._collect(query, limit)

    def list_open(self, phase: Phase, updated_before_ms: int, limit: int) -> tuple[JobId, ...]:
        """Return ids from the sparse index, longest untouched first. Keys only: thousands are one page."""
        query: Item = {
            "TableName": self._table,
            "IndexName": OPEN_INDEX,
            "KeyConditionExpression": "#open = :open AND updated_at_ms < :before",
            "ExpressionAttributeNames": {"#open": "open"},
            "ExpressionAttributeValues": {":open": attribute(phase), ":before": attribute(updated_before_ms)},
            "Limit": limit,
        }
        found = (JobId(item["pk"]["S"].removeprefix("JOB#")) for item in self._items(query))
        return tuple(itertools.islice(found, limit))

    def _collect(self, query: Item, limit: int) -> tuple[Job, ...]:
        """Follow pages until `limit` jobs are found: a filter is applied after DynamoDB's own limit."""
        return tuple(read(Job, item, _KEYS) for item in itertools.islice(self._items(query), limit))

    def _items(self, query: Item) -> Iterator[Item]:
        """Every item of a query; the next page is asked for when somebody wants more."""
        while True:
            with reaching_the_table():
                page = self._client.query(**query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query = {**query, "ExclusiveStartKey": page["LastEvaluatedKey"]}

    def advance(self, job_id: JobId, to: JobStatus, at_ms: int, changes: JobChanges = NO_CHANGES) -> Job:
        """Write a status where the table allows it; entering a status again adds nothing to the timeline."""
        before = tuple(status for status in predecessors(to) if status is not to)
        found: Job | JobStatus = to
        if before:
            found = self._write(job_id, status_write(to, at_ms, changes, before, enters=True))
        if found is to and to.may_become(to):
            found = self._write(job_id, status_write(to, at_ms, changes, (to,), enters=False))
        if isinstance(found, Job):
            return found
        raise JobClosedError()

    def _write(self, job_id: JobId, write: Item) -> Job | JobStatus:
        """Return the new record, or the status that stood in the way. Raises JobNotFoundError."""
        try:
            with reaching_the_table():
                item = self._client.update_item(
                    TableName=self._table,
                    Key=_job_key(job_id),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **write,
                )["Attributes"]
        except ClientError as exc:
            if error_code(exc) != "ConditionalCheckFailedException":
                raise
            if "Item" not in exc.response:
                raise JobNotFoundError() from exc
            return JobStatus(exc.response["Item"]["status"]["S"])
        return read(Job, item, _KEYS)

    def swap_notice(self, job_id: JobId, expected_state: str | None, notice: Notice | None) -> bool:
        """Replace the notice if its state is the expected one, or this very notice is there already."""
        values: Item = {}
        condition = "attribute_exists(pk) AND attribute_not_exists(notice)"
        if expected_state is not None:
            condition, values[":expected"] = "notice.#state = :expected", attribute(expected_state)
        if notice is not None:
            values[":notice"] = attribute(notice)
        arguments: Item = {"ExpressionAttributeNames": {"#state": "state"}} if expected_state is not None else {}
        if values:
            arguments["ExpressionAttributeValues"] = values
        try:
            with reaching_the_table():
                self._client.update_item(
                    TableName=self._table,
                    Key=_job_key(job_id),
                    UpdateExpression="REMOVE notice" if notice is None else "SET notice = :notice",
                    ConditionExpression=condition,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **arguments,
                )
        except ClientError as exc:
            if error_code(exc) != "ConditionalCheckFailedException":
                raise
            # The SDK makes a call again whose answer was lost, and then meets its own first write.
            return notice is not None and exc.response.get("Item", {}).get("notice") == attribute(notice)
        return True
