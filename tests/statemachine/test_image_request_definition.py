"""What the definition says, read as data: comments, bounds, retries, ends, names."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from afterimage.domain import errors
from afterimage.domain.holds import HOLD_KEPT_S, HOLD_S
from afterimage.usecases.notify_requester import CLAIM_MS
from afterimage_imaging import seal_pictures, signing, storage
from jsonata import Jsonata
from security.template import ROOT, functions, resources, template
from statelint.config import Config
from statelint.linter import Linter
from statemachine.machine import DEFINITION, PATH, STATES, TASKS, expressions, function_of

# Errors that are Lambda's own and pass: "Handle transient Lambda service exceptions", Step Functions guide.
LAMBDA_TRANSIENTS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}
# The name of a function's own time-out (Sandbox.Timedout), of the states language and of Lambda are not ours.
FOREIGN = ("States.", "Lambda.", "Sandbox.")
# A completion that nobody waits for is raised by ResumeOnCompletion, which SNS invokes: no state runs it, so no Retry
# could ever see the name. Lambda's own asynchronous retries repeat it, then the dead-letter queue keeps it.
RAISED_OUTSIDE_OF_STATES = {errors.UnknownInferenceError}
# Of campaigns: the door's, and what holds a row back in the machine of the campaign.
OF_CAMPAIGNS = {errors.CampaignChangedError, errors.RowDeferredError}
# One function tells the good end and the bad one; one has a prompt wait for a person, and pictures.
SHARES_A_FUNCTION = {"TellFailure": "NotifyRequester", "HoldPrompt": "HoldForReview", "HoldPictures": "HoldForReview"}
HOLDS = ("HoldPrompt", "HoldPictures")
# Ids, and the words of the failure path: a class name and a code with a sentence of our own.
MAY_TRAVEL = {"job_id", "attempt_id", "task_token", "retry_count", "error", "cause", "decision", "stage", "status"}


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def retried(state: dict[str, Any]) -> set[str]:
    return {error for entry in state["Retry"] for error in entry["ErrorEquals"]}


def test_the_file_is_json_before_anything_is_substituted() -> None:
    assert json.loads(PATH.read_text(encoding="utf-8")) == DEFINITION
    assert "${" in PATH.read_text(encoding="utf-8")


def test_statelint_finds_nothing() -> None:
    assert Linter.validate(DEFINITION, Config(evaluate_jsonata=True)) == []


def test_statelint_would_find_a_wrong_field() -> None:
    broken = DEFINITION | {"States": STATES | {"RequestFailed": {"Type": "Fail", "Eror": "RequestFailed"}}}
    assert Linter.validate(broken, Config(evaluate_jsonata=True)) != []


@pytest.mark.parametrize("text", sorted(set(expressions(DEFINITION))))
def test_the_expression_compiles(text: str) -> None:
    Jsonata(text)


@pytest.mark.parametrize("name", STATES)
def test_the_state_has_a_comment(name: str) -> None:
    assert STATES[name]["Comment"].endswith(".")


@pytest.mark.parametrize("name", TASKS)
def test_the_task_ends_by_itself(name: str) -> None:
    seconds = TASKS[name]["TimeoutSeconds"]
    assert isinstance(seconds, int)
    assert 0 < seconds < DEFINITION["TimeoutSeconds"]


@pytest.mark.parametrize("name", [name for name, state in TASKS.items() if "waitFor" not in state["Resource"]])
def test_the_task_outlasts_its_function(name: str) -> None:
    # Else the state is tried again while the first run is still at work.
    properties = functions()[function_of(TASKS[name])]
    timeout_s = properties.get("Timeout", template()["Globals"]["Function"]["Timeout"])
    assert TASKS[name]["TimeoutSeconds"] > timeout_s


def waits_for_a_claim(entry: dict[str, Any]) -> bool:
    return bool(entry["ErrorEquals"] == ["NoticeInFlightError"])


@pytest.mark.parametrize("name", TASKS)
def test_the_task_retries_transient_errors_with_jitter(name: str) -> None:
    for entry in TASKS[name]["Retry"]:
        if waits_for_a_claim(entry):
            continue
        assert "NoticeInFlightError" not in entry["ErrorEquals"]
        assert entry["JitterStrategy"] == "FULL"
        assert entry["MaxAttempts"] >= 2
        assert entry["BackoffRate"] > 1
        assert entry["MaxDelaySeconds"] <= 60
        assert not {error for error in entry["ErrorEquals"] if error.startswith("States.")}
    assert retried(TASKS[name]) >= LAMBDA_TRANSIENTS
    assert "StoreUnavailableError" in retried(TASKS[name])  # every state reads or writes the job's record


@pytest.mark.parametrize("name", ["NotifyRequester", "TellFailure"])
def test_a_claim_that_a_dead_run_left_is_waited_out(name: str) -> None:
    (entry,) = [entry for entry in TASKS[name]["Retry"] if waits_for_a_claim(entry)]
    assert "JitterStrategy" not in entry  # full jitter may wait for nothing at all
    assert (entry["IntervalSeconds"], entry["MaxAttempts"], entry["BackoffRate"]) == (15, 4, 1.0)
    assert entry["IntervalSeconds"] * entry["MaxAttempts"] * 1000 > CLAIM_MS


def test_only_who_tells_waits_for_a_claim() -> None:
    waiting = {name for name, state in TASKS.items() if any(map(waits_for_a_claim, state["Retry"]))}
    assert waiting == {"NotifyRequester", "TellFailure"}


def test_a_claim_outlasts_the_run_that_made_it() -> None:
    for name in ("NotifyRequester", "TellFailure"):
        properties = functions()[function_of(TASKS[name])]
        timeout_s = properties.get("Timeout", template()["Globals"]["Function"]["Timeout"])
        assert timeout_s * 1000 < CLAIM_MS


@pytest.mark.parametrize("name", TASKS)
def test_the_task_catches_everything_and_goes_on_with_what_it_caught(name: str) -> None:
    *timed_out, catch = TASKS[name]["Catch"]
    assert catch["ErrorEquals"] == ["States.ALL"]
    # Nobody came in time: that is a refusal, and no failure.
    assert [(one["ErrorEquals"], one["Next"]) for one in timed_out] == (
        [(["States.Timeout"], "RefuseHeld")] if name in HOLDS else []
    )
    # The failure path cannot fail into itself: its own errors end the execution, which CloseLostJob is told of.
    on_failure_path = name in ("RecordFailure", "TellFailure")
    assert catch["Next"] == ("RequestFailed" if on_failure_path else "RecordFailure")


def test_our_errors_in_retry_are_the_transient_leaves_of_the_tree() -> None:
    named = {error for state in TASKS.values() for error in retried(state) if not error.startswith(FOREIGN)}
    leaves = set(errors.leaves(errors.TransientError))
    assert leaves >= RAISED_OUTSIDE_OF_STATES
    assert named == {leaf.__name__ for leaf in leaves - RAISED_OUTSIDE_OF_STATES - OF_CAMPAIGNS}


def test_only_resume_on_completion_raises_what_is_raised_outside_of_states() -> None:
    package = ROOT / "functions" / "afterimage"
    raising = {path.stem for path in package.rglob("*.py") if "raise UnknownInferenceError" in path.read_text()}
    assert raising == {"resume_on_completion"}
    assert "ResumeOnCompletionFunction" not in {function_of(state) for state in TASKS.values()}


def test_waiting_for_the_token_outlasts_queue_and_inference() -> None:
    parameters = template()["Parameters"]
    longest = parameters["RequestTtlSeconds"]["MaxValue"] + parameters["InvocationTimeoutSeconds"]["MaxValue"]
    assert STATES["StartGeneration"]["TimeoutSeconds"] >= longest + 900


def test_the_execution_outlasts_every_try_of_the_wait() -> None:
    wait = STATES["StartGeneration"]
    tries = 1 + sum(entry["MaxAttempts"] for entry in wait["Retry"])
    waits_s = sum(STATES[name]["TimeoutSeconds"] for name in HOLDS)
    assert DEFINITION["TimeoutSeconds"] >= tries * wait["TimeoutSeconds"] + waits_s


@pytest.mark.parametrize("name", HOLDS)
def test_a_person_has_as_long_as_the_record_says(name: str) -> None:
    assert STATES[name]["TimeoutSeconds"] == HOLD_S < HOLD_KEPT_S


def test_an_attempt_is_kept_longer_than_the_wait() -> None:
    from afterimage.usecases.start_generation import ATTEMPT_TTL_S

    assert DEFINITION["TimeoutSeconds"] < ATTEMPT_TTL_S


def test_every_state_can_be_reached_and_three_end() -> None:
    reached: set[str] = set()
    pending = [DEFINITION["StartAt"]]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += following(STATES[name])
    assert reached == set(STATES)
    ends = {name for name, state in STATES.items() if state.get("End") or state["Type"] in ("Fail", "Succeed")}
    assert ends == {"NotifyRequester", "RequestCancelled", "RequestFailed"}


def following(state: dict[str, Any]) -> set[str]:
    branches = [state, *state.get("Choices", []), *state.get("Catch", [])]
    found = {branch["Next"] for branch in branches if "Next" in branch}
    return found | ({state["Default"]} if "Default" in state else set())


def test_the_function_of_imaging_has_the_name_of_its_state() -> None:
    assert function_of(TASKS["SealPictures"]) == "SealPicturesFunction"
    assert functions()["SealPicturesFunction"]["Handler"] == "afterimage_imaging.seal_pictures.lambda_handler"
    assert (ROOT / "tests" / "unit" / "test_seal_pictures.py").is_file()


def test_what_imaging_raises_is_known_to_the_other_functions_by_name() -> None:
    found = [value for module in (seal_pictures, signing, storage) for value in vars(module).values()]
    names = {kind.__name__ for kind in found if isinstance(kind, type) and issubclass(kind, storage.ImagingError)}
    known = {kind.__name__ for kind in errors.leaves(errors.AfterimageError)}
    assert names - {"ImagingError"} <= known
    transient = {kind.__name__ for kind in errors.leaves(errors.TransientError)}
    assert retried(TASKS["SealPictures"]) - set(LAMBDA_TRANSIENTS) - {"Sandbox.Timedout"} == names & transient


@pytest.mark.parametrize("name", sorted(TASKS.keys() - {"SealPictures"}))
def test_one_name_stands_in_all_places(name: str) -> None:
    wanted = SHARES_A_FUNCTION.get(name, name)
    assert function_of(TASKS[name]) == f"{wanted}Function"
    assert functions()[f"{wanted}Function"]["Handler"] == f"afterimage.handlers.{snake(wanted)}.lambda_handler"
    package = ROOT / "functions" / "afterimage"
    for path in (
        package / "handlers" / f"{snake(wanted)}.py",
        package / "usecases" / f"{snake(wanted)}.py",
        ROOT / "tests" / "unit" / f"test_{snake(wanted)}.py",
    ):
        assert path.is_file(), path.relative_to(ROOT)
    functions_of_module = {
        node.name
        for node in ast.parse((package / "usecases" / f"{snake(wanted)}.py").read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    assert snake(wanted) in functions_of_module


def test_every_handler_is_a_function_and_every_function_has_a_handler() -> None:
    handlers = {path.stem for path in (ROOT / "functions" / "afterimage" / "handlers").glob("[!_]*.py")}
    ours = {name: properties for name, properties in functions().items() if "CodeUri" not in properties}
    assert {properties["Handler"] for properties in ours.values()} == {
        f"afterimage.handlers.{name}.lambda_handler" for name in handlers
    }
    assert {snake(name.removesuffix("Function")) for name in ours} == handlers
    assert set(functions()) - set(ours) == {"DrawContactSheetFunction", "SealPicturesFunction"}, "imaging/"


def test_substitutions_are_those_that_the_definition_names() -> None:
    machine = resources("AWS::Serverless::StateMachine")["ImageRequestMachine"]
    substitutions = machine["Properties"]["DefinitionSubstitutions"]
    assert set(substitutions) == set(re.findall(r"\$\{(\w+)\}", PATH.read_text(encoding="utf-8")))
    for name, value in substitutions.items():
        assert value == {"GetAtt": f"{name.removesuffix('Arn')}.Arn"}


@pytest.mark.parametrize("name", TASKS)
def test_only_ids_travel_through_the_history(name: str) -> None:
    assert set(TASKS[name]["Arguments"]["Payload"]) <= MAY_TRAVEL
    folder = ROOT / "functions" / "afterimage" / "handlers"
    if name == "SealPictures":  # imaging/ is another build
        folder = ROOT / "imaging" / "afterimage_imaging"
    handler = folder / f"{snake(SHARES_A_FUNCTION.get(name, name))}.py"
    assert returned_keys(handler) <= MAY_TRAVEL


def returned_keys(handler: Path) -> set[str]:
    """The keys of what `handle` returns: its output is the state's."""
    (handle,) = [
        node
        for node in ast.parse(handler.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "handle"
    ]
    keys: set[str] = set()
    for node in ast.walk(handle):
        if isinstance(node, ast.Return) and node.value is not None:
            assert isinstance(node.value, ast.Dict), "what a state returns must be readable here"
            keys |= {str(key.value) for key in node.value.keys if isinstance(key, ast.Constant)}
    return keys
