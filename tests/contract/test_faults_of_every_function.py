"""Each call to AWS of the functions that stand beside a request's own run fails, as in `test_faults_at_the_client.py`.

The functions are wired by their own `dependencies`, on moto and a few stand-ins. What fails for a while is answered as
something that passes; and whatever failed, asked again when the fault is gone everything stands as if it had not been.
"""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.adapters.dynamodb.holds import DynamoHoldStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.links import DynamoLinkStore
from afterimage.adapters.dynamodb.suppressions import DynamoSuppressionStore
from afterimage.domain import errors
from afterimage.domain.errors import CampaignNotFoundError, InternalError, TransientError
from afterimage.domain.job import Failure
from afterimage.domain.links import Link, hash_token
from afterimage.domain.quotas import UNLIMITED, charge_for
from afterimage.domain.row_ref import CampaignId
from afterimage.domain.status import JobStatus
from afterimage.domain.suppression import SuppressionKind, suppression_of
from afterimage.ports import JobChanges
from botocore.exceptions import ClientError
from fakes import campaign_account
from fakes.aws_faults import KINDS, PASSING, STEP, Between, Call, Faults
from fakes.campaign_account import ALL_SETTLED, AT_REST, AT_WORK, NEVER_RUN, first_row, leg_of
from fakes.campaigns import RUN_ID
from fakes.http import PERSON, an_event, answer
from fakes.outside import NOW_MS, Dice, Ticker
from fakes.samples import ADDRESS, a_held_job, a_hold, a_job, an_attempt, job_id, pictures
from fakes.template import create_table

EVENTS = Path(__file__).parents[2] / "events"
ADMIN = PERSON | {"sub": "root", "username": "root", "cognito:groups": "[admin]"}
TOKEN = "A" * 43
QUOTAS = {"monthly_pictures": 50, "concurrent_jobs": 20, "campaign_rows": None, "daily_pictures": 100}
# What is kept of a record when two worlds are compared: no time, and nothing that is drawn.
KEPT = ("status", "pictures", "jobs", "disabled", "override", "kind", "failure", "open", "outcome")
NUMBERS = (1, 2, 3, 4, 5)
HELD = 60  # waits for a person, in the scenes that are about that
HELD_JOB = {"job_id": job_id(HELD), "stage": "prompt"}
JOB = f"/v1/images/{job_id(1)}"


class StandIns:
    """Step Functions, Lambda, SES and Auto Scaling, which moto has not or only slowly."""

    def __init__(self) -> None:
        self.refusals: list[Exception] = []
        self.executions: dict[tuple[str, str], str] = {}
        self.asked: set[tuple[str, str]] = set()
        self.mails = 0

    def start_execution(self, *, stateMachineArn: str, name: str, **_: Any) -> None:
        if (stateMachineArn, name) in self.executions:
            raise ClientError({"Error": {"Code": "ExecutionAlreadyExists"}}, "StartExecution")
        self.executions[stateMachineArn, name] = "RUNNING"

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:
        machine, _, name = executionArn.replace(":execution:", ":stateMachine:").rpartition(":")
        if (machine, name) not in self.executions:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")
        return {"status": self.executions[machine, name]}

    def stop_execution(self, *, executionArn: str) -> None:
        machine, _, name = executionArn.replace(":execution:", ":stateMachine:").rpartition(":")
        self.executions[machine, name] = "ABORTED"

    def invoke(self, *, FunctionName: str, Payload: bytes, **_: Any) -> dict[str, Any]:
        document = json.loads(Payload)
        self.asked.add(
            (
                FunctionName,
                next((str(document[name]) for name in ("job_id", "campaign_id") if name in document), "")
                or document.get("detail", {}).get("name")
                or "message",
            )
        )
        return {}

    def send_task_success(self, *, taskToken: str, **_: Any) -> None:
        self.asked.add(("token", taskToken))

    def send_task_failure(self, *, error: str, **_: Any) -> None:
        """What a state hears instead of an answer."""
        self.refusals.append(getattr(errors, error)())

    def register_scalable_target(self, *, ResourceId: str, MinCapacity: int, **_: Any) -> None:
        self.asked -= {(ResourceId, str(1 - MinCapacity))}
        self.asked.add((ResourceId, str(MinCapacity)))

    def delete_schedule(self, *, Name: str, **_: Any) -> None:
        """None there is as good."""
        if ("schedule", Name) not in self.asked:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DeleteSchedule")
        self.asked.discard(("schedule", Name))

    def update_schedule(self, *, Name: str, **_: Any) -> None:
        if ("schedule", Name) not in self.asked:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "UpdateSchedule")

    def create_schedule(self, *, Name: str, **_: Any) -> None:
        if ("schedule", Name) in self.asked:
            raise ClientError({"Error": {"Code": "ConflictException"}}, "CreateSchedule")
        self.asked.add(("schedule", Name))

    def send_email(self, **_: Any) -> None:
        self.mails += 1

    def delete_suppressed_destination(self, *, EmailAddress: str) -> None:
        self.asked.add(("ses", EmailAddress))


class World:
    """An account with jobs of Ada's in several states."""

    def __init__(self, name: str, clients: dict[str, Any], bucket: str, pool: str) -> None:
        self.clients, self.table, self.bucket, self.name = dict(clients), name, bucket, name
        self.environment = _settings(name, bucket, pool)
        clients["ssm"].put_parameter(Name=f"/{name}/policy", Value="packaged", Type="String", Overwrite=True)
        clients["ssm"].put_parameter(Name=f"/{name}/strikes", Value="{}", Type="String", Overwrite=True)
        clients["ssm"].put_parameter(Name=f"/{name}/link", Value="168", Type="String", Overwrite=True)
        create_table(clients["dynamodb"], name)
        self._fill()
        self._items = clients["dynamodb"].scan(TableName=name)["Items"]
        self.begin_anew()

    def begin_anew(self, jobs: tuple[int, ...] = NUMBERS) -> None:
        """Put back what differs: to make a world takes longer than what is played in it."""
        self.faults, self.clock, self.outside = Faults(), Ticker(), StandIns()
        self.clients |= dict.fromkeys(
            ("stepfunctions", "lambda", "sesv2", "application-autoscaling", "scheduler"), self.outside
        )
        machine = self.environment["STATE_MACHINE_ARN"]
        states = {1: "SUCCEEDED", 2: "RUNNING", 4: "FAILED"}
        self.outside.executions |= {(machine, job_id(number)): status for number, status in states.items()}
        self._put_items_back({f"JOB#{job_id(number)}" for number in (*NUMBERS, HELD) if number not in jobs})
        self._put_objects_back()
        self._put_people_back()
        for name, value in (("admission", "open"), ("quotas", json.dumps(QUOTAS))):
            self.clients["ssm"].put_parameter(Name=f"/{self.name}/{name}", Value=value, Type="String", Overwrite=True)

    def _put_items_back(self, without: set[str]) -> None:
        wanted = [item for item in self._items if item["pk"]["S"] not in without]
        now = self.clients["dynamodb"].scan(TableName=self.table)["Items"]
        keys = [(item["pk"], item["sk"]) for item in wanted]
        changes = [{"PutRequest": {"Item": item}} for item in wanted if item not in now]
        changes += [
            {"DeleteRequest": {"Key": {"pk": item["pk"], "sk": item["sk"]}}}
            for item in now
            if (item["pk"], item["sk"]) not in keys
        ]
        if changes:
            self.clients["dynamodb"].batch_write_item(RequestItems={self.table: changes})

    def _put_people_back(self) -> None:
        cognito, pool = self.clients["cognito-idp"], self.environment["USER_POOL_ID"]
        there = {user["Username"]: user["Enabled"] for user in cognito.list_users(UserPoolId=pool)["Users"]}
        for person in ("ada", "bob"):
            if there.get(person) is not True:
                if person in there:
                    cognito.admin_delete_user(UserPoolId=pool, Username=person)
                attributes = {"email": f"{person}@example.com", "email_verified": "true"}
                cognito.admin_create_user(
                    UserPoolId=pool,
                    Username=person,
                    UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
                )

    def _put_objects_back(self) -> None:
        now, whole = set(self._objects()), {*campaign_account.files()}
        for number in (1, 2):
            whole |= {
                f"inference/output/{number}.out",
                f"images/{str(number) * 32}/0.png",
                f"quarantine/{job_id(number)}/0.png",
                f"jobs/{job_id(number)}/{'a' * 16}.json",
            }
        for key in whole - now:
            body = campaign_account.files().get(key, b"x")
            self.clients["s3"].put_object(Bucket=self.bucket, Key=key, Body=body)
        for key in now - whole:
            self.clients["s3"].delete_object(Bucket=self.bucket, Key=key)

    def _objects(self) -> list[str]:
        listed = self.clients["s3"].list_objects_v2(Bucket=self.bucket).get("Contents", ())
        return sorted(entry["Key"] for entry in listed)

    def _fill(self) -> None:
        """A delivered request, one that is generated, one that was never started, one whose execution failed, and one
        that ended and was not told."""
        dynamodb = self.clients["dynamodb"]
        jobs, charge = DynamoJobStore(dynamodb, self.table), charge_for(2, NOW_MS, UNLIMITED)
        for number in range(1, 7):
            jobs.create(a_job(number=number, charge=charge, gallery=str(number) * 32), None)
        way = [JobStatus.MODERATING, JobStatus.GENERATING, JobStatus.REVIEWING, JobStatus.DELIVERING]
        for status in (*way, JobStatus.SUCCEEDED):
            made = JobChanges(pictures=pictures()) if status is JobStatus.DELIVERING else JobChanges()
            jobs.advance(job_id(1), status, NOW_MS, made)
        for number in (2, 4):
            for status in way[:2]:
                jobs.advance(job_id(number), status, NOW_MS)
        failure = Failure(code="generation_failed", sentence="It failed.")
        jobs.advance(job_id(5), JobStatus.FAILED, NOW_MS, JobChanges(failure=failure))
        attempts = DynamoAttemptStore(dynamodb, self.table)
        for number in (1, 2):
            attempt = an_attempt(
                a_job(number=number),
                output_location=f"s3://{self.bucket}/inference/output/{number}.out",
                failure_location=f"s3://{self.bucket}/inference/failure/{number}.out",
            )
            attempts.register(attempt)
            attempts.record_locations(attempt, attempt.output_location or "", attempt.failure_location or "")
        held = a_held_job(number=HELD)
        jobs.create(held, None)
        DynamoHoldStore(dynamodb, self.table).register(a_hold(held))
        DynamoLinkStore(dynamodb, self.table).put(
            Link(
                token_hash=hash_token(TOKEN),
                job_id=job_id(1),
                key=pictures()[0].key,
                created_at_ms=NOW_MS,
                expires_at_s=NOW_MS // 1000 + 86_400,
            )
        )
        DynamoSuppressionStore(dynamodb, self.table).put(suppression_of(ADDRESS, SuppressionKind.BOUNCE, NOW_MS))
        campaign_account.fill(dynamodb, self.table)

    def client(self, service: str, config: Any = None) -> Between:
        return Between(service, self.clients[service], self.faults)

    def facts(self) -> Any:
        """Everything that stands somewhere, without times and what is drawn."""
        items = self.clients["dynamodb"].scan(TableName=self.table)["Items"]
        records = sorted(
            json.dumps(
                [
                    _name(item["pk"]["S"]),
                    _name(item["sk"]["S"]),
                    {name: item[name] for name in KEPT if name in item} | {"erasing": "erasing" in item},
                ]
            )
            for item in items
        )
        people = self.clients["cognito-idp"].list_users(UserPoolId=self.environment["USER_POOL_ID"])["Users"]
        values = [
            self.clients["ssm"].get_parameter(Name=f"/{self.name}/{name}")["Parameter"]["Value"]
            for name in ("admission", "quotas")
        ]
        # Each run that erases an owner has a name of its own, and one beside another does no harm.
        named = {
            (machine, "" if machine.endswith("OWNER") else name): status
            for (machine, name), status in self.outside.executions.items()
        }
        return {
            "records": records,
            "objects": self._objects(),
            "people": sorted((user["Username"], user["Enabled"]) for user in people),
            "parameters": [value.partition(" ")[0] for value in values],
            "executions": sorted((machine.rpartition(":")[2], status) for (machine, _), status in named.items()),
            "asked": sorted(self.outside.asked),
        }


def _settings(name: str, bucket: str, pool: str) -> dict[str, str]:
    machines = {
        f"{which}_MACHINE_ARN": f"arn:aws:states:eu-central-1:111122223333:stateMachine:{which}"
        for which in ("STATE", "CAMPAIGN", "ERASE_OWNER", "ERASE_LEFTOVERS")
    }
    return machines | {
        "TABLE_NAME": name,
        "BUCKET_NAME": bucket,
        "USER_POOL_ID": pool,
        "MODEL_PROFILE": "demo",
        "JOB_TTL_DAYS": "90",
        "ADMISSION_PARAMETER": f"/{name}/admission",
        "QUOTAS_PARAMETER": f"/{name}/quotas",
        "STRIKES_PARAMETER": f"/{name}/strikes",
        "MODERATION_POLICY_PARAMETER": f"/{name}/policy",
        "INSTANCE_DOLLARS_PER_HOUR": "1.5",
        "LINK_BASE": "https://x",
        "NOTIFY_REQUESTER_FUNCTION": "notify",
        "CLOSE_LOST_JOB_FUNCTION": "close",
        "RESUME_ON_COMPLETION_FUNCTION": "resume",
        "SCALABLE_RESOURCE": "endpoint/e/variant/v",
        "SCHEDULE_GROUP": "group",
        "CHECK_CAMPAIGN_FUNCTION": "check",
        "ZIP_CAMPAIGN_PICTURES_FUNCTION": "zip",
        "START_SCHEDULED_CAMPAIGN_ARN": "arn:aws:lambda:eu-central-1:111122223333:function:start",
        "CAMPAIGN_SCHEDULE_ROLE_ARN": "arn:aws:iam::111122223333:role/schedule",
        "DEAD_LETTERS_ARN": "arn:aws:sqs:eu-central-1:111122223333:dead",
        "SENDER_ADDRESS": "afterimage@example.com",
        "CONFIGURATION_SET": "set",
        "LINK_TTL_PARAMETER": f"/{name}/link",
    }


def _name(key: str) -> str:
    """A key without what is drawn; jobs of this test keep their ids."""
    kind, _, rest = key.partition("#")
    return key if kind in ("JOB", "OWNER", "DAY", "USE") and rest in {*map(job_id, range(1, 6)), "user#ada"} else kind


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One call of a function, made until it is answered as done."""

    name: str
    module: str
    call: Callable[[Any, Any], Any]  # the module, its dependencies
    jobs: tuple[int, ...] = NUMBERS
    later_s: int = 0
    more: int = 0  # calls beside the first, for what comes every minute anyway
    gone: int = 0  # the status of a repeat that finds everything done
    piles_up: bool = False  # a repeat leaves what a lost call has made


def http(module: str, method: str, path: str, body: Any = None, claims: Any = PERSON, **more: Any) -> Scene:
    event = functools.partial(an_event, method, path, body=body, claims=claims, headers={"Idempotency-Key": "k"})

    def call(handler: Any, deps: Any) -> Any:
        return answer(functools.partial(handler.handle, deps=deps), event())

    return Scene(
        name=f"{method} {path}{' dry' if body and 'dry_run' in body else ''}", module=module, call=call, **more
    )


def event(module: str, document: Any, **more: Any) -> Scene:
    return Scene(name=module, module=module, call=lambda handler, deps: handler.handle(document, deps), **more)


def from_file(name: str, **changes: str) -> Any:
    text = (EVENTS / f"{name}.json").read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    return json.loads(text)


def campaign(method: str, which: CampaignId, path: str = "", body: Any = None, **more: Any) -> Scene:
    return http("campaigns_api", method, f"/v1/campaigns/{which}{path}", body, **more)


def admin(method: str, path: str, body: Any = None, **more: Any) -> Scene:
    return http("admin_api", method, f"/v1/admin/{path}", body, ADMIN, **more)


SCENES = [
    # Recorded is accepted, though not started: a replay starts it, or the sweep.
    http("requests_api", "POST", "/v1/images", {"prompt": "a lighthouse"}, more=1),
    http("requests_api", "POST", "/v1/images", {"prompt": "a lighthouse", "dry_run": True}),
    http("requests_api", "GET", "/v1/images"),
    http("uploads_api", "POST", "/v1/uploads", {"content_type": "image/png"}),
    http("requests_api", "GET", JOB),
    http("requests_api", "GET", "/v1/me"),
    http("public_link", "GET", f"/i/{TOKEN}", claims=None),
    http("owner_api", "POST", JOB.replace(job_id(1), job_id(2)) + "/cancel"),
    http("owner_api", "DELETE", JOB, gone=404),
    http("owner_api", "DELETE", JOB.replace(job_id(1), job_id(2)), gone=404),
    http("owner_api", "POST", f"{JOB}/share", {}, piles_up=True),
    http("owner_api", "DELETE", f"{JOB}/share"),
    http("owner_api", "DELETE", "/v1/me"),
    admin("GET", "users"),
    admin("GET", "users/bob/quota"),
    admin("PUT", "users/bob/quota", {"monthly_pictures": 1, "concurrent_jobs": 1, "campaign_rows": 1}),
    admin("POST", "users/bob/disable"),
    admin("POST", "users/bob/forgive"),
    admin("DELETE", "users/bob"),
    admin("GET", "quotas"),
    admin("PUT", "quotas", QUOTAS | {"daily_pictures": 7}),
    admin("GET", "admission"),
    admin("PUT", "admission", {"state": "closed", "reason": "why"}),
    admin("GET", "jobs"),
    admin("GET", f"jobs/{job_id(1)}"),
    admin("GET", f"suppressions/{ADDRESS}"),
    admin("DELETE", f"suppressions/{ADDRESS}"),
    event("start_scheduled_request", from_file("scheduler_request"), more=1),
    event("erase_owner", {"owner": "user#ada"}, jobs=(2,)),  # one stands for all: they go one after another
    event("erase_leftovers", {"job_id": job_id(2), "gallery": "2" * 32}),
    event("record_mail_outcome", from_file("sns_mail_complaint")),
    event("close_admission", from_file("sns_alarm_failed_share")),
    *(
        http("held_api", method, f"/v1/admin/held{path}", body, ADMIN, jobs=(HELD,))
        for method, path, body in (
            ("GET", "", None),
            ("GET", f"/{job_id(HELD)}", None),
            ("POST", f"/{job_id(HELD)}/release", {"stage": "prompt", "note": "It is only a duck."}),
            ("POST", f"/{job_id(HELD)}/refuse", {"stage": "prompt"}),
        )
    ),
    event("hold_for_review", HELD_JOB | {"task_token": "held-token"}, jobs=(HELD,)),
    event("refuse_held", HELD_JOB, jobs=(HELD,)),
    event("record_failure", from_file("state_record_failure") | {"job_id": job_id(2)}),
    event("close_lost_job", {"detail": {"name": job_id(4), "status": "FAILED"}}),
    # Where a machine may not be asked for, none is waited for: a repeat, which is as good, asks again.
    event("begin_campaign_run", leg_of(AT_WORK), more=1),
    event("run_campaign_row", first_row(), more=1),  # a repeat starts what could not be started
    event("settle_campaign_run", leg_of(ALL_SETTLED)),
    event("write_campaign_results", leg_of(ALL_SETTLED, after=0)),
    http("campaigns_api", "GET", "/v1/campaigns"),
    campaign("GET", AT_WORK),
    campaign("GET", AT_WORK, "/runs"),
    campaign("GET", AT_WORK, f"/runs/{RUN_ID}/rows"),
    campaign("GET", AT_REST, "/results"),
    campaign("POST", NEVER_RUN, "/upload"),
    campaign("POST", NEVER_RUN, "/check", gone=409),
    campaign("PUT", NEVER_RUN, "/settings", {"budget_pictures": 9}),
    # Recorded is begun, though not started: a replay starts it, or the sweep.
    campaign("POST", NEVER_RUN, "/run", more=1),
    campaign("POST", AT_WORK, "/pause"),
    campaign("POST", AT_WORK, "/stop"),
    campaign("POST", AT_REST, "/zip"),
    campaign("PUT", NEVER_RUN, "/schedule", {"expression": "rate(1 day)"}),
    campaign("DELETE", NEVER_RUN, "/schedule"),
    campaign("DELETE", AT_REST, gone=404),
    event("start_scheduled_campaign", {"campaign_id": NEVER_RUN, "scheduled_time": "2026-11-23T01:00:00Z"}, more=1),
    event("tell_campaign", leg_of(AT_REST), later_s=300),
    Scene(
        name="zip_campaign_pictures",
        module="zip_campaign_pictures",
        call=lambda handler, deps: handler.handle(leg_of(AT_REST), deps, lambda: 900.0),
    ),
    Scene(
        name="sweep of campaigns",
        module="sweep_campaign_runs",
        call=lambda handler, deps: handler.handle(deps),
        later_s=300,
        more=2,
    ),
    Scene(name="sweep", module="sweep_open_jobs", call=lambda handler, deps: handler.handle(deps), later_s=300, more=2),
]


@pytest.fixture(scope="module")
def clients(dynamodb: Any, s3: Any) -> dict[str, Any]:
    """Clients of the account, before faults."""
    return {"dynamodb": dynamodb, "s3": s3, "ssm": boto3.client("ssm"), "cognito-idp": boto3.client("cognito-idp")}


@pytest.fixture(scope="module")
def pool(clients: dict[str, Any]) -> str:
    """A sign-in directory, which takes longer to make than all the rest."""
    return str(clients["cognito-idp"].create_user_pool(PoolName="people")["UserPool"]["Id"])


Play = Callable[[Scene, tuple[Call, int, str, bool] | None], tuple[list[Any], World]]


@pytest.fixture
def play(clients: dict[str, Any], pool: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Play a scene from the beginning; return what was answered, the first under the fault, and the world."""
    world = World(bucket, clients, bucket, pool)

    def run(scene: Scene, plan: tuple[Call, int, str, bool] | None) -> tuple[list[Any], World]:
        world.begin_anew(scene.jobs)
        handler = importlib.import_module(f"afterimage.handlers.{scene.module}")
        made = {
            "client": world.client,
            "environment": lambda: world.environment,
            "now_ms": world.clock,
            "random_bytes": Dice(),
        }
        for name, value in made.items():
            if hasattr(handler, name):
                monkeypatch.setattr(handler, name, value)
        world.clock.pass_s(scene.later_s)
        world.faults.plan = plan
        deps = handler.dependencies.__wrapped__()
        answers: list[Any] = []
        while len(answers) < 6 and (not answers or len(answers) <= scene.more or not is_done(answers[-1], scene)):
            said = outcome(scene, handler, deps)
            answers.append(world.outside.refusals.pop() if world.outside.refusals else said)
            if len(answers) == 1:
                world.faults.ended = len(world.faults.calls)
            if (plan and plan[3]) or is_done(answers[-1], scene):
                world.faults.plan = None
            world.clock.pass_s(60)
        return answers, world

    return run


def outcome(scene: Scene, handler: Any, deps: Any) -> Any:
    try:
        return scene.call(handler, deps)
    except (TransientError, InternalError, ClientError) as exc:
        return exc
    except CampaignNotFoundError as exc:
        # To whoever may not list the bucket, a file that is forbidden and one that is missing look the same.
        assert isinstance(exc.__cause__, ClientError)
        return exc


def is_done(said: Any, scene: Scene) -> bool:
    if isinstance(said, Exception):
        return False
    if hasattr(said, "status"):
        return bool(said.status < 400 or said.status == scene.gone)
    return not isinstance(said, dict) or said.get("done", True)


def passes(said: Any) -> bool:
    """Told as something that may pass: to a caller when to come back, to Lambda and Step Functions by its class."""
    if hasattr(said, "status"):
        return said.status == 503 and int(said.headers["retry-after"]) > 0
    return isinstance(said, TransientError) or (isinstance(said, dict) and not said.get("done", True))


def test_every_function_has_its_calls_fail_here_or_in_a_request_or_in_a_check() -> None:
    handlers = {
        path.stem
        for path in (Path(importlib.import_module("afterimage.handlers").__file__ or "").parent).glob("[!_]*.py")
    }
    requests = {"moderate_prompt", "start_generation", "resume_on_completion", "review_images", "notify_requester"}
    checks = {"check_campaign"}  # test_check_campaign.py
    assert {scene.module for scene in SCENES} | requests | checks == handlers


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_each_call_of_a_function_fails_and_asked_again_all_is_well(scene: Scene, play: Play) -> None:
    answers, world = play(scene, None)
    assert (is_done(answers[-1], scene) and is_done(answers[0], scene)) or scene.module == "erase_owner", answers
    expected = facts(world, scene)
    calls = world.faults.numbered()[: world.faults.ended if scene.more else None]
    assert calls
    cases = [(call, nth, kind) for call, nth in calls for kind in KINDS]
    step = STEP if STEP == 1 else 4 * STEP  # there are thousands
    for case in cases[SCENES.index(scene) % min(step, len(cases)) :: step]:
        fail(scene, (*case, False), play, expected)
        # A fault that stays is another case only where the function went on after it.
        if world.faults.went_on:
            fail(scene, (*case, True), play, expected)


def fail(scene: Scene, plan: tuple[Call, int, str, bool], play: Play, expected: Any) -> None:
    answers, world = play(scene, plan)
    where = f"{plan}: {answers}"
    assert world.faults.failed_at is not None, where
    for said in answers:
        assert is_done(said, scene) or passes(said) or plan[2] not in PASSING, where
        if hasattr(said, "status") and said.status >= 500 and said.status != 503:
            assert said.body["code"] == "internal_error", where
    assert is_done(answers[-1], scene), where
    assert facts(world, scene) == expected, where


def facts(world: World, scene: Scene) -> Any:
    found = world.facts()
    return found | {"records": sorted(set(found["records"]))} if scene.piles_up else found
