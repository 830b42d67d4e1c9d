"""Attempts and their task tokens in DynamoDB: put once, settled once, gone by TTL."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code
from afterimage.adapters.dynamodb.items import Item, attribute, attributes, key, reaching_the_table, read
from afterimage.domain.job import Attempt, JobId

_KEYS = frozenset({"pk", "sk"})


def _attempt_key(job_id: JobId, attempt_id: str) -> Item:
    return key(f"JOB#{job_id}", f"ATTEMPT#{attempt_id}")


class DynamoAttemptStore:
    """Implements `ports.AttemptStore`; see the port for what each method promises."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def register(self, attempt: Attempt) -> Attempt:
        """Put an attempt unless it is there; return what is there."""
        try:
            with reaching_the_table():
                self._client.put_item(
                    TableName=self._table,
                    Item={**_attempt_key(attempt.job_id, attempt.attempt_id), **attributes(attempt)},
                    ConditionExpression="attribute_not_exists(pk)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ClientError as exc:
            if error_code(exc) != "ConditionalCheckFailedException":
                raise
            return read(Attempt, exc.response["Item"], _KEYS)
        return attempt

    def find(self, job_id: JobId, attempt_id: str) -> Attempt | None:
        """Return an attempt, read consistently."""
        with reaching_the_table():
            item = self._client.get_item(
                TableName=self._table, Key=_attempt_key(job_id, attempt_id), ConsistentRead=True
            ).get("Item")
        return read(Attempt, item, _KEYS) if item else None

    def list_by_job(self, job_id: JobId) -> tuple[Attempt, ...]:
        """Return the attempts of a job: one page, for the state machine makes three at most."""
        with reaching_the_table():
            items = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
                ExpressionAttributeValues={
                    ":pk": _attempt_key(job_id, "")["pk"],
                    ":sk": _attempt_key(job_id, "")["sk"],
                },
                ConsistentRead=True,
            )["Items"]
        return tuple(read(Attempt, item, _KEYS) for item in items)

    def record_locations(self, attempt: Attempt, output_location: str, failure_location: str) -> None:
        """Note where SageMaker will write; a completion that was faster has noted the output itself."""
        with reaching_the_table():
            self._client.update_item(
                TableName=self._table,
                Key=_attempt_key(attempt.job_id, attempt.attempt_id),
                UpdateExpression=(
                    "SET output_location = if_not_exists(output_location, :output), failure_location = :failure"
                ),
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={
                    ":output": attribute(output_location),
                    ":failure": attribute(failure_location),
                },
            )

    def settle(self, attempt: Attempt, outcome: str, output_location: str | None) -> Attempt:
        """Record the first outcome. Return what is recorded now, by this call or an earlier one."""
        values = {":outcome": attribute(outcome)}
        update = "SET outcome = :outcome"
        if output_location is not None:
            values[":output"] = attribute(output_location)
            update += ", output_location = :output"
        try:
            with reaching_the_table():
                item = self._client.update_item(
                    TableName=self._table,
                    Key=_attempt_key(attempt.job_id, attempt.attempt_id),
                    UpdateExpression=update,
                    ConditionExpression="attribute_exists(pk) AND attribute_not_exists(outcome)",
                    ExpressionAttributeValues=values,
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )["Attributes"]
        except ClientError as exc:
            if error_code(exc) != "ConditionalCheckFailedException" or "Item" not in exc.response:
                raise
            item = exc.response["Item"]
        return read(Attempt, item, _KEYS)

    def erase(self, attempt: Attempt) -> None:
        """Delete an attempt, its task token with it."""
        with reaching_the_table():
            self._client.delete_item(TableName=self._table, Key=_attempt_key(attempt.job_id, attempt.attempt_id))
