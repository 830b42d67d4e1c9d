"""Every file in events/ is taken by the handler or the contract that it is an example of.

The stubs here hold one job and note what they were asked; what the use cases do with it is tested elsewhere.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from afterimage.adapters.s3_gallery import S3Gallery
from afterimage.contracts.codec import from_document, to_document
from afterimage.contracts.generation import GenerationJob, GenerationResult, ModelError, ModelProblem
from afterimage.contracts.sealing import SealedPictures
from afterimage.domain.campaign import CampaignSettings, CampaignStatus, Row
from afterimage.domain.errors import CampaignNotFoundError, JobNotFoundError
from afterimage.domain.job import Attempt, ImageSpec, Job, JobId, Notice, StatusChange
from afterimage.domain.links import Link, hash_token
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.moderation import packaged_policy
from afterimage.domain.quotas import UNLIMITED, Quotas
from afterimage.domain.recipients import MAIL_ANY_SCOPE
from afterimage.domain.row_ref import CampaignId
from afterimage.domain.status import JobStatus, sources
from afterimage.domain.suppression import hash_address
from afterimage.domain.unsubscribing import UnsubscribeLink
from afterimage.handlers import (
    begin_campaign_run,
    campaigns_api,
    close_admission,
    close_lost_job,
    erase_leftovers,
    erase_owner,
    hold_for_review,
    moderate_prompt,
    notify_requester,
    public_link,
    record_failure,
    record_mail_outcome,
    refuse_held,
    requests_api,
    resume_on_completion,
    review_images,
    run_campaign_row,
    settle_campaign_run,
    start_generation,
    start_scheduled_campaign,
    start_scheduled_request,
    sweep_open_jobs,
    tell_campaign,
    uploads_api,
    write_campaign_results,
    zip_campaign_pictures,
)
from afterimage.handlers import check_campaign as checking_of_a_campaign
from afterimage.http.caller import caller_from_claims
from afterimage.ports import NO_CHANGES, HeldSince, IdempotencyClaim, JobChanges, Phase, StartedInference
from afterimage.usecases.cancel_request import Stopper
from afterimage.usecases.check_campaign import Desk
from afterimage.usecases.create_campaign import CampaignDesk
from afterimage.usecases.create_request import Door
from afterimage.usecases.delete_request import Eraser
from afterimage.usecases.erase_campaign import CampaignEraser
from afterimage.usecases.notify_requester import Post
from afterimage.usecases.schedule_campaign import Planner
from afterimage.usecases.start_campaign_run import Starter
from afterimage.usecases.start_scheduled_campaign import carried_campaign_id
from afterimage.usecases.sweep_open_jobs import Broom
from afterimage_imaging import draw_contact_sheet, seal_pictures
from fakes.campaigns import CHECK, NO_CAMPAIGNS, a_campaign, a_run
from fakes.digest_world import DigestWorld, MemoryUnsubscribeStore
from fakes.http import news
from fakes.outside import FakeWorkflow
from fakes.png import png_of
from fakes.results_world import ResultsWorld
from fakes.samples import PRICES
from fakes.stores import MemoryAccountStore, MemoryHoldStore, MemorySuppressionStore, MemoryUploadCounter

T = TypeVar("T")
EVENTS = Path(__file__).parents[2] / "events"
NOW_MS = 1_795_336_230_000
BUCKET = "afterimage-bucket-1x2y3z4a5b6c"
OWN_ADDRESS = "ada@example.com"


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


JOB_ID = JobId(event("state_moderate_prompt")["job_id"])
ATTEMPT_ID: str = event("state_review_images")["attempt_id"]


class OneJob:
    """A `ports.JobStore` for the one job of the events, and whatever is created."""

    def __init__(self, status: JobStatus, owner: str = "schedule#sample") -> None:
        asked = from_document(GenerationJob, event("invocation_job"))
        spec = ImageSpec(
            prompt=json.loads(event("http_post_image")["body"])["prompt"],
            model_prompt=asked.prompt,
            negative_prompt=asked.negative_prompt,
            preset="movie-poster",
            width=asked.width or 0,
            height=asked.height or 0,
            steps=asked.steps or 0,
            guidance=asked.guidance or 0.0,
            scheduler=None,
            seeds=asked.seeds,
        )
        self.job = Job(
            job_id=JOB_ID,
            owner=owner,
            status=status,
            spec=spec,
            gallery="5f" * 16,
            recipient=OWN_ADDRESS,
            created_at_ms=NOW_MS,
            updated_at_ms=NOW_MS,
            expires_at_s=NOW_MS // 1000 + 86_400,
            timeline=(StatusChange(status=status, at_ms=NOW_MS),),
        )
        self.created: list[Job] = []
        self.claims: list[IdempotencyClaim | None] = []

    def create(self, job: Job, claim: IdempotencyClaim | None, quotas: Quotas) -> None:
        self.created.append(job)
        self.claims.append(claim)

    def find_claim(self, key_hash: str, now_ms: int) -> IdempotencyClaim | None:
        return None

    def get(self, job_id: JobId, now_ms: int) -> Job:
        if job_id != self.job.job_id:
            raise JobNotFoundError()
        return self.job

    def list_by_owner(self, owner: str, limit: int, after: JobId | None, now_ms: int) -> tuple[Job, ...]:
        return (self.job,)

    def list_open(self, phase: Phase, updated_before_ms: int, limit: int) -> tuple[JobId, ...]:
        return (self.job.job_id,) if Phase.of(self.job.status) is phase else ()

    def advance(
        self,
        job_id: JobId,
        to: JobStatus,
        at_ms: int,
        changes: JobChanges = NO_CHANGES,
        only_from: JobStatus | None = None,
        entered: int | None = None,
    ) -> Job:
        before = self.get(job_id, at_ms)
        assert before.status in sources(to, only_from)
        set_ones = {name: value for name, value in vars(changes).items() if value is not None and name != "decisions"}
        self.job = dataclasses.replace(
            before, status=to, updated_at_ms=at_ms, decisions=before.decisions + changes.decisions, **set_ones
        )
        return self.job

    def list_held(self, limit: int, after: HeldSince | None) -> tuple[HeldSince, ...]:
        return ()

    def forget_ended(self, job_id: JobId) -> None:
        """Nothing to forget."""

    def swap_notice(self, job_id: JobId, expected_state: str | None, notice: Notice | None) -> bool:
        self.job = dataclasses.replace(self.get(job_id, NOW_MS), notice=notice)
        return True


class OneAttempt:
    """A `ports.AttemptStore` that knows the attempt of the events."""

    def __init__(self) -> None:
        completion = json.loads(event("sns_completion_success")["Records"][0]["Sns"]["Message"])
        self.attempt = Attempt(
            job_id=JOB_ID,
            attempt_id=ATTEMPT_ID,
            task_token="the token",
            started_at_ms=NOW_MS,
            expires_at_s=NOW_MS // 1000 + 3600,
            output_location=completion["responseParameters"]["outputLocation"],
        )

    def register(self, attempt: Attempt) -> Attempt:
        self.attempt = attempt
        return attempt

    def list_by_job(self, job_id: JobId) -> tuple[Attempt, ...]:
        return (self.attempt,)

    def find(self, job_id: JobId, attempt_id: str) -> Attempt | None:
        known = (self.attempt.job_id, self.attempt.attempt_id)
        return self.attempt if (job_id, attempt_id) == known else None

    def record_locations(self, attempt: Attempt, output_location: str, failure_location: str) -> None:
        self.attempt = dataclasses.replace(attempt, output_location=output_location, failure_location=failure_location)

    def settle(self, attempt: Attempt, outcome: str, output_location: str | None) -> Attempt:
        self.attempt = dataclasses.replace(attempt, outcome=outcome)
        return self.attempt


class Asked:
    """Stands for engine, workflow, results, gallery, mailer, links and teller; notes every call by name."""

    def __init__(self, **answers: Any) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self._answers = answers

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.calls.append((name, arguments))
            return self._answers.get(name)

        return call


def clock() -> int:
    return NOW_MS


def entropy(count: int) -> bytes:
    return bytes(range(count))


def door(jobs: OneJob, workflow: Asked) -> Door:
    return Door(
        jobs=jobs,
        workflow=workflow,
        people=Asked(confirmed_address=OWN_ADDRESS),
        profile=model_profiles()["sd15"],
        admission_is_open=lambda: True,
        quotas=lambda: UNLIMITED,
        accounts=MemoryAccountStore(),
        job_ttl_s=86_400,
        clock=clock,
        entropy=entropy,
    )


class Links:
    """A `ports.LinkStore` that knows the link of the event."""

    def find(self, token_hash: str) -> Link | None:
        token = event("http_get_link")["pathParameters"]["token"]
        known = Link(
            token_hash=hash_token(token),
            job_id=JOB_ID,
            key="images/5f/0.png",
            created_at_ms=NOW_MS,
            expires_at_s=NOW_MS // 1000 + 60,
        )
        return known if token_hash == known.token_hash else None

    def put(self, link: Link) -> None:
        raise AssertionError("following a link writes nothing")


def as_gallery(asked: Asked) -> S3Gallery:
    return asked  # type: ignore[return-value]


def post(http_event: dict[str, Any]) -> tuple[dict[str, Any], OneJob, Asked]:
    jobs, workflow = OneJob(JobStatus.QUEUED), Asked()
    deps = requests_api.Dependencies(
        door=door(jobs, workflow),
        prices=PRICES,
        gallery=as_gallery(Asked(presign="https://x.invalid")),
        progress=news(),
    )
    return requests_api.handle(http_event, deps), jobs, workflow


def check_http_post_image() -> None:
    asked = event("http_post_image")
    answer, jobs, workflow = post(asked)
    assert answer["statusCode"] == 202
    (job,) = jobs.created
    assert job.owner == f"user#{asked['requestContext']['authorizer']['jwt']['claims']['sub']}"
    assert job.recipient == OWN_ADDRESS
    assert jobs.claims[0] is not None
    assert workflow.calls == [("start", (job.job_id,))]
    wanted = from_document(GenerationJob, event("invocation_job"))
    assert (job.spec.model_prompt, job.spec.negative_prompt) == (wanted.prompt, wanted.negative_prompt)
    assert (job.spec.width, job.spec.height) == (wanted.width, wanted.height)
    assert (job.spec.steps, job.spec.guidance, job.spec.seeds) == (wanted.steps, wanted.guidance, wanted.seeds)


def check_http_post_image_machine_client() -> None:
    asked = event("http_post_image_machine_client")
    claims = asked["requestContext"]["authorizer"]["jwt"]["claims"]
    assert MAIL_ANY_SCOPE in caller_from_claims(claims).scopes
    answer, jobs, _ = post(asked)
    assert answer["statusCode"] == 202
    (job,) = jobs.created
    assert (job.owner, job.recipient) == (f"client#{claims['client_id']}", "orders@example.com")


def check_http_post_upload() -> None:
    asked, form = event("http_post_upload"), ("https://bucket.invalid/", {"key": "uploads/x"})
    uploads = Asked(form=form)
    deps = uploads_api.Dependencies(
        uploads=uploads,  # type: ignore[arg-type]
        accounts=MemoryAccountStore(),
        counter=MemoryUploadCounter(),
        clock=clock,
        entropy=entropy,
    )
    answer = uploads_api.handle(asked, deps)
    assert answer["statusCode"] == 201
    ((_, (owner, upload_id, content_type)),) = uploads.calls
    assert owner == f"user#{asked['requestContext']['authorizer']['jwt']['claims']['sub']}"
    assert (json.loads(answer["body"])["id"], content_type) == (upload_id, "image/jpeg")


def check_http_get_image() -> None:
    asked = event("http_get_image")
    owner = f"user#{asked['requestContext']['authorizer']['jwt']['claims']['sub']}"
    deps = requests_api.Dependencies(
        door=door(OneJob(JobStatus.GENERATING, owner), Asked()),
        prices=PRICES,
        gallery=as_gallery(Asked()),
        progress=news(),
    )
    answer = requests_api.handle(asked, deps)
    assert answer["statusCode"] == 200
    body = json.loads(answer["body"])
    assert (body["id"], body["status"]) == (asked["pathParameters"]["job_id"], "GENERATING")


def check_http_get_link() -> None:
    deps = public_link.Dependencies(
        links=Links(),
        unsubscribes=MemoryUnsubscribeStore(),
        gallery=as_gallery(Asked(presign="https://opened.invalid")),
        clock=clock,
    )
    answer = public_link.handle(event("http_get_link"), deps)
    assert answer["statusCode"] == 302
    assert answer["headers"]["Location"] == "https://opened.invalid"


def complete(name: str, problem: ModelProblem | None = None) -> tuple[list[str], Asked, Asked]:
    workflow, results = Asked(succeed=True, fail=True), Asked(read_problem=problem)
    deps = resume_on_completion.Dependencies(attempts=OneAttempt(), results=results, workflow=workflow)
    return resume_on_completion.handle(event(name), deps), workflow, results


def check_sns_completion_success() -> None:
    outcome, workflow, _ = complete("sns_completion_success")
    assert outcome == ["resumed"]
    assert workflow.calls == [("succeed", ("the token", {"job_id": JOB_ID, "attempt_id": ATTEMPT_ID}))]


def check_a_failure(name: str) -> None:
    outcome, workflow, results = complete(name)
    assert outcome == ["failed"]
    ((_, (location,)),) = results.calls
    assert location.startswith(f"s3://{BUCKET}/inference/failure/")
    ((answer, (token, error, cause)),) = workflow.calls
    assert (answer, token, error) == ("fail", "the token", "GenerationFailedError")
    assert json.loads(cause) == json.loads(event("state_record_failure")["cause"])


def check_sns_completion_failure_in_response() -> None:
    check_a_failure("sns_completion_failure_in_response")


def check_sns_completion_failure_at_top() -> None:
    check_a_failure("sns_completion_failure_at_top")


def check_sns_test_notification() -> None:
    outcome, workflow, results = complete("sns_test_notification")
    assert (outcome, workflow.calls, results.calls) == (["test"], [], [])


def close(name: str) -> tuple[str, OneJob, Asked]:
    jobs, teller = OneJob(JobStatus.GENERATING), Asked()
    deps = close_lost_job.Dependencies(jobs=jobs, teller=teller, clock=clock)
    return close_lost_job.handle(event(name), deps), jobs, teller


def check_eventbridge_execution_aborted() -> None:
    status, jobs, teller = close("eventbridge_execution_aborted")
    assert (status, jobs.job.failure and jobs.job.failure.code) == ("CANCELLED", "stopped")
    assert teller.calls == [("tell", (JOB_ID,))]


def check_eventbridge_execution_timed_out() -> None:
    status, jobs, teller = close("eventbridge_execution_timed_out")
    assert (status, jobs.job.failure and jobs.job.failure.code) == ("FAILED", "timed_out")
    assert teller.calls == [("tell", (JOB_ID,))]


def check_eventbridge_execution_failed() -> None:
    status, jobs, teller = close("eventbridge_execution_failed")
    assert (status, jobs.job.failure and jobs.job.failure.code) == ("FAILED", "internal_error")
    assert teller.calls == [("tell", (JOB_ID,))]


def check_scheduler_request() -> None:
    jobs, workflow = OneJob(JobStatus.QUEUED), Asked()
    answer = start_scheduled_request.handle(event("scheduler_request"), door(jobs, workflow))
    (job,) = jobs.created
    assert answer == {"job_id": job.job_id}
    assert (job.owner, job.recipient) == ("schedule#sample", "afterimage@example.com")
    assert jobs.claims[0] is not None  # Scheduler delivers at least once
    assert workflow.calls == [("start", (job.job_id,))]


def campaign_desk(campaigns: Any, files: Any) -> CampaignDesk:
    return CampaignDesk(
        campaigns=campaigns,
        files=files,
        accounts=MemoryAccountStore(),
        people=Asked(confirmed_address=OWN_ADDRESS),
        profile=model_profiles()["sd15"],
        clock=clock,
        entropy=entropy,
    )


def campaign_starter(campaigns: Any, workflow: Any) -> Starter:
    return Starter(
        campaigns=campaigns,
        workflow=workflow,
        accounts=MemoryAccountStore(),
        admission_is_open=lambda: True,
        quotas=lambda: UNLIMITED,
        run_ttl_s=86_400,
        clock=clock,
    )


def check_http_post_campaign() -> None:
    campaigns, files = Asked(find_claim=None), Asked()
    deps = campaigns_api.Dependencies(
        desk=campaign_desk(campaigns, files),
        starter=campaign_starter(campaigns, Asked()),
        planner=Planner(campaigns=campaigns, schedules=Asked(), warms=False, clock=clock),
        eraser=CampaignEraser(campaigns=campaigns, files=files, schedules=Asked(), clock=clock),
        checks=Asked(),
        links=Asked(),
        zips=Asked(),
    )
    answer = campaigns_api.handle(event("http_post_campaign"), deps)
    assert answer["statusCode"] == 201
    ((_, (campaign, claim)),) = [call for call in campaigns.calls if call[0] == "put"]
    assert (campaign.settings.recipients, campaign.settings.axes) == ((OWN_ADDRESS,), {"seed": (1, 2, 3)})
    assert claim.job_id == campaign.campaign_id
    assert [name for name, _ in files.calls] == ["write"]


def check_scheduler_campaign() -> None:
    planned = a_campaign(campaign_id=CampaignId(event("scheduler_campaign")["campaign_id"]))
    campaigns, workflow = Asked(get=planned, begin_run=True), KeptStarts()
    deps = start_scheduled_campaign.Dependencies(
        desk=campaign_desk(campaigns, Asked()), starter=campaign_starter(campaigns, workflow), checks=Asked()
    )
    campaigns.get_run = no_run
    answer = start_scheduled_campaign.handle(event("scheduler_campaign"), deps)
    assert answer == {"campaign_id": planned.campaign_id, "run_id": "20261123t010000z"}
    assert workflow.started == [(planned.campaign_id, "20261123t010000z", 1)]


def check_scheduler_carried_campaign() -> None:
    carried = event("scheduler_carried_campaign")
    campaign_id = carried_campaign_id(carried["schedule"])
    planned = a_campaign(campaign_id=campaign_id, owner=f"schedule#{carried['schedule']}")
    campaigns, workflow, checks = Asked(get=planned, begin_run=True), KeptStarts(), Asked()
    campaigns.get_run = no_run
    deps = start_scheduled_campaign.Dependencies(
        desk=campaign_desk(campaigns, Asked(size=100)), starter=campaign_starter(campaigns, workflow), checks=checks
    )
    answer = start_scheduled_campaign.handle(carried, deps)
    assert answer == {"campaign_id": campaign_id, "run_id": "20261123t010000z"}
    assert [name for name, _ in checks.calls] == ["finish"]


class KeptStarts:
    """A `campaign_ports.CampaignWorkflow` that keeps what it started."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, int]] = []

    def start(self, campaign_id: str, run_id: str, leg: int) -> None:
        self.started.append((campaign_id, run_id, leg))


def no_run(*_: Any) -> Any:
    raise CampaignNotFoundError


def check_schedule_sweep() -> None:
    # The handler's contract is that nothing of the event is needed; the entry point takes it and drops it.
    assert event("schedule_sweep")["detail-type"] == "Scheduled Event"
    deps = Broom(
        jobs=OneJob(JobStatus.QUEUED),
        attempts=OneAttempt(),
        holds=Asked(),
        results=Asked(),
        workflow=Asked(),
        closer=Asked(),
        messenger=Asked(),
        report=lambda *_: None,
        clock=lambda: NOW_MS + 120_000,
    )
    original, sweep_open_jobs.dependencies = sweep_open_jobs.dependencies, lambda: deps  # type: ignore[assignment]
    try:
        swept = sweep_open_jobs.lambda_handler(event("schedule_sweep"), lambda_context())
    finally:
        sweep_open_jobs.dependencies = original
    assert {name: number for name, number in swept.items() if number} == {
        "restarted": 1,
        "open_jobs": 1,
        "oldest_s": 150,
    }


def lambda_context() -> Any:
    return SimpleNamespace(
        function_name="sweep",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:111122223333:function:sweep",
        aws_request_id="request",
    )


def check_state_moderate_prompt() -> None:
    jobs = OneJob(JobStatus.QUEUED)
    deps = moderate_prompt.Dependencies(jobs=jobs, uploads=Asked(), policy=packaged_policy, clock=clock)
    answer = moderate_prompt.handle(event("state_moderate_prompt"), deps)
    assert answer == {"job_id": JOB_ID, "decision": "allow"}
    assert jobs.job.status is JobStatus.MODERATING


def check_state_start_generation() -> None:
    attempts = OneAttempt()
    started = StartedInference(output_location=f"s3://{BUCKET}/o", failure_location=f"s3://{BUCKET}/f")
    engine, workflow = Asked(start=started), Asked()
    deps = start_generation.Dependencies(
        jobs=OneJob(JobStatus.MODERATING), attempts=attempts, engine=engine, workflow=workflow, clock=clock
    )
    start_generation.handle(event("state_start_generation"), deps)
    assert workflow.calls == []  # no failure was reported
    assert attempts.attempt.task_token == event("state_start_generation")["task_token"]
    assert attempts.attempt.output_location == started.output_location
    assert [name for name, _ in engine.calls] == ["start"]


def check_state_erase_leftovers() -> None:
    objects, links = Asked(), Asked(list_by_job=())
    attempts, jobs = Asked(list_by_job=()), Asked(get=OneJob(JobStatus.CANCELLED).job)
    deps = erase_leftovers.Dependencies(
        jobs=jobs, attempts=attempts, holds=Asked(), links=links, objects=objects, clock=clock
    )
    assert erase_leftovers.handle(event("state_erase_leftovers"), deps) == {"job_id": JOB_ID}
    assert objects.calls == [("erase", (JOB_ID, "5f" * 16, ()))]
    assert [name for name, _ in jobs.calls] == ["get", "erase"]


def check_state_erase_owner() -> None:
    jobs, people, owners = Asked(list_by_owner=()), Asked(), Asked()
    stopper = Stopper(jobs=jobs, objects=Asked(), workflow=Asked(), clock=clock)
    eraser = Eraser(stopper=stopper, attempts=Asked(), holds=Asked(), links=Asked(), uploads=Asked(), erasures=Asked())
    asked = event("state_erase_owner")
    campaigns = CampaignEraser(campaigns=Asked(list_by_owner=()), files=Asked(), schedules=Asked(), clock=clock)
    deps = erase_owner.Dependencies(eraser=eraser, campaigns=campaigns, owners=owners, people=people)
    assert erase_owner.handle(asked, deps) == {"owner": asked["owner"], "done": True}
    assert people.calls == [("erase", (asked["owner"].removeprefix("user#"),))]
    assert owners.calls == [("erase", (asked["owner"], clock()))]


def check_state_review_images() -> None:
    jobs, gallery = OneJob(JobStatus.GENERATING), Asked()
    deps = review_images.Dependencies(
        jobs=jobs,
        attempts=OneAttempt(),
        results=Asked(
            read_result=from_document(GenerationResult, event("invocation_result")),
            read_sealed=from_document(SealedPictures, event("sealed_pictures")),
        ),
        gallery=gallery,
        clock=clock,
    )
    answer = review_images.handle(event("state_review_images"), deps)
    assert answer == event("state_review_images") | {"decision": "allow"}
    assert jobs.job.status is JobStatus.DELIVERING
    assert len(jobs.job.pictures) == 2
    assert len(gallery.calls) == 6  # two copies of two pictures, and their thumbnails


def check_state_notify_requester() -> None:
    jobs, mailer = OneJob(JobStatus.DELIVERING), Asked()
    deps = Post(
        campaigns=NO_CAMPAIGNS,
        workflow=FakeWorkflow(),
        jobs=jobs,
        links=Links(),
        gallery=Asked(),
        suppressions=MemorySuppressionStore(),
        mailer=mailer,
        link_base="https://pictures.invalid",
        link_ttl_s=lambda: 60,
        clock=clock,
        entropy=entropy,
    )
    answer = notify_requester.handle(event("state_notify_requester"), deps)
    assert answer == {"job_id": JOB_ID, "status": "SUCCEEDED"}
    assert [name for name, _ in mailer.calls] == ["send"]


def check_state_begin_campaign_run() -> None:
    asked, capacity = event("state_begin_campaign_run"), Asked(warm=False)
    campaigns = Asked(get_run=a_run(), get=a_campaign())
    deps = begin_campaign_run.Dependencies(campaigns=campaigns, capacity=capacity, bucket=BUCKET, clock=clock)
    answer = begin_campaign_run.handle(asked, deps)
    assert {name: answer[name] for name in asked} == asked
    assert (answer["goes"], answer["bucket"], answer["concurrency"], answer["wait_seconds"]) == (True, BUCKET, 2, 0)


def check_state_run_campaign_row() -> None:
    asked, workflow = event("state_run_campaign_row"), FakeWorkflow()
    ended = Row(row=17, attempt=1, leg=1, outcome=JobStatus.BLOCKED)
    workflow.waiting.add(asked["task_token"])
    door: Any = SimpleNamespace(campaigns=Asked(get_run=a_run(), get_row=ended))
    run_campaign_row.handle(asked, run_campaign_row.Dependencies(door=door, campaign_workflow=workflow))
    assert workflow.succeeded == [(asked["task_token"], {"outcome": "BLOCKED"})]


def check_state_settle_campaign_run() -> None:
    asked, capacity = event("state_settle_campaign_run"), Asked()
    campaigns = Asked(get_run=a_run(claimed=1))
    deps = settle_campaign_run.Dependencies(campaigns=campaigns, capacity=capacity, clock=clock)
    answer = settle_campaign_run.handle(asked, deps)
    assert {name: answer[name] for name in asked} == asked
    assert (answer["rest"], answer["status"]) == ("waiting", "RUNNING")


def check_state_write_campaign_results() -> None:
    world, asked = ResultsWorld(), event("state_write_campaign_results")
    world.campaigns.campaign = a_campaign(campaign_id=asked["campaign_id"])
    world.campaigns.run = dataclasses.replace(
        world.campaigns.run, campaign_id=asked["campaign_id"], run_id=asked["run_id"], leg=asked["leg"], rows=0
    )
    assert write_campaign_results.handle(asked, world.archive) == {**asked, "after": 0, "done": True}


def check_invocation_zip_campaign_pictures() -> None:
    asked = event("invocation_zip_campaign_pictures")
    deps = zip_campaign_pictures.Dependencies(files=ResultsWorld().files)
    assert zip_campaign_pictures.handle(asked, deps, lambda: 900.0) == {**asked, "status": "failed"}


def unsubscribe(name: str) -> list[str]:
    store = MemoryUnsubscribeStore()
    token = event(name)["pathParameters"]["token"]
    link = UnsubscribeLink(
        token_hash=hash_token(token), address_hash="a" * 64, created_at_ms=NOW_MS, expires_at_s=NOW_MS // 1000 + 60
    )
    store.put_link(link)
    deps = public_link.Dependencies(links=Links(), unsubscribes=store, gallery=as_gallery(Asked()), clock=clock)
    assert public_link.handle(event(name), deps)["statusCode"] == 200
    return list(store.left)


def check_http_get_unsubscribe() -> None:
    assert unsubscribe("http_get_unsubscribe") == []


def check_http_post_unsubscribe() -> None:
    assert unsubscribe("http_post_unsubscribe") == ["a" * 64]


def check_sns_mail_bounce_of_a_campaign() -> None:
    assert mail("sns_mail_bounce_of_a_campaign") == (["bounced"], Notice(state="sent", at_ms=NOW_MS), "bounce")


def check_state_tell_campaign() -> None:
    world, asked = DigestWorld(), event("state_tell_campaign")
    world.campaigns.campaign = a_campaign(
        campaign_id=asked["campaign_id"], settings=CampaignSettings(recipients=(OWN_ADDRESS,))
    )
    world.campaigns.run = dataclasses.replace(
        world.campaigns.run, campaign_id=asked["campaign_id"], run_id=asked["run_id"], leg=asked["leg"]
    )
    assert tell_campaign.handle(asked, world.post) == {"told": True}


def check_state_seal_pictures() -> None:
    asked, written = event("state_seal_pictures"), {}
    folder = f"quarantine/{asked['job_id']}/{asked['attempt_id']}/"
    objects = {f"{folder}{number}.png": png_of(number) for number in range(2)}
    objects[f"jobs/{asked['job_id']}/{asked['attempt_id']}.json"] = (EVENTS / "invocation_job.json").read_bytes()
    files = SimpleNamespace(read=objects.get, write=lambda key, body, content_type: written.update({key: body}))
    keys = SimpleNamespace(current=lambda: None)
    assert seal_pictures.handle(asked, SimpleNamespace(files=files, keys=keys)) == asked  # type: ignore[arg-type]
    ours, example = json.loads(written[f"{folder}sealed/sealed.json"]), event("sealed_pictures")
    assert (ours.keys(), ours["pictures"][1].keys()) == (example.keys(), example["pictures"][1].keys())
    assert from_document(SealedPictures, ours).pictures[1].own.key in written


def check_state_draw_contact_sheet() -> None:
    asked = event("state_draw_contact_sheet")
    answer = draw_contact_sheet.handle(asked, Asked())  # type: ignore[arg-type]
    assert answer == {**asked, "sheet": 2, "done": True}


def mail(name: str) -> tuple[list[str], Notice | None, str | None]:
    """What became of the message, of the job's notice and of the address."""
    jobs, suppressions = OneJob(JobStatus.SUCCEEDED), MemorySuppressionStore()
    jobs.job = dataclasses.replace(jobs.job, notice=Notice(state="sent", at_ms=NOW_MS))
    deps = record_mail_outcome.Dependencies(jobs=jobs, suppressions=suppressions, clock=clock)
    outcome = record_mail_outcome.handle(event(name), deps)
    found = suppressions.find(hash_address(OWN_ADDRESS), NOW_MS)
    return outcome, jobs.job.notice, found.kind.value if found else None


def check_sns_mail_bounce_permanent() -> None:
    notice = Notice(state="bounced", at_ms=NOW_MS, failure_code="bounced")
    assert mail("sns_mail_bounce_permanent") == (["bounced"], notice, "bounce")


def check_sns_mail_complaint() -> None:
    assert mail("sns_mail_complaint") == (["complained"], Notice(state="complained", at_ms=NOW_MS), "complaint")


def check_sns_mail_reject() -> None:
    notice = Notice(state="failed", at_ms=NOW_MS, failure_code="mail_rejected")
    assert mail("sns_mail_reject") == (["rejected"], notice, None)


def check_sns_mail_bounce_transient() -> None:
    sent = Notice(state="sent", at_ms=NOW_MS)
    assert mail("sns_mail_bounce_transient") == (["bounced_for_now"], sent, None)


def check_sns_mail_delay() -> None:
    assert mail("sns_mail_delay") == (["delayed"], Notice(state="sent", at_ms=NOW_MS), None)


def check_sns_mail_topic_test() -> None:
    assert mail("sns_mail_topic_test") == (["test"], Notice(state="sent", at_ms=NOW_MS), None)


def check_sns_alarm_failed_share() -> None:
    switch = Asked()
    deps = close_admission.Dependencies(switch=switch)  # type: ignore[arg-type]
    assert close_admission.handle(event("sns_alarm_failed_share"), deps) == ["closed"]
    assert switch.calls == [("close", ())]


def check_check_campaign() -> None:
    asked = event("check_campaign")
    check = dataclasses.replace(CHECK, check_id=asked["check_id"])
    waiting = a_campaign(CampaignStatus.CHECKING, campaign_id=CampaignId(asked["campaign_id"]), check=check)
    campaigns, files = Asked(get=waiting), Asked(read=iter([b"prompt\na lighthouse\n"]))
    desk = Desk(
        campaigns=campaigns,
        files=files,
        accounts=MemoryAccountStore(),
        quotas=lambda: UNLIMITED,
        policy=packaged_policy,
        profile=model_profiles()["demo"],
        dollars_per_hour=1.0,
        clock=clock,
    )
    assert checking_of_a_campaign.handle(asked, desk) == "READY"
    folder = f"campaigns/{asked['campaign_id']}/checks/{asked['check_id']}/"
    assert {arguments[0].removeprefix(folder) for name, arguments in files.calls if name == "write"} == {
        "rows.jsonl",
        "index.csv",
        "check.jsonl",
        "problems.json",
        "problems.csv",
    }
    assert campaigns.calls[-1][0] == "change"


def check_state_hold_for_review() -> None:
    jobs, holds, workflow = OneJob(JobStatus.MODERATING), MemoryHoldStore(), Asked()
    deps = hold_for_review.Dependencies(jobs=jobs, holds=holds, workflow=workflow, clock=clock)
    hold_for_review.handle(event("state_hold_for_review"), deps)
    assert workflow.calls == []  # nobody has decided, and no failure was reported
    (hold,) = holds.records.values()
    assert (hold.stage, hold.task_token) == ("prompt", event("state_hold_for_review")["task_token"])
    assert jobs.job.status is JobStatus.HELD


def check_state_refuse_held() -> None:
    jobs = OneJob(JobStatus.HELD)
    answer = refuse_held.handle(event("state_refuse_held"), refuse_held.Dependencies(jobs=jobs, clock=clock))
    assert answer == {"job_id": JOB_ID, "stage": "prompt", "decision": "refuse"}
    assert jobs.job.status is JobStatus.BLOCKED


def check_state_record_failure() -> None:
    jobs = OneJob(JobStatus.GENERATING)
    answer = record_failure.handle(event("state_record_failure"), record_failure.Dependencies(jobs=jobs, clock=clock))
    assert answer == {"job_id": JOB_ID, "status": "FAILED"}
    assert jobs.job.failure is not None
    assert dataclasses.asdict(jobs.job.failure) == json.loads(event("state_record_failure")["cause"])


def check_document(name: str, cls: type[T]) -> T:
    """A document is what its class reads, and the class writes the same document again: nothing is left out."""
    document = event(name)
    read = from_document(cls, document)
    assert to_document(read) == document
    return read


def check_invocation_job() -> None:
    job = check_document("invocation_job", GenerationJob)
    assert job.output_prefix == f"s3://{BUCKET}/quarantine/{JOB_ID}/{ATTEMPT_ID}/"


def check_invocation_result() -> None:
    result = check_document("invocation_result", GenerationResult)
    assert tuple(image.seed for image in result.images) == tuple(event("invocation_job")["seeds"])


def check_sealed_pictures() -> None:
    sealed, ids = check_document("sealed_pictures", SealedPictures), event("state_seal_pictures")
    folder = f"quarantine/{ids['job_id']}/{ids['attempt_id']}/"
    assert sealed.is_of(from_document(GenerationResult, event("invocation_result")), folder)


def check_invocation_error() -> None:
    assert check_document("invocation_error", ModelError).error.code == "outside_limits"


CHECKS: Mapping[str, Callable[[], None]] = {
    name.removeprefix("check_"): check
    for name, check in sorted(globals().items())
    if name.startswith("check_") and name not in ("check_a_failure", "check_document")
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_event_is_taken_by_what_it_is_an_example_of(name: str) -> None:
    CHECKS[name]()


def test_every_file_in_events_is_used() -> None:
    assert {path.name for path in EVENTS.iterdir()} == {f"{name}.json" for name in CHECKS}


@pytest.mark.parametrize("path", sorted(EVENTS.glob("http_*.json")), ids=lambda path: path.stem)
def test_an_http_event_names_a_route_of_the_template(path: Path) -> None:
    template = (EVENTS.parent / "template.yaml").read_text(encoding="utf-8")
    assert f"RouteKey: {json.loads(path.read_text())['routeKey']}\n" in template
