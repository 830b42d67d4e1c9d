"""What tracing adds to a request harms none: the emulator gives a header and has no X-Ray to write to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from integration.journey import ask, attempts_of, person, resource_name, wait_for_end

if TYPE_CHECKING:
    from integration.conftest import LocalCloud


def logged(cloud: LocalCloud, group: str, job_id: str) -> list[dict[str, Any]]:
    """The lines of a function about one job."""
    pages = cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=resource_name(cloud, group))
    texts = [text for page in pages for event in page["events"] for text in event["message"].splitlines()]
    return [json.loads(text) for text in texts if text.startswith("{") and job_id in text]


def test_the_header_is_kept_and_a_segment_that_nobody_takes_changes_nothing(cloud: LocalCloud) -> None:
    address = person()
    job_id = ask(cloud, address)
    assert wait_for_end(cloud, address, job_id)["status"] == "SUCCEEDED"
    (attempt,) = attempts_of(cloud, job_id)
    assert attempt["trace"]["S"].startswith("Root=1-")
    lines = cloud.wait_until(
        lambda: [line for line in logged(cloud, "ResumeOnCompletionLogGroup", job_id) if line["level"] == "INFO"],
        "the lines of the completion",
    )
    # It answers 400 at once, and the function says so once and goes on.
    assert [line["message"] for line in lines] == ["trace lost", "completion handled"]
    assert lines[-1]["outcome"] == "resumed"
    assert {line["xray_trace_id"][:2] for line in lines} == {"1-"}
