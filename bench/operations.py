"""Which AWS calls one delivered picture makes: the real handlers and adapters run here on moto, and botocore counts.

What moto does not have (Step Functions with tokens, SageMaker's runtime) is answered on the spot. The container's own
writes are added by hand, because it runs elsewhere.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import logging
import math
import os
import pkgutil
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import boto3
import yaml
from afterimage.contracts.codec import to_json
from afterimage.contracts.generation import GeneratedImage, GenerationResult
from moto import mock_aws
from PIL import Image

from local.settings import ROOT


def _small_png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    return out.getvalue()


BUCKET, TABLE, SENDER = "bench-pictures", "bench-table", "studio@afterimage.example"
ANSWERED = ("stepfunctions", "sfn", "sagemaker-runtime")
QUOTAS = {"monthly_pictures": 500, "concurrent_jobs": 20, "campaign_rows": 500, "daily_pictures": 5000}
PARAMETERS = {
    "/bench/admission": "open",
    "/bench/quotas": json.dumps(QUOTAS),
    "/bench/strikes": "{}",
    "/bench/policy": "packaged",
    "/bench/link": "168",
}
UNIT_BYTES = 1024
PICTURE = _small_png()
_TAKEN, _GIVEN_BACK = 3, 1  # counters of a request that succeeds, one unit each
_CLAIM, _POINTER = 1, 1  # the claim on an Idempotency-Key, and what leads from a job to its link


class Counting:
    """Calls by service and operation, and the DynamoDB units that they cost on demand."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.write_units = 0.0
        self.read_units = 0.0
        self.answer = {"OutputLocation": f"s3://{BUCKET}/inference/output/a.out"}

    def before(self, model: Any, **_: Any) -> Any:
        service = model.service_model.service_name
        self.calls[f"{service}:{model.name}"] += 1
        return answered(self.answer) if service in ANSWERED else None


def answered(answer: dict[str, Any]) -> Any:
    """What a client gets from a service that is not there."""
    return SimpleNamespace(status_code=200, headers={}), answer


def count() -> dict[str, Any]:
    """Deliver one picture and return calls, DynamoDB units and bytes of the mail."""
    with warnings.catch_warnings(), variables(), mock_aws():
        warnings.simplefilter("ignore")
        boto3.setup_default_session(region_name="us-east-1")
        world = World()
        counting = Counting()
        boto3.setup_default_session(region_name="us-east-1")  # clients made from here on are counted
        boto3._get_default_session().events.register("before-call", counting.before)
        sizes = _deliver(world)
        boto3.setup_default_session()
    calls = counting.calls
    return {"calls": dict(sorted(calls.items())), "dynamodb": _units(calls, sizes), "item_bytes": sizes}


def _units(calls: Counter[str], sizes: dict[str, int]) -> dict[str, Any]:
    """Request units by the rules of on-demand capacity, with every item as big as it is in the end: an upper bound.

    A write of a job is a write to the table, one to `by-owner`, which holds the whole item, and two of one unit to
    `open`, which holds keys only, the time among them: the old entry goes, a new one comes. A write in a transaction
    costs twice: the beginning (job, claim, the counters of month, day and open requests), the end (job, one counter),
    and the link with its pointer. Reads are strongly consistent.
    """
    job, attempt, link = (math.ceil(sizes[name] / UNIT_BYTES) for name in ("job", "attempt", "link"))
    job_writes = calls["dynamodb:UpdateItem"] - 2  # two of the updates are of the attempt
    if calls["dynamodb:TransactWriteItems"] != len(("beginning", "link", "end")):
        raise RuntimeError("A request that succeeds has three transactions; count what the others write.")
    ends = 2 * (2 * job + job + 1) + 2 * (_TAKEN + _GIVEN_BACK) + 2 * _CLAIM
    writes = ends + job_writes * (2 * job + 2) + 3 * attempt + 2 * (link + _POINTER)
    reads = sum(count for name, count in calls.items() if name == "dynamodb:GetItem") * math.ceil(sizes["job"] / 4096)
    return {"write_units": writes, "read_units": reads}


@contextmanager
def variables() -> Iterator[None]:
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    ours = {
        "TABLE_NAME": TABLE,
        "BUCKET_NAME": BUCKET,
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:bench",
        "USER_POOL_ID": "set below",
        "MODEL_PROFILE": "sd15",
        "JOB_TTL_DAYS": "90",
        "ADMISSION_PARAMETER": "/bench/admission",
        "QUOTAS_PARAMETER": "/bench/quotas",
        "STRIKES_PARAMETER": "/bench/strikes",
        "INSTANCE_DOLLARS_PER_HOUR": "1.408",
        "CONFIGURATION_SET": "bench-mail",
        "MODERATION_POLICY_PARAMETER": "/bench/policy",
        # As the template has them: nobody is asked but our own policy and the container.
        "GUARDRAIL_ID": "none",
        "GUARDRAIL_VERSION": "DRAFT",
        "GUARDRAIL_PICTURES": "false",
        "USE_COMPREHEND": "false",
        "USE_REKOGNITION": "false",
        "MODERATION_HOLD_AT": "0.6",
        "MODERATION_BLOCK_AT": "0.85",
        "MODERATION_FAIL_OPEN": "false",
        "ENDPOINT_NAME": "bench",
        "REQUEST_TTL_SECONDS": "3600",
        "INVOCATION_TIMEOUT_SECONDS": "600",
        "SENDER_ADDRESS": SENDER,
        "LINK_BASE": "https://pictures.example",
        "LINK_TTL_PARAMETER": "/bench/link",
        "SCALABLE_RESOURCE": "none",
        "SIGNING_SECRET_ARN": "",  # asked for once in five minutes, whoever asks for pictures
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }
    logging.getLogger("afterimage_imaging").setLevel(logging.CRITICAL)
    with mock.patch.dict("os.environ", keys | ours, clear=True):
        yield


class World:
    """The account as it stands before the request, with clients that are not counted."""

    def __init__(self) -> None:
        self.dynamodb, self.s3 = boto3.client("dynamodb"), boto3.client("s3")
        taken = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        properties = _template()["Resources"]["Table"]["Properties"]
        self.dynamodb.create_table(TableName=TABLE, **{name: properties[name] for name in taken})
        self.s3.create_bucket(Bucket=BUCKET)
        boto3.client("sesv2").create_email_identity(EmailIdentity=SENDER)
        for name, value in PARAMETERS.items():
            boto3.client("ssm").put_parameter(Name=name, Value=value, Type="String")
        people = boto3.client("cognito-idp")
        pool = people.create_user_pool(PoolName="bench")["UserPool"]["Id"]
        os.environ["USER_POOL_ID"] = pool
        self.event = json.loads((ROOT / "events" / "http_post_image.json").read_text(encoding="utf-8"))
        self.event["body"] = json.dumps({"prompt": "a lighthouse at dusk, waves against the rocks"})
        attributes = [{"Name": "email", "Value": "ada@example.com"}, {"Name": "email_verified", "Value": "true"}]
        username = self.event["requestContext"]["authorizer"]["jwt"]["claims"]["username"]
        people.admin_create_user(UserPoolId=pool, Username=username, UserAttributes=attributes)

    def item(self, partition: str) -> list[dict[str, Any]]:
        """Every item whose partition key begins so."""
        items: list[dict[str, Any]] = self.dynamodb.scan(TableName=TABLE)["Items"]
        return [item for item in items if item["pk"]["S"].startswith(partition)]

    def attempt(self, job_id: str) -> dict[str, Any]:
        """The one attempt of a job."""
        (attempt,) = self.dynamodb.query(
            TableName=TABLE,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": f"JOB#{job_id}"}, ":sk": {"S": "ATTEMPT#"}},
        )["Items"]
        return dict(attempt)

    def answer_of_the_container(self, document: dict[str, Any]) -> None:
        """Write what the container writes: the picture, its thumbnail, the result."""
        seed = document["seeds"][0]
        prefix = document["output_prefix"].split("/", 3)[3]
        picture = GeneratedImage(
            seed=seed,
            width=document["width"],
            height=document["height"],
            size_bytes=len(PICTURE),
            sha256=hashlib.sha256(PICTURE).hexdigest(),
            content_type="image/png",
            key=f"{prefix}0.png",
            thumbnail_key=f"{prefix}0.jpg",
        )
        result = GenerationResult(
            job_id=document["job_id"],
            images=(picture,),
            width=document["width"],
            height=document["height"],
            steps=document["steps"],
            guidance=document["guidance"],
            scheduler="PNDMScheduler",
            timings_s={"total": 1.0},
            versions={"model": "bench"},
        )
        for key, body in ((picture.key, PICTURE), (picture.thumbnail_key, b"x" * 12_000)):
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        self.s3.put_object(Bucket=BUCKET, Key="inference/output/a.out", Body=to_json(result).encode())


def _template() -> dict[str, Any]:
    class Loader(yaml.SafeLoader):
        """Takes CloudFormation's short tags for what they stand beside."""

    Loader.add_multi_constructor("!", lambda loader, tag, node: f"{tag} {node.value}")
    document: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506
    return document


def _deliver(world: World) -> dict[str, int]:
    """Take a request at the door and carry it to its end. Returns bytes of job, attempt and link."""
    from afterimage.handlers import requests_api

    forget()
    accepted = requests_api.handle(world.event, requests_api.dependencies())
    job_id = json.loads(accepted["body"])["id"]
    carry(world, job_id)
    forget()
    job = next(item for item in world.item("JOB#") if item["sk"]["S"] == "JOB")
    (link,) = world.item("LINK#")
    return {"job": size_of(job), "attempt": size_of(world.attempt(job_id)), "link": size_of(link)}


def forget() -> None:
    """Have every handler build its clients anew."""
    import afterimage.handlers
    from afterimage_imaging import seal_pictures

    seal_pictures.dependencies.cache_clear()
    for module in pkgutil.iter_modules(afterimage.handlers.__path__):
        handler = importlib.import_module(f"afterimage.handlers.{module.name}")
        handler.dependencies.cache_clear()


def carry(world: World, job_id: str) -> None:
    """Run the functions of the workflow for one request that was accepted, in their order."""
    from afterimage.handlers import (
        moderate_prompt,
        notify_requester,
        resume_on_completion,
        review_images,
        start_generation,
    )
    from afterimage_imaging import seal_pictures

    moderate_prompt.handle({"job_id": job_id}, moderate_prompt.dependencies())
    start = json.loads((ROOT / "events" / "state_start_generation.json").read_text(encoding="utf-8"))
    start_generation.handle({**start, "job_id": job_id}, start_generation.dependencies())
    attempt_id = world.attempt(job_id)["attempt_id"]["S"]
    document = json.loads(world.s3.get_object(Bucket=BUCKET, Key=f"jobs/{job_id}/{attempt_id}.json")["Body"].read())
    world.answer_of_the_container(document)
    message = json.loads((ROOT / "events" / "sns_completion_success.json").read_text(encoding="utf-8"))
    completion = json.loads(message["Records"][0]["Sns"]["Message"])
    completion["inferenceId"] = f"{job_id}.{attempt_id}"
    completion["responseParameters"]["outputLocation"] = f"s3://{BUCKET}/inference/output/a.out"
    message["Records"][0]["Sns"]["Message"] = json.dumps(completion)
    resume_on_completion.handle(message, resume_on_completion.dependencies())
    seal_pictures.handle({"job_id": job_id, "attempt_id": attempt_id}, seal_pictures.dependencies())
    review_images.handle({"job_id": job_id, "attempt_id": attempt_id}, review_images.dependencies())
    told = notify_requester.handle({"job_id": job_id}, notify_requester.dependencies())
    if told["status"] != "SUCCEEDED":
        raise RuntimeError(f"The request ended {told['status']}, so there is nothing to count.")


def size_of(item: dict[str, Any]) -> int:
    """About the size that DynamoDB counts: names and values."""
    return len(json.dumps({name: next(iter(value.values())) for name, value in item.items()}))
