"""The messages about an inference: doubled, late, contradicting, foreign. A token is answered once and truly."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from afterimage.contracts.completion import Completion, message_of, parse_completion
from afterimage.contracts.generation import ModelProblem
from afterimage.domain.errors import StoreUnavailableError, UnknownInferenceError, WorkflowUnavailableError
from afterimage.handlers import resume_on_completion as handler
from afterimage.usecases.resume_on_completion import resume_on_completion
from fakes.faults import Crash
from fakes.outside import FakeResults, FakeWorkflow
from fakes.samples import a_job, an_attempt
from fakes.stores import MemoryAttemptStore

ATTEMPT = an_attempt(a_job(), output_location=None, failure_location="s3://bucket/inference/failure/known.out")
OUTPUT = "s3://bucket/inference/output/true.out"
DONE = Completion(inference_id=ATTEMPT.inference_id, succeeded=True, output_location=OUTPUT)
FAILED = Completion(
    inference_id=ATTEMPT.inference_id, succeeded=False, failure_reason="secret: traceback of the container"
)


class World:
    """One registered attempt whose token is waited for."""

    def __init__(self, problem: ModelProblem | None = None) -> None:
        self.attempts = MemoryAttemptStore(ATTEMPT)
        self.results = FakeResults(problems={ATTEMPT.failure_location: problem} if problem else {})
        self.workflow = FakeWorkflow(ATTEMPT.task_token)

    def hear(self, completion: Completion) -> str:
        return resume_on_completion(completion, attempts=self.attempts, results=self.results, workflow=self.workflow)

    @property
    def outcome(self) -> str | None:
        return self.attempts.records[ATTEMPT.job_id, ATTEMPT.attempt_id].outcome


@pytest.fixture
def world() -> World:
    return World()


def test_a_success_resumes_the_state_with_ids_only(world: World) -> None:
    assert world.hear(DONE) == "resumed"
    assert world.workflow.succeeded == [
        (ATTEMPT.task_token, {"job_id": ATTEMPT.job_id, "attempt_id": ATTEMPT.attempt_id})
    ]
    assert world.attempts.records[ATTEMPT.job_id, ATTEMPT.attempt_id].output_location == OUTPUT


def test_a_second_success_is_late_and_changes_nothing(world: World) -> None:
    world.hear(DONE)
    assert world.hear(DONE) == "late"
    assert len(world.workflow.succeeded) == 1
    assert world.workflow.failed == []


def test_a_second_failure_is_late_and_changes_nothing(world: World) -> None:
    assert world.hear(FAILED) == "failed"
    assert world.hear(FAILED) == "late"
    assert len(world.workflow.failed) == 1


def test_a_failure_after_a_success_contradicts_and_is_not_passed_on(world: World) -> None:
    world.hear(DONE)
    assert world.hear(FAILED) == "contradicted"
    assert world.workflow.failed == []
    assert world.outcome == "succeeded"


def test_a_success_after_a_failure_contradicts_and_is_not_passed_on(world: World) -> None:
    world.hear(FAILED)
    assert world.hear(DONE) == "contradicted"
    assert world.workflow.succeeded == []
    assert world.outcome == "failed"


def test_a_crash_between_record_and_answer_is_mended_by_the_next_delivery(world: World) -> None:
    world.attempts.fail_next("settle", Crash(), after=True)
    with pytest.raises(Crash):
        world.hear(DONE)
    assert world.workflow.succeeded == []
    assert world.hear(DONE) == "resumed"


def test_a_throttled_answer_is_raised_so_that_the_message_comes_again(world: World) -> None:
    world.workflow.fail_next("succeed", WorkflowUnavailableError())
    with pytest.raises(WorkflowUnavailableError):
        world.hear(DONE)
    assert world.hear(DONE) == "resumed"


def test_a_failure_object_that_cannot_be_read_now_is_read_at_the_next_delivery() -> None:
    world = World(ModelProblem(code="outside_limits", message="Too large."))
    world.results.fail_next("read_problem", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        world.hear(FAILED)
    assert world.hear(FAILED) == "failed"
    assert world.workflow.failed[0][1] == "GenerationRefusedError"


def test_a_message_after_the_state_gave_up_is_late_and_never_a_failure(world: World) -> None:
    world.workflow.waiting.clear()
    assert world.hear(DONE) == "late"
    assert world.workflow.failed == []


@pytest.mark.parametrize(
    "inference_id",
    [
        f"{a_job(number=2).job_id}.{'a' * 16}",
        f"{ATTEMPT.job_id}.{'b' * 16}",
        "somebody-elses",
        "",
        ".",
        "x.y",
        "a" * 64,
    ],
)
def test_an_unknown_inference_is_raised_so_that_it_is_kept(world: World, inference_id: str) -> None:
    with pytest.raises(UnknownInferenceError):
        world.hear(Completion(inference_id=inference_id, succeeded=True))
    assert world.workflow.succeeded == []


def test_a_message_before_the_registration_succeeds_when_it_comes_again(world: World) -> None:
    world.attempts.records.clear()
    with pytest.raises(UnknownInferenceError):
        world.hear(DONE)
    world.attempts.register(ATTEMPT)
    assert world.hear(DONE) == "resumed"


@pytest.mark.parametrize(
    ("problem", "error", "code"),
    [
        (None, "GenerationFailedError", "generation_failed"),
        (ModelProblem(code="outside_limits", message="Steps: at most 50."), "GenerationRefusedError", "outside_limits"),
        (ModelProblem(code="input_refused", message="it is animated"), "GenerationRefusedError", "input_refused"),
        (ModelProblem(code="adapter_refused", message="No such."), "GenerationRefusedError", "adapter_refused"),
        (ModelProblem(code="invalid_document", message="No."), "GenerationRefusedError", "invalid_document"),
        (ModelProblem(code="mode_not_supported", message="No."), "GenerationRefusedError", "mode_not_supported"),
        (
            ModelProblem(code="scheduler_not_supported", message=""),
            "GenerationRefusedError",
            "scheduler_not_supported",
        ),
        (ModelProblem(code="busy", message="b", retryable=True), "EngineUnavailableError", "busy"),
        (ModelProblem(code="out_of_memory", message="o", retryable=True), "EngineUnavailableError", "out_of_memory"),
        (ModelProblem(code="out_of_memory", message="o"), "GenerationFailedError", "out_of_memory"),
        (ModelProblem(code="generation_failed", message="bad"), "GenerationFailedError", "generation_failed"),
        (ModelProblem(code="storage_failed", message="bad"), "GenerationFailedError", "storage_failed"),
    ],
)
def test_what_the_container_said_decides_the_error(problem: ModelProblem | None, error: str, code: str) -> None:
    world = World(problem)
    assert world.hear(FAILED) == "failed"
    ((token, heard, cause),) = world.workflow.failed
    assert (token, heard, json.loads(cause)["code"]) == (ATTEMPT.task_token, error, code)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("it is animated", "It is animated."),
        ("Steps: at most 50.", "Steps: at most 50."),
        ("", "The model cannot make this picture."),
    ],
)
def test_the_containers_words_on_a_refusal_are_told_as_a_sentence(words: str, sentence: str) -> None:
    world = World(ModelProblem(code="input_refused", message=words))
    world.hear(FAILED)
    ((_, _, cause),) = world.workflow.failed
    assert json.loads(cause)["sentence"] == sentence


def test_a_failure_of_which_nobody_noted_a_place_is_worth_another_try(world: World) -> None:
    """The job never reached the engine as far as we know: the function died in between, and the sweep says so."""
    unnoted = dataclasses.replace(ATTEMPT, output_location=None, failure_location=None)
    world.attempts.records[ATTEMPT.job_id, ATTEMPT.attempt_id] = unnoted
    assert world.hear(Completion(inference_id=ATTEMPT.inference_id, succeeded=False)) == "failed"
    assert world.workflow.failed[0][1] == "EngineUnavailableError"


@pytest.mark.parametrize("succeeded", [True, False])
def test_what_is_repeated_in_the_messages_words_is_read_as_it_was(succeeded: bool) -> None:
    said = Completion(
        inference_id=ATTEMPT.inference_id,
        succeeded=succeeded,
        output_location=OUTPUT if succeeded else None,
        failure_location=None if succeeded else "s3://bucket/inference/failure/here.out",
    )
    assert parse_completion(message_of(said)) == said


def test_a_refusal_keeps_the_containers_sentence_and_a_crash_never_does() -> None:
    refused = World(ModelProblem(code="outside_limits", message="Steps: at most 50."))
    refused.hear(FAILED)
    assert json.loads(refused.workflow.failed[0][2])["sentence"] == "Steps: at most 50."
    crashed = World(ModelProblem(code="generation_failed", message="CUDA error at 0xdead"))
    crashed.hear(FAILED)
    assert "CUDA" not in crashed.workflow.failed[0][2]


def test_the_failure_reason_of_sagemaker_is_never_passed_on(world: World) -> None:
    world.hear(FAILED)
    assert "secret" not in str(world.workflow.failed)


def test_the_messages_own_failure_location_is_preferred(world: World) -> None:
    named = "s3://bucket/inference/failure/named.out"
    world.results.problems = {named: ModelProblem(code="outside_limits", message="Too large.")}
    world.hear(Completion(inference_id=ATTEMPT.inference_id, succeeded=False, failure_location=named))
    assert world.workflow.failed[0][1] == "GenerationRefusedError"


# ── The handler: what SNS delivers ────────────────────────────────────────────────────────────────────────────────


def deliver(world: World, *messages: Any) -> list[str]:
    records = [{"Sns": {"Message": text if isinstance(text, str) else json.dumps(text)}} for text in messages]
    deps = handler.Dependencies(attempts=world.attempts, results=world.results, workflow=world.workflow)
    return handler.handle({"Records": records}, deps)


@pytest.mark.parametrize("text", ["", "not json", "[]", "null", '"text"', "{}", '{"inferenceId": "x"}', "\ud800"])
def test_a_message_that_cannot_be_read_is_raised_so_that_it_is_kept(world: World, text: str) -> None:
    assert_unreadable(world, text)


def assert_unreadable(world: World, message: Any) -> None:
    with pytest.raises(UnknownInferenceError) as caught:
        deliver(world, message)
    assert caught.value.code == "completion_unreadable"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__  # a traceback would quote the message
    assert world.outcome is None
    assert world.workflow.waiting == {ATTEMPT.task_token}


def test_the_test_notification_is_ignored_by_name(world: World) -> None:
    assert deliver(world, {"eventSource": "aws:sagemaker", "eventName": "TestNotification"}) == ["test"]


@pytest.mark.parametrize("inference_id", [None, 7, "", ["x"]])
def test_a_completion_without_an_inference_id_is_unreadable(world: World, inference_id: object) -> None:
    assert_unreadable(world, {"invocationStatus": "Completed", "inferenceId": inference_id})


@pytest.mark.parametrize("status", [None, "InProgress", "completed", 1])
def test_a_completion_of_unknown_status_is_unreadable(world: World, status: object) -> None:
    assert_unreadable(world, {"invocationStatus": status, "inferenceId": ATTEMPT.inference_id})


@pytest.mark.parametrize("response", [None, [], {}, {"outputLocation": 5}])
def test_a_success_without_a_readable_location_still_resumes(world: World, response: object) -> None:
    message = {
        "invocationStatus": "Completed",
        "inferenceId": ATTEMPT.inference_id,
        "responseParameters": response,
    }
    assert deliver(world, message) == ["resumed"]


@pytest.mark.parametrize(
    "place",
    [
        {"failureLocation": "s3://bucket/inference/failure/here.out"},
        {"responseParameters": {"failureLocation": "s3://bucket/inference/failure/here.out"}},
    ],
)
def test_a_failure_location_is_read_in_both_places(world: World, place: dict[str, Any]) -> None:
    world.results.problems = {
        "s3://bucket/inference/failure/here.out": ModelProblem(code="outside_limits", message="Too large.")
    }
    message = {"invocationStatus": "Failed", "inferenceId": ATTEMPT.inference_id, "failureReason": "why"}
    assert deliver(world, message | place) == ["failed"]
    assert world.workflow.failed[0][1] == "GenerationRefusedError"


def test_the_same_record_twice_in_one_event(world: World) -> None:
    message = {
        "invocationStatus": "Completed",
        "inferenceId": ATTEMPT.inference_id,
        "responseParameters": {"contentType": "application/json", "outputLocation": OUTPUT},
    }
    assert deliver(world, message, message) == ["resumed", "late"]
