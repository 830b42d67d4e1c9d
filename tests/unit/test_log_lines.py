"""Every line that a Lambda logs leads to its job and to its trace."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from afterimage.contracts.mail_event import JOB_TAG
from afterimage.domain.errors import AfterimageError, StoreUnavailableError
from afterimage.domain.job import Notice
from afterimage.domain.moderation import packaged_policy
from afterimage.domain.status import JobStatus
from afterimage.handlers import (
    close_lost_job,
    moderate_prompt,
    notify_requester,
    record_failure,
    record_mail_outcome,
    resume_on_completion,
    review_images,
    start_generation,
)
from afterimage.telemetry import logger
from afterimage.usecases.notify_requester import Post
from fakes.campaigns import NO_CAMPAIGNS
from fakes.outside import (
    NOW_MS,
    Dice,
    FakeEngine,
    FakeGallery,
    FakeMailer,
    FakeResults,
    FakeTeller,
    FakeUploads,
    FakeWorkflow,
    Ticker,
)
from fakes.samples import a_job, a_result, an_attempt, job_id, pictures, quarantined
from fakes.stores import MemoryAttemptStore, MemoryJobStore, MemoryLinkStore, MemorySuppressionStore

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")

ROOT = "1-6921b3f0-0123456789abcdef01234567"
CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="r", log_stream_name="s"
)
ID = job_id(1)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged by an invocation that is traced."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    logger.addHandler(handler)
    yield stream
    logger._logger.removeHandler(handler)
    logger.clear_state()


def jobs(status: JobStatus, **changes: Any) -> MemoryJobStore:
    return MemoryJobStore(a_job(status, **changes))


def moderate() -> tuple[ModuleType, Any, dict[str, Any], Any]:
    store = jobs(JobStatus.QUEUED)
    deps = moderate_prompt.Dependencies(jobs=store, uploads=FakeUploads(), policy=packaged_policy, clock=Ticker())
    return moderate_prompt, deps, {"job_id": ID}, store


def start() -> tuple[ModuleType, Any, dict[str, Any], Any]:
    store = jobs(JobStatus.MODERATING)
    deps = start_generation.Dependencies(
        jobs=store, attempts=MemoryAttemptStore(), engine=FakeEngine(), workflow=FakeWorkflow("t"), clock=Ticker()
    )
    return start_generation, deps, {"job_id": ID, "task_token": "t", "retry_count": 0}, store


def resume() -> tuple[ModuleType, Any, dict[str, Any], Any]:
    attempt = an_attempt(a_job(JobStatus.GENERATING))
    store = MemoryAttemptStore(attempt)
    deps = resume_on_completion.Dependencies(
        attempts=store, results=FakeResults(), workflow=FakeWorkflow(attempt.task_token)
    )
    message = {"invocationStatus": "Completed", "inferenceId": attempt.inference_id}
    return resume_on_completion, deps, {"Records": [{"Sns": {"Message": json.dumps(message)}}]}, store


def review() -> tuple[ModuleType, Any, dict[str, Any], Any]:
    job = a_job(JobStatus.GENERATING)
    attempt = an_attempt(job)
    result = a_result(job, attempt)
    store = MemoryJobStore(job)
    deps = review_images.Dependencies(
        jobs=store,
        attempts=MemoryAttemptStore(attempt),
        results=FakeResults({attempt.output_location or "": result}),
        gallery=FakeGallery(quarantined(result)),
        clock=Ticker(),
    )
    return review_images, deps, {"job_id": ID, "attempt_id": attempt.attempt_id}, store


def notify() -> tuple[ModuleType, Any, dict[str, Any], Any]:
    store = jobs(JobStatus.DELIVERING, pictures=pictures())
    post = Post(
        campaigns=NO_CAMPAIGNS,
        workflow=FakeWorkflow(),
        jobs=store,
        links=MemoryLinkStore(),
        gallery=FakeGallery(),
        suppressions=MemorySuppressionStore(),
        mailer=FakeMailer(),
        link_base="https://x",
        link_ttl_s=lambda: 60,
        clock=Ticker(),
        entropy=Dice(),
    )
    return notify_requester, post, {"job_id": ID}, store


def record() -> tuple[ModuleType, Any, dict[str, Any], Any]:
    store = jobs(JobStatus.GENERATING)
    deps = record_failure.Dependencies(jobs=store, clock=Ticker())
    return record_failure, deps, {"job_id": ID, "error": "KeyError", "cause": ""}, store


def close() -> tuple[ModuleType, Any, dict[str, Any], Any]:
    store = jobs(JobStatus.GENERATING)
    deps = close_lost_job.Dependencies(jobs=store, teller=FakeTeller(), clock=Ticker())
    return close_lost_job, deps, {"detail": {"name": ID, "status": "ABORTED"}}, store


def mail() -> tuple[ModuleType, Any, dict[str, Any], Any]:
    store = jobs(JobStatus.SUCCEEDED, notice=Notice(state="sent", at_ms=NOW_MS))
    deps = record_mail_outcome.Dependencies(jobs=store, suppressions=MemorySuppressionStore(), clock=Ticker())
    message = {"eventType": "Bounce", "mail": {"destination": ["a@example.com"], "tags": {JOB_TAG: [ID]}}}
    message["bounce"] = {"bounceType": "Permanent", "bouncedRecipients": []}
    return record_mail_outcome, deps, {"Records": [{"Sns": {"Message": json.dumps(message)}}]}, store


CASES = [moderate, start, resume, review, notify, record, close, mail]


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_line_leads_to_its_job_and_its_trace(
    lines: io.StringIO,
    case: Callable[[], tuple[ModuleType, Any, dict[str, Any], Any]],
    broken: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module, deps, event, store = case()
    if broken:
        for method in ("get", "advance", "find"):
            if hasattr(store, method):
                store.fail_next(method, StoreUnavailableError())
    monkeypatch.setattr(module, "dependencies", lambda: deps)
    try:
        module.lambda_handler(event, CONTEXT)
    except AfterimageError:
        assert broken
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert logged
    for line in logged:
        assert ID in (line.get("job_id"), line.get("correlation_id")), line
        assert line["xray_trace_id"] == ROOT
