"""The one stretch of a request that no tracer sees: from handing the job to the endpoint until its message comes.

Lambda and Step Functions write their own segments, but the endpoint's message begins a trace of its own. So the header
of the call that started the inference is kept on the attempt, and the inference is written as a segment under it.
Source: "X-Ray segment documents", X-Ray developer guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from afterimage.domain.job import Attempt

_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT = re.compile(r"[0-9a-f]{16}")
_NOT_IN_NAMES = re.compile(r"[^\w\s.:/%&#=+\\@-]")


@dataclass(frozen=True, kw_only=True)
class TraceHeader:
    """Which trace a call belongs to, and below which segment."""

    root: str
    parent: str


def parse_trace_header(text: str | None) -> TraceHeader | None:
    """Read a tracing header as Lambda gives it. None for a trace that is not sampled, and for anything else."""
    fields = dict(part.strip().partition("=")[::2] for part in (text or "").split(";"))
    root, parent = fields.get("Root", ""), fields.get("Parent", "")
    if fields.get("Sampled") != "1" or not _ROOT.fullmatch(root) or not _PARENT.fullmatch(parent):
        return None
    return TraceHeader(root=root, parent=parent)


def inference_segment(attempt: Attempt, endpoint_name: str, outcome: str, ended_at_ms: int) -> dict[str, Any] | None:
    """Return the segment of an inference, None where its trace is not known. A repeat has the attempt's id again."""
    header = parse_trace_header(attempt.trace)
    if header is None:
        return None
    return {
        "name": _NOT_IN_NAMES.sub("-", endpoint_name)[:200],
        "id": attempt.attempt_id,
        "trace_id": header.root,
        "parent_id": header.parent,
        "start_time": attempt.started_at_ms / 1000,
        "end_time": max(ended_at_ms, attempt.started_at_ms) / 1000,
        "fault": outcome == "failed",
        "annotations": {"job_id": attempt.job_id, "attempt_id": attempt.attempt_id, "outcome": outcome},
    }
