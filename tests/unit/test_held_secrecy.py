"""What waits for a person leaves no prompt, note or task token in a log, and no token in an answer."""

from __future__ import annotations

import io
from typing import Any

import pytest
from afterimage.domain.errors import StoreUnavailableError
from afterimage.domain.status import JobStatus
from afterimage.handlers import held_api, hold_for_review, refuse_held
from afterimage.telemetry import logger
from afterimage.usecases.decide_hold import Desk
from afterimage.usecases.look_at_held import Lamp
from fakes.http import PERSON, an_event
from fakes.outside import FakeResults, FakeWorkflow, Ticker
from fakes.samples import HOLDING, job_id
from fakes.stores import MemoryAccountStore, MemoryAttemptStore, MemoryHoldStore, MemoryJobStore

from tests.unit.test_log_secrecy import CANARY, CONTEXT, TASK_TOKEN, assert_silent, lines, secret_job

__all__ = ["lines"]
# Not every call counts something; `telemetry` silences the library's warning, and pytest undoes that.
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")
ADMIN = PERSON | {"cognito:groups": "[admin]"}
EVENT = {"job_id": job_id(1), "stage": "prompt", "task_token": TASK_TOKEN}


class World:
    def __init__(self) -> None:
        self.jobs = MemoryJobStore(secret_job(JobStatus.MODERATING, decisions=(HOLDING,)))
        self.holds, self.workflow, self.clock = MemoryHoldStore(), FakeWorkflow(TASK_TOKEN), Ticker()
        self.hold = hold_for_review.Dependencies(
            jobs=self.jobs, holds=self.holds, workflow=self.workflow, clock=self.clock
        )
        lamp = Lamp(
            jobs=self.jobs,
            attempts=MemoryAttemptStore(),
            results=FakeResults(),
            quarantine=FakeResults(),  # type: ignore[arg-type]
            clock=self.clock,
        )
        desk = Desk(jobs=self.jobs, holds=self.holds, workflow=self.workflow, clock=self.clock)
        self.api = held_api.Dependencies(accounts=MemoryAccountStore(self.jobs), lamp=lamp, desk=desk)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A secret job, and the entry points over it."""
    made = World()
    monkeypatch.setattr(hold_for_review, "dependencies", lambda: made.hold)
    monkeypatch.setattr(held_api, "dependencies", lambda: made.api)
    refusing = refuse_held.Dependencies(jobs=made.jobs, clock=made.clock)
    monkeypatch.setattr(refuse_held, "dependencies", lambda: refusing)
    return made


@pytest.mark.parametrize("fault", [None, StoreUnavailableError(), RuntimeError(f"the SDK quotes {CANARY}")], ids=str)
def test_holding_logs_neither_prompt_nor_token(lines: io.StringIO, world: World, fault: Exception | None) -> None:
    if fault:
        world.holds.fail_next("register", fault)
    hold_for_review.lambda_handler(EVENT, CONTEXT)
    assert CANARY not in str(world.workflow.failed).replace(TASK_TOKEN, "")
    assert_silent(lines)


@pytest.mark.parametrize("verb", ["release", "refuse"])
def test_deciding_logs_neither_note_nor_prompt_and_answers_with_no_token(
    lines: io.StringIO, world: World, verb: str
) -> None:
    hold_for_review.lambda_handler(EVENT, CONTEXT)
    path = f"/v1/admin/held/{job_id(1)}"
    calls: list[tuple[str, str, Any]] = [
        ("GET", "/v1/admin/held", None),
        ("GET", path, None),
        ("GET", f"/v1/admin/held/{CANARY}", None),
        ("POST", f"{path}/{verb}", {"stage": "prompt", "note": CANARY}),
        ("POST", f"{path}/{verb}", {"stage": "prompt", "note": CANARY * 100}),
        ("POST", f"{path}/{verb}", {"stage": CANARY}),
    ]
    for method, where, body in calls:
        said = held_api.lambda_handler(an_event(method, where, body=body, claims=ADMIN), CONTEXT)
        assert TASK_TOKEN not in said["body"]
    assert world.workflow.succeeded
    assert_silent(lines)


def test_the_end_of_the_time_logs_no_prompt(lines: io.StringIO, world: World) -> None:
    hold_for_review.lambda_handler(EVENT, CONTEXT)
    refuse_held.lambda_handler(EVENT, CONTEXT)
    logger.info("done")
    assert_silent(lines)
