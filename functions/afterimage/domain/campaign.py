"""A campaign: many requests as rows, one setting for all of them, and runs that make them.

A campaign is checked before it runs, and may run more than once (a schedule that repeats). A run takes its rows one by
one; what it counts is the truth about them, because a row is claimed and settled in the transaction of its job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from afterimage.domain.job import JobId
from afterimage.domain.row_ref import CampaignId, RowRef
from afterimage.domain.status import JobStatus

MICROS = 1_000_000
# Most rows of a file, whatever an owner's quota says: what the state machine was counted for.
MAX_ROWS = 100_000
MAX_CONCURRENCY = 40
# Most bytes of an upload.
MAX_UPLOAD_BYTES = 10 * 1024 * 1024
# Counted from creation, and from the last check of its rows: a schedule may come once a year.
CAMPAIGN_KEPT_S = 400 * 86_400


class CampaignStatus(StrEnum):
    """How far a campaign's rows are: nobody sent any, they are being read, they have faults, they may run."""

    DRAFT = "DRAFT"
    CHECKING = "CHECKING"
    INVALID = "INVALID"
    READY = "READY"


class RunStatus(StrEnum):
    """Where a run stands. PAUSED begins nothing new and may go on; what is at work then comes to its own end."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    FINISHED = "FINISHED"


# Why a run pauses by itself, as machine codes beside `paused_by_owner`.
PAUSED_BY_OWNER = "paused_by_owner"
BUDGET_PICTURES = "picture_budget_reached"
BUDGET_DOLLARS = "dollar_budget_reached"
TOO_MANY_FAILURES = "too_many_failures"
RUN_FAILED = "run_failed"
ADMISSION_CLOSED = "admission_closed"

# What a retry makes again. A blocked prompt would be blocked again, and a cancelled row was not wanted.
RETRIED = frozenset({JobStatus.FAILED, JobStatus.EXPIRED})


@dataclass(frozen=True, kw_only=True)
class CampaignSettings:
    """What holds for every row. `defaults` are fields of a request (text or number), `axes` lists of values of such
    fields: each row is made once for every combination of them. A row's own field goes before a default; an axis is
    refused where rows name its field themselves. Dollars are those of `domain.estimate`."""

    defaults: dict[str, Any] = field(default_factory=dict)
    axes: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    recipients: tuple[str, ...] = ()
    budget_pictures: int | None = None
    budget_dollars: float | None = None
    concurrency: int = 5
    max_failures: int | None = None
    max_failed_share: float | None = None
    warm_up_minutes: int = 5


@dataclass(frozen=True, kw_only=True)
class Check:
    """What reading the rows found. `check_id` names the folder of what it wrote; `blocked` rows would be taken, and
    then be refused by moderation. Estimates are those of a dry run, summed. `read_as` says for what the upload was
    taken, such as "CSV with semicolons, UTF-8"; `warnings` are sentences."""

    check_id: str
    at_ms: int
    rows: int
    pictures: int
    seconds: float
    micros: int
    problems: int
    blocked: int
    read_as: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a campaign runs by itself: `at(...)`, `cron(...)` or `rate(...)` in a time zone of the IANA list."""

    expression: str
    timezone: str


@dataclass(frozen=True, kw_only=True)
class PassedOver:
    """A scheduled time at which no run began, and the code that says why."""

    run_id: str
    at_ms: int
    code: str


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """The record of a campaign. `run_id` names its latest run. `claim_hash` is the hash of its Idempotency-Key."""

    campaign_id: CampaignId
    owner: str
    name: str
    status: CampaignStatus
    settings: CampaignSettings
    created_at_ms: int
    updated_at_ms: int
    expires_at_s: int
    check: Check | None = None
    schedule: Schedule | None = None
    run_id: str | None = None
    passed_over: PassedOver | None = None
    claim_hash: str | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """One going through the rows. `leg` grows with every resume and retry: only the execution of the current leg may
    claim. `pictures` and `micros` are what claimed rows took: pictures come back from a row that did not succeed,
    dollars do not, because the machine may have worked for them. `failed` counts rows that failed or expired."""

    campaign_id: CampaignId
    run_id: str
    owner: str
    status: RunStatus
    leg: int
    check_id: str
    rows: int
    concurrency: int
    started_at_ms: int
    updated_at_ms: int
    expires_at_s: int
    budget_pictures: int | None = None
    budget_micros: int | None = None
    max_failures: int | None = None
    reason: str | None = None
    retrying: bool = False
    ended_at_ms: int | None = None
    claimed: int = 0
    succeeded: int = 0
    blocked: int = 0
    failed: int = 0
    cancelled: int = 0
    pictures: int = 0
    micros: int = 0

    @property
    def settled(self) -> int:
        """Rows that have an outcome."""
        return self.succeeded + self.blocked + self.failed + self.cancelled

    @property
    def open(self) -> int:
        """Rows that are claimed and not settled."""
        return self.claimed - self.settled


@dataclass(frozen=True, kw_only=True)
class ActiveRun:
    """That a run was set going, for the sweep: whoever set it going may have died before its execution began, and an
    execution may end without its last states. `at_ms` tells this mark from a later one of the same run."""

    campaign_id: CampaignId
    run_id: str
    at_ms: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """What became of a row. A row that could not be asked for at all is settled as FAILED without a job. `leg` is the
    one in which it was claimed."""

    row: int
    attempt: int
    leg: int
    job_id: JobId | None = None
    outcome: JobStatus | None = None
    failure_code: str | None = None
    task_token: str | None = None


@dataclass(frozen=True, kw_only=True)
class RowClaim:
    """What a job's creation takes of its run: the row, once, as the leg may; pictures and dollars within the budget."""

    ref: RowRef
    leg: int
    task_token: str
    pictures: int
    micros: int
    expires_at_s: int
    # The outcome that a retry replaces.
    retries: JobStatus | None = None


def max_failures_of(settings: CampaignSettings, rows: int) -> int | None:
    """Return how many failed rows a run bears: the smaller of the number and the share, None for any number."""
    bounds = [settings.max_failures] if settings.max_failures is not None else []
    if settings.max_failed_share is not None:
        bounds.append(int(settings.max_failed_share * rows))
    return min(bounds, default=None)
