"""The machines that erase: what their definitions say, and each path."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonata import Jsonata
from security.template import functions, resources, template
from statelint.config import Config
from statelint.linter import Linter
from statemachine.machine import FOLDER, STATES, Run, StateError, expressions, function_of

MACHINES: dict[str, dict[str, Any]] = {
    path.name.removesuffix(".asl.json"): json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("erase_*.asl.json"))
}
ALL_STATES = [(machine, name) for machine, definition in MACHINES.items() for name in definition["States"]]
TASKS = [(m, name) for m, name in ALL_STATES if MACHINES[m]["States"][name]["Type"] == "Task"]
MAY_TRAVEL = {"job_id", "gallery", "owner", "done"}
LEFTOVERS = {"job_id": "01m8160qt0bmfgmz4kwaw481na", "gallery": "9" * 32}


def state_of(machine: str, name: str) -> dict[str, Any]:
    state: dict[str, Any] = MACHINES[machine]["States"][name]
    return state


def resource_of(machine: str) -> dict[str, Any]:
    """The properties of the machine whose definition is this file."""
    (found,) = [
        resource["Properties"]
        for resource in resources("AWS::Serverless::StateMachine").values()
        if resource["Properties"]["DefinitionUri"] == f"statemachine/{machine}.asl.json"
    ]
    return dict(found)


@pytest.mark.parametrize("machine", MACHINES)
def test_statelint_finds_nothing(machine: str) -> None:
    assert Linter.validate(MACHINES[machine], Config(evaluate_jsonata=True)) == []


@pytest.mark.parametrize("text", sorted({text for machine in MACHINES.values() for text in expressions(machine)}))
def test_the_expression_compiles(text: str) -> None:
    Jsonata(text)


@pytest.mark.parametrize(("machine", "name"), ALL_STATES)
def test_the_state_has_a_comment(machine: str, name: str) -> None:
    assert state_of(machine, name)["Comment"].endswith(".")


@pytest.mark.parametrize(("machine", "name"), TASKS)
def test_the_task_outlasts_its_function_and_is_tried_again_with_jitter(machine: str, name: str) -> None:
    state = state_of(machine, name)
    function = functions()[function_of(state)]
    assert state["TimeoutSeconds"] > function.get("Timeout", template()["Globals"]["Function"]["Timeout"])
    (retry,) = state["Retry"]
    assert retry["ErrorEquals"] == ["States.ALL"]  # erasing is repeatable, whatever stood in its way
    assert retry["JitterStrategy"] == "FULL"
    assert "Catch" not in state  # what cannot be erased fails the execution, and an alarm sees that


@pytest.mark.parametrize(("machine", "name"), TASKS)
def test_only_ids_travel_through_the_history(machine: str, name: str) -> None:
    assert set(state_of(machine, name)["Arguments"]["Payload"]) <= MAY_TRAVEL


@pytest.mark.parametrize("machine", MACHINES)
def test_substitutions_are_those_that_the_definition_names(machine: str) -> None:
    text = (FOLDER / f"{machine}.asl.json").read_text(encoding="utf-8")
    substitutions = resource_of(machine)["DefinitionSubstitutions"]
    assert set(substitutions) == set(re.findall(r"\$\{(\w+)\}", text))
    for name, value in substitutions.items():
        assert value == {"GetAtt": f"{name.removesuffix('Arn')}.Arn"}


def test_the_second_look_comes_when_nothing_can_be_under_way_any_more() -> None:
    wait = state_of("erase_leftovers", "WaitForWork")["Seconds"]
    assert wait >= STATES["StartGeneration"]["TimeoutSeconds"]
    (retry,) = state_of("erase_leftovers", "EraseLeftovers")["Retry"]
    tries = (1 + retry["MaxAttempts"]) * state_of("erase_leftovers", "EraseLeftovers")["TimeoutSeconds"]
    pauses = retry["MaxAttempts"] * retry["MaxDelaySeconds"]
    assert MACHINES["erase_leftovers"]["TimeoutSeconds"] >= wait + tries + pauses / 2  # full jitter: half on average


def test_the_second_look_erases_by_the_two_ids() -> None:
    done = Run(LEFTOVERS, lambda name, payload: {"job_id": payload["job_id"]}, MACHINES["erase_leftovers"])
    assert done.entered == ["WaitForWork", "EraseLeftovers"]
    assert done.payloads == [("EraseLeftovers", LEFTOVERS)]
    assert done.succeeded
    assert done.output == {"job_id": LEFTOVERS["job_id"]}


def test_an_owner_is_erased_page_after_page() -> None:
    owner = {"owner": "user#ada"}
    answers = iter([False, False, True])
    done = Run(owner, lambda name, payload: payload | {"done": next(answers)}, MACHINES["erase_owner"])
    assert done.entered == ["Settle", *["EraseOwner", "RouteDone"] * 3, "OwnerErased"]
    assert done.payloads == [("EraseOwner", owner)] * 3
    assert done.succeeded


def test_a_second_look_that_cannot_erase_fails() -> None:
    def refuse(name: str, payload: dict[str, Any]) -> Any:
        raise StateError("StoreUnavailableError")

    assert not Run(LEFTOVERS, refuse, MACHINES["erase_leftovers"]).succeeded
