"""Every order of messages, crashes, stops and sweeps that hypothesis can think of, against an oracle.

Messages come late, twice, never, about nothing, unreadable and against each other; a process may die between any two
calls, or another one may act there; executions are stopped, time out and are redriven; any state runs a second time. In
the end everything is delivered and swept, and each job must have ended as it had to.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import os
from collections import Counter
from typing import Any

import pytest
from afterimage.contracts.completion import Completion, message_of
from afterimage.domain.errors import AfterimageError, MailRefusedError, UnknownInferenceError
from afterimage.domain.job import Attempt, Job, JobId
from afterimage.domain.quotas import Charge
from afterimage.domain.status import JobStatus
from afterimage.handlers import sweep_open_jobs
from afterimage.ports import Phase
from afterimage.usecases.resume_on_completion import SUCCEEDED
from fakes.completion_world import CALLS, OUTCOMES, CompletionWorld, ScriptedEngine
from fakes.faults import Crash
from fakes.samples import OWNER, SPEC, a_job
from fakes.step_functions import GENERATION, STATES
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

JOBS = 2
TASKS = tuple(name for name, state in STATES.items() if state["Type"] == "Task")
EVERY_CALL = [(port, method) for port, (methods, _) in CALLS.items() for method in methods]
# Where another run of the function that tells may come in between.
TELLING = [
    ("jobs", "swap_notice"),
    ("suppressions", "find"),
    ("links", "put"),
    ("gallery", "read_thumbnail"),
    ("mailer", "send"),
]
UNREADABLE: tuple[str, ...] = (
    "not json",
    "",
    "null",
    "[]",
    '"text"',
    "{}",
    '{"invocationStatus": "Failed"}',
    '{"invocationStatus": "Completed", "inferenceId": ""}',
)
# What makes a message about an inference that somebody waits for none that may be acted upon.
SPOILT: tuple[dict[str, Any], ...] = (
    {"invocationStatus": "InProgress"},
    {"invocationStatus": None},
    {"invocationStatus": "completed"},
    {"inferenceId": None},
    {"inferenceId": ["x"]},
)
CALM_MINUTES = 9  # with the backoffs of retries less than the time within which a start is tried


class Completions(CompletionWorld, RuleBasedStateMachine):
    """What may happen, and what must hold. A walk is calm when nothing but messages goes astray in it: then every end
    is known exactly. So it is in others until a call has failed in fact, and but for the jobs that were disturbed."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Job] = []
        self.scripts: dict[JobId, list[str]] = {}
        self.ends: dict[JobId, JobStatus] = {}
        self.disturbed: set[JobId] = set()
        self.stopped: set[JobId] = set()
        self.calm = False
        self.minutes = 0
        self.refused = False
        self.broke = False

    @initialize(
        scripts=st.lists(st.lists(st.sampled_from(OUTCOMES), max_size=4), min_size=JOBS, max_size=JOBS),
        blocked=st.lists(st.sampled_from([False, False, False, True]), min_size=JOBS, max_size=JOBS),
        started=st.lists(st.sampled_from([True, True, False]), min_size=JOBS, max_size=JOBS),
        steps=st.integers(0, 6),
        calm=st.booleans(),
        unanswered=st.booleans(),
        meet=st.sampled_from([None, *TELLING]),
    )
    def accept(
        self,
        scripts: list[list[str]],
        blocked: list[bool],
        started: list[bool],
        steps: int,
        calm: bool,
        unanswered: bool,
        meet: tuple[str, str] | None,
    ) -> None:
        """The door records every job; it may die before it starts the workflow, which may be some steps on. In some
        walks two runs meet at the first telling, and in some every message in the end is recorded and not answered."""
        self.calm, self.unanswered = calm, unanswered
        if meet:
            self.ports[meet[0]].before_next(meet[1], self._tell_everybody)
        spec = dataclasses.replace(SPEC, prompt="gore", model_prompt="gore")
        charge = Charge(month="2026-11", day="2026-11-22", pictures=len(SPEC.seeds))
        self.all = [a_job(number=n, spec=spec if blocked[n] else SPEC, charge=charge) for n in range(JOBS)]
        self.scripts = {job.job_id: list(scripts[n]) for n, job in enumerate(self.all)}
        self.engine = ScriptedEngine(self.scripts)
        for job, begins in zip(self.all, started, strict=True):
            self.jobs.create(job, None)
            if begins:
                self.workflow.start(job.job_id)
        for execution in list(self.workflow.executions.values()) * steps:
            self.workflow.step(execution)
            if self.engine.waiting and steps > 4:
                self.finish_inference(at=0, lost=False, copies=1)
            if self.pending and steps > 5:
                self.deliver(*self.pending.pop())

    # ── What may happen ───────────────────────────────────────────────────────────────────────────────────────────

    @rule(which=st.integers(0, JOBS - 1), steps=st.integers(1, 3))
    def an_execution_goes_on(self, which: int, steps: int) -> None:
        if execution := self.workflow.executions.get(self.all[which].job_id):
            for _ in range(steps):
                self.workflow.step(execution)

    @rule(how=st.sampled_from(["told", "told", "lost", "unanswered"]), copies=st.integers(1, 3), at=st.integers(0, 9))
    @precondition(lambda self: self.engine.waiting)
    def the_endpoint_ends_one(self, how: str, copies: int, at: int) -> None:
        """Its message may get lost, or be recorded by somebody who dies before he answers: the sweep says it again."""
        job, attempt = self.engine.waiting[at % len(self.engine.waiting)]
        lost = how == "lost"
        if lost and self.engine.known[attempt.inference_id] == "expired":
            lost = not self.calm
            self.disturbed |= {job.job_id} if lost else set()  # nothing tells of it but the bound of the state
        self.finish_inference(at, lost, 1 if how == "unanswered" else copies)
        if how == "unanswered":
            self.record_unanswered(self.pending.pop()[1])

    @rule(at=st.integers(0, 9), again=st.booleans())
    @precondition(lambda self: self.pending)
    def something_arrives(self, at: int, again: bool) -> None:
        """In any order, and perhaps once more later."""
        kind, content, tries = self.pending.pop(at % len(self.pending))
        if again:
            self.pending.append((kind, content, 0))
        self.deliver(kind, content, tries)

    def settled(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts.records.values() if attempt.outcome]

    @rule(at=st.integers(0, 9))
    @precondition(lambda self: self.settled())
    def the_endpoint_contradicts_itself(self, at: int) -> None:
        """What was recorded first is what was: a later word against it changes nothing, whoever is still waiting."""
        settled = self.settled()
        attempt = settled[at % len(settled)]
        said = self.completion(attempt, attempt.outcome != SUCCEEDED)
        self.deliver("message", json.dumps(message_of(said)), 0)

    @precondition(lambda self: not self.calm and self.attempts.records)
    @rule(at=st.integers(0, 9), succeeded=st.booleans())
    def the_endpoint_lies(self, at: int, succeeded: bool) -> None:
        """Even of an inference that it still works on; whose end that is nobody can know beforehand."""
        attempt = list(self.attempts.records.values())[at % len(self.attempts.records)]
        self.disturbed.add(attempt.job_id)
        self.pending.append(("message", json.dumps(message_of(self.completion(attempt, succeeded))), 0))

    # ── What may not be acted upon ────────────────────────────────────────────────────────────────────────────────

    def state(self) -> tuple[Any, ...]:
        return copy.deepcopy((self.jobs.records, self.attempts.records, self.workflow.executions, self.pending))

    def must_be_kept(self, text: str, readable: bool = False) -> None:
        """A message that nobody can act upon changes nothing and is given back, for the queue of dead letters."""
        before, answers = self.state(), list(self.workflow.answers)
        # Whether an inference is known the store has to say, and that call may be about to fail.
        failing = readable and not self.calm
        with pytest.raises(
            (UnknownInferenceError, AfterimageError, Crash) if failing else UnknownInferenceError
        ) as found:
            self.hear(text)
        assert readable or found.value.code == "completion_unreadable"
        assert (self.state(), self.workflow.answers) == (before, answers)

    @rule(text=st.sampled_from(UNREADABLE))
    def an_unreadable_message_arrives(self, text: str) -> None:
        self.must_be_kept(text)

    @rule(at=st.integers(0, 9), how=st.sampled_from(SPOILT), succeeded=st.booleans())
    @precondition(lambda self: self.attempts.records)
    def a_spoilt_message_arrives(self, at: int, how: dict[str, Any], succeeded: bool) -> None:
        attempt = list(self.attempts.records.values())[at % len(self.attempts.records)]
        self.must_be_kept(json.dumps(message_of(self.completion(attempt, succeeded)) | how))

    @rule(at=st.integers(0, 9), form=st.sampled_from(["{}.x", " {}", "{}0"]), succeeded=st.booleans())
    @precondition(lambda self: self.attempts.records)
    def a_message_about_nearly_an_attempt_arrives(self, at: int, form: str, succeeded: bool) -> None:
        attempt = list(self.attempts.records.values())[at % len(self.attempts.records)]
        said = message_of(self.completion(attempt, succeeded)) | {"inferenceId": form.format(attempt.inference_id)}
        self.must_be_kept(json.dumps(said), readable=True)

    @rule(which=st.integers(0, JOBS - 1), succeeded=st.booleans())
    def a_message_about_an_unknown_attempt_arrives(self, which: int, succeeded: bool) -> None:
        said = Completion(inference_id=f"{self.all[which].job_id}.{'f' * 16}", succeeded=succeeded)
        self.must_be_kept(json.dumps(message_of(said)), readable=True)

    @rule()
    def the_endpoint_is_updated(self) -> None:
        before = self.state()
        assert self.hear('{"eventName": "TestNotification"}') == ["test"]
        assert self.state() == before

    # ── Executions, time and faults ───────────────────────────────────────────────────────────────────────────────

    @rule(lost=st.booleans())
    @precondition(lambda self: self.workflow.events)
    def an_end_is_told(self, lost: bool) -> None:
        event = self.workflow.events.pop(0)
        if not lost:
            self.pending.append(("close", event, 0))

    @precondition(lambda self: not self.calm)
    @rule(which=st.integers(0, JOBS - 1), status=st.sampled_from(["ABORTED", "TIMED_OUT"]))
    def an_execution_is_ended_from_outside(self, which: int, status: str) -> None:
        execution = self.workflow.executions.get(self.all[which].job_id)
        if execution and execution.status == "RUNNING":
            self.stopped.add(execution.job_id)
            self.workflow.end(execution, status)

    @precondition(lambda self: not self.calm)
    @rule(which=st.integers(0, JOBS - 1), steps=st.integers(0, 3), heard=st.booleans())
    def an_execution_is_stopped_and_redriven_before_anybody_hears_of_it(
        self, which: int, steps: int, heard: bool
    ) -> None:
        self.an_execution_is_ended_from_outside(which=which, status="ABORTED")
        self.an_execution_is_redriven(which=which)
        self.an_execution_goes_on(which=which, steps=steps)
        while heard and self.workflow.events:
            self.deliver("close", self.workflow.events.pop(), 0)

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

    def untold(self) -> list[JobId]:
        """Who is to be told just now."""
        records = self.jobs.records.values()
        return [job.job_id for job in records if job.status is JobStatus.DELIVERING or not (job_open(job) or done(job))]

    @rule(where=st.sampled_from(TELLING), at=st.integers(0, JOBS - 1))
    @precondition(lambda self: self.untold())
    def two_runs_tell_at_once(self, where: tuple[str, str], at: int) -> None:
        """The state and the event may both have somebody told, and meet at any step."""
        untold, (port, method) = self.untold(), where
        self.ports[port].before_next(method, self._tell_everybody)
        self.deliver("tell", untold[at % len(untold)], 0)

    def _tell_everybody(self) -> None:
        for job in self.all:
            with contextlib.suppress(AfterimageError, Crash):
                self.handle("tell", job.job_id)

    @rule(minutes=st.sampled_from([1, 3, 20, 200]))
    def time_passes(self, minutes: int) -> None:
        """A token's bound may be over, or the time within which a start is tried; not in a calm walk."""
        if self.calm:
            minutes = min(minutes, CALM_MINUTES - self.minutes)
        self.minutes += minutes
        unstarted = {job.job_id for job in self.all if job.job_id not in self.workflow.executions}
        self.disturbed |= {job.job_id for job in self.all} if self.minutes > 120 else set()
        self.disturbed |= unstarted if self.minutes > CALM_MINUTES else set()
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
        self.ports[port].fail_next(method, Crash() if dies else CALLS[port][1](), after=dies and after, skip=skip)
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
    def what_was_recorded_first_is_what_is_answered(self) -> None:
        recorded = {attempt.task_token: attempt.outcome for attempt in self.attempts.records.values()}
        assert all(recorded[token] == answer for token, answer in self.workflow.answers)

    @invariant()
    def what_is_counted_is_true(self) -> None:
        """An open job holds its place, a picture is paid for while it may come and once it is there."""
        if not self.all:
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
        for job in self.all:
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
        if not self.all:
            return
        met = [error for fake in self.ports.values() for error in fake.faults_met]
        self.broke = any(not isinstance(error, MailRefusedError) for error in met)
        for fake in self.ports.values():
            fake.work_again()
        in_time = self._close(rounds=12)
        if not in_time:
            self.clock.pass_s(13 * 3600)
            self._close(rounds=4)
        for _ in range(2):  # the last mark of the index goes with the sweep after the last word
            self.clock.pass_s(3 * 60)
            sweep_open_jobs.handle(self.broom)
            self.settle()
        self.judge(in_time)

    def _close(self, rounds: int) -> bool:
        """Deliver and sweep until nothing is left to be done, and tell whether that came."""
        for _ in range(rounds):
            self.settle()
            if all(done(record) for record in self.jobs.records.values()):
                return True
            self.clock.pass_s(3 * 60)
            sweep_open_jobs.handle(self.broom)
        return False

    def judge(self, in_time: bool) -> None:
        self.nobody_is_mailed_twice()
        self.what_was_recorded_first_is_what_is_answered()
        self.an_end_stays_and_is_true()
        self.what_is_counted_is_true()
        assert in_time or not self.calm, "a job waited for its bound although its end was known"
        assert not [one for one in self.workflow.executions.values() if one.status == "RUNNING"]
        assert not [job for phase in Phase for job in self.jobs.list_open(phase, self.clock(), 10)]
        mailed = {mail.job.job_id for mail in self.mailer.sent}
        for job in self.all:
            record = self.jobs.records[job.job_id]
            assert record.status.is_final, f"stuck at {record.status}"
            assert record.notice is not None, f"{record.status}, and nobody was told"
            state = record.notice.state
            assert state in ("sent", "failed", "uncertain"), state
            assert (job.job_id in mailed) >= (state == "sent")
            assert (job.job_id in mailed) <= (state in ("sent", "uncertain"))
            if self.known(job.job_id):
                wanted = predicted(job, self.scripts[job.job_id])
                assert (record.status, record.failure.code if record.failure else None) == wanted
                assert state == "sent" or (self.refused and state == "failed")

    def known(self, job_id: JobId) -> bool:
        """Whether the end of a job can be said exactly. A call that was to fail and never did disturbed nothing."""
        return self.calm or not (self.broke or job_id in self.stopped | self.disturbed)


def done(record: Job) -> bool:
    return record.status.is_final and record.notice is not None and record.notice.state != "sending"


def job_open(record: Job) -> bool:
    return not record.status.is_final


def predicted(job: Job, script: list[str]) -> tuple[JobStatus, str | None]:
    """How a job ends that nothing disturbed: lost, late and doubled messages change nothing about it."""
    if job.spec.prompt == "gore":
        return JobStatus.BLOCKED, "prompt_blocked"
    for outcome in (*script, "success")[:3]:  # a state is tried twice more
        if outcome == "success":
            return JobStatus.SUCCEEDED, None
        if outcome in ("foreign", "stolen"):
            return JobStatus.FAILED, "invalid_result"
        if outcome in ("failure", "expired"):
            return JobStatus.FAILED, "generation_failed"
    return JobStatus.FAILED, "busy"


TestCompletions = Completions.TestCase
TestCompletions.settings = settings(
    max_examples=int(os.environ.get("AFTERIMAGE_EXAMPLES", "150")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
