"""A failed inference can be followed from the log to the container's own words."""

from __future__ import annotations

import json
import logging

import pytest
from afterimage.contracts.completion import Completion
from afterimage.handlers import resume_on_completion as handler


def test_the_log_names_the_failure_object(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def heard(completion: Completion, **_: object) -> str:
        assert completion.failure_location == "s3://bucket/inference/failure/a-error.out"
        return "failed"

    monkeypatch.setattr(handler, "resume_on_completion", heard)
    message = {
        "invocationStatus": "Failed",
        "inferenceId": "job.attempt",
        "failureReason": "quotes a prompt",
        "responseParameters": {"failureLocation": "s3://bucket/inference/failure/a-error.out"},
    }
    deps = handler.Dependencies(attempts=None, results=None, workflow=None)  # type: ignore[arg-type]
    with caplog.at_level(logging.INFO):
        handler.handle({"Records": [{"Sns": {"Message": json.dumps(message)}}]}, deps)
    (record,) = [entry for entry in caplog.records if entry.getMessage() == "completion handled"]
    assert vars(record)["failure_location"] == "s3://bucket/inference/failure/a-error.out"
    assert "quotes" not in str(vars(record))
