"""Prompts, addresses, tokens and links are in no line that any Lambda logs, whether it goes well or not."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import pkgutil
import traceback
from collections.abc import Iterator
from contextlib import nullcontext
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from afterimage import handlers
from afterimage.contracts.codec import ContractError
from afterimage.contracts.generation import ModelProblem
from afterimage.contracts.mail_event import JOB_TAG
from afterimage.domain.errors import (
    AfterimageError,
    GenerationRefusedError,
    InternalError,
    JobNotFoundError,
    MailRefusedError,
    NoticeInFlightError,
    StoppedError,
    StoreUnavailableError,
    UnknownInferenceError,
    leaves,
)
from afterimage.domain.job import Failure, Job, Notice
from afterimage.domain.links import Link, hash_token, link_token
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.moderation import packaged_policy
from afterimage.domain.quotas import UNLIMITED
from afterimage.domain.status import JobStatus
from afterimage.domain.unsubscribing import UnsubscribeLink
from afterimage.handlers import (
    begin_campaign_run,
    check_campaign,
    close_admission,
    close_lost_job,
    erase_leftovers,
    erase_owner,
    hold_for_review,
    moderate_prompt,
    notify_requester,
    owner_api,
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
    sweep_campaign_runs,
    sweep_open_jobs,
    tell_campaign,
    write_campaign_results,
    zip_campaign_pictures,
)
from afterimage.telemetry import facts_of, keeping_secrets, logger
from afterimage.usecases.cancel_request import Stopper
from afterimage.usecases.create_request import Door
from afterimage.usecases.delete_request import Eraser
from afterimage.usecases.notify_requester import Post
from afterimage.usecases.share_request import Sharing
from afterimage.usecases.sweep_open_jobs import Broom
from botocore.exceptions import ClientError
from fakes.campaigns import NO_CAMPAIGNS
from fakes.digest_world import MemoryUnsubscribeStore
from fakes.http import PERSON, a_presigning_gallery, an_event, news
from fakes.outside import (
    NOW_MS,
    Dice,
    FakeCloser,
    FakeEngine,
    FakeErasures,
    FakeGallery,
    FakeJobObjects,
    FakeMailer,
    FakeMessenger,
    FakePeople,
    FakeResults,
    FakeTeller,
    FakeUploads,
    FakeWorkflow,
    Ticker,
)
from fakes.samples import DAY_S, PRICES, SPEC, a_job, a_result, an_attempt, job_id, pictures, quarantined
from fakes.stores import (
    MemoryAccountStore,
    MemoryAttemptStore,
    MemoryHoldStore,
    MemoryJobStore,
    MemoryLinkStore,
    MemoryOwnerStore,
    MemorySuppressionStore,
)

# The library warns of a call that counts nothing; `telemetry` silences that, and pytest undoes it.
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")

CANARY = "canary7f3e"
ADDRESS = f"{CANARY}@example.com"
TASK_TOKEN = f"AQC-{CANARY}-token"
TOKEN_BYTES = CANARY.encode().ljust(32, b"x")
LINK_TOKEN = link_token(TOKEN_BYTES)
SECRETS = (CANARY, LINK_TOKEN, "X-Amz-Signature", "/i/")
CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="r", log_stream_name="s"
)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Return what is logged, at the lowest level there is."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    level = logger.log_level
    logger.addHandler(handler)
    logger.setLevel("DEBUG")
    yield stream
    logger.setLevel(level)
    logger._logger.removeHandler(handler)
    logger.clear_state()


def assert_silent(lines: io.StringIO) -> None:
    """Something was logged, each line is JSON, and none holds a secret."""
    text = lines.getvalue()
    assert text
    assert all(json.loads(line) for line in text.splitlines())
    for secret in SECRETS:
        assert secret not in text, text


def secret_job(status: JobStatus = JobStatus.QUEUED, **changes: Any) -> Job:
    spec = dataclasses.replace(SPEC, prompt=f"a {CANARY}", model_prompt=f"a {CANARY}", negative_prompt=CANARY)
    return a_job(status, spec=spec, recipient=ADDRESS, **changes)


def a_door(jobs: MemoryJobStore, workflow: FakeWorkflow) -> Door:
    return Door(
        jobs=jobs,
        workflow=workflow,
        people=FakePeople(ada=ADDRESS),
        profile=model_profiles()["demo"],
        admission_is_open=lambda: True,
        quotas=lambda: UNLIMITED,
        accounts=MemoryAccountStore(),
        job_ttl_s=DAY_S,
        clock=Ticker(),
        entropy=Dice(),
    )


def test_the_fixture_sees_what_is_logged(lines: io.StringIO) -> None:
    logger.debug("something", prompt=CANARY)
    with pytest.raises(AssertionError):
        assert_silent(lines)


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": f"a {CANARY}"},
        {"prompt": f"a {CANARY}", "notify": {"email": ADDRESS}},
        {"prompt": f"a {CANARY}", "notify": {"email": f"other-{ADDRESS}"}},
        {"prompt": f"a {CANARY}", "notify": {"email": CANARY}},
        {"prompt": [CANARY]},
        {"prompt": f"{CANARY}\u0000"},
        {"prompt": CANARY * 1000},
        {"prompt": "x", "preset": CANARY},
        {"prompt": "x", CANARY: 1},
        f'{{"prompt": "{CANARY}',
    ],
    ids=range(10),
)
@pytest.mark.parametrize("fault", [None, StoreUnavailableError(), RuntimeError(f"the SDK quotes {CANARY}")], ids=str)
def test_the_door_logs_no_prompt_and_no_address(
    lines: io.StringIO, body: Any, fault: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = MemoryJobStore()
    if fault:
        jobs.fail_next("create", fault)
    deps = requests_api.Dependencies(
        door=a_door(jobs, FakeWorkflow()), prices=PRICES, gallery=a_presigning_gallery(), progress=news()
    )
    monkeypatch.setattr(requests_api, "dependencies", lambda: deps)
    logger.info("call")
    event = an_event("POST", "/v1/images", body=body, headers={"Idempotency-Key": CANARY}, claims=PERSON)
    requests_api.lambda_handler(event, CONTEXT)
    assert_silent(lines)


@pytest.mark.parametrize("status", [JobStatus.GENERATING, JobStatus.SUCCEEDED])
def test_what_an_owner_does_logs_no_prompt_address_and_link(
    lines: io.StringIO, status: JobStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, links = MemoryJobStore(secret_job(status, pictures=pictures())), MemoryLinkStore()
    stopper = Stopper(jobs=jobs, objects=FakeJobObjects(), workflow=FakeWorkflow(), clock=Ticker())
    eraser = Eraser(
        stopper=stopper,
        attempts=MemoryAttemptStore(),
        holds=MemoryHoldStore(),
        links=links,
        uploads=FakeUploads(),
        erasures=FakeErasures(),
    )
    sharing = Sharing(jobs=jobs, links=links, link_base="https://x", clock=Ticker(), entropy=lambda _: TOKEN_BYTES)
    deps = owner_api.Dependencies(
        eraser=eraser, sharing=sharing, owners=MemoryOwnerStore(jobs), accounts=MemoryAccountStore()
    )
    monkeypatch.setattr(owner_api, "dependencies", lambda: deps)
    logger.info("call")
    job = f"/v1/images/{job_id(1)}"
    calls = [("POST", f"{job}/share"), ("DELETE", f"{job}/share"), ("POST", f"{job}/cancel"), ("DELETE", job)]
    for method, path in (*calls, ("DELETE", f"/v1/images/{CANARY}"), ("DELETE", "/v1/me")):
        body = {"picture": 0} if path.endswith("/share") and method == "POST" else None
        owner_api.lambda_handler(an_event(method, path, body=body, claims=PERSON), CONTEXT)
    assert jobs.records == {}
    assert_silent(lines)


def test_reading_logs_no_prompt_and_no_signed_url(lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = MemoryJobStore(secret_job(JobStatus.SUCCEEDED, pictures=pictures()))
    deps = requests_api.Dependencies(
        door=a_door(jobs, FakeWorkflow()), prices=PRICES, gallery=a_presigning_gallery(), progress=news()
    )
    monkeypatch.setattr(requests_api, "dependencies", lambda: deps)
    logger.info("call")
    for path in (f"/v1/images/{job_id(1)}", "/v1/images", f"/v1/images/{CANARY}"):
        requests_api.lambda_handler(an_event("GET", path, claims=PERSON), CONTEXT)
    assert_silent(lines)


@pytest.mark.parametrize("fault", [None, StoreUnavailableError(), RuntimeError(f"quotes {LINK_TOKEN}")], ids=str)
@pytest.mark.parametrize("expires_at_s", [NOW_MS // 1000 + 60, 1])
def test_the_public_door_logs_no_token(
    lines: io.StringIO, expires_at_s: int, fault: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Link(
        token_hash=hash_token(LINK_TOKEN), job_id=job_id(1), key="k", created_at_ms=1, expires_at_s=expires_at_s
    )
    links = MemoryLinkStore(link)
    if fault:
        links.fail_next("find", fault)
    unsubscribes = MemoryUnsubscribeStore()
    unsubscribes.put_link(
        UnsubscribeLink(token_hash=hash_token(LINK_TOKEN), address_hash="a", created_at_ms=1, expires_at_s=expires_at_s)
    )
    deps = public_link.Dependencies(
        links=links, unsubscribes=unsubscribes, gallery=a_presigning_gallery(), clock=Ticker()
    )
    monkeypatch.setattr(public_link, "dependencies", lambda: deps)
    logger.info("call")
    for token in (LINK_TOKEN, CANARY, LINK_TOKEN[::-1]):
        for method, path in (("GET", "i"), ("GET", "u"), ("POST", "u")):
            public_link.lambda_handler(an_event(method, f"/{path}/{token}", claims=None), CONTEXT)
    assert_silent(lines)


def test_a_schedule_logs_neither_prompt_nor_recipient(lines: io.StringIO) -> None:
    event = {
        "schedule": "daily",
        "scheduled_time": "2026-11-22T07:00:00Z",
        "request": {"prompt": f"a {CANARY}", "email": ADDRESS},
    }
    start_scheduled_request.handle(event, a_door(MemoryJobStore(), FakeWorkflow()))
    assert_silent(lines)


@pytest.mark.parametrize("extra", ["", " porn", " bloody"])
def test_moderation_logs_no_prompt(lines: io.StringIO, extra: str) -> None:
    job = secret_job()
    spec = dataclasses.replace(job.spec, model_prompt=job.spec.prompt + extra)
    deps = moderate_prompt.Dependencies(
        jobs=MemoryJobStore(dataclasses.replace(job, spec=spec)),
        uploads=FakeUploads(),
        policy=packaged_policy,
        clock=Ticker(),
    )
    moderate_prompt.handle({"job_id": job_id(1)}, deps)
    assert_silent(lines)


@pytest.mark.parametrize("fault", [None, StoreUnavailableError(), RuntimeError(f"the SDK quotes {CANARY}")], ids=str)
def test_the_start_logs_no_token(lines: io.StringIO, fault: Exception | None, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    if fault:
        engine.fail_next("start", fault)
    deps = start_generation.Dependencies(
        jobs=MemoryJobStore(secret_job(JobStatus.MODERATING)),
        attempts=MemoryAttemptStore(),
        engine=engine,
        workflow=FakeWorkflow(TASK_TOKEN),
        clock=Ticker(),
    )
    monkeypatch.setattr(start_generation, "dependencies", lambda: deps)
    start_generation.lambda_handler({"job_id": job_id(1), "task_token": TASK_TOKEN, "retry_count": 0}, CONTEXT)
    assert_silent(lines)


def test_an_error_that_quotes_the_request_is_logged_without_its_words(lines: io.StringIO) -> None:
    engine = FakeEngine()
    engine.fail_next("start", RuntimeError(f"validation failed for {CANARY}"))
    deps = start_generation.Dependencies(
        jobs=MemoryJobStore(secret_job(JobStatus.MODERATING)),
        attempts=MemoryAttemptStore(),
        engine=engine,
        workflow=FakeWorkflow(TASK_TOKEN),
        clock=Ticker(),
    )
    start_generation.handle({"job_id": job_id(1), "task_token": TASK_TOKEN, "retry_count": 0}, deps)
    assert_silent(lines)
    (line,) = [json.loads(text) for text in lines.getvalue().splitlines()]
    assert line["error"] == "RuntimeError"
    assert "start_generation.py:" in line["raised"]


def test_an_error_of_aws_is_logged_by_its_code(lines: io.StringIO) -> None:
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": f"{CANARY} may not"}}, "PutItem")
    logger.error("failed", **facts_of(refused))
    assert_silent(lines)
    assert json.loads(lines.getvalue())["code"] == "AccessDenied"


@pytest.mark.parametrize("status", ["Completed", "Failed", CANARY])
def test_the_completion_logs_neither_token_nor_reason(
    lines: io.StringIO, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = an_attempt(secret_job(), task_token=TASK_TOKEN)
    deps = resume_on_completion.Dependencies(
        attempts=MemoryAttemptStore(attempt),
        results=FakeResults(problems={attempt.failure_location: ModelProblem(code="x", message=CANARY)}),
        workflow=FakeWorkflow(TASK_TOKEN),
    )
    message = {"invocationStatus": status, "inferenceId": attempt.inference_id, "failureReason": CANARY}
    monkeypatch.setattr(resume_on_completion, "dependencies", lambda: deps)
    for text in (json.dumps(message), json.dumps(message), CANARY):
        unreadable = CANARY in (status, text)
        with pytest.raises(UnknownInferenceError) if unreadable else nullcontext() as caught:
            resume_on_completion.lambda_handler({"Records": [{"Sns": {"Message": text}}]}, CONTEXT)
        if caught:
            assert CANARY not in told_by(caught.value)
    assert_silent(lines)


def test_the_review_logs_no_prompt(lines: io.StringIO) -> None:
    job = secret_job(JobStatus.GENERATING)
    attempt = an_attempt(job, task_token=TASK_TOKEN)
    result = a_result(job, attempt)
    deps = review_images.Dependencies(
        jobs=MemoryJobStore(job),
        attempts=MemoryAttemptStore(attempt),
        results=FakeResults({attempt.output_location or "": result}),
        gallery=FakeGallery(quarantined(result)),
        clock=Ticker(),
    )
    review_images.handle({"job_id": job_id(1), "attempt_id": attempt.attempt_id}, deps)
    assert_silent(lines)


@pytest.mark.parametrize("fault", [None, MailRefusedError(code="MessageRejected")], ids=str)
def test_the_notification_logs_neither_address_nor_link(lines: io.StringIO, fault: Exception | None) -> None:
    mailer = FakeMailer()
    if fault:
        mailer.fail_next("send", fault)
    post = Post(
        campaigns=NO_CAMPAIGNS,
        workflow=FakeWorkflow(),
        jobs=MemoryJobStore(secret_job(JobStatus.DELIVERING, pictures=pictures())),
        links=MemoryLinkStore(),
        gallery=FakeGallery(),
        suppressions=MemorySuppressionStore(),
        mailer=mailer,
        link_base=f"https://{CANARY}.example.com",
        link_ttl_s=lambda: 60,
        clock=Ticker(),
        entropy=Dice(),
    )
    notify_requester.handle({"job_id": job_id(1)}, post)
    assert_silent(lines)


def test_the_ends_log_neither_cause_nor_prompt(lines: io.StringIO) -> None:
    jobs = MemoryJobStore(secret_job(JobStatus.GENERATING))
    cause = json.dumps({"errorMessage": CANARY, "stackTrace": [CANARY]})
    record_failure.handle(
        {"job_id": job_id(1), "error": "KeyError", "cause": cause},
        record_failure.Dependencies(jobs=jobs, clock=Ticker()),
    )
    close_lost_job.handle(
        {"detail": {"name": job_id(1), "status": "ABORTED", "input": CANARY}},
        close_lost_job.Dependencies(jobs=jobs, teller=FakeTeller(), clock=Ticker()),
    )
    sweep_open_jobs.handle(a_broom())
    troubled = a_broom()
    troubled.jobs.fail_next("get", ValueError(f"the SDK quotes {CANARY}"))  # type: ignore[attr-defined]
    sweep_open_jobs.handle(troubled)
    assert_silent(lines)


@pytest.mark.parametrize("text", [None, CANARY])
def test_what_became_of_a_mail_is_logged_without_its_address(
    lines: io.StringIO, text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = secret_job(JobStatus.SUCCEEDED, notice=Notice(state="sent", at_ms=NOW_MS))
    message = {
        "eventType": "Bounce",
        "bounce": {
            "bounceType": "Permanent",
            "bouncedRecipients": [{"emailAddress": ADDRESS, "diagnosticCode": f"550 no {CANARY}"}],
        },
        "mail": {
            "destination": [ADDRESS],
            "headers": [{"name": "To", "value": ADDRESS}],
            "tags": {JOB_TAG: [job_id(1)]},
        },
    }
    deps = record_mail_outcome.Dependencies(
        jobs=MemoryJobStore(job), suppressions=MemorySuppressionStore(), clock=Ticker()
    )
    monkeypatch.setattr(record_mail_outcome, "dependencies", lambda: deps)
    with pytest.raises(InternalError) if text else nullcontext():
        record_mail_outcome.lambda_handler({"Records": [{"Sns": {"Message": text or json.dumps(message)}}]}, CONTEXT)
    assert_silent(lines)


def a_broom() -> Broom:
    job = secret_job(updated_at_ms=NOW_MS - 3 * 60_000, failure=Failure(code="x", sentence=CANARY))
    return Broom(
        jobs=MemoryJobStore(job),
        attempts=MemoryAttemptStore(),
        holds=MemoryHoldStore(),
        results=FakeResults(),
        workflow=FakeWorkflow(),
        closer=FakeCloser(),
        messenger=FakeMessenger(),
        report=sweep_open_jobs.report,
        clock=Ticker(),
    )


# ── Errors that leave a Lambda: the runtime logs them, and Step Functions keeps their words ───────────────────────────

# The doors answer every error with a problem document of their own.
ERRORS_LEAVE: list[ModuleType] = [
    check_campaign,
    close_admission,
    close_lost_job,
    erase_leftovers,
    erase_owner,
    begin_campaign_run,
    hold_for_review,
    moderate_prompt,
    refuse_held,
    run_campaign_row,
    settle_campaign_run,
    notify_requester,
    record_failure,
    record_mail_outcome,
    resume_on_completion,
    review_images,
    start_generation,
    start_scheduled_campaign,
    start_scheduled_request,
    sweep_campaign_runs,
    sweep_open_jobs,
    tell_campaign,
    write_campaign_results,
    zip_campaign_pictures,
]
EVENT = {"job_id": job_id(1), "error": CANARY, "prompt": CANARY}


def told_by(error: BaseException) -> str:
    """What a runtime can tell of an error: its message, and its traceback with whatever caused it."""
    return str(error) + repr(error) + "".join(traceback.format_exception(error))


def test_every_lambda_that_is_no_door_is_among_those_whose_errors_leave() -> None:
    doors = {"admin_api", "campaigns_api", "held_api", "owner_api", "public_link", "requests_api", "uploads_api"}
    every = {module.name for module in pkgutil.iter_modules(handlers.__path__)}
    assert {module.__name__.rpartition(".")[2] for module in ERRORS_LEAVE} == every - doors


@pytest.mark.parametrize("module", ERRORS_LEAVE, ids=lambda module: module.__name__.rpartition(".")[2])
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(f"the SDK quotes {CANARY}"),
        KeyError(CANARY),
        ClientError({"Error": {"Code": "AccessDenied", "Message": f"{CANARY} may not"}}, "PutItem"),
        ContractError(f"$.{CANARY} is missing"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_unforeseen_error_leaves_as_ours_without_its_words(
    lines: io.StringIO, module: ModuleType, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dependencies() -> None:
        raise error

    monkeypatch.setattr(module, "dependencies", dependencies)
    with pytest.raises(InternalError) as caught:
        module.lambda_handler(EVENT, CONTEXT)
    assert (caught.value.code, caught.value.sentence) == ("internal_error", InternalError.sentence)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert CANARY not in told_by(caught.value)
    assert_silent(lines)
    (line,) = [json.loads(text) for text in lines.getvalue().splitlines()]
    assert (line["level"], line["error"]) == ("ERROR", type(error).__name__)
    assert "test_log_secrecy.py:" in line["raised"]


@pytest.mark.parametrize("module", ERRORS_LEAVE, ids=lambda module: module.__name__.rpartition(".")[2])
@pytest.mark.parametrize(
    "kind", [StoreUnavailableError, NoticeInFlightError, JobNotFoundError, GenerationRefusedError, StoppedError]
)
def test_an_error_of_ours_leaves_under_its_class_with_its_own_words_only(
    lines: io.StringIO, module: ModuleType, kind: type[AfterimageError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def dependencies() -> None:
        raise kind("Steps: at most 50.", code="outside_limits") from RuntimeError(f"the SDK quotes {CANARY}")

    monkeypatch.setattr(module, "dependencies", dependencies)
    with pytest.raises(kind) as caught:
        module.lambda_handler(EVENT, CONTEXT)
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.sentence, str(error)) == ("outside_limits", "Steps: at most 50.", "Steps: at most 50.")
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert CANARY not in told_by(error)
    assert_silent(lines)
    (line,) = [json.loads(text) for text in lines.getvalue().splitlines()]
    assert (line["level"], line["error"], line["code"]) == ("WARNING", kind.__name__, "outside_limits")


@pytest.mark.parametrize("kind", leaves(AfterimageError))
def test_every_error_of_ours_keeps_its_class(kind: type[AfterimageError]) -> None:
    @keeping_secrets
    def lambda_handler(event: dict[str, Any], context: Any) -> None:
        raise kind()

    with pytest.raises(kind) as caught:
        lambda_handler({}, CONTEXT)
    assert (type(caught.value), caught.value.code, caught.value.sentence) == (kind, kind.code, kind.sentence)


def test_what_goes_well_is_returned_as_it_is() -> None:
    @keeping_secrets
    def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Say so."""
        return event

    assert lambda_handler(EVENT, CONTEXT) is EVENT
    assert (lambda_handler.__name__, lambda_handler.__doc__) == ("lambda_handler", "Say so.")
