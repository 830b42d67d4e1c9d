"""A request that waits for a person, under faults, crashes, cancels and lost answers in any order: it always ends, the
first decision is what becomes of it, and nobody's strike is counted twice."""

from __future__ import annotations

import contextlib
import dataclasses

from afterimage.domain.errors import AfterimageError, JobClosedError, StoreUnavailableError, WorkflowUnavailableError
from afterimage.domain.holds import PERSON, Ruling, Stage, held_stage
from afterimage.domain.job import Failure, Job, Notice
from afterimage.domain.moderation import parse_policy
from afterimage.domain.quotas import UNLIMITED, charge_for
from afterimage.domain.status import JobStatus
from afterimage.domain.verdicts import Action, Verdict
from afterimage.handlers import sweep_open_jobs
from afterimage.ports import JobChanges, Phase
from afterimage.usecases.decide_hold import Desk, decide_hold
from fakes.completion_world import CompletionWorld
from fakes.faults import Crash
from fakes.outside import NOW_MS
from fakes.samples import ADMIN, HOLDING_POLICY, OWNER, SPEC, a_job, job_id
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

CALLS = [
    ("jobs", "advance"),
    ("jobs", "get"),
    ("holds", "register"),
    ("holds", "find"),
    ("workflow", "succeed"),
    ("workflow", "fail"),
    ("gallery", "publish"),
]
ERRORS = {"workflow": WorkflowUnavailableError()}
CANCELLED = JobChanges(
    failure=Failure(code="cancelled", sentence="Cancelled."), notice=Notice(state="not_wanted", at_ms=NOW_MS)
)


class Unsure:
    """Has a person look at every picture."""

    name = "unsure"

    def judge(self, key: str, /) -> Verdict:
        return Verdict(layer=self.name, version="1", action=Action.HOLD, categories=("ducks",), sentence="A duck?")


class Held(RuleBasedStateMachine):
    """One request, which waits at its prompt, at its pictures, or at both."""

    def __init__(self) -> None:
        super().__init__()
        self.world = CompletionWorld()
        self.promised = False
        self.seen: Stage | None = None
        self.released: set[Stage] = set()
        self.world.policy = lambda: parse_policy(HOLDING_POLICY)

    @initialize(prompt=st.booleans(), pictures=st.booleans())
    def accept(self, prompt: bool, pictures: bool) -> None:
        self.holds = int(prompt) + int(pictures)
        self.world.moderators = (Unsure(),) if pictures else ()
        words = "a duck" if prompt else "a boat"
        spec = dataclasses.replace(SPEC, prompt=words, model_prompt=words)
        job = a_job(spec=spec, charge=charge_for(2, NOW_MS, UNLIMITED))
        self.world.jobs.create(job, None)
        self.world.engine.scripts = {job.job_id: []}
        self.world.workflow.start(job.job_id)

    @property
    def job(self) -> Job:
        return self.world.jobs.records[job_id(1)]

    @rule()
    def all_goes_on(self) -> None:
        with contextlib.suppress(AfterimageError, Crash):
            self.world.settle()

    @rule(call=st.sampled_from(CALLS), dies=st.booleans(), after=st.booleans())
    def a_call_will_fail(self, call: tuple[str, str], dies: bool, after: bool) -> None:
        port, method = call
        error: BaseException = Crash() if dies else ERRORS.get(port, StoreUnavailableError())
        getattr(self.world, port).fail_next(method, error, after=after)

    @rule()
    def an_admin_looks(self) -> None:
        """And decides later, when something else may wait."""
        if self.job.status is JobStatus.HELD:
            self.seen = held_stage(self.job)

    @rule(ruling=st.sampled_from(Ruling))
    def who_looked_decides(self, ruling: Ruling) -> None:
        if self.seen:
            self.decide(self.seen, ruling)

    @rule(ruling=st.sampled_from(Ruling))
    def who_looked_decides_while_a_state_is_at_it(self, ruling: Ruling) -> None:
        if stage := self.seen:
            self.world.jobs.before_next("advance", lambda: self.decide(stage, ruling))

    @rule(ruling=st.sampled_from(Ruling))
    def an_admin_decides(self, ruling: Ruling) -> None:
        self.decide(held_stage(self.job), ruling)

    def decide(self, stage: Stage, ruling: Ruling) -> None:
        world = self.world
        if ruling is Ruling.RELEASE:
            self.released.add(stage)
        desk = Desk(jobs=world.jobs, holds=world.holds, workflow=world.workflow, clock=world.clock)
        with contextlib.suppress(AfterimageError, Crash):
            decide_hold(job_id(1), stage, ruling, ADMIN, None, desk)
            self.promised = True

    @rule(first=st.sampled_from(Ruling), second=st.sampled_from(Ruling))
    def two_decide_at_once(self, first: Ruling, second: Ruling) -> None:
        if self.job.status is JobStatus.HELD:
            self.world.jobs.before_next("advance", lambda: self.an_admin_decides(first))
            self.an_admin_decides(second)

    @rule(ruling=st.sampled_from(Ruling))
    def one_decides_while_a_state_is_at_it(self, ruling: Ruling) -> None:
        """Just before the next write of whatever runs then: the wait begun anew, or its end."""
        self.world.jobs.before_next("advance", lambda: self.an_admin_decides(ruling))

    @rule(stops=st.booleans())
    def its_owner_cancels(self, stops: bool) -> None:
        """Or the call dies before it can stop the execution."""
        world = self.world
        with contextlib.suppress(JobClosedError, StoreUnavailableError, Crash):
            world.jobs.advance(job_id(1), JobStatus.CANCELLED, world.clock(), CANCELLED)
            execution = world.workflow.executions[job_id(1)]
            if stops and execution.status == "RUNNING":
                world.workflow.end(execution, "ABORTED")

    @rule(hours=st.sampled_from([0.1, 1, 20, 50]))
    def time_passes(self, hours: float) -> None:
        self.world.clock.pass_s(hours * 3600)

    @rule()
    def it_is_swept(self) -> None:
        with contextlib.suppress(AfterimageError, Crash):
            sweep_open_jobs.handle(self.world.broom)

    @invariant()
    def nothing_is_published_that_a_person_has_not_released(self) -> None:
        if self.world.jobs.records and self.world.moderators:
            released = [d for d in self.job.decisions if d.stage == PERSON and d.action is Action.ALLOW]
            assert len(released) == self.holds or not self.world.gallery.published
            assert Stage.PICTURE in self.released or not self.world.gallery.published

    @invariant()
    def each_stage_is_decided_once(self) -> None:
        if self.world.jobs.records:
            assert sum(decision.stage == PERSON for decision in self.job.decisions) <= self.holds
            assert sum(change.status is JobStatus.HELD for change in self.job.timeline) <= self.holds

    def teardown(self) -> None:
        if not self.world.jobs.records:
            return
        world = self.world
        for port, _ in CALLS:
            getattr(world, port).work_again()
        for hours in (0.1, 0.1, 49, 0.1, 49, 0.1, 13, 13, 0.1, 0.1):
            world.settle()
            world.clock.pass_s(hours * 3600)
            sweep_open_jobs.handle(world.broom)
        world.settle()
        sweep_open_jobs.handle(world.broom)
        self.judge()

    def judge(self) -> None:
        world, job = self.world, self.job
        assert job.status.is_final, job.status
        assert job.notice is not None
        assert len(world.mailer.sent) <= 1
        assert not [one for one in world.workflow.executions.values() if one.status == "RUNNING"]
        assert not [found for phase in Phase for found in world.jobs.list_open(phase, world.clock(), 10)]
        assert world.jobs.open[OWNER] == 0
        people = [decision for decision in job.decisions if decision.stage == PERSON]
        refused = bool(people) and people[-1].action is Action.BLOCK
        assert (job.failure is not None and job.failure.code == "review_refused") == refused
        assert len(world.jobs.strikes.get(OWNER, {})) == int(refused)
        # Whoever was told that it is released finds it on record, and no state meets it as one that has moved on.
        assert not self.promised or people, "a decision was lost"
        assert job.failure is None or job.failure.code != "job_closed"
        if job.status is JobStatus.SUCCEEDED:
            assert len(people) == self.holds
            assert not refused


TestHeld = Held.TestCase
TestHeld.settings = settings(max_examples=250, stateful_step_count=25, deadline=None)
