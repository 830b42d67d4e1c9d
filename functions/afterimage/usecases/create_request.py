"""Accept a request: record the job and its idempotency claim together, then start the workflow."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from afterimage.contracts.codec import to_document, to_json
from afterimage.contracts.generation import MAX_SEED
from afterimage.domain.errors import (
    AdmissionClosedError,
    CoolingDownError,
    IdempotencyConflictError,
    TransientError,
    UploadNotFoundError,
)
from afterimage.domain.expiry import IDEMPOTENCY_TTL_S
from afterimage.domain.job import ImageSpec, Job, StatusChange, new_job_id
from afterimage.domain.model_profiles import ModelProfile
from afterimage.domain.quotas import Quotas, charge_for
from afterimage.domain.recipients import Caller, choose_recipient
from afterimage.domain.request import ImageRequest, specify
from afterimage.domain.status import JobStatus
from afterimage.domain.strikes import StrikeRules, standing
from afterimage.ports import (
    AccountStore,
    Clock,
    Entropy,
    IdempotencyClaim,
    JobStore,
    KeyTakenError,
    People,
    Uploads,
    Workflow,
)

# They came later: where nothing is said of them, a key of the version before still means the same body.
_LATER_FIELDS = ("adapter", "upload", "strength")


@dataclass(frozen=True, kw_only=True)
class Door:
    """What accepting needs: stores, rules of this deployment, time and randomness."""

    jobs: JobStore
    workflow: Workflow
    people: People
    accounts: AccountStore
    profile: ModelProfile
    admission_is_open: Callable[[], bool]
    quotas: Callable[[], Quotas]
    job_ttl_s: int
    clock: Clock
    entropy: Entropy
    uploads: Uploads | None = None  # None where nobody sends pictures
    strike_rules: Callable[[], StrikeRules] = StrikeRules


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """The job, and whether this call only found it again by its Idempotency-Key. `refusal` says why the workflow could
    not be started: the sweep will."""

    job: Job
    replayed: bool
    refusal: str | None = None


def create_request(asked: ImageRequest, caller: Caller, idempotency_key: str | None, door: Door) -> Acceptance:
    """Accept `asked` for `caller`, once per key.

    Raises InvalidRequestError, UploadNotFoundError, AccountDisabledError, RecipientNotPermittedError,
    IdempotencyConflictError, AdmissionClosedError, QuotaExceededError (CoolingDownError is one), QuotasInvalidError,
    StrikesInvalidError and StoreUnavailableError; after any of them nothing is recorded or counted.
    """
    now_ms = door.clock()
    account = door.accounts.find(caller.owner)
    account.check()
    key_hash = _hash_key(caller, idempotency_key) if idempotency_key is not None else None
    body_digest = _digest(asked)
    if key_hash and (claim := door.jobs.find_claim(key_hash, now_ms)):
        return _replay(claim, body_digest, door)
    if not door.admission_is_open():
        raise AdmissionClosedError()
    check_cool_down(caller.owner, now_ms, door)
    quotas = door.quotas().with_override(account.override)
    job = dataclasses.replace(_new_job(asked, caller, now_ms, quotas, door), claim_hash=key_hash)
    claim = (
        IdempotencyClaim(
            key_hash=key_hash,
            body_digest=body_digest,
            job_id=job.job_id,
            expires_at_s=now_ms // 1000 + IDEMPOTENCY_TTL_S,
        )
        if key_hash
        else None
    )
    try:
        door.jobs.create(job, claim, quotas)
    except KeyTakenError:  # a call with the same key was faster
        taken = door.jobs.find_claim(key_hash or "", now_ms)
        if taken is None:
            raise
        return _replay(taken, body_digest, door)
    return Acceptance(job=job, replayed=False, refusal=_start(job, door))


def check_cool_down(owner: str, now_ms: int, door: Door) -> None:
    """Raise CoolingDownError for whoever was blocked too often of late, and StrikesInvalidError."""
    until_ms = standing(door.accounts.strikes(owner, now_ms), door.strike_rules(), now_ms).until_ms
    if until_ms is not None:
        raise CoolingDownError(retry_after_s=-(-(until_ms - now_ms) // 1000))


def _hash_key(caller: Caller, key: str) -> str:
    return hashlib.sha256(f"{caller.owner}\n{key}".encode()).hexdigest()


def _digest(asked: ImageRequest) -> str:
    said = to_document(asked)
    for name in _LATER_FIELDS:
        if said[name] is None:
            del said[name]
    return hashlib.sha256(to_json(said).encode()).hexdigest()


def complete(asked: ImageRequest, caller: Caller, door: Door) -> tuple[ImageSpec, str]:
    """Return the whole specification and who is told.

    Raises InvalidRequestError, UploadNotFoundError or RecipientNotPermittedError.
    """
    spec = specify(asked, door.profile, lambda: int.from_bytes(door.entropy(4), "big") % (MAX_SEED + 1))
    if asked.upload is not None:
        if door.uploads is None:
            raise UploadNotFoundError()
        spec = dataclasses.replace(spec, input=door.uploads.find(caller.owner, asked.upload, door.clock()))
    own_address = door.people.confirmed_address(caller.username) if caller.username else None
    return spec, choose_recipient(caller, own_address, asked.email)


def _new_job(asked: ImageRequest, caller: Caller, now_ms: int, quotas: Quotas, door: Door) -> Job:
    spec, recipient = complete(asked, caller, door)
    return Job(
        job_id=new_job_id(now_ms, door.entropy(10)),
        owner=caller.owner,
        status=JobStatus.QUEUED,
        spec=spec,
        recipient=recipient,
        gallery=door.entropy(16).hex(),
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
        expires_at_s=now_ms // 1000 + door.job_ttl_s,
        timeline=(StatusChange(status=JobStatus.QUEUED, at_ms=now_ms),),
        charge=charge_for(len(spec.seeds), now_ms, quotas),
    )


def _replay(claim: IdempotencyClaim, body_digest: str, door: Door) -> Acceptance:
    if claim.body_digest != body_digest:
        raise IdempotencyConflictError()
    job = door.jobs.get(claim.job_id, door.clock())
    # The first call may have died before it could start the workflow.
    refusal = _start(job, door) if job.status is JobStatus.QUEUED else None
    return Acceptance(job=job, replayed=True, refusal=refusal)


def _start(job: Job, door: Door) -> str | None:
    """The job is recorded, so it is accepted even when it cannot be started now. Return why, None once it is."""
    try:
        door.workflow.start(job.job_id)
    except TransientError as exc:
        return exc.code
    return None
