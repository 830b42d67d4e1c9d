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
    "SealPictures": {"job_id": JOB_ID, "attempt_id": "9f2c41d07be3a865"},
    "ReviewImages": {"job_id": JOB_ID, "attempt_id": "9f2c41d07be3a865", "decision": "allow"},
    "HoldPrompt": {"job_id": JOB_ID, "stage": "prompt", "decision": "release"},
    "HoldPictures": {"job_id": JOB_ID, "stage": "picture", "decision": "release"},
    "RefuseHeld": {"job_id": JOB_ID, "decision": "refuse"},
    "NotifyRequester": {"job_id": JOB_ID, "status": "SUCCEEDED"},
    "RecordFailure": {"job_id": JOB_ID, "status": "FAILED"},
    "TellFailure": {"job_id": JOB_ID, "status": "FAILED"},
}
HAPPY = [
    "ModeratePrompt",
    "RouteDecision",
    "StartGeneration",
    "SealPictures",
    "ReviewImages",
    "RouteReview",
    "NotifyRequester",
]
HELD_PROMPT = {"ModeratePrompt": {"job_id": JOB_ID, "decision": "hold"}}
MAX_TRANSITIONS = 9


def run(changes: dict[str, Any] | None = None, failures: dict[str, StateError] | None = None) -> Run:
    answers = ANSWERS | (changes or {})

    def invoke(name: str, payload: dict[str, Any]) -> Any:
        if failures and name in failures:
            raise failures[name]
        answer = answers[name]
        return answer() if callable(answer) else answer

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
        "SealPictures": {"job_id": JOB_ID, "attempt_id": "9f2c41d07be3a865"},
        "ReviewImages": {"job_id": JOB_ID, "attempt_id": "9f2c41d07be3a865"},
        "NotifyRequester": {"job_id": JOB_ID},
    }


def test_a_delivered_picture_costs_at_most_nine_transitions() -> None:
    # "Transitions" of the bill are counted generously: into each state, and one each for start and end.
    assert len(run().entered) + 2 <= MAX_TRANSITIONS


@pytest.mark.parametrize("decision", ["block", "something new"])
def test_what_is_not_allowed_is_told_and_nothing_is_made(decision: str) -> None:
    done = run({"ModeratePrompt": {"job_id": JOB_ID, "decision": decision}})
    assert done.entered == ["ModeratePrompt", "RouteDecision", "NotifyRequester"]


def test_a_held_prompt_waits_and_is_made_when_it_is_released() -> None:
    done = run(HELD_PROMPT)
    assert done.entered == ["ModeratePrompt", "RouteDecision", "HoldPrompt", "RouteHeld", *HAPPY[2:]]
    assert dict(done.payloads)["HoldPrompt"] == {"job_id": JOB_ID, "stage": "prompt", "task_token": TASK_TOKEN}
    assert done.succeeded


@pytest.mark.parametrize("decision", ["refuse", "something new"])
def test_a_held_prompt_that_is_not_released_is_told_and_nothing_is_made(decision: str) -> None:
    done = run(HELD_PROMPT | {"HoldPrompt": {"job_id": JOB_ID, "stage": "prompt", "decision": decision}})
    assert done.entered[-3:] == ["HoldPrompt", "RouteHeld", "NotifyRequester"]
    assert "StartGeneration" not in done.entered


def reviewed(*decisions: str) -> Any:
    """What ReviewImages answers, run by run."""
    answers = iter(decisions)
    return lambda: ANSWERS["ReviewImages"] | {"decision": next(answers)}


def test_held_pictures_wait_and_are_reviewed_again_when_they_are_released() -> None:
    done = run({"ReviewImages": reviewed("hold", "allow")})
    back = ["HoldPictures", "RouteHeld", "ReviewImages", "RouteReview", "NotifyRequester"]
    assert done.entered == [*HAPPY[:-1], *back]
    held = [payload for name, payload in done.payloads if name == "HoldPictures"]
    assert held == [{"job_id": JOB_ID, "stage": "picture", "task_token": TASK_TOKEN}]
    first, second = [payload for name, payload in done.payloads if name == "ReviewImages"]
    assert first == second  # the same attempt


def test_held_pictures_that_are_refused_are_told() -> None:
    refused = {"job_id": JOB_ID, "stage": "picture", "decision": "refuse"}
    done = run({"ReviewImages": reviewed("hold"), "HoldPictures": refused})
    assert done.entered == [*HAPPY[:-1], "HoldPictures", "RouteHeld", "NotifyRequester"]


@pytest.mark.parametrize(("name", "stage"), [("HoldPrompt", "prompt"), ("HoldPictures", "picture")])
def test_what_nobody_looked_at_in_time_is_refused_and_no_failure(name: str, stage: str) -> None:
    changes = HELD_PROMPT if stage == "prompt" else {"ReviewImages": reviewed("hold")}
    done = run(changes, {name: StateError("States.Timeout")})
    assert done.entered[-4:] == [name, "RefuseHeld", "RouteHeld", "NotifyRequester"]
    assert dict(done.payloads)["RefuseHeld"] == {"job_id": JOB_ID, "stage": stage}


def test_a_release_in_the_last_moment_goes_on_where_it_was_held() -> None:
    released = {"RefuseHeld": {"job_id": JOB_ID, "decision": "release"}}
    done = run(HELD_PROMPT | released, {"HoldPrompt": StateError("States.Timeout")})
    assert done.entered == ["ModeratePrompt", "RouteDecision", "HoldPrompt", "RefuseHeld", "RouteHeld", *HAPPY[2:]]
    done = run({"ReviewImages": reviewed("hold", "allow")} | released, {"HoldPictures": StateError("States.Timeout")})
    assert done.entered[-5:] == ["RefuseHeld", "RouteHeld", "ReviewImages", "RouteReview", "NotifyRequester"]
    first, second = [payload for name, payload in done.payloads if name == "ReviewImages"]
    assert first == second


@pytest.mark.parametrize(
    "name", ["ModeratePrompt", "StartGeneration", "SealPictures", "ReviewImages", "NotifyRequester"]
)
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


@pytest.mark.parametrize("name", ["ModeratePrompt", "StartGeneration", "SealPictures", "ReviewImages"])
def test_a_request_that_was_cancelled_meanwhile_ends_quietly(name: str) -> None:
    cancelled = {"job_id": JOB_ID, "status": "CANCELLED"}
    done = run({"RecordFailure": cancelled, "TellFailure": cancelled}, {name: StateError("JobClosedError")})
    assert done.entered[-5:] == [name, "RecordFailure", "TellFailure", "RouteFailure", "RequestCancelled"]
    assert done.succeeded


def test_these_paths_evaluate_every_expression_of_the_definition() -> None:
    seen = run().seen | run({"ModeratePrompt": {"job_id": JOB_ID, "decision": "block"}}).seen
    first = StateError("GenerationFailedError", json.dumps({"code": "x", "sentence": "y"}))
    for name in TASKS:
        seen |= run(failures={"StartGeneration": first, name: first}).seen
    for name in ("HoldPrompt", "HoldPictures"):
        late = {name: StateError("States.Timeout")}
        for failures in ({name: first}, late, late | {"RefuseHeld": first}, {}):
            held = HELD_PROMPT if name == "HoldPrompt" else {"ReviewImages": reviewed("hold", "allow")}
            seen |= run(held, failures).seen
    assert seen == set(expressions(DEFINITION))
