"""Have one row of a run made, once: claim it and start its request, or wait for the request that it has already.

Called with a task token that is answered when the row has ended: by whoever tells the request's end (`answer_row`), or
by the caller at once when this returns an outcome. Called again for the same row (a repeat, another leg, a token nobody
answered), it makes nothing twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from afterimage.campaign_ports import CampaignFiles, CampaignStore, RowJobs, RowTakenError
from afterimage.contracts.campaign import RowDocument, RowPlace, check_prefix
from afterimage.contracts.codec import ContractError, from_document, from_json
from afterimage.contracts.generation import MAX_SEED
from afterimage.domain.campaign import ADMISSION_CLOSED, RETRIED, Row, RowClaim, Run, RunStatus
from afterimage.domain.errors import (
    AccountDisabledError,
    InvalidRequestError,
    JobNotFoundError,
    OwnerErasingError,
    QuotaExceededError,
    RowDeferredError,
    RunHaltedError,
    StoreUnavailableError,
    TooManyOpenRequestsError,
    TransientError,
)
from afterimage.domain.job import Job, StatusChange, new_job_id
from afterimage.domain.model_profiles import ModelProfile
from afterimage.domain.quotas import Quotas, charge_for
from afterimage.domain.request import ImageRequest, specify
from afterimage.domain.row_ref import CampaignId, RowRef
from afterimage.domain.status import JobStatus
from afterimage.ports import AccountStore, Clock, Entropy, Workflow

# A row document that cannot be read: ours, for a check has written it.
UNREADABLE_ROW = "row_unreadable"
# Somebody else claims the row, or settles it, between a look and a claim; more than twice is not that.
_LOOKS = 3


@dataclass(frozen=True, kw_only=True)
class RowDoor:
    """What a row needs to become a request."""

    campaigns: CampaignStore
    jobs: RowJobs
    files: CampaignFiles
    workflow: Workflow
    accounts: AccountStore
    profile: ModelProfile
    admission_is_open: Callable[[], bool]
    quotas: Callable[[], Quotas]
    job_ttl_s: int
    clock: Clock
    entropy: Entropy


def run_campaign_row(place: RowPlace, door: RowDoor) -> JobStatus | None:
    """Return the row's outcome when it has one, None when its end will answer the token.

    Raises RunHaltedError when the run takes no more rows, RowDeferredError when the row may begin later.
    """
    run = door.campaigns.get_run(CampaignId(place.campaign_id), place.run_id)
    for _ in range(_LOOKS):
        row = door.campaigns.get_row(run.campaign_id, run.run_id, int(place.row))
        if row and row.outcome and not _is_retried(row, run, place):
            return row.outcome
        if row and row.outcome is None:
            if _waits_for(row, run, place, door):
                return None
            continue  # it has ended a moment ago
        with contextlib.suppress(RowTakenError):
            return _begin(row, run, place, door)
    raise StoreUnavailableError()


def _is_retried(row: Row, run: Run, place: RowPlace) -> bool:
    """True for a failed row in a leg that makes such rows again; what failed in this leg was made again already."""
    return run.retrying and run.leg == place.leg and row.outcome in RETRIED and row.leg < place.leg


def _waits_for(row: Row, run: Run, place: RowPlace, door: RowDoor) -> bool:
    if run.leg != place.leg:  # it would take the row's end away from a child of the leg that goes on
        raise RunHaltedError()
    ref = RowRef(campaign_id=run.campaign_id, run_id=run.run_id, row=row.row, attempt=row.attempt)
    if not door.campaigns.attach(ref, place.task_token):
        return False
    # Whoever claimed the row may have died before it could start the request. The sweep would find it, a minute later.
    with contextlib.suppress(JobNotFoundError, TransientError):
        if row.job_id and door.jobs.get(row.job_id, door.clock()).status is JobStatus.QUEUED:
            door.workflow.start(row.job_id)
    return True


def _begin(row: Row | None, run: Run, place: RowPlace, door: RowDoor) -> JobStatus | None:
    """Claim the row and start its request, or settle it where nothing can be asked for. Raises RowTakenError."""
    now_ms = door.clock()
    claim = RowClaim(
        ref=RowRef(
            campaign_id=run.campaign_id,
            run_id=run.run_id,
            row=int(place.row),
            attempt=row.attempt + 1 if row else 1,
        ),
        leg=place.leg,
        task_token=place.task_token,
        pictures=0,
        micros=0,
        expires_at_s=now_ms // 1000 + door.job_ttl_s,
        retries=row.outcome if row else None,
    )
    try:
        document = _document(run, place, door)
        job, quotas = _job(document, claim, run, now_ms, door)
    except (ContractError, InvalidRequestError) as exc:
        code = exc.code if isinstance(exc, InvalidRequestError) else UNREADABLE_ROW
        return _refuse(claim, code, run, door)
    claim = _charged(claim, job, document)
    try:
        door.jobs.create_for_row(job, quotas, claim, run)
    except TooManyOpenRequestsError:
        raise RowDeferredError() from None
    except (QuotaExceededError, OwnerErasingError) as exc:
        raise _halted(run, exc.code, door) from None
    except RunHaltedError as exc:
        raise _halted(run, exc.reason, door) from None
    with contextlib.suppress(TransientError):  # it is recorded; the sweep starts what could not be started
        door.workflow.start(job.job_id)
    return None


def _refuse(claim: RowClaim, code: str, run: Run, door: RowDoor) -> JobStatus:
    try:
        door.campaigns.refuse_row(claim, code, door.clock())
    except RunHaltedError as exc:
        raise _halted(run, exc.reason, door) from None
    return JobStatus.FAILED


def _document(run: Run, place: RowPlace, door: RowDoor) -> RowDocument:
    key = f"{check_prefix(run.campaign_id, run.check_id)}rows.jsonl"
    text = door.files.read_range(key, int(place.start), int(place.length))
    document = from_json(RowDocument, text.decode())
    if document.row != int(place.row):
        raise ContractError(f"row {place.row} is not at its place")
    return document


def _job(document: RowDocument, claim: RowClaim, run: Run, now_ms: int, door: RowDoor) -> tuple[Job, Quotas]:
    account = door.accounts.find(run.owner)
    try:
        account.check()
    except AccountDisabledError as exc:
        raise _halted(run, exc.code, door) from None
    if not door.admission_is_open():
        raise _halted(run, ADMISSION_CLOSED, door)
    quotas = door.quotas().with_override(account.override)
    asked = from_document(ImageRequest, document.request)
    spec = specify(asked, door.profile, lambda: int.from_bytes(door.entropy(4), "big") % (MAX_SEED + 1))
    job = Job(
        job_id=new_job_id(now_ms, door.entropy(10)),
        owner=run.owner,
        status=JobStatus.QUEUED,
        spec=spec,
        gallery=door.entropy(16).hex(),
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
        expires_at_s=now_ms // 1000 + door.job_ttl_s,
        timeline=(StatusChange(status=JobStatus.QUEUED, at_ms=now_ms),),
        charge=charge_for(len(spec.seeds), now_ms, quotas),
        row=claim.ref,
    )
    return job, quotas


def _charged(claim: RowClaim, job: Job, document: RowDocument) -> RowClaim:
    return dataclasses.replace(claim, pictures=len(job.spec.seeds), micros=document.micros)


def _halted(run: Run, reason: str | None, door: RowDoor) -> RunHaltedError:
    """Pause the run where it is the first to meet this bound, so that the person reads why."""
    if reason and run.status is RunStatus.RUNNING:
        door.campaigns.move_run(run, RunStatus.PAUSED, door.clock(), reason=reason)
    return RunHaltedError(reason=reason)
