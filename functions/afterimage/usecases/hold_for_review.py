"""Have a job wait for a person: its token is stored first, so that no decision can come too early."""

from __future__ import annotations

from afterimage.domain.errors import JobClosedError
from afterimage.domain.holds import HOLD_KEPT_S, Hold, Ruling, Stage, decided, held_stage
from afterimage.domain.job import JobId
from afterimage.domain.status import JobStatus
from afterimage.ports import Clock, HoldStore, JobStore, Workflow
from afterimage.usecases.answer_hold import answer_hold


def hold_for_review(
    job_id: JobId,
    stage: Stage,
    task_token: str,
    *,
    jobs: JobStore,
    holds: HoldStore,
    workflow: Workflow,
    clock: Clock,
) -> Ruling | None:
    """Return None for a job that waits now, by this call or an earlier one. What a person has decided meanwhile (the
    state was tried again, or its answer was lost) is answered at once, and returned.

    Raises JobClosedError for a job that ended otherwise.
    """
    now_ms = clock()
    hold = Hold(
        job_id=job_id,
        stage=stage,
        task_token=task_token,
        held_at_ms=now_ms,
        expires_at_s=now_ms // 1000 + HOLD_KEPT_S,
    )
    holds.register(hold)
    job = jobs.get(job_id, clock())
    ruling = decided(job, stage)
    if ruling is None:
        try:
            # From where it was read only: a person may release it this very moment, and it must not be held again.
            jobs.advance(job_id, JobStatus.HELD, clock(), only_from=job.status)
        except JobClosedError:
            now = jobs.get(job_id, clock())
            if now.status is JobStatus.HELD and held_stage(now) is stage:  # by this very write, made twice by the SDK
                return None
            ruling = decided(now, stage)
            if ruling is None:
                raise
        else:
            return None
    answer_hold(hold, ruling, workflow)
    return ruling
