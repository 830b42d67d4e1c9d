"""A request is cancelled at every point of its execution that nobody stops: its next state ends it quietly.

The definition runs with the real use cases on fakes. What a cancel leaves when its caller dies right after the record
is written is the worst case: no tombstone, no StopExecution.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from afterimage.contracts.completion import Completion
from afterimage.domain.errors import AfterimageError
from afterimage.domain.job import Job
from afterimage.domain.moderation import Policy, packaged_policy
from afterimage.domain.status import JobStatus
from afterimage.handlers import moderate_prompt, notify_requester, record_failure, review_images, start_generation
from afterimage.usecases.cancel_request import Stopper, record_cancelled
from afterimage.usecases.close_lost_job import close_lost_job
from afterimage.usecases.notify_requester import Post
from afterimage.usecases.resume_on_completion import resume_on_completion
from fakes.campaigns import NO_CAMPAIGNS
from fakes.outside import (
    Dice,
    FakeEngine,
    FakeGallery,
    FakeJobObjects,
    FakeMailer,
    FakeResults,
    FakeTeller,
    FakeUploads,
    FakeWorkflow,
    Ticker,
)
from fakes.samples import a_job, a_result, job_id, quarantined
from fakes.stores import MemoryAttemptStore, MemoryJobStore, MemoryLinkStore, MemorySuppressionStore
from statemachine.machine import TASK_TOKEN, Run, StateError

STATES = ("ModeratePrompt", "StartGeneration", "SealPictures", "ReviewImages")


class World:
    """Everything that the states of one request touch, and the moment at which it is cancelled."""

    def __init__(self, moment: str) -> None:
        self.moment = moment
        self.clock = Ticker()
        self.jobs = MemoryJobStore(a_job())
        self.attempts = MemoryAttemptStore()
        self.links = MemoryLinkStore()
        self.gallery = FakeGallery()
        self.mailer = FakeMailer()
        self.engine = FakeEngine()
        self.results = FakeResults()
        self.workflow = FakeWorkflow(TASK_TOKEN)
        self.interrupt(self.engine, "start", "while the endpoint is asked")
        self.interrupt(self.attempts, "register", "while the attempt is registered")
        self.interrupt(self.results, "read_result", "while the result is read")
        self.interrupt(self.gallery, "publish", "while a picture is published")

    def interrupt(self, fake: Any, method: str, moment: str) -> None:
        work = getattr(fake, method)

        def interrupted(*arguments: Any) -> Any:
            self.reach(moment)
            return work(*arguments)

        setattr(fake, method, interrupted)

    def reach(self, moment: str) -> None:
        if moment == self.moment:
            self.moment = ""
            stopper = Stopper(jobs=self.jobs, objects=FakeJobObjects(), workflow=FakeWorkflow(), clock=self.clock)
            record_cancelled(self.job, stopper)

    @property
    def job(self) -> Job:
        return self.jobs.records[job_id(1)]

    def invoke(self, state: str, payload: dict[str, Any]) -> Any:
        self.reach(f"before {state}")
        try:
            return getattr(self, state)(payload)
        except AfterimageError as exc:
            raise StateError(type(exc).__name__, exc.sentence) from exc

    def policy(self) -> Policy:
        self.reach("while the policy is read")
        return packaged_policy()

    def ModeratePrompt(self, payload: dict[str, Any]) -> Any:
        deps = moderate_prompt.Dependencies(jobs=self.jobs, uploads=FakeUploads(), policy=self.policy, clock=self.clock)
        return moderate_prompt.handle(payload, deps)

    def StartGeneration(self, payload: dict[str, Any]) -> Any:
        deps = start_generation.Dependencies(
            jobs=self.jobs, attempts=self.attempts, engine=self.engine, workflow=self.workflow, clock=self.clock
        )
        start_generation.handle(payload, deps)
        if self.workflow.failed:
            ((_, error, cause),) = self.workflow.failed
            raise StateError(error, cause)
        (attempt,) = self.engine.started
        result = a_result(self.job, attempt)
        self.gallery.quarantined |= quarantined(result)
        attempt = self.attempts.records[attempt.job_id, attempt.attempt_id]
        self.results.results[attempt.output_location or ""] = result
        self.reach("while the container works")
        message = Completion(inference_id=attempt.inference_id, succeeded=True, output_location=attempt.output_location)
        assert (
            resume_on_completion(message, attempts=self.attempts, results=self.results, workflow=self.workflow)
            == "resumed"
        )
        return self.workflow.succeeded[0][1]

    def SealPictures(self, payload: dict[str, Any]) -> Any:
        return payload  # it knows nothing of the record; FakeResults has what it leaves

    def ReviewImages(self, payload: dict[str, Any]) -> Any:
        deps = review_images.Dependencies(
            jobs=self.jobs, attempts=self.attempts, results=self.results, gallery=self.gallery, clock=self.clock
        )
        return review_images.handle(payload, deps)

    def NotifyRequester(self, payload: dict[str, Any]) -> Any:
        post = Post(
            campaigns=NO_CAMPAIGNS,
            workflow=FakeWorkflow(),
            jobs=self.jobs,
            links=self.links,
            suppressions=MemorySuppressionStore(),
            gallery=self.gallery,
            mailer=self.mailer,
            link_base="https://api.example.com",
            link_ttl_s=lambda: 3600,
            clock=self.clock,
            entropy=Dice(),
        )
        return notify_requester.handle(payload, post)

    TellFailure = NotifyRequester

    def RecordFailure(self, payload: dict[str, Any]) -> Any:
        return record_failure.handle(payload, record_failure.Dependencies(jobs=self.jobs, clock=self.clock))


def run(moment: str) -> tuple[World, Run]:
    world = World(moment)
    return world, Run({"job_id": job_id(1)}, world.invoke)


def test_without_a_cancel_a_picture_is_made_and_mailed() -> None:
    world, done = run("never")
    assert done.entered[-1] == "NotifyRequester"
    assert world.job.status is JobStatus.SUCCEEDED
    assert len(world.mailer.sent) == 1


@pytest.mark.parametrize(
    "moment",
    [
        *(f"before {state}" for state in STATES),
        "while the policy is read",
        "while the attempt is registered",
        "while the endpoint is asked",
        "while the container works",
        "while the result is read",
        "while a picture is published",
    ],
)
def test_a_request_that_is_cancelled_at_this_moment_ends_quietly(moment: str) -> None:
    world, done = run(moment)
    assert world.moment == "", "the moment came"
    assert done.entered[-1] == "RequestCancelled"
    assert done.succeeded
    assert [change.status for change in world.job.timeline][-1] is JobStatus.CANCELLED
    assert world.job.failure is not None
    assert (world.job.status, world.job.failure.code, world.job.pictures) == (JobStatus.CANCELLED, "cancelled", ())
    assert (world.mailer.sent, world.links.records) == ([], {})


@pytest.mark.parametrize("moment", ["before ModeratePrompt", "while the policy is read", "before StartGeneration"])
def test_the_endpoint_is_not_asked_for_what_was_cancelled_before(moment: str) -> None:
    world, _ = run(moment)
    assert (world.engine.started, world.attempts.records) == ([], {})


@pytest.mark.parametrize("moment", ["before ReviewImages", "while the container works"])
def test_nothing_is_published_of_what_was_cancelled_before_its_review(moment: str) -> None:
    world, _ = run(moment)
    assert world.gallery.published == {}


def test_the_end_of_an_execution_that_was_stopped_tells_nobody() -> None:
    world, _ = run("while the container works")
    teller, before = FakeTeller(), world.job
    for status in ("ABORTED", "FAILED", "TIMED_OUT"):
        close_lost_job(job_id(1), status, jobs=world.jobs, teller=teller, clock=world.clock)
    assert (world.job, teller.told) == (before, [])


def test_a_late_success_is_heard_by_nobody_and_changes_nothing() -> None:
    world, _ = run("while the endpoint is asked")
    (attempt,) = world.attempts.records.values()
    waiting = dataclasses.replace(attempt, outcome=None)
    world.attempts.records[attempt.job_id, attempt.attempt_id] = waiting
    before = world.job
    message = Completion(inference_id=attempt.inference_id, succeeded=True, output_location=attempt.output_location)
    outcome = resume_on_completion(message, attempts=world.attempts, results=world.results, workflow=world.workflow)
    assert (outcome, world.job) == ("late", before)
