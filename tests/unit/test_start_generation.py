"""The state StartGeneration: the token is stored before the engine is asked, and the engine is asked once per token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from afterimage.domain.errors import (
    EngineUnavailableError,
    GenerationFailedError,
    JobClosedError,
    StoreUnavailableError,
)
from afterimage.domain.job import Attempt, Job
from afterimage.domain.status import JobStatus
from afterimage.handlers import start_generation as handler
from afterimage.usecases.start_generation import ATTEMPT_TTL_S, report_failure, start_generation
from fakes.faults import Crash
from fakes.outside import NOW_MS, FakeEngine, FakeWorkflow, Ticker
from fakes.samples import a_job, job_id
from fakes.stores import MemoryAttemptStore, MemoryJobStore

ROOT = Path(__file__).parents[2]
TOKEN = "AQC" + "x" * 1000


class World:
    """A job that was judged, and everything around it."""

    def __init__(self, status: JobStatus = JobStatus.MODERATING) -> None:
        self.jobs = MemoryJobStore(a_job(status))
        self.attempts = MemoryAttemptStore()
        self.engine = FakeEngine()
        self.workflow = FakeWorkflow(TOKEN)

    def start(self, token: str = TOKEN, retry_count: int = 0) -> Attempt:
        return start_generation(
            job_id(1), token, retry_count, jobs=self.jobs, attempts=self.attempts, engine=self.engine, clock=Ticker()
        )

    def deliver(self) -> None:
        deps = handler.Dependencies(
            jobs=self.jobs, attempts=self.attempts, engine=self.engine, workflow=self.workflow, clock=Ticker()
        )
        handler.handle({"job_id": job_id(1), "task_token": TOKEN, "retry_count": 0}, deps)

    @property
    def attempt(self) -> Attempt:
        (attempt,) = self.attempts.records.values()
        return attempt


@pytest.fixture
def world() -> World:
    return World()


def test_the_job_is_generating_and_the_attempt_knows_where_the_answer_will_be(world: World) -> None:
    started = world.start()
    assert world.jobs.records[job_id(1)].status is JobStatus.GENERATING
    assert world.attempt.task_token == TOKEN
    assert world.attempt.output_location == f"s3://bucket/inference/output/{started.inference_id}.out"
    assert world.attempt.failure_location == f"s3://bucket/inference/failure/{started.inference_id}.out"
    assert world.attempt.expires_at_s == NOW_MS // 1000 + ATTEMPT_TTL_S


def test_the_token_is_stored_before_the_engine_is_asked(world: World) -> None:
    seen: list[tuple[Attempt, ...]] = []

    class Looking(FakeEngine):
        def start(self, job: Job, attempt: Attempt) -> object:  # type: ignore[override]
            seen.append(tuple(world.attempts.records.values()))
            return super().start(job, attempt)

    world.engine = Looking()
    world.start()
    assert [attempt.task_token for attempt in seen[0]] == [TOKEN]


def test_the_same_token_twice_asks_the_engine_once(world: World) -> None:
    assert world.start().attempt_id == world.start().attempt_id
    assert len(world.engine.started) == 1


def test_a_new_token_is_a_new_attempt(world: World) -> None:
    first, retry = world.start(), world.start("another-token")
    assert first.attempt_id != retry.attempt_id
    assert len(world.engine.started) == len(world.attempts.records) == 2


def test_a_retry_under_the_same_token_is_a_new_attempt(world: World) -> None:
    first, retry = world.start(), world.start(retry_count=1)
    assert first.attempt_id != retry.attempt_id
    assert [attempt.task_token for attempt in world.engine.started] == [TOKEN, TOKEN]


def test_a_crash_between_register_and_invoke_is_mended_by_the_repeat(world: World) -> None:
    world.attempts.fail_next("register", Crash(), after=True)
    with pytest.raises(Crash):
        world.start()
    assert world.engine.started == []
    world.start()
    assert len(world.engine.started) == 1
    assert len(world.attempts.records) == 1


def test_a_crash_after_the_invoke_asks_again_under_the_same_inference_id(world: World) -> None:
    world.attempts.fail_next("record_locations", Crash())
    with pytest.raises(Crash):
        world.start()
    world.start()
    assert len({attempt.inference_id for attempt in world.engine.started}) == 1


def test_a_place_that_cannot_be_noted_fails_no_inference_that_runs(world: World) -> None:
    """The message names it; only the sweep would have wanted the note."""
    world.attempts.fail_next("record_locations", StoreUnavailableError())
    world.deliver()
    assert len(world.engine.started) == 1
    assert (world.workflow.failed, world.workflow.waiting) == ([], {TOKEN})


def test_an_answer_before_the_invoke_returned_is_not_overwritten(world: World) -> None:
    """The engine answers while it is still being asked."""

    class Quick(FakeEngine):
        def start(self, job: Job, attempt: Attempt) -> object:  # type: ignore[override]
            world.attempts.settle(attempt, "succeeded", "s3://bucket/inference/output/true.out")
            return super().start(job, attempt)

    world.engine = Quick()
    world.start()
    assert world.attempt.output_location == "s3://bucket/inference/output/true.out"
    assert world.attempt.outcome == "succeeded"
    assert world.attempt.failure_location is not None


def test_an_inference_id_names_no_token_and_fits_sagemaker(world: World) -> None:
    started = world.start()
    assert len(started.inference_id) <= 64
    assert TOKEN[:20] not in started.inference_id


@pytest.mark.parametrize("status", [status for status in JobStatus if not status.may_become(JobStatus.GENERATING)])
def test_a_job_that_may_not_generate_reaches_no_engine(status: JobStatus) -> None:
    world = World(status)
    with pytest.raises(JobClosedError):
        world.start()
    assert world.engine.started == []
    assert world.attempts.records == {}


@pytest.mark.parametrize(
    ("error", "name", "code"),
    [
        (EngineUnavailableError(), "EngineUnavailableError", "engine_unavailable"),
        (GenerationFailedError(code="endpoint_missing"), "GenerationFailedError", "endpoint_missing"),
        (StoreUnavailableError(), "StoreUnavailableError", "temporarily_unavailable"),
        (RuntimeError("secret words of a library"), "InternalError", "internal_error"),
    ],
)
def test_whoever_waits_for_the_token_hears_of_every_error(world: World, error: Exception, name: str, code: str) -> None:
    world.engine.fail_next("start", error)
    world.deliver()
    ((token, heard, cause),) = world.workflow.failed
    assert (token, heard) == (TOKEN, name)
    assert json.loads(cause)["code"] == code
    assert "secret words" not in cause


def test_a_started_generation_answers_no_token(world: World) -> None:
    world.deliver()
    world.deliver()
    assert (world.workflow.failed, world.workflow.succeeded) == ([], [])
    assert len(world.engine.started) == 1


def test_a_report_that_nobody_waits_for_is_no_error(world: World) -> None:
    report_failure("forgotten-token", GenerationFailedError(), world.workflow)
    assert world.workflow.failed == []


def test_a_cancelled_job_fails_its_token_as_closed() -> None:
    world = World(JobStatus.CANCELLED)
    world.deliver()
    assert [name for _, name, _ in world.workflow.failed] == ["JobClosedError"]


def test_an_attempt_lives_longer_than_any_state_may_wait() -> None:
    machine = json.loads((ROOT / "statemachine" / "image_request.asl.json").read_text(encoding="utf-8"))
    waits = [state["TimeoutSeconds"] for state in machine["States"].values() if "TimeoutSeconds" in state]
    assert 0 < max(waits) < ATTEMPT_TTL_S
