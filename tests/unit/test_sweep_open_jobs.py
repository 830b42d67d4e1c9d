"""The sweep finds what every other way has lost, and leaves alone what is only slow."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path

import pytest
from afterimage.contracts.codec import ContractError
from afterimage.contracts.completion import Completion, message_of
from afterimage.contracts.generation import ModelProblem
from afterimage.domain.errors import JobNotFoundError, WorkflowUnavailableError
from afterimage.domain.holds import HOLD_S, Ruling, Stage, held_stage
from afterimage.domain.job import Attempt, Job, JobId, Notice, accepted_at_ms
from afterimage.domain.status import JobStatus
from afterimage.handlers import resume_on_completion as hears
from afterimage.handlers import sweep_open_jobs as handler
from afterimage.usecases.close_lost_job import close_lost_job
from afterimage.usecases.decide_hold import Desk, decide_hold
from afterimage.usecases.sweep_open_jobs import (
    BUDGET_MS,
    GIVE_UP_MS,
    MOST_AT_ONCE,
    OVERDUE_MS,
    RUNNING,
    SILENCE_MS,
    START_GRACE_MS,
    Broom,
    Sweep,
    choose,
    sweep_open_jobs,
)
from fakes.outside import NOW_MS, FakeCloser, FakeMessenger, FakeResults, FakeTeller, FakeWorkflow, Ticker
from fakes.samples import ADMIN, a_held_job, a_hold, a_job, a_result, an_attempt, job_id
from fakes.stores import MemoryAttemptStore, MemoryHoldStore, MemoryJobStore

ROOT = Path(__file__).parents[2]


class World:
    """Jobs of some age, their executions running."""

    def __init__(self, *jobs: Job, attempts: tuple[Attempt, ...] = ()) -> None:
        self.jobs = MemoryJobStore(*jobs)
        self.attempts = MemoryAttemptStore(*attempts)
        self.holds = MemoryHoldStore()
        self.results = FakeResults()
        self.workflow = FakeWorkflow()
        self.closer = FakeCloser()
        self.messenger = FakeMessenger()
        self.troubles: list[tuple[JobId, Exception]] = []
        self.clock = Ticker()
        self.broom = Broom(
            jobs=self.jobs,
            attempts=self.attempts,
            holds=self.holds,
            results=self.results,
            workflow=self.workflow,
            closer=self.closer,
            messenger=self.messenger,
            report=lambda job_id, error: self.troubles.append((job_id, error)),
            clock=self.clock,
        )

    def sweep(self) -> Sweep:
        return sweep_open_jobs(self.broom)

    def status(self, number: int = 1) -> JobStatus:
        return self.jobs.records[job_id(number)].status


def aged(status: JobStatus, age_ms: int, number: int = 1) -> Job:
    return dataclasses.replace(a_job(status, number), updated_at_ms=NOW_MS - age_ms)


def test_nothing_open_is_nothing_to_do() -> None:
    assert World(aged(JobStatus.SUCCEEDED, SILENCE_MS * 2)).sweep() == Sweep()


def test_a_job_queued_for_over_a_minute_is_started_again() -> None:
    world = World(aged(JobStatus.QUEUED, START_GRACE_MS + 1000))
    assert world.sweep() == Sweep(restarted=1)
    assert world.workflow.started == [job_id(1)]
    assert world.status() is JobStatus.QUEUED


@pytest.mark.parametrize("execution", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_queued_job_whose_execution_ended_is_closed_after_two_minutes_and_not_started_for_fifteen(
    execution: str,
) -> None:
    """It was stopped before its first state wrote anything, and nobody heard of that."""
    world = World(aged(JobStatus.QUEUED, SILENCE_MS + 1000))
    world.workflow.statuses[job_id(1)] = execution
    assert world.sweep() == Sweep(closed=1)
    assert world.closer.closed == [(job_id(1), execution)]
    assert world.workflow.started == []


ENDED = [JobStatus.FAILED, JobStatus.BLOCKED, JobStatus.CANCELLED]


@pytest.mark.parametrize("status", ENDED)
@pytest.mark.parametrize("notice", [None, "sending"])
def test_a_job_that_ended_without_a_word_is_told(status: JobStatus, notice: str | None) -> None:
    """Its execution was stopped between the two, and nobody heard of that."""
    told = Notice(state=notice, at_ms=NOW_MS - SILENCE_MS) if notice else None
    world = World(dataclasses.replace(aged(status, SILENCE_MS + 1000), notice=told))
    world.workflow.statuses[job_id(1)] = "ABORTED"
    assert world.sweep() == Sweep(closed=1)
    assert world.closer.closed == [(job_id(1), "ABORTED")]


@pytest.mark.parametrize("status", ENDED)
def test_a_job_that_ended_and_was_told_is_looked_at_once(status: JobStatus) -> None:
    world = World(dataclasses.replace(aged(status, SILENCE_MS + 1000), notice=Notice(state="sent", at_ms=NOW_MS)))
    assert world.sweep() == Sweep(told=1)
    assert world.sweep() == Sweep()


@pytest.mark.parametrize("status", ENDED)
def test_an_execution_that_waits_on_for_a_job_that_ended_is_told_that_no_picture_comes(status: JobStatus) -> None:
    """It was redriven before the event of its stop was heard, or a cancel died before it could stop it."""
    told = Notice(state="sent", at_ms=NOW_MS)
    ended = dataclasses.replace(aged(status, SILENCE_MS + 1000), notice=told)
    world = World(ended, attempts=(an_attempt(ended),))
    world.workflow.statuses[job_id(1)] = "RUNNING"
    assert world.sweep() == Sweep(resumed=1)
    (said,) = world.messenger.repeated
    assert (said.inference_id, said.succeeded) == (an_attempt(ended).inference_id, False)
    world.workflow.statuses[job_id(1)] = "FAILED"
    assert (world.sweep(), world.sweep()) == (Sweep(told=1), Sweep())


def test_an_end_that_is_being_told_is_left_to_the_state_that_tells() -> None:
    world = World(aged(JobStatus.FAILED, SILENCE_MS + 1000))
    world.workflow.statuses[job_id(1)] = "RUNNING"
    assert world.sweep() == Sweep(left_running=1)


def test_whoever_could_not_be_told_for_half_a_day_is_tried_once_more_and_that_is_all() -> None:
    world = World(aged(JobStatus.FAILED, 0))
    late(world)
    assert (world.sweep(), world.sweep()) == (Sweep(closed=1), Sweep())


def test_a_fresh_job_is_left_alone() -> None:
    world = World(aged(JobStatus.QUEUED, START_GRACE_MS - 1000))
    assert world.sweep() == Sweep()
    assert world.workflow.started == []


WORKING = [JobStatus.MODERATING, JobStatus.GENERATING, JobStatus.REVIEWING, JobStatus.DELIVERING]


@pytest.mark.parametrize("status", WORKING)
@pytest.mark.parametrize("execution", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_silent_job_whose_execution_ended_is_closed_as_that_ended(status: JobStatus, execution: str) -> None:
    before = aged(status, SILENCE_MS + 1000)
    world = World(before)
    world.workflow.statuses[job_id(1)] = execution
    assert world.sweep() == Sweep(closed=1)
    assert world.closer.closed == [(job_id(1), execution)]
    assert world.jobs.records[job_id(1)] == before  # whoever closes writes


@pytest.mark.parametrize("status", WORKING)
def test_a_silent_job_whose_execution_never_was_is_closed_as_failed(status: JobStatus) -> None:
    before = aged(status, SILENCE_MS + 1000)
    world = World(before)
    assert world.sweep() == Sweep(closed=1)
    assert world.closer.closed == [(job_id(1), "FAILED")]
    assert world.jobs.records[job_id(1)] == before


@pytest.mark.parametrize("status", WORKING)
def test_a_silent_job_whose_execution_runs_is_left_running(status: JobStatus) -> None:
    world = World(aged(status, SILENCE_MS * 30))
    world.workflow.statuses[job_id(1)] = "RUNNING"
    assert world.sweep() == Sweep(left_running=1)
    assert (world.status(), world.closer.closed, world.messenger.repeated) == (status, [], [])


@pytest.mark.parametrize("status", WORKING)
def test_a_job_that_works_within_the_silence_is_not_even_asked_about(status: JobStatus) -> None:
    world = World(aged(status, SILENCE_MS - 1000))
    world.workflow.fail_next("status", AssertionError("asked"))
    assert world.sweep() == Sweep()


@pytest.mark.parametrize("status", [JobStatus.GENERATING, JobStatus.SUCCEEDED])
def test_a_job_that_went_on_since_it_was_listed_is_left_alone(status: JobStatus) -> None:
    world = World(aged(JobStatus.GENERATING, SILENCE_MS + 1000))

    class Listed(MemoryJobStore):
        def get(self, job_id: JobId, now_ms: int) -> Job:
            return dataclasses.replace(super().get(job_id, now_ms), status=status, updated_at_ms=now_ms)

    broom = dataclasses.replace(world.broom, jobs=Listed(*world.jobs.records.values()))
    assert sweep_open_jobs(broom) == Sweep(left_running=1)
    assert world.closer.closed == []


def test_a_job_that_could_never_be_started_is_given_up() -> None:
    world = World(aged(JobStatus.QUEUED, GIVE_UP_MS + 1000))
    world.sweep()
    assert (world.closer.closed, world.workflow.started) == ([(job_id(1), "FAILED")], [])


# ── Messages that were lost ───────────────────────────────────────────────────────────────────────────────────────

WAITING = aged(JobStatus.GENERATING, SILENCE_MS + 1000)
ATTEMPT = an_attempt(WAITING)
MADE = Completion(inference_id=ATTEMPT.inference_id, succeeded=True, output_location=ATTEMPT.output_location)
FAILED = Completion(inference_id=ATTEMPT.inference_id, succeeded=False, failure_location=ATTEMPT.failure_location)


def waiting(*attempts: Attempt, job: Job = WAITING) -> World:
    world = World(job, attempts=attempts or (ATTEMPT,))
    world.workflow.statuses[job.job_id] = "RUNNING"
    return world


def made(world: World) -> None:
    world.results.results[ATTEMPT.output_location or ""] = a_result(WAITING, ATTEMPT)


def failed(world: World) -> None:
    world.results.problems[ATTEMPT.failure_location] = ModelProblem(code="out_of_memory", message="No.")


def test_an_inference_that_still_works_is_waited_for() -> None:
    world = waiting()
    assert world.sweep() == Sweep(left_running=1)
    assert world.messenger.repeated == []


def test_a_result_without_a_message_is_told_as_the_message_would() -> None:
    world = waiting()
    made(world)
    assert world.sweep() == Sweep(resumed=1)
    assert world.messenger.repeated == [MADE]


def test_a_failure_without_a_message_is_told_as_the_message_would() -> None:
    world = waiting()
    failed(world)
    assert world.sweep() == Sweep(resumed=1)
    assert world.messenger.repeated == [FAILED]


def test_a_result_counts_more_than_a_failure_of_the_same_inference() -> None:
    """SageMaker may have tried twice."""
    world = waiting()
    made(world)
    failed(world)
    world.sweep()
    assert world.messenger.repeated == [MADE]


@pytest.mark.parametrize(("outcome", "said"), [("succeeded", MADE), ("failed", FAILED)])
def test_an_outcome_that_the_state_never_heard_is_told_again_as_it_is_recorded(outcome: str, said: Completion) -> None:
    world = waiting(dataclasses.replace(ATTEMPT, outcome=outcome))
    world.results.fail_next("exists", AssertionError("looked"))
    assert world.sweep() == Sweep(resumed=1)
    assert world.messenger.repeated == [said]


def test_a_job_that_was_never_handed_over_is_told_as_failed_without_a_trace() -> None:
    world = waiting(dataclasses.replace(ATTEMPT, output_location=None, failure_location=None))
    assert world.sweep() == Sweep(resumed=1)
    assert world.messenger.repeated == [dataclasses.replace(FAILED, failure_location=None)]


def test_only_the_newest_attempt_is_waited_for() -> None:
    retry = an_attempt(WAITING, "b" * 16, started_at_ms=ATTEMPT.started_at_ms + 1, task_token="another")
    world = waiting(retry, dataclasses.replace(ATTEMPT, outcome="failed"))
    assert world.sweep() == Sweep(left_running=1)
    world.results.results[retry.output_location or ""] = a_result(WAITING, retry)
    world.sweep()
    assert [said.inference_id for said in world.messenger.repeated] == [retry.inference_id]


@pytest.mark.parametrize("status", [JobStatus.MODERATING, JobStatus.REVIEWING, JobStatus.DELIVERING])
def test_a_job_that_does_not_wait_for_an_engine_has_no_message_to_lose(status: JobStatus) -> None:
    world = waiting(job=dataclasses.replace(WAITING, status=status))
    made(world)
    assert world.sweep() == Sweep(left_running=1)


def test_a_job_that_registered_no_attempt_is_waited_for() -> None:
    world = waiting()
    world.attempts.records.clear()
    assert world.sweep() == Sweep(left_running=1)


@pytest.mark.parametrize(
    ("prepare", "answered"),
    [(made, "succeeded"), (failed, "failed")],
)
def test_what_the_sweep_says_is_heard_like_the_message(prepare: object, answered: str) -> None:
    world = waiting()
    world.workflow.waiting.add(ATTEMPT.task_token)
    prepare(world)  # type: ignore[operator]
    world.sweep()
    deps = hears.Dependencies(attempts=world.attempts, results=world.results, workflow=world.workflow)
    event = {"Records": [{"Sns": {"Message": json.dumps(message_of(said))}} for said in world.messenger.repeated]}
    assert hears.handle(event, deps) == ["resumed" if answered == "succeeded" else "failed"]
    ((token, *_),) = getattr(world.workflow, answered)
    assert token == ATTEMPT.task_token
    # The message was only slow: it comes after all and changes nothing.
    assert hears.handle(event, deps) == ["late"]


def test_a_job_that_was_never_handed_over_is_worth_another_try() -> None:
    world = waiting(dataclasses.replace(ATTEMPT, output_location=None, failure_location=None))
    world.workflow.waiting.add(ATTEMPT.task_token)
    world.sweep()
    deps = hears.Dependencies(attempts=world.attempts, results=world.results, workflow=world.workflow)
    event = {"Records": [{"Sns": {"Message": json.dumps(message_of(world.messenger.repeated[0]))}}]}
    hears.handle(event, deps)
    assert [error for _, error, _ in world.workflow.failed] == ["EngineUnavailableError"]


# ── Bounds ────────────────────────────────────────────────────────────────────────────────────────────────────────


def late(world: World) -> None:
    """Let the jobs become older than any execution may."""
    world.clock.pass_s(OVERDUE_MS / 1000)


@pytest.mark.parametrize("status", [JobStatus.QUEUED, *WORKING])
def test_nothing_stays_open_past_the_bound_though_its_execution_is_said_to_run(status: JobStatus) -> None:
    world = waiting(job=aged(status, 0))
    late(world)
    assert world.sweep() == Sweep(closed=1)
    assert world.closer.closed == [(job_id(1), "TIMED_OUT")]


def test_a_record_that_cannot_be_read_is_closed_at_the_bound() -> None:
    world = waiting()
    world.jobs.fail_next("get", ContractError("$.spec.style is missing"))
    assert world.sweep() == Sweep(skipped=1)
    late(world)
    world.jobs.fail_next("get", ContractError("$.spec.style is missing"))
    assert world.sweep() == Sweep(closed=1)


def test_the_bound_is_longer_than_any_execution_and_its_start() -> None:
    machine = json.loads((ROOT / "statemachine" / "image_request.asl.json").read_text(encoding="utf-8"))
    waits_s = sum(machine["States"][name]["TimeoutSeconds"] for name in ("HoldPrompt", "HoldPictures"))
    assert waits_s == 2 * HOLD_S
    assert (machine["TimeoutSeconds"] - waits_s) * 1000 + GIVE_UP_MS < OVERDUE_MS


def test_no_function_runs_longer_than_the_silence() -> None:
    machine = json.loads((ROOT / "statemachine" / "image_request.asl.json").read_text(encoding="utf-8"))
    tasks = [state for state in machine["States"].values() if "waitForTaskToken" not in state.get("Resource", "")]
    assert max(state.get("TimeoutSeconds", 0) for state in tasks) * 1000 < SILENCE_MS


def test_the_age_of_a_job_is_in_its_id() -> None:
    assert accepted_at_ms(job_id(7, NOW_MS)) == NOW_MS
    assert accepted_at_ms(job_id(2**80 - 1, 0)) == 0


# ── A second sweep, and what closing does ─────────────────────────────────────────────────────────────────────────


def close_what_was_asked(world: World, teller: FakeTeller) -> None:
    """Do what the function behind the closer does."""
    for lost, execution in world.closer.closed:
        close_lost_job(lost, execution, jobs=world.jobs, teller=teller, clock=Ticker())


@pytest.mark.parametrize(("execution", "end"), [("ABORTED", JobStatus.CANCELLED), ("FAILED", JobStatus.FAILED)])
def test_a_second_sweep_finds_nothing_left_once_the_job_was_closed(execution: str, end: JobStatus) -> None:
    world, teller = World(aged(JobStatus.GENERATING, SILENCE_MS + 1000)), FakeTeller()
    world.workflow.statuses[job_id(1)] = execution
    world.sweep()
    close_what_was_asked(world, teller)
    assert (world.status(), teller.told) == (end, [job_id(1)])
    told = dataclasses.replace(world.jobs.records[job_id(1)], notice=Notice(state="sent", at_ms=NOW_MS))
    world.jobs.records[job_id(1)] = told
    world.clock.pass_s(SILENCE_MS / 1000)
    assert (world.sweep(), world.sweep()) == (Sweep(told=1), Sweep())


def test_a_second_sweep_asks_again_while_nobody_has_closed_the_job() -> None:
    world = World(aged(JobStatus.GENERATING, SILENCE_MS + 1000))
    assert world.sweep() == world.sweep() == Sweep(closed=1)
    assert world.closer.closed == [(job_id(1), "FAILED")] * 2


def test_a_silent_delivery_is_told_and_keeps_its_pictures() -> None:
    world, teller = World(aged(JobStatus.DELIVERING, SILENCE_MS + 1000)), FakeTeller()
    world.sweep()
    close_what_was_asked(world, teller)
    assert (world.status(), teller.told) == (JobStatus.DELIVERING, [job_id(1)])


# ── One job's trouble is its own ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["status", "close"])
def test_what_cannot_be_asked_now_is_skipped_and_the_next_sweep_goes_on(method: str) -> None:
    world = World(*(aged(JobStatus.GENERATING, SILENCE_MS + 1000 + n, n) for n in (1, 2)))
    (world.workflow if method == "status" else world.closer).fail_next(method, WorkflowUnavailableError())
    assert world.sweep() == Sweep(closed=1, skipped=1)
    assert world.sweep() == Sweep(closed=2)


@pytest.mark.parametrize(
    "error", [WorkflowUnavailableError(), JobNotFoundError(), ContractError("$"), PermissionError("nobody foresaw")]
)
def test_a_job_that_cannot_be_helped_does_not_hide_the_others_and_is_reported(error: Exception) -> None:
    world = World(*(aged(JobStatus.QUEUED, START_GRACE_MS + 1000 + n, n) for n in (1, 2)))
    world.jobs.fail_next("get", error)
    assert world.sweep() == Sweep(restarted=1, skipped=1)
    assert [trouble for _, trouble in world.troubles] == [error]


def test_a_throttled_start_is_skipped_and_the_next_sweep_goes_on() -> None:
    world = World(*(aged(JobStatus.QUEUED, START_GRACE_MS + 1000 + n, n) for n in (1, 2)))
    world.workflow.fail_next("start", WorkflowUnavailableError())
    assert world.sweep() == Sweep(restarted=1, skipped=1)
    assert world.sweep() == Sweep(restarted=1, left_running=1)


# ── Thousands that wait rightly ───────────────────────────────────────────────────────────────────────────────────


def test_whoever_is_few_is_looked_at_every_minute() -> None:
    ids = tuple(job_id(number) for number in range(MOST_AT_ONCE))
    assert sorted(choose(ids, NOW_MS)) == sorted(choose(ids, NOW_MS + 60_000)) == sorted(ids)


@pytest.mark.parametrize("count", [MOST_AT_ONCE + 1, 3_000, 20_000])
def test_of_thousands_each_has_its_turn_within_twice_the_least_number_of_minutes(count: int) -> None:
    ids = tuple(job_id(number) for number in range(count))
    minutes = 2 * -(-count // MOST_AT_ONCE)
    turns = [choose(ids, NOW_MS + minute * 60_000) for minute in range(minutes)]
    assert {job_id for turn in turns for job_id in turn} == set(ids)
    assert max(len(turn) for turn in turns) < 2 * MOST_AT_ONCE


def test_the_order_is_another_one_each_minute_so_that_nobody_is_always_last() -> None:
    ids = tuple(job_id(number) for number in range(MOST_AT_ONCE))
    assert len({choose(ids, NOW_MS + minute * 60_000)[-1] for minute in range(10)}) > 5


def test_a_lost_message_among_thousands_is_found_within_minutes() -> None:
    waiting_jobs = [aged(JobStatus.GENERATING, SILENCE_MS + 1000 + number, number) for number in range(2_000)]
    lost = waiting_jobs[1_234]
    attempt = an_attempt(lost)
    world = World(*waiting_jobs, attempts=(attempt,))
    world.workflow.statuses = dict.fromkeys(world.jobs.records, "RUNNING")
    world.results.results[attempt.output_location or ""] = a_result(lost, attempt)
    for _ in range(16):
        world.sweep()
        world.clock.pass_s(60)
    assert {said.inference_id for said in world.messenger.repeated} == {attempt.inference_id}


def test_a_sweep_that_is_slow_leaves_the_rest_to_the_next_one() -> None:
    world = World(*(aged(JobStatus.GENERATING, SILENCE_MS + 1000 + n, n) for n in range(9)))

    class Slow(FakeWorkflow):
        def status(self, job_id: JobId) -> str | None:
            world.clock.pass_s(BUDGET_MS / 1000 / 3)
            return "RUNNING"

    swept = sweep_open_jobs(dataclasses.replace(world.broom, workflow=Slow()))
    assert (swept.left_running, swept.later) == (3, 6)


def test_each_kind_is_counted() -> None:
    world = World(
        aged(JobStatus.QUEUED, START_GRACE_MS + 1000, 1),
        aged(JobStatus.GENERATING, SILENCE_MS + 1000, 2),
        aged(JobStatus.GENERATING, START_GRACE_MS + 1000, 3),
        aged(JobStatus.QUEUED, 0, 4),
    )
    counted = dict.fromkeys(("resumed", "left_running", "told", "skipped", "later"), 0) | {"restarted": 1, "closed": 1}
    swept = handler.handle(world.broom)
    # The third was touched a moment ago and the fourth has just come: neither counts as waiting.
    held = {"held_jobs": 0, "oldest_held_s": 0}
    assert swept == counted | held | {"open_jobs": 2, "oldest_s": swept["oldest_s"]}


def test_the_oldest_open_job_is_told_by_its_age_whatever_was_done_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, float] = {}
    monkeypatch.setattr(handler, "measure", lambda name, value, *_: told.update({name: value}))
    young = dataclasses.replace(aged(JobStatus.GENERATING, SILENCE_MS + 1000, 2), job_id=job_id(2, NOW_MS - 300_000))
    old = dataclasses.replace(aged(JobStatus.GENERATING, SILENCE_MS + 1000, 3), job_id=job_id(3, NOW_MS - 7_200_000))
    handler.handle(World(young, old).broom)
    assert told["OpenJobs"] == 2
    assert told["OldestOpenJobSeconds"] == 7200
    handler.handle(World().broom)
    assert told == {"OpenJobs": 0, "OldestOpenJobSeconds": 0, "HeldJobs": 0, "OldestHeldSeconds": 0}


# ── What waits for a person ───────────────────────────────────────────────────────────────────────────────────────


def held(age_ms: int = SILENCE_MS + 1000, number: int = 1, stage: Stage = Stage.PROMPT) -> World:
    """A job that waits for a person since then, its execution running."""
    job = a_held_job(stage, updated_at_ms=NOW_MS - age_ms)
    timeline = tuple(dataclasses.replace(change, at_ms=NOW_MS - age_ms) for change in job.timeline)
    job = dataclasses.replace(job, job_id=job_id(number, NOW_MS - age_ms), timeline=timeline)
    world = World(job)
    world.holds.register(a_hold(job, stage))
    world.workflow.statuses[job.job_id] = RUNNING
    world.workflow.waiting.add("held-token")
    return world


def the_job(world: World) -> Job:
    (job,) = world.jobs.records.values()
    return job


def decide(world: World, ruling: Ruling) -> None:
    """A decision on record that the state never heard of."""
    world.workflow.fail_next("succeed", WorkflowUnavailableError())
    desk = Desk(jobs=world.jobs, holds=world.holds, workflow=world.workflow, clock=world.clock)
    with contextlib.suppress(WorkflowUnavailableError):
        decide_hold(the_job(world).job_id, held_stage(the_job(world)), ruling, ADMIN, None, desk)


@pytest.mark.parametrize("hours", [0.1, 13, 47.9])
def test_who_waits_for_a_person_is_let_wait(hours: float) -> None:
    world = held(int(hours * 3600_000))
    assert world.sweep() == Sweep(left_running=1)
    assert world.closer.closed == []


def test_who_waits_for_a_person_is_counted_apart_from_who_waits_for_a_machine() -> None:
    swept = held(7_200_000).sweep()
    assert (swept.open_jobs, swept.oldest_s, swept.held_jobs, swept.oldest_held_s) == (0, 0, 1, 7200)


@pytest.mark.parametrize("status", ["ABORTED", "FAILED", "TIMED_OUT"])
def test_who_waits_for_a_person_with_no_execution_is_closed(status: str) -> None:
    world = held()
    world.workflow.statuses[the_job(world).job_id] = status
    assert world.sweep() == Sweep(closed=1)
    assert world.closer.closed == [(the_job(world).job_id, status)]


def test_a_wait_that_never_ends_is_closed_at_its_own_bound() -> None:
    world = held()
    world.clock.pass_s(HOLD_S + OVERDUE_MS / 1000)
    assert world.sweep() == Sweep(closed=1)
    assert world.closer.closed == [(the_job(world).job_id, "TIMED_OUT")]


@pytest.mark.parametrize("ruling", list(Ruling))
@pytest.mark.parametrize("stage", list(Stage))
def test_a_decision_that_the_state_never_heard_is_said_again(ruling: Ruling, stage: Stage) -> None:
    world = held(stage=stage)
    decide(world, ruling)
    assert world.sweep() == Sweep()  # somebody may be at it
    world.clock.pass_s(SILENCE_MS / 1000)
    assert world.sweep() == Sweep(resumed=1)
    assert [output["decision"] for _, output in world.workflow.succeeded] == [ruling.value]
    assert world.sweep() == Sweep(left_running=1)


def test_a_released_job_has_all_of_its_time_before_it_is_overdue() -> None:
    world = held(40 * 3600_000)
    decide(world, Ruling.RELEASE)
    world.clock.pass_s(SILENCE_MS / 1000)
    assert world.sweep() == Sweep(resumed=1)
    world.clock.pass_s(OVERDUE_MS / 1000)
    assert world.sweep() == Sweep(closed=1)
