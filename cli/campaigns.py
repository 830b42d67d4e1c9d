"""A campaign as the API tells it, and how to find one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cli.api import Api
from cli.errors import CliError
from cli.terminal import command

_ID = re.compile(r"[0-9abcdefghjkmnpqrstvwxyz]{26}")
_MOST_PAGES = 20
RUNNING, FINISHED, CHECKING, READY = "RUNNING", "FINISHED", "CHECKING", "READY"
SHORTEST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How the latest run of a campaign stands; `document` is what the API said of the campaign."""

    campaign_id: str
    name: str
    status: str
    reason: str | None
    rows: int
    open: int
    succeeded: int
    blocked: int
    failed: int
    cancelled: int
    rows_per_minute: float
    seconds_left: float | None
    document: dict[str, Any] = field(repr=False)

    @property
    def settled(self) -> int:
        """Rows that have an outcome."""
        return self.succeeded + self.blocked + self.failed + self.cancelled

    @property
    def rests(self) -> bool:
        """True once nothing is at work and nothing follows by itself."""
        return self.status != RUNNING and self.open == 0

    @property
    def is_whole(self) -> bool:
        """True when every row has its pictures."""
        return self.status == FINISHED and self.succeeded == self.rows


def progress_of(document: dict[str, Any]) -> Progress:
    """Return how the latest run stands. Raises CliError for a campaign that has not run."""
    run = document["run"]
    if run is None:
        raise CliError("This campaign has not run yet.", f"Run it: {command('campaign run ' + document['id'])}")
    return Progress(
        campaign_id=document["id"],
        name=document["name"],
        status=run["status"],
        reason=run["reason"],
        rows=run["rows"],
        open=run["open"],
        succeeded=run["succeeded"],
        blocked=run["blocked"],
        failed=run["failed"],
        cancelled=run["cancelled"],
        rows_per_minute=run["rows_per_minute"],
        seconds_left=run["seconds_left"],
        document=document,
    )


def find(api: Api, which: str) -> dict[str, Any]:
    """Return a campaign by its id, or the newest of that name. Raises CliError."""
    if _ID.fullmatch(which):
        return api.campaigns("GET", f"/{which}")
    cursor = None
    for _ in range(_MOST_PAGES):
        page = api.campaigns("GET", params={"limit": 50} | ({"cursor": cursor} if cursor else {}))
        for document in page["items"]:
            if document["name"] == which:
                found: dict[str, Any] = document
                return found
        cursor = page["cursor"]
        if cursor is None:
            break
    raise CliError("There is no campaign of this name.", f"See which there are: {command('campaign list')}")


def looks(
    api: Api,
    campaign_id: str,
    until: Callable[[dict[str, Any]], bool],
    timeout_s: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[dict[str, Any]]:
    """Yield the campaign at every look until `until` says so. Raises CliError when the time is over."""
    began = clock()
    while True:
        document = api.campaigns("GET", f"/{campaign_id}")
        yield document
        if until(document):
            return
        waited = clock() - began
        if waited >= timeout_s:
            raise CliError(
                f"Not done after {timeout_s:g} s; it goes on without you.",
                f"Look again: {command(f'campaign watch {campaign_id}')}",
            )
        sleep(min(max(SHORTEST_PAUSE_S, waited * 0.05), LONGEST_PAUSE_S, timeout_s - waited))
