"""Jobs and idempotency claims in DynamoDB. Every status write is conditional on the transition table; beginning and end
are transactions with the counters of what a job takes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code
from afterimage.adapters.dynamodb.campaign_rows import claimings, refusal, settlements
from afterimage.adapters.dynamodb.claims import claim_put, erase_claim, find_claim
from afterimage.adapters.dynamodb.counters import releases, takings
from afterimage.adapters.dynamodb.items import Item, attribute, attributes, key, reaching_the_table, read
from afterimage.adapters.dynamodb.status_write import status_write
from afterimage.adapters.dynamodb.strikes import strikes
from afterimage.adapters.dynamodb.transactions import TRIES, CancelledError, pause_with_jitter, transact
from afterimage.campaign_ports import RowTakenError
from afterimage.domain.campaign import RowClaim, Run
from afterimage.domain.errors import JobClosedError, JobNotFoundError, OwnerErasingError, StoreUnavailableError
from afterimage.domain.expiry import is_expired
from afterimage.domain.job import Job, JobId, Notice
from afterimage.domain.quotas import UNLIMITED, Quotas
from afterimage.domain.status import JobStatus, sources
from afterimage.ports import NO_CHANGES, HeldSince, IdempotencyClaim, JobChanges, KeyTakenError, Phase

OWNER_INDEX = "by-owner"
OPEN_INDEX = "open"
_AT_ONCE = 100  # keys of one BatchGetItem
_KEYS = frozenset({"pk", "sk", "open"})


def _job_key(job_id: JobId) -> Item:
    return key(f"JOB#{job_id}", "JOB")


class DynamoJobStore:
    """Implements `ports.JobStore` on one table; see the port for what each method promises."""

    def __init__(self, client: Any, table: str, pause: Callable[[int], None] = pause_with_jitter) -> None:
        self._client = client
        self._table = table
        self._pause = pause

    def create(self, job: Job, claim: IdempotencyClaim | None, quotas: Quotas = UNLIMITED) -> None:
        """Put job and claim and take the charge in one transaction. Raises KeyTakenError or QuotaExceededError."""
        records = [self._put(job), *([claim_put(self._table, claim, job.created_at_ms)] if claim else [])]
        taken = takings(self._table, job, quotas)
        try:
            self._transact([*records, *(update for update, _ in taken)])
        except CancelledError as exc:
            if claim and exc.failed(1):
                raise KeyTakenError from exc
            for member, (_, refusal) in enumerate(taken, start=len(records)):
                if exc.failed(member):
                    erasing = "erasing" in exc.reasons[member].get("Item", {})
                    raise (OwnerErasingError() if erasing else refusal) from exc
            raise

    def create_for_row(self, job: Job, quotas: Quotas, claim: RowClaim, run: Run) -> None:
        """Put the job of a row, take the charge and claim the row in one transaction. Raises RowTakenError, which goes
        before RunHaltedError, which goes before QuotaExceededError."""
        claimed = claimings(self._table, claim, run, job.job_id)
        taken = takings(self._table, job, quotas)
        try:
            self._transact([self._put(job), *claimed, *(update for update, _ in taken)])
        except CancelledError as exc:
            if exc.failed(2):
                raise RowTakenError from exc
            if exc.failed(1):
                raise refusal(claim, exc.reasons[1].get("Item", {})) from exc
            for member, (_, refused) in enumerate(taken, start=3):
                if exc.failed(member):
                    erasing = "erasing" in exc.reasons[member].get("Item", {})
                    raise (OwnerErasingError() if erasing else refused) from exc
            raise

    def _put(self, job: Job) -> Item:
        """A put that replaces nothing."""
        phase = Phase.of(job.status)
        opened = {"open": attribute(phase)} if phase else {}
        item = {**_job_key(job.job_id), **attributes(job), **opened}
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}

    def _transact(self, members: list[Item]) -> None:
        with reaching_the_table():
            transact(lambda: self._client.transact_write_items(TransactItems=members), self._pause)

    def find_claim(self, key_hash: str, now_ms: int) -> IdempotencyClaim | None:
        """Return the living claim on a key, read consistently: a replay may follow by milliseconds."""
        return find_claim(self._client, self._table, key_hash, now_ms)

    def get(self, job_id: JobId, now_ms: int) -> Job:
        """Return a job, read consistently. Raises JobNotFoundError."""
        item = self._item(job_id)
        if item is None or is_expired(int(item["expires_at_s"]["N"]), now_ms):
            raise JobNotFoundError()
        return read(Job, item, _KEYS)

    def get_many(self, job_ids: Sequence[JobId], now_ms: int) -> dict[JobId, Job]:
        """Return those that exist and have not expired, read consistently."""
        found: dict[JobId, Job] = {}
        for first in range(0, len(job_ids), _AT_ONCE):
            for item in self._batch(job_ids[first : first + _AT_ONCE]):
                if not is_expired(int(item["expires_at_s"]["N"]), now_ms):
                    job = read(Job, item, _KEYS)
                    found[job.job_id] = job
        return found

    def _batch(self, job_ids: Sequence[JobId]) -> Iterator[Item]:
        """Items of up to a hundred jobs; DynamoDB may leave some for another call. Raises StoreUnavailableError."""
        wanted: Item = {self._table: {"Keys": [_job_key(job_id) for job_id in job_ids], "ConsistentRead": True}}
        for tries in range(TRIES):
            with reaching_the_table():
                answer = self._client.batch_get_item(RequestItems=wanted)
            yield from answer["Responses"].get(self._table, [])
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                return
            self._pause(tries)
        raise StoreUnavailableError()

    def _item(self, job_id: JobId) -> Item | None:
        with reaching_the_table():
            found: Item | None = self._client.get_item(
                TableName=self._table, Key=_job_key(job_id), ConsistentRead=True
            ).get("Item")
        return found

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

    def list_held(self, limit: int, after: HeldSince | None) -> tuple[HeldSince, ...]:
        """Return a page of the sparse index; whoever leaves HELD leaves it in the same write."""
        query: Item = {
            "TableName": self._table,
            "IndexName": OPEN_INDEX,
            "KeyConditionExpression": "#open = :open",
            "ExpressionAttributeNames": {"#open": "open"},
            "ExpressionAttributeValues": {":open": attribute(Phase.HELD)},
            "Limit": limit,
        }
        if after:
            begin = {"open": attribute(Phase.HELD), "updated_at_ms": attribute(after.since_ms)}
            query["ExclusiveStartKey"] = {**_job_key(after.job_id), **begin}
        found = (
            HeldSince(job_id=JobId(item["pk"]["S"].removeprefix("JOB#")), since_ms=int(item["updated_at_ms"]["N"]))
            for item in self._items(query)
        )
        return tuple(itertools.islice(found, limit))

    def advance(
        self,
        job_id: JobId,
        to: JobStatus,
        at_ms: int,
        changes: JobChanges = NO_CHANGES,
        only_from: JobStatus | None = None,
        entered: int | None = None,
    ) -> Job:
        """Write a status where the table allows it; entering a status again adds nothing to the timeline."""
        allowed = sources(to, only_from)
        if to.is_final:
            return self._end(job_id, to, at_ms, changes, allowed, entered)
        return self._enter(job_id, to, at_ms, changes, allowed, entered)

    def _end(
        self,
        job_id: JobId,
        to: JobStatus,
        at_ms: int,
        changes: JobChanges,
        allowed: tuple[JobStatus, ...],
        entered: int | None,
    ) -> Job:
        """Write a final status and give the charge back, in one transaction on the record as it was read. What stands
        in the way comes back with the refusal, so a lost race costs no second read."""
        item: Item | None = self._item(job_id)
        for _ in range(TRIES):
            if item is None:
                raise JobNotFoundError()
            status = JobStatus(item["status"]["S"])
            if status not in allowed or entered not in (None, len(item["timeline"]["L"])):
                raise JobClosedError()
            write = status_write(to, at_ms, changes, (status,), enters=True)
            write["ConditionExpression"] += " AND updated_at_ms = :read"
            write["ExpressionAttributeValues"][":read"] = item["updated_at_ms"]
            write |= {
                "TableName": self._table,
                "Key": _job_key(job_id),
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
            given = releases(self._table, item, delivered=to is JobStatus.SUCCEEDED)
            code = changes.failure.code if changes.failure else None
            given += settlements(self._table, item, to, code)
            given += strikes(self._table, item, to, code, at_ms)
            try:
                self._transact([{"Update": write}, *given])
            except CancelledError as exc:
                item = exc.reasons[0].get("Item")
            else:
                # Read only now: a record of another version must not stay open because of what it says besides.
                return changes.made_to(read(Job, item, _KEYS), to, at_ms)
        raise StoreUnavailableError()

    def _enter(
        self,
        job_id: JobId,
        to: JobStatus,
        at_ms: int,
        changes: JobChanges,
        allowed: tuple[JobStatus, ...],
        entered: int | None,
    ) -> Job:
        before = tuple(status for status in allowed if status is not to)
        found: Job | JobStatus = to
        if before:
            write = status_write(to, at_ms, changes, before, enters=True)
            if entered is not None:
                write["ConditionExpression"] += " AND size(timeline) = :length"
                write["ExpressionAttributeValues"][":length"] = attribute(entered)
            found = self._write(job_id, write)
        if found is to and to in allowed:
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

    def forget_ended(self, job_id: JobId) -> None:
        """Take an ended job out of the sparse index."""
        try:
            with reaching_the_table():
                self._client.update_item(
                    TableName=self._table,
                    Key=_job_key(job_id),
                    UpdateExpression="REMOVE #open",
                    ConditionExpression="#open = :untold",
                    ExpressionAttributeNames={"#open": "open"},
                    ExpressionAttributeValues={":untold": attribute(Phase.UNTOLD)},
                )
        except ClientError as exc:
            if error_code(exc) != "ConditionalCheckFailedException":
                raise

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

    def erase(self, job: Job) -> None:
        """Delete the claim, unless its key stands for another job by now, and the record last: by it all else is
        found."""
        if job.claim_hash:
            erase_claim(self._client, self._table, job.claim_hash, job.job_id)
        with reaching_the_table():
            self._client.delete_item(TableName=self._table, Key=_job_key(job.job_id))
