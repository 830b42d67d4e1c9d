"""Every order of messages, crashes, stops and sweeps that hypothesis can think of, against an oracle.

The handlers run on fakes and on a small model of Step Functions. Messages come late, twice, never, about nothing and
against each other; a process may die between any two calls; executions are stopped, time out and are redriven; any
state runs a second time. In the end everything is delivered and swept, and each job must have ended as it had to.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections import Counter
from typing import Any

from afterimage.contracts.completion import Completion, message_of
from afterimage.contracts.generation import ModelProblem
from afterimage.domain.errors import (
    AfterimageError,
    EngineUnavailableError,
    MailRefusedError,
    MailUnavailableError,
    StoreUnavailableError,
    UnknownInferenceError,
    WorkflowUnavailableError,
)
from afterimage.domain.job import Attempt, Job, JobId
from afterimage.domain.moderation import packaged_policy
from afterimage.domain.quotas import Charge
from afterimage.domain.status import JobStatus
from afterimage.handlers import (
    close_lost_job,
    moderate_prompt,
    notify_requester,
    record_failure,
    resume_on_completion,
    review_images,
    start_generation,
    sweep_open_jobs,
)
from afterimage.ports import StartedInference
from afterimage.usecases.notify_requester import Post
from afterimage.usecases.sweep_open_jobs import Broom
from fakes.faults import Crash, Faulty
from fakes.outside import Dice, FakeEngine, FakeGallery, FakeMailer, FakeResults, Ticker
from fakes.samples import OWNER, SPEC, a_job, a_result, quarantined
from fakes.step_functions import GENERATION, STATES, ModelStepFunctions
from fakes.stores import MemoryAttemptStore, MemoryJobStore, MemoryLinkStore, MemorySuppressionStore
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

JOBS = 2
OUTCOMES = ("success", "failure", "busy", "garbage")
TASKS = tuple(name for name, state in STATES.items() if state["Type"] == "Task")
# Which calls may fail, how they fail while the process lives, and of which fake they are.
CALLS = {
    "jobs": (("get", "advance", "swap_notice", "list_open"), StoreUnavailableError),
    "attempts": (("register", "find", "record_locations", "settle", "list_by_job"), StoreUnavailableError),
    "engine": (("start",), EngineUnavailableError),
    "results": (("read_result", "read_problem", "exists"), StoreUnavailableError),
    "gallery": (("publish", "read_thumbnail"), StoreUnavailableError),
    "links": (("put",), StoreUnavailableError),
    "mailer": (("send",), MailUnavailableError),
    "workflow": (("start", "status", "succeed", "fail"), WorkflowUnavailableError),
}
EVERY_CALL = [(port, method) for port, (methods, _) in CALLS.items() for method in methods]


class ScriptedEngine(FakeEngine):
    """Inferences that end as a script says; each is kept until the endpoint is told to work on it."""

    def __init__(self, scripts: dict[JobId, list[str]]) -> None:
        super().__init__()
        self.scripts = scripts
        self.known: dict[str, str] = {}
        self.waiting: list[tuple[Job, Attempt]] = []

    def start(self, job: Job, attempt: Attempt) -> StartedInference:
        fault = self.take_fault("start")
        if fault and not fault.after:
            raise fault.error
        if attempt.inference_id not in self.known:
            script = self.scripts[job.job_id]
            self.known[attempt.inference_id] = script.pop(0) if script else "success"
            self.waiting.append((job, attempt))
        if fault:
            raise fault.error
        return StartedInference(output_location=place("output", attempt), failure_location=place("failure", attempt))


def place(folder: str, attempt: Attempt) -> str:
    return f"s3://bucket/inference/{folder}/{attempt.inference_id}.out"


class Completions(RuleBasedStateMachine):
    """The world, and what may happen in it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Ticker()
        self.attempts = MemoryAttemptStore()
        self.links = MemoryLinkStore()
        self.results, self.gallery, self.mailer = FakeResults(), FakeGallery(), FakeMailer()
        self.workflow = ModelStepFunctions(self.run_state, self.clock)
        # What is on its way: (kind, content, tries so far). Lambda tries an event three times.
        self.pending: list[tuple[str, Any, int]] = []
        self.dead: list[tuple[str, Any]] = []
        self.ends: dict[JobId, JobStatus] = {}
        self.disturbed: set[JobId] = set()
        self.stopped: set[JobId] = set()
        self.crashed = False
        self.calm = False
        self.refused = False

    @initialize(
        scripts=st.lists(st.lists(st.sampled_from(OUTCOMES), max_size=4), min_size=JOBS, max_size=JOBS),
        blocked=st.lists(st.booleans(), min_size=JOBS, max_size=JOBS),
        started=st.lists(st.booleans(), min_size=JOBS, max_size=JOBS),
        calm=st.booleans(),
    )
    def accept(self, scripts: list[list[str]], blocked: list[bool], started: list[bool], calm: bool) -> None:
        """The door records every job; it may die before it starts the workflow. Half of the walks are calm: messages
        alone go astray there, and the oracle knows each end exactly."""
        self.calm = calm
        spec = dataclasses.replace(SPEC, prompt="gore", model_prompt="gore")
        charge = Charge(month="2026-11", day="2026-11-22", pictures=len(SPEC.seeds))
        self.all = [a_job(number=n, spec=spec if blocked[n] else SPEC, charge=charge) for n in range(JOBS)]
        self.scripts = {job.job_id: list(scripts[n]) for n, job in enumerate(self.all)}
        self.jobs = MemoryJobStore()
        for job in self.all:
            self.jobs.create(job, None)
        self.engine = ScriptedEngine({job: list(script) for job, script in self.scripts.items()})
        for job, begins in zip(self.all, started, strict=True):
            if begins:
                self.workflow.start(job.job_id)
        self.post = Post(
            jobs=self.jobs,
            links=self.links,
            suppressions=MemorySuppressionStore(),
            gallery=self.gallery,
            mailer=self.mailer,
            link_base="https://x",
            link_ttl_s=lambda: 60,
            clock=self.clock,
            entropy=Dice(),
        )
        self.broom = Broom(
            jobs=self.jobs,
            attempts=self.attempts,
            results=self.results,
            workflow=self.workflow,
            closer=self,
            messenger=self,
            report=lambda *_: None,
            clock=self.clock,
        )

    # ── Ports that only send on ───────────────────────────────────────────────────────────────────────────────────

    def close(self, job_id: JobId, execution_status: str) -> None:
        self.pending.append(("close", (job_id, execution_status), 0))

    def repeat(self, completion: Completion) -> None:
        self.pending.append(("message", json.dumps(message_of(completion)), 0))

    def tell(self, job_id: JobId) -> None:
        self.pending.append(("tell", job_id, 0))

    # ── The functions ─────────────────────────────────────────────────────────────────────────────────────────────

    def run_state(self, name: str, payload: dict[str, Any]) -> Any:
        """Run the function behind a state."""
        jobs, clock = self.jobs, self.clock
        if name == "ModeratePrompt":
            deps = moderate_prompt.Dependencies(jobs=jobs, policy=packaged_policy, clock=clock)
            return moderate_prompt.handle(payload, deps)
        if name == GENERATION:
            return start_generation.handle(
                payload,
                start_generation.Dependencies(
                    jobs=jobs, attempts=self.attempts, engine=self.engine, workflow=self.workflow, clock=clock
                ),
            )
        if name == "ReviewImages":
            return review_images.handle(
                payload,
                review_images.Dependencies(
                    jobs=jobs, attempts=self.attempts, results=self.results, gallery=self.gallery, clock=clock
                ),
            )
        if name == "RecordFailure":
            return record_failure.handle(payload, record_failure.Dependencies(jobs=jobs, clock=clock))
        return notify_requester.handle(payload, self.post)

    def handle(self, kind: str, content: Any) -> None:
        """Run the function that an event is for."""
        if kind == "message":
            deps = resume_on_completion.Dependencies(
                attempts=self.attempts, results=self.results, workflow=self.workflow
            )
            resume_on_completion.handle({"Records": [{"Sns": {"Message": content}}]}, deps)
        elif kind == "close":
            event = {"detail": {"name": content[0], "status": content[1]}}
            close_lost_job.handle(event, close_lost_job.Dependencies(jobs=self.jobs, teller=self, clock=self.clock))
        else:
            notify_requester.handle({"job_id": content}, self.post)

    # ── What may happen ───────────────────────────────────────────────────────────────────────────────────────────

    @rule(which=st.integers(0, JOBS - 1))
    def an_execution_goes_on(self, which: int) -> None:
        if execution := self.workflow.executions.get(self.all[which].job_id):
            self.workflow.step(execution)

    @rule(lost=st.booleans(), copies=st.integers(1, 3), at=st.integers(0, 9))
    @precondition(lambda self: self.engine.waiting)
    def the_endpoint_ends_one(self, lost: bool, copies: int, at: int) -> None:
        job, attempt = self.engine.waiting.pop(at % len(self.engine.waiting))
        outcome = self.engine.known[attempt.inference_id]
        succeeded = outcome in ("success", "garbage")
        if outcome == "success":
            result = a_result(job, attempt)
            self.results.results[place("output", attempt)] = result
            self.gallery.quarantined |= quarantined(result)
        elif outcome == "garbage":
            self.results.results[place("output", attempt)] = a_result(job, attempt, job_id="somebody's")
        else:
            code = "busy" if outcome == "busy" else "generation_failed"
            problem = ModelProblem(code=code, message="", retryable=outcome == "busy")
            self.results.problems[place("failure", attempt)] = problem
        said = Completion(
            inference_id=attempt.inference_id,
            succeeded=succeeded,
            output_location=place("output", attempt) if succeeded else None,
            failure_location=None if succeeded else place("failure", attempt),
        )
        if not lost:
            self.pending += [("message", json.dumps(message_of(said)), 0)] * copies

    @rule(at=st.integers(0, 9), again=st.booleans())
    @precondition(lambda self: self.pending)
    def something_arrives(self, at: int, again: bool) -> None:
        """In any order, and perhaps once more later."""
        kind, content, tries = self.pending.pop(at % len(self.pending))
        if again:
            self.pending.append((kind, content, 0))
        self.deliver(kind, content, tries)

    def deliver(self, kind: str, content: Any, tries: int) -> None:
        try:
            self.handle(kind, content)
        except (AfterimageError, Crash):
            if tries < 2:
                self.pending.append((kind, content, tries + 1))
            else:
                self.dead.append((kind, content))

    @rule(
        text=st.sampled_from(
            [
                '{"eventName": "TestNotification"}',
                "not json",
                "{}",
                '{"inferenceId": "x", "invocationStatus": "Failed"}',
            ]
        )
    )
    def a_message_about_nothing_arrives(self, text: str) -> None:
        before = dict(self.jobs.records)
        with contextlib.suppress(UnknownInferenceError, StoreUnavailableError, Crash):
            self.handle("message", text)
        assert self.jobs.records == before

    @rule(which=st.integers(0, JOBS - 1), succeeded=st.booleans())
    def a_message_about_an_unknown_attempt_arrives(self, which: int, succeeded: bool) -> None:
        said = Completion(inference_id=f"{self.all[which].job_id}.{'f' * 16}", succeeded=succeeded)
        before = dict(self.jobs.records)
        with contextlib.suppress(UnknownInferenceError, StoreUnavailableError, Crash):
            self.handle("message", json.dumps(message_of(said)))
        assert self.jobs.records == before

    @rule()
    @precondition(lambda self: self.workflow.events)
    def an_end_is_told(self) -> None:
        self.pending.append(("close", self.workflow.events.pop(0), 0))

    @rule()
    @precondition(lambda self: self.workflow.events)
    def an_end_is_lost(self) -> None:
        self.workflow.events.pop(0)

    @precondition(lambda self: not self.calm)
    @rule(which=st.integers(0, JOBS - 1), status=st.sampled_from(["ABORTED", "TIMED_OUT"]))
    def an_execution_is_ended_from_outside(self, which: int, status: str) -> None:
        execution = self.workflow.executions.get(self.all[which].job_id)
        if execution and execution.status == "RUNNING":
            self.stopped.add(execution.job_id)
            self.workflow.end(execution, status)

    @rule(which=st.integers(0, JOBS - 1))
    def an_execution_is_redriven(self, which: int) -> None:
        execution = self.workflow.executions.get(self.all[which].job_id)
        if execution and execution.status not in ("RUNNING", "SUCCEEDED"):
            self.workflow.redrive(execution)

    @rule(which=st.integers(0, JOBS - 1), name=st.sampled_from([task for task in TASKS if task != "RecordFailure"]))
    def a_state_runs_a_second_time(self, which: int, name: str) -> None:
        """As Lambda and a redrive may run it: with what it was given before, so only a state that was entered."""
        execution = self.workflow.executions.get(self.all[which].job_id)
        if execution is None or execution.state != name:
            return
        payload = dict(execution.data)
        if name == GENERATION:
            if execution.token is None:
                return
            payload |= {"task_token": execution.token, "retry_count": execution.retry_count}
        with contextlib.suppress(AfterimageError, Crash):
            self.run_state(name, payload)

    @precondition(lambda self: not self.calm)
    @rule(minutes=st.sampled_from([1, 3, 20, 200]))
    def time_passes(self, minutes: int) -> None:
        # A token's bound may be over, or the time within which a start is tried.
        unstarted = {job.job_id for job in self.all if job.job_id not in self.workflow.executions}
        self.disturbed |= {job.job_id for job in self.all} if minutes == 200 else unstarted if minutes == 20 else set()
        self.clock.pass_s(minutes * 60)

    @rule()
    def it_is_swept(self) -> None:
        with contextlib.suppress(AfterimageError, Crash):
            sweep_open_jobs.handle(self.broom)

    @precondition(lambda self: not self.calm)
    @rule(
        call=st.sampled_from(EVERY_CALL),
        dies=st.booleans(),
        after=st.booleans(),
        skip=st.integers(0, 2),
        retried=st.booleans(),
    )
    def a_call_will_fail(self, call: tuple[str, str], dies: bool, after: bool, skip: int, retried: bool) -> None:
        """The process dies before or after its work, or the service throttles it."""
        port, method = call
        fake: Faulty = getattr(self, port)
        fake.fail_next(method, Crash() if dies else CALLS[port][1](), after=dies and after, skip=skip)
        self.crashed = True
        self.workflow.dies_as = "Sandbox.Timedout" if retried else "Lambda.Unknown"

    @rule()
    def a_mail_will_be_refused(self) -> None:
        self.mailer.fail_next("send", MailRefusedError(code="MessageRejected"))
        self.refused = True

    # ── What must always hold ─────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def nobody_is_mailed_twice(self) -> None:
        mailed = Counter(mail.job.job_id for mail in self.mailer.sent)
        assert not mailed or max(mailed.values()) == 1

    @invariant()
    def what_is_counted_is_true(self) -> None:
        """An open job holds its place, a picture is paid for while it may come and once it is there."""
        if not hasattr(self, "jobs"):
            return
        records = self.jobs.records.values()
        paid = sum(
            job.charge.pictures
            for job in records
            if job.charge and (job.status is JobStatus.SUCCEEDED or not job.status.is_final)
        )
        assert self.jobs.open[OWNER] == sum(not job.status.is_final for job in records)
        assert self.jobs.months[OWNER, "2026-11"] == self.jobs.days["2026-11-22"] == paid

    @invariant()
    def an_end_stays_and_is_true(self) -> None:
        for job in getattr(self, "all", ()):
            record = self.jobs.records[job.job_id]
            if not record.status.is_final:
                assert job.job_id not in self.ends
                continue
            assert self.ends.setdefault(job.job_id, record.status) is record.status
            made = any(
                outcome == "success" and inference_id.startswith(job.job_id)
                for inference_id, outcome in self.engine.known.items()
            )
            assert record.status is not JobStatus.SUCCEEDED or (made and record.pictures)
            assert record.status is not JobStatus.CANCELLED or job.job_id in self.stopped
            assert (record.status is JobStatus.BLOCKED) <= (job.spec.prompt == "gore")

    # ── The end: everything is delivered and swept, and nothing fails any more ────────────────────────────────────

    def teardown(self) -> None:
        if not hasattr(self, "jobs"):
            return
        for port in CALLS:
            getattr(self, port)._faults.clear()
        for _ in range(12):
            self.settle()
            if all(done(record) for record in self.jobs.records.values()):
                break
            self.clock.pass_s(3 * 60)
            sweep_open_jobs.handle(self.broom)
        else:
            self.clock.pass_s(13 * 3600)
            for _ in range(3):
                self.settle()
                sweep_open_jobs.handle(self.broom)
                self.clock.pass_s(3 * 60)
            self.settle()
        self.judge()

    def settle(self) -> None:
        """Let everything that is on its way arrive, and every execution go on as far as it can."""
        for _ in range(300):
            stepped = [self.workflow.step(execution) for execution in list(self.workflow.executions.values())]
            while self.engine.waiting:
                self.the_endpoint_ends_one(lost=False, copies=1, at=0)
            self.pending += [("close", event, 0) for event in self.workflow.events]
            self.workflow.events.clear()
            if self.pending:
                self.deliver(*self.pending.pop(0))
            elif not any(stepped):
                return
        raise AssertionError("it never comes to rest")

    def judge(self) -> None:
        self.nobody_is_mailed_twice()
        self.an_end_stays_and_is_true()
        self.what_is_counted_is_true()
        mailed = {mail.job.job_id for mail in self.mailer.sent}
        for job in self.all:
            record = self.jobs.records[job.job_id]
            assert record.status.is_final, f"stuck at {record.status}"
            assert record.notice is not None, f"{record.status}, and nobody was told"
            state = record.notice.state
            assert state in ("sent", "failed", "uncertain"), state
            assert (job.job_id in mailed) >= (state == "sent")
            assert (job.job_id in mailed) <= (state in ("sent", "uncertain"))
            if not self.crashed and job.job_id not in self.stopped | self.disturbed:
                assert (record.status, record.failure.code if record.failure else None) == predicted(
                    job, self.scripts[job.job_id]
                )
                assert state == "sent" or self.refused


def done(record: Job) -> bool:
    return record.status.is_final and record.notice is not None and record.notice.state != "sending"


def predicted(job: Job, script: list[str]) -> tuple[JobStatus, str | None]:
    """How a job ends that nothing disturbed: lost, late and doubled messages change nothing about it."""
    if job.spec.prompt == "gore":
        return JobStatus.BLOCKED, "prompt_blocked"
    for outcome in (*script, "success")[:3]:  # a state is tried twice more
        if outcome == "success":
            return JobStatus.SUCCEEDED, None
        if outcome == "garbage":
            return JobStatus.FAILED, "invalid_result"
        if outcome == "failure":
            return JobStatus.FAILED, "generation_failed"
    return JobStatus.FAILED, "busy"


TestCompletions = Completions.TestCase
TestCompletions.settings = settings(
    max_examples=int(os.environ.get("AFTERIMAGE_EXAMPLES", "100")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
