"""Hand a job to its engine, the task token stored first: the answer may be there before the call returns."""

from __future__ import annotations

import contextlib
import hashlib
import json

from afterimage.domain.errors import AfterimageError, InternalError, StoreUnavailableError
from afterimage.domain.job import Attempt, JobId
from afterimage.domain.status import JobStatus
from afterimage.ports import AttemptStore, Clock, Engine, JobStore, Workflow

# Longer than an execution may live, because the pictures of an attempt may wait for a person, and short enough that a
# credential does not lie about.
ATTEMPT_TTL_S = 5 * 24 * 3600


def start_generation(
    job_id: JobId,
    task_token: str,
    retry_count: int,
    *,
    jobs: JobStore,
    attempts: AttemptStore,
    engine: Engine,
    clock: Clock,
    trace: str | None = None,
) -> Attempt:
    """Register the attempt and start it; a repeat of the same call invokes again only if the first did not.

    Raises JobClosedError, StoreUnavailableError, EngineUnavailableError or GenerationFailedError.
    """
    job = jobs.advance(job_id, JobStatus.GENERATING, clock())
    now_ms = clock()
    attempt = attempts.register(
        Attempt(
            job_id=job_id,
            attempt_id=_attempt_id(task_token, retry_count),
            task_token=task_token,
            started_at_ms=now_ms,
            expires_at_s=now_ms // 1000 + ATTEMPT_TTL_S,
            trace=trace,
        )
    )
    if attempt.output_location is None:
        started = engine.start(job, attempt)
        # The message names the place itself; only the sweep would have to have it made again, were the message lost.
        with contextlib.suppress(StoreUnavailableError):
            attempts.record_locations(attempt, started.output_location, started.failure_location)
    return attempt


def _attempt_id(task_token: str, retry_count: int) -> str:
    """The same for a repeated call, another for a retry: Step Functions gives it a new token, the emulator does not."""
    return hashlib.sha256(f"{task_token}\n{retry_count}".encode()).hexdigest()[:16]


def report_failure(task_token: str, error: Exception, workflow: Workflow) -> None:
    """Answer the token ourselves: nobody else hears of an error in a state that waits for a callback."""
    known = error if isinstance(error, AfterimageError) else InternalError()
    workflow.fail(task_token, type(known).__name__, failure_cause(known.code, known.sentence))


def failure_cause(code: str, sentence: str) -> str:
    """Return the cause of a task failure as JSON: what `record_failure` reads, and all that history keeps."""
    return json.dumps({"code": code, "sentence": sentence})
