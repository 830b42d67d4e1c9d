"""The stores in memory."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from afterimage.domain.account import Account, Usage
from afterimage.domain.errors import JobClosedError, JobNotFoundError, OwnerErasingError
from afterimage.domain.expiry import is_expired
from afterimage.domain.holds import Hold, Stage
from afterimage.domain.job import Attempt, Job, JobId, Notice
from afterimage.domain.links import Link
from afterimage.domain.quotas import (
    UNLIMITED,
    Quota,
    Quotas,
    day_is_full,
    day_of,
    fits,
    month_is_full,
    month_of,
    too_many_open,
)
from afterimage.domain.status import JobStatus, sources
from afterimage.domain.strikes import MOST_STRIKES, STRIKE_KEPT_S, is_strike
from afterimage.domain.suppression import Suppression
from afterimage.domain.uploads import FORMS_A_DAY, too_many_forms
from afterimage.ports import NO_CHANGES, HeldSince, IdempotencyClaim, JobChanges, KeyTakenError, Phase

from fakes.faults import Faulty, breakable


class MemoryJobStore(Faulty):
    """Implements `ports.JobStore`."""

    def __init__(self, *jobs: Job) -> None:
        super().__init__()
        self.records: dict[JobId, Job] = {job.job_id: job for job in jobs}
        self.claims: dict[str, IdempotencyClaim] = {}
        self.told: set[JobId] = set()
        self.open: Counter[str] = Counter()
        self.months: Counter[tuple[str, str]] = Counter()
        self.days: Counter[str] = Counter()
        self.erasing: set[str] = set()
        self.strikes: dict[str, dict[JobId, int]] = {}

    @breakable
    def create(self, job: Job, claim: IdempotencyClaim | None, quotas: Quotas = UNLIMITED) -> None:
        if claim and self.find_claim(claim.key_hash, job.created_at_ms):
            raise KeyTakenError
        assert job.job_id not in self.records
        charge, at_ms = job.charge, job.created_at_ms
        if charge:
            if not fits(self.months[job.owner, charge.month], charge.pictures, quotas.monthly_pictures):
                raise month_is_full(at_ms)
            if charge.day and not fits(self.days[charge.day], charge.pictures, quotas.daily_pictures):
                raise day_is_full(at_ms)
            if job.owner in self.erasing:
                raise OwnerErasingError()
            if not fits(self.open[job.owner], 1, quotas.concurrent_jobs):
                raise too_many_open()
            self._count(job, pictures=charge.pictures, jobs=1)
        self.records[job.job_id] = job
        if claim:
            self.claims[claim.key_hash] = claim

    def _count(self, job: Job, *, pictures: int, jobs: int) -> None:
        assert job.charge
        self.open[job.owner] += jobs
        self.months[job.owner, job.charge.month] += pictures
        if job.charge.day:
            self.days[job.charge.day] += pictures

    @breakable
    def find_claim(self, key_hash: str, now_ms: int) -> IdempotencyClaim | None:
        claim = self.claims.get(key_hash)
        return claim if claim and not is_expired(claim.expires_at_s, now_ms) else None

    @breakable
    def get(self, job_id: JobId, now_ms: int) -> Job:
        job = self.records.get(job_id)
        if job is None or is_expired(job.expires_at_s, now_ms):
            raise JobNotFoundError()
        return job

    @breakable
    def get_many(self, job_ids: Sequence[JobId], now_ms: int) -> dict[JobId, Job]:
        found = [self.records[job_id] for job_id in job_ids if job_id in self.records]
        return {job.job_id: job for job in found if not is_expired(job.expires_at_s, now_ms)}

    @breakable
    def list_by_owner(self, owner: str, limit: int, after: JobId | None, now_ms: int) -> tuple[Job, ...]:
        theirs = [
            job
            for job in self.records.values()
            if job.owner == owner and not is_expired(job.expires_at_s, now_ms) and (after is None or job.job_id < after)
        ]
        return tuple(sorted(theirs, key=lambda job: job.job_id, reverse=True)[:limit])

    @breakable
    def list_open(self, phase: Phase, updated_before_ms: int, limit: int) -> tuple[JobId, ...]:
        silent = [
            job
            for job in self.records.values()
            if Phase.of(job.status) is phase and job.updated_at_ms < updated_before_ms and job.job_id not in self.told
        ]
        return tuple(job.job_id for job in sorted(silent, key=lambda job: job.updated_at_ms)[:limit])

    @breakable
    def list_held(self, limit: int, after: HeldSince | None) -> tuple[HeldSince, ...]:
        held = [
            HeldSince(job_id=job.job_id, since_ms=job.updated_at_ms)
            for job in self.records.values()
            if job.status is JobStatus.HELD
        ]
        waiting = sorted(held, key=lambda one: (one.since_ms, one.job_id))
        behind = [one for one in waiting if not after or (one.since_ms, one.job_id) > (after.since_ms, after.job_id)]
        return tuple(behind[:limit])

    @breakable
    def advance(
        self,
        job_id: JobId,
        to: JobStatus,
        at_ms: int,
        changes: JobChanges = NO_CHANGES,
        only_from: JobStatus | None = None,
        entered: int | None = None,
    ) -> Job:
        job = self.records.get(job_id)
        if job is None:
            raise JobNotFoundError()
        if job.status not in sources(to, only_from) or entered not in (None, len(job.timeline)):
            raise JobClosedError()
        if to.is_final and job.charge:
            self._count(job, pictures=0 if to is JobStatus.SUCCEEDED else -job.charge.pictures, jobs=-1)
        code = changes.failure.code if changes.failure else None
        if is_strike(to, code, of_campaign=job.row is not None):
            self.strikes.setdefault(job.owner, {})[job_id] = at_ms
        self.records[job_id] = changes.made_to(job, to, at_ms)
        return self.records[job_id]

    @breakable
    def forget_ended(self, job_id: JobId) -> None:
        job = self.records.get(job_id)
        if job and Phase.of(job.status) is Phase.UNTOLD:
            self.told.add(job_id)

    @breakable
    def swap_notice(self, job_id: JobId, expected_state: str | None, notice: Notice | None) -> bool:
        job = self.records.get(job_id)
        if job is None or (job.notice.state if job.notice else None) != expected_state:
            return job is not None and notice is not None and job.notice == notice
        self.records[job_id] = dataclasses.replace(job, notice=notice)
        return True

    @breakable
    def erase(self, job: Job) -> None:
        claim = self.claims.get(job.claim_hash or "")
        if claim and claim.job_id == job.job_id:
            del self.claims[claim.key_hash]
        self.records.pop(job.job_id, None)


class MemoryOwnerStore(Faulty):
    """Implements `ports.OwnerStore` on the counters of a job store."""

    def __init__(self, jobs: MemoryJobStore, accounts: MemoryAccountStore | None = None) -> None:
        super().__init__()
        self.jobs = jobs
        self.accounts = accounts or MemoryAccountStore(jobs)

    @breakable
    def begin_erasing(self, owner: str, at_ms: int) -> None:
        self.jobs.erasing.add(owner)

    @breakable
    def erase(self, owner: str, at_ms: int) -> None:
        self.accounts.records[owner] = Account(disabled=True)
        self.jobs.erasing.discard(owner)
        self.jobs.open.pop(owner, None)
        for counted in [counted for counted in self.jobs.months if counted[0] == owner]:
            del self.jobs.months[counted]

    @breakable
    def end_erasing(self, owner: str) -> None:
        self.jobs.erasing.discard(owner)


class MemoryAccountStore(Faulty):
    """Implements `ports.AccountStore`, over the counters of the jobs that it is given."""

    def __init__(self, jobs: MemoryJobStore | None = None) -> None:
        super().__init__()
        self.jobs = jobs or MemoryJobStore()
        self.records: dict[str, Account] = {}

    @breakable
    def find(self, owner: str) -> Account:
        return self.records.get(owner, Account())

    @breakable
    def usage(self, owner: str, at_ms: int) -> Usage:
        return Usage(
            monthly_pictures=self.jobs.months[owner, month_of(at_ms)],
            open_requests=self.jobs.open[owner],
            daily_pictures=self.jobs.days[day_of(at_ms)],
        )

    @breakable
    def strikes(self, owner: str, at_ms: int) -> tuple[int, ...]:
        kept = sorted(self.jobs.strikes.get(owner, {}).items(), reverse=True)[:MOST_STRIKES]
        return tuple(struck_ms for _, struck_ms in kept if not is_expired(struck_ms // 1000 + STRIKE_KEPT_S, at_ms))

    @breakable
    def forgive(self, owner: str) -> None:
        self.jobs.strikes.pop(owner, None)

    @breakable
    def set_override(self, owner: str, override: Quota | None) -> None:
        self.records[owner] = dataclasses.replace(self.find(owner), override=override)

    @breakable
    def set_disabled(self, owner: str, disabled: bool) -> None:
        self.records[owner] = dataclasses.replace(self.find(owner), disabled=disabled)


class MemoryUploadCounter(Faulty):
    """Implements `ports.UploadCounter`."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: Counter[tuple[str, str]] = Counter()

    @breakable
    def take(self, owner: str, at_ms: int) -> None:
        if self.forms[owner, day_of(at_ms)] >= FORMS_A_DAY:
            raise too_many_forms(at_ms)
        self.forms[owner, day_of(at_ms)] += 1


class MemoryAttemptStore(Faulty):
    """Implements `ports.AttemptStore`."""

    def __init__(self, *attempts: Attempt) -> None:
        super().__init__()
        self.records: dict[tuple[JobId, str], Attempt] = {(a.job_id, a.attempt_id): a for a in attempts}

    @breakable
    def register(self, attempt: Attempt) -> Attempt:
        return self.records.setdefault((attempt.job_id, attempt.attempt_id), attempt)

    @breakable
    def find(self, job_id: JobId, attempt_id: str) -> Attempt | None:
        return self.records.get((job_id, attempt_id))

    @breakable
    def list_by_job(self, job_id: JobId) -> tuple[Attempt, ...]:
        return tuple(attempt for attempt in self.records.values() if attempt.job_id == job_id)

    @breakable
    def record_locations(self, attempt: Attempt, output_location: str, failure_location: str) -> None:
        known = self.records[attempt.job_id, attempt.attempt_id]
        self.records[attempt.job_id, attempt.attempt_id] = dataclasses.replace(
            known, output_location=known.output_location or output_location, failure_location=failure_location
        )

    @breakable
    def settle(self, attempt: Attempt, outcome: str, output_location: str | None) -> Attempt:
        known = self.records[attempt.job_id, attempt.attempt_id]
        if known.outcome is None:
            known = dataclasses.replace(
                known, outcome=outcome, output_location=output_location or known.output_location
            )
            self.records[attempt.job_id, attempt.attempt_id] = known
        return known

    @breakable
    def erase(self, attempt: Attempt) -> None:
        self.records.pop((attempt.job_id, attempt.attempt_id), None)


class MemoryHoldStore(Faulty):
    """Implements `ports.HoldStore`."""

    def __init__(self, *holds: Hold) -> None:
        super().__init__()
        self.records: dict[tuple[JobId, Stage], Hold] = {(hold.job_id, hold.stage): hold for hold in holds}

    @breakable
    def register(self, hold: Hold) -> None:
        self.records[hold.job_id, hold.stage] = hold

    @breakable
    def find(self, job_id: JobId, stage: Stage) -> Hold | None:
        return self.records.get((job_id, stage))

    @breakable
    def erase(self, job_id: JobId) -> None:
        for stage in Stage:
            self.records.pop((job_id, stage), None)


class MemoryLinkStore(Faulty):
    """Implements `ports.LinkStore`."""

    def __init__(self, *links: Link) -> None:
        super().__init__()
        self.records: dict[str, Link] = {link.token_hash: link for link in links}

    @breakable
    def put(self, link: Link) -> None:
        assert link.token_hash not in self.records
        self.records[link.token_hash] = link

    @breakable
    def put_all(self, links: Sequence[Link]) -> None:
        for link in links:
            self.put(link)

    @breakable
    def find(self, token_hash: str) -> Link | None:
        return self.records.get(token_hash)

    @breakable
    def list_by_job(self, job_id: JobId) -> tuple[str, ...]:
        return tuple(sorted(link.token_hash for link in self.records.values() if link.job_id == job_id))

    @breakable
    def count_living(self, job_id: JobId, now_ms: int) -> int:
        found = [self.records[token_hash] for token_hash in self.list_by_job(job_id)]
        return sum(not is_expired(link.expires_at_s, now_ms) for link in found)

    @breakable
    def erase(self, job_id: JobId, token_hash: str) -> None:
        self.records.pop(token_hash, None)


class MemorySuppressionStore(Faulty):
    """Implements `ports.SuppressionStore`."""

    def __init__(self, *suppressions: Suppression) -> None:
        super().__init__()
        self.records: dict[str, Suppression] = {entry.address_hash: entry for entry in suppressions}

    @breakable
    def put(self, suppression: Suppression) -> None:
        known = self.records.get(suppression.address_hash)
        if known is None or known.expires_at_s < suppression.expires_at_s:
            self.records[suppression.address_hash] = suppression

    @breakable
    def find(self, address_hash: str, now_ms: int) -> Suppression | None:
        found = self.records.get(address_hash)
        return found if found and not is_expired(found.expires_at_s, now_ms) else None

    @breakable
    def lift(self, address_hash: str) -> None:
        self.records.pop(address_hash, None)
