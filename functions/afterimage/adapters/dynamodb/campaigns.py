"""Campaigns, runs and rows in DynamoDB.

A campaign is found by its owner through a pointer in the owner's partition, and by admins through one in a partition of
all. A campaign is replaced as a whole where it is as it was read; a run and its rows are only ever updated, because
their jobs count on them at the same time (`campaign_rows`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code
from afterimage.adapters.dynamodb.campaign_rows import KEYS, claimings, refusal, row_key, run_key
from afterimage.adapters.dynamodb.claims import claim_put, erase_claim, find_claim
from afterimage.adapters.dynamodb.counters import not_erasing
from afterimage.adapters.dynamodb.items import Item, attribute, attributes, key, reaching_the_table, read
from afterimage.adapters.dynamodb.transactions import CancelledError, pause_with_jitter, transact
from afterimage.campaign_ports import RowTakenError
from afterimage.domain.campaign import ActiveRun, Campaign, Row, RowClaim, Run, RunStatus
from afterimage.domain.errors import CampaignChangedError, CampaignNotFoundError, OwnerErasingError
from afterimage.domain.expiry import is_expired
from afterimage.domain.row_ref import CampaignId, RowRef
from afterimage.ports import IdempotencyClaim, KeyTakenError

_EVERYBODY = "CAMPAIGNS"
_ACTIVE = "ACTIVE-RUNS"
_CAMPAIGN = "CAMPAIGN#"


def _campaign_key(campaign_id: CampaignId) -> Item:
    return key(f"CAMPAIGN#{campaign_id}", "CAMPAIGN")


def _runs_key(campaign_id: CampaignId, run_id: str) -> Item:
    return key(f"CAMPAIGN#{campaign_id}", f"RUN#{run_id}")


def _owner_key(owner: str, campaign_id: CampaignId) -> Item:
    return key(f"OWNER#{owner}", f"{_CAMPAIGN}{campaign_id}")


def _everybody_key(campaign_id: CampaignId) -> Item:
    return key("CAMPAIGNS", f"{_CAMPAIGN}{campaign_id}")


def _active_key(campaign_id: str, run_id: str) -> Item:
    return key("ACTIVE-RUNS", f"{campaign_id}#{run_id}")


class DynamoCampaignStore:
    """Implements `ports.CampaignStore`; see the port for what each method promises."""

    def __init__(self, client: Any, table: str, pause: Callable[[int], None] = pause_with_jitter) -> None:
        self._client = client
        self._table = table
        self._pause = pause

    def put(self, campaign: Campaign, claim: IdempotencyClaim | None = None) -> None:
        """Put the campaign with its two pointers and the claim. Raises KeyTakenError or OwnerErasingError."""
        expires = {"expires_at_s": attribute(campaign.expires_at_s)}
        new = {
            "TableName": self._table,
            "Item": {**_campaign_key(campaign.campaign_id), **attributes(campaign)},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        pointers = [_owner_key(campaign.owner, campaign.campaign_id), _everybody_key(campaign.campaign_id)]
        puts = [{"Put": new}, *({"Put": {"TableName": self._table, "Item": {**it, **expires}}} for it in pointers)]
        claims = [claim_put(self._table, claim, campaign.created_at_ms)] if claim else []
        try:
            self._transact([not_erasing(self._table, campaign.owner), *claims, *puts])
        except CancelledError as exc:
            if claim and exc.failed(1):
                raise KeyTakenError from exc
            raise (OwnerErasingError() if exc.failed(0) else CampaignChangedError()) from exc

    def find_claim(self, key_hash: str, now_ms: int) -> IdempotencyClaim | None:
        """Return the living claim on a key, read consistently."""
        return find_claim(self._client, self._table, key_hash, now_ms)

    def get(self, campaign_id: CampaignId, now_ms: int) -> Campaign:
        """Return a campaign, read consistently. Raises CampaignNotFoundError."""
        with reaching_the_table():
            item = self._client.get_item(
                TableName=self._table, Key=_campaign_key(campaign_id), ConsistentRead=True
            ).get("Item")
        if item is None or is_expired(int(item["expires_at_s"]["N"]), now_ms):
            raise CampaignNotFoundError()
        return read(Campaign, item, KEYS)

    def change(self, read: Campaign, changed: Campaign) -> None:
        """Replace the campaign as it was read. Raises CampaignChangedError."""
        try:
            self._transact(self._changes(read, changed))
        except CancelledError as exc:
            raise CampaignChangedError() from exc

    def _changes(self, before: Campaign, after: Campaign) -> list[Item]:
        """The replacement, and pointers that live as long as it."""
        put = {
            "TableName": self._table,
            "Item": {**_campaign_key(after.campaign_id), **attributes(after)},
            "ConditionExpression": "updated_at_ms = :read",
            "ExpressionAttributeValues": {":read": attribute(before.updated_at_ms)},
        }
        expires = {"expires_at_s": attribute(after.expires_at_s)}
        pointers = [_owner_key(after.owner, after.campaign_id), _everybody_key(after.campaign_id)]
        return [
            {"Put": put},
            *({"Put": {"TableName": self._table, "Item": {**pointer, **expires}}} for pointer in pointers),
        ]

    def list_by_owner(self, owner: str | None, limit: int, after: CampaignId | None) -> tuple[CampaignId, ...]:
        """Return ids from the pointers of an owner, or of all."""
        partition = _EVERYBODY if owner is None else f"OWNER#{owner}"
        return tuple(CampaignId(name) for name in self._names(partition, _CAMPAIGN, limit, after))

    def _names(self, partition: str, prefix: str, limit: int, after: str | None) -> list[str]:
        """Sort keys below `prefix`, latest first, without it."""
        values = {":pk": attribute(partition), ":from": attribute(prefix)}
        values[":to"] = attribute(f"{prefix}{after}" if after else f"{prefix}~")
        with reaching_the_table():
            items = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :from AND :to",
                ExpressionAttributeValues=values,
                ScanIndexForward=False,
                Limit=limit + 1,
            )["Items"]
        names = [item["sk"]["S"].removeprefix(prefix) for item in items]
        return [name for name in names if name != after][:limit]

    def erase(self, campaign: Campaign) -> None:
        """Delete the claim, then campaign and pointers at once: whoever asks again after a lost answer, or erases an
        owner by the pointers, finds all of it or nothing."""
        if campaign.claim_hash:
            erase_claim(self._client, self._table, campaign.claim_hash, campaign.campaign_id)
        keys = (
            _campaign_key(campaign.campaign_id),
            _everybody_key(campaign.campaign_id),
            _owner_key(campaign.owner, campaign.campaign_id),
        )
        self._transact([{"Delete": {"TableName": self._table, "Key": key}} for key in keys])

    def forget(self, owner: str, campaign_id: CampaignId) -> None:
        """Delete the two pointers, the owner's last."""
        for pointer in (_everybody_key(campaign_id), _owner_key(owner, campaign_id)):
            with reaching_the_table():
                self._client.delete_item(TableName=self._table, Key=pointer)

    def begin_run(self, read: Campaign, run: Run, at_ms: int) -> bool:
        """Put the run, its name below the campaign, and the campaign that names it."""
        names = {**_runs_key(run.campaign_id, run.run_id), "expires_at_s": attribute(run.expires_at_s)}
        item = {**run_key(run.campaign_id, run.run_id), **attributes(run)}
        put = {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        active = _active_key(run.campaign_id, run.run_id)
        after = _with_run(read, run, at_ms)
        try:
            self._transact(
                [
                    {"Put": put},
                    {"Put": {"TableName": self._table, "Item": names}},
                    {"Put": {"TableName": self._table, "Item": {**active, **_mark(run, at_ms)}}},
                    *self._changes(read, after),
                ]
            )
        except CancelledError as exc:
            if exc.failed(0):
                return False
            raise CampaignChangedError() from exc
        return True

    def get_run(self, campaign_id: CampaignId, run_id: str) -> Run:
        """Return a run, read consistently. Raises CampaignNotFoundError."""
        stored = run_key(campaign_id, run_id)
        with reaching_the_table():
            item = self._client.get_item(TableName=self._table, Key=stored, ConsistentRead=True).get("Item")
        if item is None or "status" not in item:  # a late row of an erased run leaves counters behind
            raise CampaignNotFoundError()
        return read(Run, item, KEYS)

    def list_runs(self, campaign_id: CampaignId, limit: int) -> tuple[str, ...]:
        """Return ids of runs, which sort by time, the latest first."""
        return tuple(self._names(f"{_CAMPAIGN}{campaign_id}", "RUN#", limit, None))

    def move_run(self, run: Run, to: RunStatus, at_ms: int, *, reason: str | None = None) -> Run | None:
        """Write a status; the end of a run is a time as well."""
        sets = {"status": to, "updated_at_ms": at_ms}
        if to in (RunStatus.STOPPED, RunStatus.FINISHED):
            sets["ended_at_ms"] = at_ms
        return self._set(run, sets | ({"reason": reason} if reason else {}), removes=() if reason else ("reason",))

    def next_leg(
        self,
        run: Run,
        at_ms: int,
        *,
        retrying: bool,
        budget_pictures: int | None,
        budget_micros: int | None,
        max_failures: int | None,
    ) -> Run | None:
        """Set the run going again, one leg on. The mark goes first: one too many is taken away by the sweep."""
        with reaching_the_table():
            self._client.put_item(
                TableName=self._table, Item={**_active_key(run.campaign_id, run.run_id), **_mark(run, at_ms)}
            )
        bounds = {"budget_pictures": budget_pictures, "budget_micros": budget_micros, "max_failures": max_failures}
        sets = {
            "status": RunStatus.RUNNING,
            "leg": run.leg + 1,
            "retrying": retrying,
            "updated_at_ms": at_ms,
            **{name: bound for name, bound in bounds.items() if bound is not None},
        }
        gone = [name for name, bound in bounds.items() if bound is None]
        return self._set(run, sets, removes=("reason", "ended_at_ms", *gone))

    def list_active(self, before_ms: int, limit: int) -> tuple[ActiveRun, ...]:
        """Return the marks older than a time; those of the campaigns that were made first come first."""
        found: list[Item] = []
        page: Item = {"LastEvaluatedKey": None}
        while "LastEvaluatedKey" in page and len(found) < limit:
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if page["LastEvaluatedKey"] else {}
            with reaching_the_table():
                page = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk",
                    FilterExpression="at_ms < :before",
                    ExpressionAttributeValues={":pk": attribute(_ACTIVE), ":before": attribute(before_ms)},
                    **start,
                )
            found += page["Items"]
        return tuple(read(ActiveRun, item, KEYS) for item in found[:limit])

    def forget_active(self, active: ActiveRun) -> None:
        """Delete the mark as it was read."""
        try:
            with reaching_the_table():
                self._client.delete_item(
                    TableName=self._table,
                    Key=_active_key(active.campaign_id, active.run_id),
                    ConditionExpression="at_ms = :at",
                    ExpressionAttributeValues={":at": attribute(active.at_ms)},
                )
        except ClientError as exc:
            if error_code(exc) != "ConditionalCheckFailedException":
                raise

    def _set(self, run: Run, sets: dict[str, Any], removes: tuple[str, ...]) -> Run | None:
        values = {f":{name}": attribute(value) for name, value in sets.items()}
        values |= {":was": attribute(run.status), ":in": attribute(run.leg)}
        removal = f" REMOVE {', '.join(f'#{name}' for name in removes)}" if removes else ""
        try:
            with reaching_the_table():
                item = self._client.update_item(
                    TableName=self._table,
                    Key=run_key(run.campaign_id, run.run_id),
                    UpdateExpression=f"SET {', '.join(f'#{name} = :{name}' for name in sets)}{removal}",
                    ConditionExpression="#status = :was AND #leg = :in",
                    ExpressionAttributeNames={f"#{name}": name for name in {*sets, *removes, "status", "leg"}},
                    ExpressionAttributeValues=values,
                    ReturnValues="ALL_NEW",
                )["Attributes"]
        except ClientError as exc:
            if error_code(exc) != "ConditionalCheckFailedException":
                raise
            return None
        return read(Run, item, KEYS)

    def get_row(self, campaign_id: CampaignId, run_id: str, row: int) -> Row | None:
        """Return a row, read consistently."""
        stored = row_key(campaign_id, run_id, row)
        with reaching_the_table():
            item = self._client.get_item(TableName=self._table, Key=stored, ConsistentRead=True).get("Item")
        return read(Row, item, KEYS) if item and "attempt" in item else None

    def list_rows(self, campaign_id: CampaignId, run_id: str, after: int, limit: int) -> tuple[Row, ...]:
        """Return a page of rows in their order."""
        first = row_key(campaign_id, run_id, after)
        with reaching_the_table():
            items = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk > :after",
                ExpressionAttributeValues={":pk": first["pk"], ":after": first["sk"]},
                ConsistentRead=True,
                Limit=limit,
            )["Items"]
        rows = [item for item in items if item["sk"]["S"].startswith("ROW#") and "attempt" in item]
        return tuple(read(Row, item, KEYS) for item in rows)

    def attach(self, ref: RowRef, task_token: str) -> bool:
        """Replace the token of a row that is still open in this attempt."""
        try:
            with reaching_the_table():
                self._client.update_item(
                    TableName=self._table,
                    Key=row_key(ref.campaign_id, ref.run_id, ref.row),
                    UpdateExpression="SET task_token = :token",
                    ConditionExpression="attempt = :attempt AND attribute_not_exists(outcome)",
                    ExpressionAttributeValues={":token": attribute(task_token), ":attempt": attribute(ref.attempt)},
                )
        except ClientError as exc:
            if error_code(exc) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def refuse_row(self, claim: RowClaim, failure_code: str, at_ms: int) -> None:
        """Settle a row without a job. Raises RunHaltedError or RowTakenError."""
        run = self.get_run(claim.ref.campaign_id, claim.ref.run_id)
        try:
            self._transact(claimings(self._table, claim, run, None, failure_code))
        except CancelledError as exc:
            if exc.failed(0):
                raise refusal(claim, exc.reasons[0].get("Item", {})) from exc
            raise RowTakenError from exc

    def _transact(self, members: list[Item]) -> None:
        with reaching_the_table():
            transact(lambda: self._client.transact_write_items(TransactItems=members), self._pause)


def _mark(run: Run, at_ms: int) -> Item:
    active = ActiveRun(campaign_id=run.campaign_id, run_id=run.run_id, at_ms=at_ms)
    return {**attributes(active), "expires_at_s": attribute(run.expires_at_s)}


def _with_run(campaign: Campaign, run: Run, at_ms: int) -> Campaign:
    later = max(at_ms, campaign.updated_at_ms + 1)
    expires_at_s = max(campaign.expires_at_s, run.expires_at_s)
    return dataclasses.replace(campaign, run_id=run.run_id, updated_at_ms=later, expires_at_s=expires_at_s)
