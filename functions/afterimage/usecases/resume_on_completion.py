"""Resume the execution that waits for an inference, whatever the order and number of the messages about it."""

from __future__ import annotations

from collections.abc import Callable

from afterimage.contracts.completion import Completion
from afterimage.contracts.generation import ModelProblem
from afterimage.domain.errors import (
    AfterimageError,
    EngineUnavailableError,
    GenerationFailedError,
    GenerationRefusedError,
    UnknownInferenceError,
)
from afterimage.domain.job import Attempt, split_inference_id
from afterimage.ports import AttemptStore, Results, Workflow
from afterimage.usecases.start_generation import failure_cause

SUCCEEDED = "succeeded"
FAILED = "failed"

_REFUSALS = frozenset(
    {
        "invalid_document",
        "outside_limits",
        "mode_not_supported",
        "scheduler_not_supported",
        "input_refused",
        "adapter_refused",
    }
)


def _forget(attempt: Attempt, outcome: str) -> None:
    """Trace nothing."""


def resume_on_completion(
    completion: Completion,
    *,
    attempts: AttemptStore,
    results: Results,
    workflow: Workflow,
    trace: Callable[[Attempt, str], None] = _forget,
) -> str:
    """Answer the token of the attempt and return what became of the message, for log and metric.

    `resumed`, `failed`: the state heard it. `late`: nobody waits any more. `contradicted`: another outcome came first.
    Raises UnknownInferenceError, so that the message is delivered again and then kept as a dead letter. `trace` is told
    of the answer that was heard, after it was.
    """
    named = split_inference_id(completion.inference_id)
    attempt = attempts.find(*named) if named else None
    if attempt is None:
        raise UnknownInferenceError()
    outcome = SUCCEEDED if completion.succeeded else FAILED
    settled = attempts.settle(attempt, outcome, completion.output_location)
    if settled.outcome != outcome:
        return "contradicted"
    if outcome == SUCCEEDED:
        output = {"job_id": settled.job_id, "attempt_id": settled.attempt_id}
        return _traced(settled, "resumed", trace) if workflow.succeed(settled.task_token, output) else "late"
    location = completion.failure_location or attempt.failure_location
    # None where nobody noted one: as far as we know the job never reached the engine.
    error = EngineUnavailableError() if location is None else _error_of(results.read_problem(location))
    heard = workflow.fail(settled.task_token, type(error).__name__, failure_cause(error.code, error.sentence))
    return _traced(settled, "failed", trace) if heard else "late"


def _traced(attempt: Attempt, answer: str, trace: Callable[[Attempt, str], None]) -> str:
    trace(attempt, answer)
    return answer


def _sentence(words: str) -> str:
    """The container speaks to logs as well; a person reads a sentence."""
    if not words or words.endswith("."):
        return words
    return f"{words[0].upper()}{words[1:]}."


def _error_of(problem: ModelProblem | None) -> AfterimageError:
    """The container's sentence is ours and safe to show for a refusal; SageMaker's `failureReason` never is."""
    if problem is None:
        return GenerationFailedError()
    if problem.code in _REFUSALS:
        return GenerationRefusedError(_sentence(problem.message), code=problem.code)
    if problem.retryable:
        return EngineUnavailableError(code=problem.code)
    return GenerationFailedError(code=problem.code)
