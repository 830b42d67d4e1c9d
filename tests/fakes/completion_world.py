"""The functions of a request on fakes and on the model of Step Functions, with what is on its way between them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from afterimage.contracts.completion import Completion, message_of
from afterimage.contracts.generation import ModelProblem
from afterimage.domain.errors import (
    AfterimageError,
    EngineUnavailableError,
    MailUnavailableError,
    StoreUnavailableError,
    WorkflowUnavailableError,
)
from afterimage.domain.job import Attempt, Job, JobId
from afterimage.domain.moderation import Policy, packaged_policy
from afterimage.handlers import (
    close_lost_job,
    hold_for_review,
    moderate_prompt,
    notify_requester,
    record_failure,
    refuse_held,
    resume_on_completion,
    review_images,
    start_generation,
)
from afterimage.ports import PictureModerator, StartedInference
from afterimage.usecases.notify_requester import Post
from afterimage.usecases.resume_on_completion import FAILED, SUCCEEDED
from afterimage.usecases.sweep_open_jobs import Broom

from fakes.campaigns import NO_CAMPAIGNS
from fakes.faults import Crash, Faulty
from fakes.outside import Dice, FakeEngine, FakeGallery, FakeMailer, FakeResults, FakeUploads, FakeWorkflow, Ticker
from fakes.samples import a_result, quarantined
from fakes.step_functions import GENERATION, ModelStepFunctions
from fakes.stores import MemoryAttemptStore, MemoryHoldStore, MemoryJobStore, MemoryLinkStore, MemorySuppressionStore

# What may become of an inference. One that expired in the queue leaves no object; the answer may be about another job,
# or about another one's pictures.
OUTCOMES = ("success", "failure", "busy", "expired", "foreign", "stolen")
MADE = ("success", "foreign", "stolen")
# Which calls may fail, how they fail while the process lives, and of which fake they are.
CALLS: dict[str, tuple[tuple[str, ...], type[AfterimageError]]] = {
    "jobs": (("get", "advance", "swap_notice", "list_open"), StoreUnavailableError),
    "attempts": (("register", "find", "record_locations", "settle", "list_by_job"), StoreUnavailableError),
    "engine": (("start",), EngineUnavailableError),
    "results": (("read_result", "read_problem", "exists"), StoreUnavailableError),
    "gallery": (("publish", "read_thumbnail"), StoreUnavailableError),
    "suppressions": (("find",), StoreUnavailableError),
    "links": (("put",), StoreUnavailableError),
    "mailer": (("send",), MailUnavailableError),
    "workflow": (("start", "status", "succeed", "fail"), WorkflowUnavailableError),
}


class ScriptedEngine(FakeEngine):
    """Inferences that end as a script says; each is kept until the endpoint is told to work on it."""

    def __init__(self, scripts: Mapping[JobId, list[str]]) -> None:
        super().__init__()
        self.scripts = {job_id: list(script) for job_id, script in scripts.items()}
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


class WatchedStepFunctions(ModelStepFunctions):
    """Keeps every answer that a message's handler tried to give to a token, heard or not."""

    hearing = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.answers: list[tuple[str, str]] = []

    def succeed(self, task_token: str, output: Mapping[str, str]) -> bool:
        self._keep(task_token, SUCCEEDED)
        return super().succeed(task_token, output)

    def fail(self, task_token: str, error: str, cause: str) -> bool:
        self._keep(task_token, FAILED)
        return super().fail(task_token, error, cause)

    def _keep(self, task_token: str, answer: str) -> None:
        if self.hearing:
            self.answers.append((task_token, answer))


def place(folder: str, attempt: Attempt) -> str:
    return f"s3://bucket/inference/{folder}/{attempt.inference_id}.out"


class CompletionWorld:
    """Everything that has to do with the end of a request; also the ports that only send on."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Ticker()
        self.jobs = MemoryJobStore()
        self.attempts = MemoryAttemptStore()
        self.holds = MemoryHoldStore()
        self.links, self.suppressions = MemoryLinkStore(), MemorySuppressionStore()
        self.results, self.gallery, self.mailer = FakeResults(), FakeGallery(), FakeMailer()
        self.engine = ScriptedEngine({})
        self.workflow = WatchedStepFunctions(self.run_state, self.clock)
        # What is on its way: (kind, content, tries so far). Lambda tries an event three times.
        self.pending: list[tuple[str, Any, int]] = []
        self.dead: list[tuple[str, Any]] = []
        self.policy: Callable[[], Policy] = packaged_policy
        self.moderators: tuple[PictureModerator, ...] = ()
        self.unanswered = False  # whether, at rest, each message's handler dies before it answers
        self.post = Post(
            campaigns=NO_CAMPAIGNS,
            workflow=FakeWorkflow(),
            jobs=self.jobs,
            links=self.links,
            suppressions=self.suppressions,
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
            holds=self.holds,
            results=self.results,
            workflow=self.workflow,
            closer=self,
            messenger=self,
            report=lambda *_: None,
            clock=self.clock,
        )

    @property
    def ports(self) -> dict[str, Faulty]:
        return {name: getattr(self, name) for name in CALLS}

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
            deps = moderate_prompt.Dependencies(jobs=jobs, uploads=FakeUploads(), policy=self.policy, clock=clock)
            return moderate_prompt.handle(payload, deps)
        if name == GENERATION:
            return start_generation.handle(
                payload,
                start_generation.Dependencies(
                    jobs=jobs, attempts=self.attempts, engine=self.engine, workflow=self.workflow, clock=clock
                ),
            )
        if name == "SealPictures":
            return payload  # FakeResults has what it leaves
        if name == "ReviewImages":
            return review_images.handle(
                payload,
                review_images.Dependencies(
                    jobs=jobs,
                    attempts=self.attempts,
                    results=self.results,
                    gallery=self.gallery,
                    moderators=self.moderators,
                    clock=clock,
                ),
            )
        if name in ("HoldPrompt", "HoldPictures"):
            return hold_for_review.handle(
                payload,
                hold_for_review.Dependencies(jobs=jobs, holds=self.holds, workflow=self.workflow, clock=clock),
            )
        if name == "RefuseHeld":
            return refuse_held.handle(payload, refuse_held.Dependencies(jobs=jobs, clock=clock))
        if name == "RecordFailure":
            return record_failure.handle(payload, record_failure.Dependencies(jobs=jobs, clock=clock))
        return notify_requester.handle(payload, self.post)

    def handle(self, kind: str, content: Any) -> Any:
        """Run the function that an event is for."""
        if kind == "message":
            return self.hear(content)
        if kind == "close":
            event = {"detail": {"name": content[0], "status": content[1]}}
            return close_lost_job.handle(
                event, close_lost_job.Dependencies(jobs=self.jobs, teller=self, clock=self.clock)
            )
        return notify_requester.handle({"job_id": content}, self.post)

    def hear(self, text: str) -> list[str]:
        deps = resume_on_completion.Dependencies(attempts=self.attempts, results=self.results, workflow=self.workflow)
        self.workflow.hearing = True
        try:
            return resume_on_completion.handle({"Records": [{"Sns": {"Message": text}}]}, deps)
        finally:
            self.workflow.hearing = False

    def deliver(self, kind: str, content: Any, tries: int) -> None:
        try:
            self.handle(kind, content)
        except (AfterimageError, Crash):
            if tries < 2:
                self.pending.append((kind, content, tries + 1))
            else:
                self.dead.append((kind, content))

    # ── The endpoint ──────────────────────────────────────────────────────────────────────────────────────────────

    def finish_inference(self, at: int, lost: bool, copies: int) -> None:
        """One inference ends; its objects are there and its message is on its way, in some copies or none."""
        job, attempt = self.engine.waiting.pop(at % len(self.engine.waiting))
        outcome = self.engine.known[attempt.inference_id]
        if outcome in MADE:
            result = a_result(job, attempt, **({"job_id": "somebody's"} if outcome == "foreign" else {}))
            if outcome == "stolen":
                theirs = [
                    dataclasses.replace(image, key=(image.key or "").replace(job.job_id, "theirs"))
                    for image in result.images
                ]
                result = dataclasses.replace(result, images=tuple(theirs))
            self.results.results[place("output", attempt)] = result
            self.gallery.quarantined |= quarantined(result)
        elif outcome != "expired":
            code = "busy" if outcome == "busy" else "generation_failed"
            problem = ModelProblem(code=code, message="", retryable=outcome == "busy")
            self.results.problems[place("failure", attempt)] = problem
        said = self.completion(attempt, outcome in MADE, located=outcome != "expired")
        if not lost:
            self.pending += [("message", json.dumps(message_of(said)), 0)] * copies

    def completion(self, attempt: Attempt, succeeded: bool, located: bool = True) -> Completion:
        return Completion(
            inference_id=attempt.inference_id,
            succeeded=succeeded,
            output_location=place("output", attempt) if located and succeeded else None,
            failure_location=place("failure", attempt) if located and not succeeded else None,
        )

    def record_unanswered(self, text: str) -> None:
        """Whoever records this message dies before the token is answered, at each try."""
        faults = self.workflow._faults, list(self.workflow.faults_met)
        self.workflow._faults = {}
        for method in ("succeed", "fail"):
            self.workflow.fail_next(method, Crash())
        with contextlib.suppress(AfterimageError, Crash):
            self.hear(text)
        self.workflow._faults, self.workflow.faults_met = faults

    # ── Rest ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def settle(self) -> None:
        """Let everything that is on its way arrive, and every execution go on as far as it can."""
        for _ in range(300):
            stepped = [self.workflow.step(execution) for execution in list(self.workflow.executions.values())]
            while self.engine.waiting:
                self.finish_inference(at=0, lost=False, copies=1)
                if self.unanswered:
                    self.record_unanswered(self.pending.pop()[1])
            self.pending += [("close", event, 0) for event in self.workflow.events]
            self.workflow.events.clear()
            if self.pending:
                self.deliver(*self.pending.pop(0))
            elif not any(stepped):
                return
        raise AssertionError("it never comes to rest")
