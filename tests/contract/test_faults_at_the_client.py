"""Each call to AWS that one request makes is throttled, answered with a 500, cut off, unheard (carried out, but its
answer is lost) and forbidden, once and for good. The other functions: `test_faults_of_every_function.py`.

The real adapters and handlers run on moto and on the model of Step Functions; a fault sits between adapter and client.
What may pass once changes nothing; what stays is lifted at the end, and then the sweep finishes what is still open.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import itertools
import json
import time
from typing import Any

import pytest
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.adapters.dynamodb.holds import DynamoHoldStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.links import DynamoLinkStore
from afterimage.adapters.dynamodb.suppressions import DynamoSuppressionStore
from afterimage.adapters.engines.sagemaker_async import SagemakerAsyncEngine
from afterimage.adapters.lambda_closer import LambdaCloser
from afterimage.adapters.lambda_messenger import LambdaMessenger
from afterimage.adapters.lambda_teller import LambdaTeller
from afterimage.adapters.mail.ses import SesMailer
from afterimage.adapters.s3_gallery import S3Gallery
from afterimage.adapters.s3_results import S3Results
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.contracts.codec import to_json
from afterimage.domain.errors import AfterimageError, InternalError, by_name
from afterimage.domain.job import Attempt, Job, split_inference_id
from afterimage.domain.moderation import packaged_policy
from afterimage.handlers import (
    close_lost_job,
    moderate_prompt,
    notify_requester,
    record_failure,
    resume_on_completion,
    review_images,
    start_generation,
)
from afterimage.usecases.notify_requester import Post
from afterimage.usecases.sweep_open_jobs import Broom, sweep_open_jobs
from afterimage_imaging import seal_pictures
from afterimage_imaging.signing import SigningKeys
from afterimage_imaging.storage import Files, ImagingError
from botocore.exceptions import ClientError
from fakes.aws_faults import KINDS, PASSING, STEP, Between, Call, Faults
from fakes.campaigns import NO_CAMPAIGNS
from fakes.outside import Dice, FakeUploads, FakeWorkflow, Ticker
from fakes.png import png_of
from fakes.samples import a_job, a_result
from fakes.step_functions import GENERATION, ModelStepFunctions
from fakes.template import create_table
from PIL import Image

MACHINE = "arn:aws:states:eu-central-1:111122223333:stateMachine:m"
_NUMBERS = itertools.count(1)
_DICE = Dice()  # one for all: worlds share a bucket


class World:
    """One request on the real adapters."""

    def __init__(self, dynamodb: Any, table: str, s3: Any, bucket: str) -> None:
        create_table(dynamodb, table)
        self.forget = functools.partial(
            dynamodb.delete_table, TableName=table
        )  # moto copies a table at each transaction
        self.faults, self.clock = Faults(), Ticker()
        self.machine = ModelStepFunctions(self.run_state, self.clock)
        self.errors: list[str] = []
        self.mails: list[dict[str, Any]] = []
        self.pending: list[tuple[str, dict[str, Any]]] = []
        self.dead: list[tuple[str, dict[str, Any]]] = []
        self._s3, self._bucket = s3, bucket
        self._objects = Between("s3", s3, self.faults)
        table_client = Between("dynamodb", dynamodb, self.faults)
        self.store = DynamoJobStore(dynamodb, table)
        self.jobs = DynamoJobStore(table_client, table)
        self.attempts = DynamoAttemptStore(table_client, table)
        objects = self._objects
        self.results, self.gallery = S3Results(objects, bucket), S3Gallery(objects, bucket)
        self.workflow = StepFunctionsWorkflow(Between("states", self, self.faults), MACHINE)
        functions = Between("lambda", self, self.faults)
        self.teller = LambdaTeller(functions, "notify")
        self.engine = SagemakerAsyncEngine(
            Between("sagemaker", self, self.faults),
            objects,
            bucket=bucket,
            endpoint_name="e",
            request_ttl_s=60,
            invocation_timeout_s=60,
        )
        self.post = Post(
            campaigns=NO_CAMPAIGNS,
            workflow=FakeWorkflow(),
            jobs=self.jobs,
            links=DynamoLinkStore(table_client, table),
            suppressions=DynamoSuppressionStore(table_client, table),
            gallery=self.gallery,
            mailer=SesMailer(Between("ses", self, self.faults), "studio@example.com", "mail"),
            link_base="https://x",
            link_ttl_s=lambda: 60,
            clock=self.clock,
            entropy=_DICE,
        )
        self.broom = Broom(
            jobs=self.jobs,
            attempts=self.attempts,
            holds=DynamoHoldStore(table_client, table),
            results=self.results,
            workflow=self.workflow,
            closer=LambdaCloser(functions, "close"),
            messenger=LambdaMessenger(functions, "resume"),
            report=lambda *_: None,
            clock=self.clock,
        )
        self.job = a_job(number=next(_NUMBERS))
        self.store.create(self.job, None)

    # ── The clients that moto does not have, in boto3's words ─────────────────────────────────────────────────────

    def start_execution(self, *, name: str, **_: Any) -> None:
        self.machine.start(self.job.job_id)

    def describe_execution(self, **_: Any) -> dict[str, Any]:
        status = self.machine.status(self.job.job_id)
        if status is None:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")
        return {"status": status}

    def send_task_success(self, *, taskToken: str, output: str) -> None:
        self._answered(self.machine.succeed(taskToken, json.loads(output)))

    def send_task_failure(self, *, taskToken: str, error: str, cause: str) -> None:
        self.errors.append(error)
        self._answered(self.machine.fail(taskToken, error, cause))

    def _answered(self, heard: bool) -> None:
        if not heard:
            raise ClientError({"Error": {"Code": "TaskTimedOut"}}, "SendTask")

    def invoke(self, *, FunctionName: str, Payload: bytes, **_: Any) -> None:
        self.pending.append((FunctionName, json.loads(Payload)))

    def send_email(self, **mail: Any) -> None:
        self.mails.append(mail)

    def invoke_endpoint_async(self, *, InferenceId: str, **_: Any) -> dict[str, str]:
        """The endpoint has made the picture before it answers."""
        named = split_inference_id(InferenceId)
        assert named
        attempt = Attempt(job_id=named[0], attempt_id=named[1], task_token="", started_at_ms=0, expires_at_s=0)
        digest = hashlib.sha256(png_of()).hexdigest()
        made = [dataclasses.replace(image, sha256=digest) for image in a_result(self.job, attempt).images]
        result = a_result(self.job, attempt, images=tuple(made))
        for image in result.images:
            self._put(image.key or "", png_of())
            self._put(image.thumbnail_key or "", _thumbnail())
        self._put(f"inference/output/{InferenceId}.out", to_json(result).encode())
        place = f"s3://{self._bucket}/inference/output/{InferenceId}.out"
        message = {
            "invocationStatus": "Completed",
            "inferenceId": InferenceId,
            "responseParameters": {"outputLocation": place},
        }
        self.pending.append(("resume", {"Records": [{"Sns": {"Message": json.dumps(message)}}]}))
        return {"OutputLocation": place, "FailureLocation": place.replace("/output/", "/failure/")}

    def _put(self, key: str, body: bytes) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)

    # ── The functions ─────────────────────────────────────────────────────────────────────────────────────────────

    def run_state(self, name: str, payload: dict[str, Any]) -> Any:
        try:
            return self._run_state(name, payload)
        except AfterimageError as exc:
            self.errors.append(type(exc).__name__)
            raise
        except Exception as exc:  # as `keeping_secrets` does
            self.errors.append("InternalError")
            raise InternalError() from exc

    def _run_state(self, name: str, payload: dict[str, Any]) -> Any:
        jobs, attempts, clock = self.jobs, self.attempts, self.clock
        if name == "ModeratePrompt":
            return moderate_prompt.handle(
                payload,
                moderate_prompt.Dependencies(jobs=jobs, uploads=FakeUploads(), policy=packaged_policy, clock=clock),
            )
        if name == GENERATION:
            return start_generation.handle(
                payload,
                start_generation.Dependencies(
                    jobs=jobs, attempts=attempts, engine=self.engine, workflow=self.workflow, clock=clock
                ),
            )
        if name == "SealPictures":
            return self._seal(payload)
        if name == "ReviewImages":
            return review_images.handle(
                payload,
                review_images.Dependencies(
                    jobs=jobs, attempts=attempts, results=self.results, gallery=self.gallery, clock=clock
                ),
            )
        if name == "RecordFailure":
            return record_failure.handle(payload, record_failure.Dependencies(jobs=jobs, clock=clock))
        return notify_requester.handle(payload, self.post)

    def _seal(self, payload: dict[str, Any]) -> Any:
        files = Files(client=self._objects, bucket=self._bucket)
        keys = SigningKeys(client=None, arn="", clock_s=time.time)
        try:
            return seal_pictures.handle(payload, seal_pictures.Dependencies(files=files, keys=keys))
        except ImagingError as exc:
            known = by_name(type(exc).__name__)
            assert known
            raise known() from exc

    def _handle(self, function: str, event: dict[str, Any]) -> None:
        if function == "resume":
            deps = resume_on_completion.Dependencies(
                attempts=self.attempts, results=self.results, workflow=self.workflow
            )
            resume_on_completion.handle(event, deps)
        elif function == "close":
            close_lost_job.handle(
                event, close_lost_job.Dependencies(jobs=self.jobs, teller=self.teller, clock=self.clock)
            )
        else:
            notify_requester.handle(event, self.post)

    def run(self) -> None:
        """Until nothing moves any more; Lambda tries an event three times."""
        try:
            self.workflow.start(self.job.job_id)
        except AfterimageError as exc:
            self.errors.append(type(exc).__name__)
        for _ in range(200):
            stepped = [self.machine.step(execution) for execution in list(self.machine.executions.values())]
            self.pending += [
                ("close", {"detail": {"name": name, "status": status}}) for name, status in self.machine.events
            ]
            self.machine.events.clear()
            if self.pending:
                self._deliver(*self.pending.pop(0))
            elif not any(stepped):
                return
        raise AssertionError("it never comes to rest")

    def _deliver(self, function: str, event: dict[str, Any]) -> None:
        for _ in range(3):
            try:
                return self._handle(function, event)
            except AfterimageError as exc:
                self.errors.append(type(exc).__name__)
            except ClientError:
                self.errors.append("InternalError")
            self.clock.pass_s(60)
        self.dead.append((function, event))
        return None

    def lift_and_sweep(self) -> None:
        self.faults.plan = None
        for _ in range(8):
            record = self.record
            if record.status.is_final and record.notice and record.notice.state != "sending":
                return
            self.clock.pass_s(180)
            sweep_open_jobs(self.broom)
            self.run()

    @property
    def record(self) -> Job:
        return self.store.get(self.job.job_id, self.clock.now_ms)


def _thumbnail() -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (8, 8)).save(kept, "JPEG")
    return kept.getvalue()


@pytest.fixture
def world(dynamodb: Any, s3: Any, bucket: str) -> World:
    return World(dynamodb, f"table-of-{bucket}", s3, bucket)


def calls_of_a_request(world: World) -> list[tuple[Call, int]]:
    """Every call that an undisturbed request makes, by what it is and how many like it came before."""
    world.run()
    assert (world.record.status, len(world.mails)) == ("SUCCEEDED", 1)
    return world.faults.numbered()


@pytest.mark.parametrize("stays", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_call_fails_and_the_request_ends_as_it_must(
    kind: str, stays: bool, dynamodb: Any, s3: Any, bucket: str
) -> None:
    def fresh(number: int) -> World:
        return World(dynamodb, f"{kind.replace(' ', '-')}-{stays}-{number}", s3, bucket)

    calls = calls_of_a_request(fresh(0))
    assert {service for (service, _), _ in calls} == {"dynamodb", "s3", "sagemaker", "states", "ses"}
    assert len(calls) > 20
    for number, (call, nth) in enumerate(calls[(KINDS.index(kind) + stays) % STEP :: STEP], start=1):
        world = fresh(number)
        world.faults.plan = (call, nth, kind, stays)
        world.run()
        where = f"{kind} at call {nth} of {call}"
        if kind in PASSING and not stays and call != ("ses", "send_email") and call != ("states", "start_execution"):
            assert (world.record.status, len(world.mails)) == ("SUCCEEDED", 1), where
        world.lift_and_sweep()
        judge(world, call, kind, stays, where)
        world.forget()


def judge(world: World, call: Call, kind: str, stays: bool, where: str) -> None:
    record = world.record
    where = f"{where}: {world.errors}, {record.notice}"
    assert record.status.is_final, where
    assert record.notice, where
    assert record.notice.state in ("sent", "failed", "uncertain"), where
    # Uncertain is what a run leaves that died, or could write no more, between its two words about one mail.
    assert len(world.mails) in {"sent": (1,), "failed": (0,), "uncertain": (0, 1)}[record.notice.state], where
    assert bool(record.pictures) >= (record.status == "SUCCEEDED"), where
    assert (record.failure is not None) == (record.status == "FAILED"), where
    if kind in PASSING and not stays:
        assert record.status == "SUCCEEDED", where
        unanswered = call == ("ses", "send_email") and kind != "throttle"
        assert record.notice.state in (("sent", "uncertain") if unanswered else ("sent",)), where
    known = {"InternalError", "InvalidResultError", "JobClosedError", "MailRefusedError"}
    passing = {"StoreUnavailableError", "EngineUnavailableError", "WorkflowUnavailableError", "MailUnavailableError"}
    passing |= {"NoticeInFlightError"}
    assert set(world.errors) <= (known | passing), where
    if kind in PASSING and call[0] != "ses" and not stays:
        assert set(world.errors) <= passing, where


def test_an_endpoint_that_is_missing_is_called_so_and_told(world: World) -> None:
    def missing(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ValidationError"}}, "InvokeEndpointAsync")

    world.invoke_endpoint_async = missing  # type: ignore[method-assign]
    world.run()
    assert (world.record.status, world.record.failure and world.record.failure.code) == ("FAILED", "endpoint_missing")
    assert len(world.mails) == 1


def test_a_mail_that_is_refused_is_on_record_and_the_pictures_are_there(world: World) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "MessageRejected"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "Send")

    world.send_email = refuse  # type: ignore[method-assign]
    world.run()
    notice = world.record.notice
    assert (world.record.status, notice and notice.state, notice and notice.failure_code) == (
        "SUCCEEDED",
        "failed",
        "MessageRejected",
    )
    assert world.mails == []
