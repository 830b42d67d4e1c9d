"""Faults between an adapter and its client: throttled, answered with a 500, cut off, unheard, forbidden."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

# Some calls of each kind in a few seconds; `make fire` takes every one.
STEP = 1 if os.environ.get("AFTERIMAGE_EXAMPLES") else 12
UNHEARD = "unheard"  # carried out, and the answer is lost
PASSING = ("throttle", "500", "cut off", UNHEARD)
KINDS = (*PASSING, "forbidden")
Call = tuple[str, str]
_OFFLINE = frozenset({"generate_presigned_url", "generate_presigned_post"})  # signing asks nobody


def error_of(kind: str, operation: str) -> Exception:
    """Return what a call that is not answered raises."""
    if kind == "cut off":
        return ConnectTimeoutError(endpoint_url="https://aws")
    if kind == UNHEARD:
        return ReadTimeoutError(endpoint_url="https://aws")
    code, status = {
        "throttle": ("ThrottlingException", 400),
        "500": ("InternalFailure", 500),
        "forbidden": ("AccessDenied", 403),
    }[kind]
    return ClientError(
        {"Error": {"Code": code, "Message": "said AWS"}, "ResponseMetadata": {"HTTPStatusCode": status}}, operation
    )


class Faults:
    """What is to fail: the `nth` call of a service's operation, or every one from there on."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.plan: tuple[Call, int, str, bool] | None = None
        self.failed_at: int | None = None
        self.ended: int | None = None  # how many calls there were when whoever met the fault was done

    def pass_on(self, call: Call, carry_out: Callable[[], Any]) -> Any:
        seen = self.calls.count(call)
        self.calls.append(call)
        kind = self._kind(call, seen)
        if kind is None:
            return carry_out()
        self.failed_at = len(self.calls) if self.failed_at is None else self.failed_at
        if kind == UNHEARD:
            carry_out()
        raise error_of(kind, call[1])

    def _kind(self, call: Call, seen: int) -> str | None:
        if self.plan is None:
            return None
        planned, nth, kind, stays = self.plan
        return kind if call == planned and (seen == nth or (stays and seen > nth)) else None

    @property
    def went_on(self) -> bool:
        """Whether whoever met the fault made another call after it."""
        return self.failed_at is not None and self.ended is not None and self.ended > self.failed_at

    def numbered(self) -> list[tuple[Call, int]]:
        """Every call until now, by what it is and how many like it came before."""
        return [(call, self.calls[:place].count(call)) for place, call in enumerate(self.calls)]


class Between:
    """A client with faults in front of it."""

    def __init__(self, service: str, client: Any, faults: Faults) -> None:
        self._service, self._client_behind, self._faults = service, client, faults

    def __getattr__(self, operation: str) -> Any:
        behind: Callable[..., Any] = getattr(self._client_behind, operation)
        if operation in _OFFLINE:
            return behind

        def call(**arguments: Any) -> Any:
            return self._faults.pass_on((self._service, operation), lambda: behind(**arguments))

        return call
