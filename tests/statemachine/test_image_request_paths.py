"""The definition at work: each path with what the functions would answer, and every expression evaluated on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from afterimage.usecases.start_generation import failure_cause
from statemachine.machine import DEFINITION, TASK_TOKEN, TASKS, Run, StateError, expressions

JOB_ID = "01m8160qt0bmfgmz4kwaw481na"
INPUT = {"job_id": JOB_ID}
ANSWERS: dict[str, dict[str, Any]] = {
    "ModeratePrompt": {"job_id": JOB_ID, "decision": "allow"},
    "StartGeneration": {"job_id": JOB_ID, "attempt_id": "9f2c41d07be3a865"},
    "ReviewImages": {"job_id": JOB_ID},
    "NotifyRequester": {"job_id": JOB_ID, "status": "SUCCEEDED"},
    "RecordFailure": {"job_id": JOB_ID, "status": "FAILED"},
    "TellFailure": {"job_id": JOB_ID, "status": "FAILED"},
}
HAPPY = ["ModeratePrompt", "RouteDecision", "StartGeneration", "ReviewImages", "NotifyRequester"]
MAX_TRANSITIONS = 7


def run(changes: dict[str, Any] | None = None, failures: dict[str, StateError] | None = None) -> Run:
    answers = ANSWERS | (changes or {})

    def invoke(name: str, payload: dict[str, Any]) -> Any:
        if failures and name in failures:
            raise failures[name]
        return answers[name]

    return Run(INPUT, invoke)


@pytest.mark.parametrize("decision", ["allow", "soften"])
def test_a_picture_is_made_reviewed_and_told(decision: str) -> None:
    done = run({"ModeratePrompt": {"job_id": JOB_ID, "decision": decision}})
    assert done.entered == HAPPY
    assert done.succeeded
    assert done.output == {"job_id": JOB_ID, "status": "SUCCEEDED"}
    assert dict(done.payloads) == {
        "ModeratePrompt": {"job_id": JOB_ID},
        "StartGeneration": {"job_id": JOB_ID, "task_token": TASK_TOKEN, "retry_count": 0},
        "ReviewImages": {"job_id": JOB_ID, "attempt_id": "9f2c41d07be3a865"},
        "NotifyRequester": {"job_id": JOB_ID},
    }


def test_a_delivered_picture_costs_at_most_seven_transitions() -> None:
    # "Transitions" of the bill are counted generously: into each state, and one each for start and end.
    assert len(run().entered) + 2 <= MAX_TRANSITIONS


@pytest.mark.parametrize("decision", ["block", "hold", "something new"])
def test_what_is_not_allowed_is_told_and_nothing_is_made(decision: str) -> None:
    done = run({"ModeratePrompt": {"job_id": JOB_ID, "decision": decision}})
    assert done.entered == ["ModeratePrompt", "RouteDecision", "NotifyRequester"]


@pytest.mark.parametrize("name", ["ModeratePrompt", "StartGeneration", "ReviewImages", "NotifyRequester"])
@pytest.mark.parametrize("cause", [failure_cause("generation_failed", "The image model failed."), None])
def test_a_failure_is_recorded_with_error_and_cause_and_told(name: str, cause: str | None) -> None:
    done = run(failures={name: StateError("GenerationFailedError", cause)})
    assert done.entered[-5:] == [name, "RecordFailure", "TellFailure", "RouteFailure", "RequestFailed"]
    assert not done.succeeded
    payloads = dict(done.payloads)
    assert payloads["RecordFailure"] == {"job_id": JOB_ID, "error": "GenerationFailedError", "cause": cause or ""}
    assert payloads["TellFailure"] == {"job_id": JOB_ID}


@pytest.mark.parametrize("name", ["RecordFailure", "TellFailure"])
def test_a_failure_that_cannot_be_recorded_or_told_fails_the_execution(name: str) -> None:
    first = StateError("States.Timeout")
    done = run(failures={"StartGeneration": first, name: StateError("StoreUnavailableError")})
    assert done.entered[-2:] == [name, "RequestFailed"]
    assert not done.succeeded


@pytest.mark.parametrize("name", ["ModeratePrompt", "StartGeneration", "ReviewImages"])
def test_a_request_that_was_cancelled_meanwhile_ends_quietly(name: str) -> None:
    cancelled = {"job_id": JOB_ID, "status": "CANCELLED"}
    done = run({"RecordFailure": cancelled, "TellFailure": cancelled}, {name: StateError("JobClosedError")})
    assert done.entered[-5:] == [name, "RecordFailure", "TellFailure", "RouteFailure", "RequestCancelled"]
    assert done.succeeded


def test_these_paths_evaluate_every_expression_of_the_definition() -> None:
    seen = run().seen | run({"ModeratePrompt": {"job_id": JOB_ID, "decision": "block"}}).seen
    for name in TASKS:
        first = StateError("GenerationFailedError", json.dumps({"code": "x", "sentence": "y"}))
        seen |= run(failures={"StartGeneration": first, name: first}).seen
    assert seen == set(expressions(DEFINITION))
