"""A small model of Step Functions for one machine: states, retries and tokens as its definition says, step by step.

It runs no clock and no thread: whoever drives it says when an execution makes its next step, and a process may die in
any of them.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afterimage.domain.errors import AfterimageError
from afterimage.domain.job import JobId
from statemachine.machine import evaluate

from fakes.faults import Crash, Faulty, breakable
from fakes.outside import Ticker

_DEFINITION = Path(__file__).parents[2] / "statemachine" / "image_request.asl.json"
_MACHINE: dict[str, Any] = json.loads(_DEFINITION.read_text(encoding="utf-8"))
STATES: dict[str, dict[str, Any]] = _MACHINE["States"]
START = "ModeratePrompt"
GENERATION = "StartGeneration"
Call = Callable[[str, dict[str, Any]], Any]


@functools.cache
def _holds(condition: str, decision: str | None, stage: str | None, status: str | None) -> bool:
    """Whether the condition of a choice is true for what the state before gave."""
    given = {"decision": decision, "stage": stage, "status": status}
    return evaluate(condition, {"input": {name: value for name, value in given.items() if value}}) is True


@dataclass
class Execution:
    """One execution. `token` is set while a state waits; `data` is what the next state gets."""

    job_id: JobId
    data: dict[str, Any]
    state: str = START
    status: str = "RUNNING"
    token: str | None = None
    begun_ms: int = 0
    waits_until_ms: int = 0
    retries: Counter[tuple[str, int]] = field(default_factory=Counter)

    @property
    def retry_count(self) -> int:
        return sum(count for (name, _), count in self.retries.items() if name == self.state)


class ModelStepFunctions(Faulty):
    """Implements `ports.Workflow`. `call` runs the function of a state; `dies_as` reports a dead process."""

    def __init__(self, call: Call, clock: Ticker) -> None:
        super().__init__()
        self.executions: dict[JobId, Execution] = {}
        self.events: list[tuple[JobId, str]] = []
        self.dies_as = "Sandbox.Timedout"
        self._call = call
        self._clock = clock
        self._tokens = 0

    @breakable
    def start(self, job_id: JobId) -> None:
        self.executions.setdefault(
            job_id, Execution(job_id=job_id, data={"job_id": job_id}, begun_ms=self._clock.now_ms)
        )

    @breakable
    def status(self, job_id: JobId) -> str | None:
        execution = self.executions.get(job_id)
        return execution.status if execution else None

    @breakable
    def succeed(self, task_token: str, output: Mapping[str, str]) -> bool:
        execution = self._waiting(task_token)
        if execution is None:
            return False
        self._go_on(execution, dict(output))
        return True

    @breakable
    def fail(self, task_token: str, error: str, cause: str) -> bool:
        execution = self._waiting(task_token)
        if execution is None:
            return False
        self._fail(execution, error, cause)
        return True

    def _waiting(self, token: str) -> Execution | None:
        return next((one for one in self.executions.values() if one.token == token and one.status == "RUNNING"), None)

    def end(self, execution: Execution, status: str) -> None:
        """End an execution from outside or by itself; only what did not succeed is told."""
        execution.status, execution.token = status, None
        if status != "SUCCEEDED":
            self.events.append((execution.job_id, status))

    def redrive(self, execution: Execution) -> None:
        """Run the state again in which the execution ended, with fresh retries and all of the machine's time."""
        execution.status, execution.begun_ms = "RUNNING", self._clock.now_ms
        execution.retries.clear()

    def step(self, execution: Execution) -> bool:
        """Let the execution do its next thing; False when there is nothing to do but wait."""
        if execution.status != "RUNNING":
            return False
        if self._clock.now_ms - execution.begun_ms >= _MACHINE["TimeoutSeconds"] * 1000:
            self.end(execution, "TIMED_OUT")
            return True
        if execution.token is not None:
            if self._clock.now_ms < execution.waits_until_ms:
                return False
            execution.token = None
            self._fail(execution, "States.Timeout", "")
            return True
        self._enter(execution)
        return True

    def _enter(self, execution: Execution) -> None:
        name, state = execution.state, STATES[execution.state]
        if state["Type"] == "Choice":
            asked = tuple(execution.data.get(name) for name in ("decision", "stage", "status"))
            taken = (one["Next"] for one in state["Choices"] if _holds(one["Condition"], *asked))
            execution.state = next(taken, state["Default"])
            return
        if state["Type"] == "Succeed":
            self.end(execution, "SUCCEEDED")
            return
        if state["Type"] == "Fail":
            self.end(execution, "FAILED")
            return
        payload = execution.data | _said_in(state)
        waits = state["Resource"].endswith(".waitForTaskToken")
        if waits:
            self._tokens += 1
            execution.token = f"token-{self._tokens}"
            execution.waits_until_ms = self._clock.now_ms + state["TimeoutSeconds"] * 1000
            payload |= {"task_token": execution.token, "retry_count": execution.retry_count}
        try:
            result = self._call(name, payload)
        except Crash:
            self._fail(execution, self.dies_as, "")
        except AfterimageError as exc:
            self._fail(execution, type(exc).__name__, json.dumps({"errorMessage": exc.sentence}))
        else:
            if not waits:  # such a one goes on by its token
                self._go_on(execution, result)

    def _go_on(self, execution: Execution, result: dict[str, Any]) -> None:
        state, execution.token = STATES[execution.state], None
        execution.data = execution.data | result if "$merge" in str(state["Output"]) else result
        if state.get("End"):
            self.end(execution, "SUCCEEDED")
        else:
            execution.state = state["Next"]

    def _fail(self, execution: Execution, error: str, cause: str) -> None:
        state, execution.token = STATES[execution.state], None
        for index, retrier in enumerate(state["Retry"]):
            used = execution.retries[execution.state, index]
            if error in retrier["ErrorEquals"] and used < retrier["MaxAttempts"]:
                execution.retries[execution.state, index] += 1
                self._clock.pass_s(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** used)
                return
        catch = next(one for one in state["Catch"] if {error, "States.ALL"} & set(one["ErrorEquals"]))
        execution.state = catch["Next"]
        if "$states.errorOutput" in catch["Output"]:
            execution.data = {"job_id": execution.job_id, "error": error, "cause": cause}
        else:  # a time-out that is no failure goes on with what the state was given
            execution.data = execution.data | _said_in(state)


def _said_in(state: dict[str, Any]) -> dict[str, Any]:
    """What a definition gives a function by itself, beside what it takes from the state before."""
    given = state.get("Arguments", {}).get("Payload", {})
    return {name: value for name, value in given.items() if not value.startswith("{%")}
