"""The life of a job as one table. Every write of a status is conditional on it."""

from __future__ import annotations

from enum import StrEnum


class JobStatus(StrEnum):
    """Where a job stands; see docs/architecture.md for who moves it."""

    QUEUED = "QUEUED"
    MODERATING = "MODERATING"
    HELD = "HELD"
    GENERATING = "GENERATING"
    REVIEWING = "REVIEWING"
    DELIVERING = "DELIVERING"
    SUCCEEDED = "SUCCEEDED"
    BLOCKED = "BLOCKED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"

    @property
    def is_final(self) -> bool:
        """True once nothing can follow."""
        return not _NEXT[self]

    def may_become(self, following: JobStatus) -> bool:
        """True when the table allows `following` next. An open status may be written again: states are repeatable."""
        return following in _NEXT[self] or (following is self and not self.is_final)


_UNSUCCESSFUL = frozenset({JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED})

# Pictures that reached DELIVERING exist and can be looked at, so a failed mail cannot undo them: only success follows.
_NEXT: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.MODERATING}) | _UNSUCCESSFUL,
    JobStatus.MODERATING: frozenset({JobStatus.HELD, JobStatus.GENERATING, JobStatus.BLOCKED}) | _UNSUCCESSFUL,
    # A person's release sends a job back to where it was held.
    JobStatus.HELD: frozenset({JobStatus.MODERATING, JobStatus.REVIEWING, JobStatus.BLOCKED}) | _UNSUCCESSFUL,
    JobStatus.GENERATING: frozenset({JobStatus.REVIEWING}) | _UNSUCCESSFUL,
    JobStatus.REVIEWING: frozenset({JobStatus.HELD, JobStatus.DELIVERING, JobStatus.BLOCKED}) | _UNSUCCESSFUL,
    JobStatus.DELIVERING: frozenset({JobStatus.SUCCEEDED}),
    JobStatus.SUCCEEDED: frozenset(),
    JobStatus.BLOCKED: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
    JobStatus.EXPIRED: frozenset(),
}


def sources(to: JobStatus, only_from: JobStatus | None = None) -> tuple[JobStatus, ...]:
    """Return from which statuses a write may bring a job to `to`. Only a write that names HELD leads out of it back to
    work: a state that repeats itself must not release what waits for a person."""
    allowed = predecessors(to)
    if only_from is not None:
        return tuple(status for status in allowed if status is only_from)
    back_to_work = not to.is_final and to is not JobStatus.HELD
    return tuple(status for status in allowed if not (back_to_work and status is JobStatus.HELD))


def predecessors(status: JobStatus) -> tuple[JobStatus, ...]:
    """Return every status from which `status` may be written, itself included while it is open."""
    return tuple(candidate for candidate in JobStatus if candidate.may_become(status))
