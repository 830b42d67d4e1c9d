"""The callback in a trace: one valid segment below the call that started it, and never a reason to fail."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from typing import Any
from unittest import mock

import pytest
from afterimage.adapters.aws import client
from afterimage.adapters.xray import BRIEFLY, XRay
from afterimage.domain.status import JobStatus
from afterimage.domain.trace import TraceHeader, inference_segment, parse_trace_header
from afterimage.handlers import resume_on_completion, start_generation
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from fakes.outside import NOW_MS, FakeEngine, FakeResults, FakeWorkflow, Ticker
from fakes.samples import a_job, an_attempt, job_id
from fakes.stores import MemoryAttemptStore, MemoryJobStore
from fakes.stubbed import stubbed

ROOT, PARENT = "1-6921b3f0-0123456789abcdef01234567", "53995c3f42cd8ad8"
HEADER = f"Root={ROOT};Parent={PARENT};Sampled=1"
TOKEN = "the token"
ATTEMPT = an_attempt(a_job(JobStatus.GENERATING), task_token=TOKEN, trace=HEADER)


@pytest.mark.parametrize("text", [HEADER, f"{HEADER};Lineage=a:b", f" Sampled=1; Root={ROOT} ;Parent={PARENT}"])
def test_a_sampled_header_is_read(text: str) -> None:
    assert parse_trace_header(text) == TraceHeader(root=ROOT, parent=PARENT)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        HEADER.replace("Sampled=1", "Sampled=0"),
        HEADER.replace(";Sampled=1", ""),
        HEADER.replace(f"Parent={PARENT};", ""),
        HEADER.replace(ROOT, "1-abc"),
        HEADER.replace(PARENT, PARENT.upper()),
    ],
)
def test_anything_else_makes_no_segment(text: str | None) -> None:
    assert parse_trace_header(text) is None
    assert inference_segment(dataclasses.replace(ATTEMPT, trace=text), "images", "resumed", NOW_MS) is None


@pytest.mark.parametrize("outcome", ["resumed", "failed"])
def test_the_segment_is_one_that_xray_takes(outcome: str) -> None:
    segment = inference_segment(ATTEMPT, "afterimage-images", outcome, ATTEMPT.started_at_ms + 4321)
    assert segment
    assert set(segment) >= {"name", "id", "trace_id", "start_time", "end_time"}, "the required fields"
    assert re.fullmatch(r"[0-9a-f]{16}", segment["id"])
    assert (segment["trace_id"], segment["parent_id"]) == (ROOT, PARENT)
    assert segment["end_time"] - segment["start_time"] == pytest.approx(4.321)
    assert segment["start_time"] == pytest.approx(ATTEMPT.started_at_ms / 1000), "seconds, not milliseconds"
    assert segment["fault"] is (outcome == "failed")
    assert all(re.fullmatch(r"\w+", key) for key in segment["annotations"]), "annotations are searched by such names"
    assert segment["annotations"] == {
        "job_id": job_id(1),
        "attempt_id": ATTEMPT.attempt_id,
        "outcome": outcome,
    }
    assert len(json.dumps(segment)) < 64 * 1024
    assert TOKEN not in json.dumps(segment)


def test_a_clock_that_goes_back_gives_no_segment_that_ends_before_it_began() -> None:
    segment = inference_segment(ATTEMPT, "images", "resumed", ATTEMPT.started_at_ms - 5000)
    assert segment
    assert segment["end_time"] == segment["start_time"]


def test_the_segment_goes_to_xray_as_one_document() -> None:
    xray, stubber = stubbed("xray")
    segment = inference_segment(ATTEMPT, "images", "resumed", NOW_MS)
    assert segment
    asked = {"TraceSegmentDocuments": [json.dumps(segment)]}
    stubber.add_response("put_trace_segments", {"UnprocessedTraceSegments": []}, asked)
    assert XRay(xray).put(segment)
    stubber.assert_no_pending_responses()


def test_a_segment_that_xray_refuses_is_lost_and_nothing_else() -> None:
    xray, stubber = stubbed("xray")
    refused = {"UnprocessedTraceSegments": [{"Id": "x", "ErrorCode": "InvalidSegment", "Message": "no"}]}
    stubber.add_response("put_trace_segments", refused)
    assert not XRay(xray).put({})
    stubber.add_client_error("put_trace_segments", "AccessDeniedException", http_status_code=403)
    assert not XRay(xray).put({})


@pytest.mark.parametrize(
    "error",
    [EndpointConnectionError(endpoint_url="x"), ReadTimeoutError(endpoint_url="x")],
    ids=lambda e: type(e).__name__,
)
def test_an_xray_that_does_not_answer_is_not_waited_for(error: Exception) -> None:
    class Silent:
        def put_trace_segments(self, **_: Any) -> None:
            raise error

    assert not XRay(Silent()).put({})
    with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "eu-central-1"}):
        config = client("xray", BRIEFLY).meta.config
    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (1, 1, 1)


# ── The two functions on either side of the endpoint ──────────────────────────────────────────────────────────────────


class Taking:
    """Stands for X-Ray; takes everything, or nothing."""

    def __init__(self, *, takes: bool = True) -> None:
        self.segments: list[dict[str, Any]] = []
        self._takes = takes

    def put_trace_segments(self, TraceSegmentDocuments: list[str]) -> dict[str, Any]:
        self.segments += [json.loads(text) for text in TraceSegmentDocuments]
        if not self._takes:
            raise ClientError({"Error": {"Code": "ThrottledException"}}, "PutTraceSegments")
        return {"UnprocessedTraceSegments": []}


def complete(xray: Taking, attempt: Any = ATTEMPT, status: str = "Completed", times: int = 1) -> list[str]:
    deps = resume_on_completion.Dependencies(
        attempts=MemoryAttemptStore(attempt),
        results=FakeResults(),
        workflow=FakeWorkflow(TOKEN),
        tracing=resume_on_completion.Tracing(xray=XRay(xray), endpoint_name="images", clock=Ticker()),
    )
    message = {"invocationStatus": status, "inferenceId": attempt.inference_id}
    event = {"Records": [{"Sns": {"Message": json.dumps(message)}}] * times}
    return resume_on_completion.handle(event, deps)


@pytest.mark.parametrize(("status", "outcome"), [("Completed", "resumed"), ("Failed", "failed")])
def test_the_answer_of_a_token_writes_one_segment(status: str, outcome: str) -> None:
    xray = Taking()
    assert complete(xray, status=status, times=3) == [outcome, "late", "late"]
    (segment,) = xray.segments
    assert (segment["trace_id"], segment["annotations"]["outcome"]) == (ROOT, outcome)


def test_without_a_trace_nobody_is_asked() -> None:
    xray = Taking()
    assert complete(xray, dataclasses.replace(ATTEMPT, trace=None)) == ["resumed"]
    assert xray.segments == []


@pytest.mark.parametrize(("status", "outcome"), [("Completed", "resumed"), ("Failed", "failed")])
def test_a_lost_segment_changes_no_outcome_and_is_counted(
    status: str, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    monkeypatch.setattr(resume_on_completion, "count", counted.append)
    assert complete(Taking(takes=False), status=status) == [outcome]
    assert counted == ["TraceLost", f"Completion{outcome.capitalize()}"]


@pytest.mark.parametrize("header", [HEADER, None])
def test_the_start_keeps_the_header_of_its_own_call(header: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if header:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    else:
        monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    attempts = MemoryAttemptStore()
    deps = start_generation.Dependencies(
        jobs=MemoryJobStore(a_job(JobStatus.MODERATING)),
        attempts=attempts,
        engine=FakeEngine(),
        workflow=FakeWorkflow(TOKEN),
        clock=Ticker(),
    )
    start_generation.handle({"job_id": job_id(1), "task_token": TOKEN, "retry_count": 0}, deps)
    (attempt,) = attempts.records.values()
    assert attempt.trace == header
