"""Links in DynamoDB, by the hash of their token. The function behind the public link may read these items only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.dynamodb.items import Item, attribute, attributes, key, reaching_the_table, read
from afterimage.domain.errors import StoreUnavailableError
from afterimage.domain.expiry import is_expired
from afterimage.domain.job import JobId
from afterimage.domain.links import Link

_KEYS = frozenset({"pk", "sk"})
_AT_ONCE = 50  # a transaction takes a hundred items
# Why a transaction is cancelled that may pass in a moment.
_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


def _link_key(token_hash: str) -> Item:
    return key(f"LINK#{token_hash}", "LINK")


def _pointer_key(job_id: JobId, token_hash: str) -> Item:
    return key(f"JOB#{job_id}", f"LINK#{token_hash}")


class DynamoLinkStore:
    """Implements `ports.LinkStore`."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, link: Link) -> None:
        """Store a link and, in one transaction, the pointer by which its job finds it."""
        self.put_all((link,))

    def put_all(self, links: Sequence[Link]) -> None:
        """Store fifty links with their pointers in a transaction."""
        for first in range(0, len(links), _AT_ONCE):
            self._put(links[first : first + _AT_ONCE])

    def _put(self, links: Sequence[Link]) -> None:
        """256 random bits do not collide, so a link that is there is a fault and is refused."""
        items: list[Item] = []
        for link in links:
            pointer = {**_pointer_key(link.job_id, link.token_hash), "expires_at_s": attribute(link.expires_at_s)}
            items += [{**_link_key(link.token_hash), **attributes(link)}, pointer]
        puts = [
            {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}
            for item in items
        ]
        try:
            with reaching_the_table():
                self._client.transact_write_items(TransactItems=puts)
        except ClientError as exc:
            if any(reason.get("Code") in _PASSING for reason in exc.response.get("CancellationReasons", [])):
                raise StoreUnavailableError() from exc
            raise

    def find(self, token_hash: str) -> Link | None:
        """Return a link, expired or revoked ones too; None for none."""
        with reaching_the_table():
            item = self._client.get_item(TableName=self._table, Key=_link_key(token_hash), ConsistentRead=True).get(
                "Item"
            )
        return read(Link, item, _KEYS) if item else None

    def list_by_job(self, job_id: JobId) -> tuple[str, ...]:
        """Return the hashes of a job's links, by their pointers. One page holds thousands, and a job has few."""
        return tuple(item["sk"]["S"].removeprefix("LINK#") for item in self._pointers(job_id))

    def count_living(self, job_id: JobId, now_ms: int) -> int:
        """Return how many have not expired: DynamoDB deletes the others days later, and nobody should wait for that."""
        return sum(not is_expired(int(item["expires_at_s"]["N"]), now_ms) for item in self._pointers(job_id))

    def _pointers(self, job_id: JobId) -> list[Item]:
        beginning = _pointer_key(job_id, "")
        with reaching_the_table():
            items: list[Item] = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
                ExpressionAttributeValues={":pk": beginning["pk"], ":sk": beginning["sk"]},
                ConsistentRead=True,
            )["Items"]
        return items

    def erase(self, job_id: JobId, token_hash: str) -> None:
        """Delete a link and then its pointer, so that a crash between leaves nothing that cannot be found."""
        for item_key in (_link_key(token_hash), _pointer_key(job_id, token_hash)):
            with reaching_the_table():
                self._client.delete_item(TableName=self._table, Key=item_key)
