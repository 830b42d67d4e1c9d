"""The definitions, and as much of an interpreter as their states need.

It follows what the Step Functions guide says about JSONata states: `$states.input`, `.result`, `.errorOutput` and
`.context`; `Arguments` and `Output` evaluated wherever a string is `{% … %}`; Retry is left out, because a state that
is tried again is the same state.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jsonata import Jsonata

FOLDER = Path(__file__).resolve().parents[2] / "statemachine"
PATH = FOLDER / "image_request.asl.json"
DEFINITION: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
TASK_TOKEN = "AAAAKgAAAAIAAAAAAAAAAQ=="

_EXPRESSION = re.compile(r"\{%(.*)%\}", re.DOTALL)
Invoke = Callable[[str, dict[str, Any]], Any]


class StateError(Exception):
    """What a Lambda that raised looks like to the machine. Without a cause, as SendTaskFailure permits."""

    def __init__(self, error: str, cause: str | None = None) -> None:
        super().__init__(error)
        self.output = {"Error": error} if cause is None else {"Error": error, "Cause": cause}


def expressions(value: Any) -> Iterator[str]:
    """Every JSONata text below `value`, without its brackets."""
    if isinstance(value, dict):
        for item in value.values():
            yield from expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from expressions(item)
    elif isinstance(value, str) and (match := _EXPRESSION.fullmatch(value)):
        yield match[1].strip()


def evaluate(value: Any, states: dict[str, Any], seen: set[str] | None = None) -> Any:
    """`value` with every expression replaced by what it gives; `seen` notes them."""
    if isinstance(value, dict):
        return {name: evaluate(item, states, seen) for name, item in value.items()}
    if isinstance(value, list):
        return [evaluate(item, states, seen) for item in value]
    if not isinstance(value, str) or not (match := _EXPRESSION.fullmatch(value)):
        return value
    expression = Jsonata(match[1].strip())
    expression.assign("states", states)
    result = expression.evaluate(None)
    if result is None:  # undefined fails a state on AWS: States.QueryEvaluationError
        raise AssertionError(f"{match[1].strip()} gives nothing for {states}")
    if seen is not None:
        seen.add(match[1].strip())
    return result


def function_of(state: dict[str, Any]) -> str:
    """`StartGenerationFunction` for a Task that invokes it."""
    match = re.fullmatch(r"\$\{(\w+)Arn\}", state["Arguments"]["FunctionName"])
    assert match, state["Arguments"]["FunctionName"]
    return match[1]


class Run:
    """One execution: the states that were entered and what each function was given."""

    def __init__(
        self, execution_input: dict[str, Any], invoke: Invoke, definition: dict[str, Any] = DEFINITION
    ) -> None:
        self.entered: list[str] = []
        self.payloads: list[tuple[str, dict[str, Any]]] = []
        self.seen: set[str] = set()
        self.succeeded = False
        self._invoke = invoke
        self._data: Any = execution_input
        name: str | None = definition["StartAt"]
        while name is not None:
            self.entered.append(name)
            name = self._step(name, definition["States"][name])

    @property
    def output(self) -> Any:
        """What the last state gave."""
        return self._data

    def _step(self, name: str, state: dict[str, Any]) -> str | None:
        if state["Type"] == "Choice":
            return self._choose(state)
        if state["Type"] in ("Fail", "Succeed"):
            self.succeeded = state["Type"] == "Succeed"
            return None
        if state["Type"] == "Wait":
            return str(state["Next"])
        assert state["Type"] == "Task", f"the interpreter knows no {state['Type']}"
        context = {"input": self._data, "context": {"Task": {"Token": TASK_TOKEN}, "State": {"RetryCount": 0}}}
        payload = evaluate(state["Arguments"]["Payload"], context, self.seen)
        self.payloads.append((name, payload))
        try:
            result = self._invoke(name, payload)
        except StateError as error:
            if "Catch" not in state:
                return None
            names = {error.output["Error"], "States.ALL"}
            catch = next(entry for entry in state["Catch"] if names & set(entry["ErrorEquals"]))
            self._data = evaluate(catch["Output"], context | {"errorOutput": error.output}, self.seen)
            return str(catch["Next"])
        # A callback's output is the result itself; a plain invocation wraps it.
        waits = state["Resource"].endswith(".waitForTaskToken")
        self._data = evaluate(
            state["Output"], context | {"result": result if waits else {"Payload": result}}, self.seen
        )
        self.succeeded = bool(state.get("End"))
        return None if state.get("End") else str(state["Next"])

    def _choose(self, state: dict[str, Any]) -> str:
        for choice in state["Choices"]:
            if evaluate(choice["Condition"], {"input": self._data}, self.seen) is True:
                return str(choice["Next"])
        return str(state["Default"])
