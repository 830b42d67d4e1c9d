"""Transactions that meet on the same item: DynamoDB cancels all but one, and whoever lost asks again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code
from afterimage.adapters.dynamodb.items import Item
from afterimage.domain.errors import StoreUnavailableError

# A counter is one item that many requests write: half a dozen tries over about three seconds at most, so that a
# function with a time-out of thirty has time for the rest.
TRIES = 8
_FIRST_PAUSE_S = 0.03
_LONGEST_PAUSE_S = 0.8
# Why a transaction is cancelled that may pass in a moment; the first is another transaction on the same key.
_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


def pause_with_jitter(tries: int) -> None:
    """Wait before another try, at random up to a growing bound, so that those who met do not meet again."""
    time.sleep(random.uniform(0, min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**tries)))  # noqa: S311


class CancelledError(Exception):
    """Raised when conditions failed; `reasons` has an entry for each member of the transaction, in its order."""

    def __init__(self, reasons: list[Item]) -> None:
        super().__init__()
        self.reasons = reasons

    def failed(self, member: int) -> bool:
        """True when the condition of this member was one that failed."""
        return self.reasons[member].get("Code") == "ConditionalCheckFailed"


def transact(send: Callable[[], Any], pause: Callable[[int], None]) -> None:
    """Call `send` until its transaction is carried out or refused by a condition.

    Raises CancelledError, and StoreUnavailableError when it meets others too often. Whatever else AWS says passes.
    """
    for tries in range(TRIES):
        try:
            send()
        except ClientError as exc:
            reasons: list[Item] = exc.response.get("CancellationReasons", [])
            codes = {reason.get("Code") for reason in reasons}
            if error_code(exc) != "TransactionCanceledException":
                raise
            if "ConditionalCheckFailed" in codes:
                raise CancelledError(reasons) from exc
            if not _PASSING & codes:
                raise
        else:
            return
        if tries + 1 < TRIES:
            pause(tries)
    raise StoreUnavailableError()
