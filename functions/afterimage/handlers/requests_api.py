"""HTTP, for signed-in callers: create, read and list image requests; list presets."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query

from afterimage.adapters.aws import client
from afterimage.adapters.cognito import CognitoPeople
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.parameters import OperatorParameters
from afterimage.adapters.s3_gallery import PRESIGN_CONFIG, S3Gallery
from afterimage.adapters.s3_progress import S3Progress
from afterimage.adapters.s3_uploads import S3Uploads
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.contracts.progress import GenerationProgress
from afterimage.domain.job import Job
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.presets import presets
from afterimage.domain.recipients import Caller
from afterimage.domain.status import JobStatus
from afterimage.http.account_schemas import EstimateView, MeView, estimate_view, me_view
from afterimage.http.application import answer, application, problems
from afterimage.http.caller import signed_in
from afterimage.http.schemas import (
    ImageList,
    ImageRequestBody,
    ImageView,
    PictureView,
    PresetList,
    preset_view,
    view_of,
)
from afterimage.settings import RequestsApiSettings, read_settings
from afterimage.telemetry import count, environment, logger, measure, metrics, now_ms, random_bytes
from afterimage.usecases.create_request import Door, create_request
from afterimage.usecases.price_request import PriceList, price_request
from afterimage.usecases.read_account import read_account
from afterimage.usecases.read_requests import list_requests, read_request

app = application()
MAX_PAGE = 50


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    door: Door
    prices: PriceList
    gallery: S3Gallery
    progress: S3Progress


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(RequestsApiSettings, environment())
    parameters = OperatorParameters(client("ssm"))
    return Dependencies(
        door=Door(
            jobs=DynamoJobStore(client("dynamodb"), settings.table_name),
            workflow=StepFunctionsWorkflow(client("stepfunctions"), settings.state_machine_arn),
            accounts=DynamoAccountStore(client("dynamodb"), settings.table_name),
            people=CognitoPeople(client("cognito-idp"), settings.user_pool_id),
            profile=model_profiles()[settings.model_profile],
            admission_is_open=lambda: parameters.admission_is_open(settings.admission_parameter),
            quotas=lambda: parameters.quotas(settings.quotas_parameter),
            strike_rules=lambda: parameters.strike_rules(settings.strikes_parameter),
            job_ttl_s=settings.job_ttl_days * 86_400,
            clock=now_ms,
            entropy=random_bytes,
            uploads=S3Uploads(client("s3"), settings.bucket_name),
        ),
        prices=PriceList(
            policy=lambda: parameters.moderation_policy(settings.moderation_policy_parameter),
            dollars_per_hour=settings.instance_dollars_per_hour,
        ),
        gallery=S3Gallery(client("s3", PRESIGN_CONFIG), settings.bucket_name),
        progress=S3Progress(client("s3", PRESIGN_CONFIG), settings.bucket_name, now_ms),
    )


def _caller() -> Caller:
    """Return the caller unless an admin has disabled it. Raises AccountDisabledError."""
    caller = signed_in(app)
    _deps().door.accounts.find(caller.owner).check()
    return caller


def _deps() -> Dependencies:
    deps: Dependencies = app.context["deps"]
    return deps


def _view(job: Job, progress: GenerationProgress | None = None) -> ImageView:
    gallery = _deps().gallery
    return view_of(
        job,
        [
            PictureView(
                number=picture.number,
                seed=picture.seed,
                width=picture.width,
                height=picture.height,
                size_bytes=picture.size_bytes,
                sha256=picture.sha256,
                url=gallery.presign(picture.key),
                thumbnail_url=gallery.presign(picture.thumbnail_key),
                provenance="none" if picture.signed is None else "c2pa" if picture.signed else "xmp",
            )
            for picture in job.pictures
        ],
        progress,
    )


@app.post(
    "/v1/images",
    summary="Request pictures",
    description="Answers at once; the pictures follow by mail and under the returned id. A dry run only prices them.",
    status_code=HTTPStatus.ACCEPTED,
    responses={
        200: {"description": "A dry run's estimate", "content": {"application/json": {"model": EstimateView}}},
        202: {"description": "Accepted", "content": {"application/json": {"model": ImageView}}},
    }
    | problems(400, 401, 403, 404, 409, 415, 422, 429, 500, 503),
    tags=["images"],
)
def post_image(
    body: Annotated[ImageRequestBody, Body()],
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="The same key and body give the same request, for a day.",
            min_length=1,
            max_length=255,
        ),
    ] = None,
) -> Response[Any]:
    """Create a request; 202 with its id. A dry run answers 200 and leaves nothing behind."""
    if body.dry_run:
        has_key = idempotency_key is not None
        price = price_request(body.to_request(), signed_in(app), has_key, _deps().door, _deps().prices)
        count("RequestPriced")
        return answer(estimate_view(price))
    accepted = create_request(body.to_request(), signed_in(app), idempotency_key, _deps().door)
    logger.info("request accepted", job_id=accepted.job.job_id, replayed=accepted.replayed)
    count("RequestReplayed" if accepted.replayed else "RequestAccepted")
    if not accepted.replayed:
        measure("PicturesOrdered", len(accepted.job.spec.seeds))
    if accepted.refusal:
        logger.warning("workflow not started", job_id=accepted.job.job_id, refusal=accepted.refusal)
        count("RequestNotStarted")
    return answer(
        _view(accepted.job),
        HTTPStatus.ACCEPTED,
        {
            "Location": f"/v1/images/{accepted.job.job_id}",
            "Idempotency-Replayed": str(accepted.replayed).lower(),
        },
    )


@app.get(
    "/v1/images",
    summary="List your requests, newest first",
    responses={200: {"description": "A page", "content": {"application/json": {"model": ImageList}}}}
    | problems(401, 403, 422, 500, 503),
    tags=["images"],
)
def get_images(
    limit: Annotated[int, Query(description="Requests on a page.", ge=1, le=MAX_PAGE)] = 20,
    cursor: Annotated[str | None, Query(description="From the page before.", max_length=64)] = None,
) -> Response[ImageList]:
    """List the caller's requests."""
    door = _deps().door
    page = list_requests(_caller(), limit, cursor, jobs=door.jobs, clock=door.clock)
    return answer(ImageList(items=[_view(job) for job in page.jobs], cursor=page.cursor))


@app.get(
    "/v1/images/<job_id>",
    summary="Read one request",
    responses={200: {"description": "The request", "content": {"application/json": {"model": ImageView}}}}
    | problems(401, 403, 404, 422, 500, 503),
    tags=["images"],
)
def get_image(job_id: Annotated[str, Path(description="The id from creation.", max_length=64)]) -> Response[ImageView]:
    """Read one of the caller's requests, with its timeline and fresh links."""
    door = _deps().door
    job = read_request(job_id, _caller(), jobs=door.jobs, clock=door.clock)
    progress = _deps().progress.read_progress(job.job_id) if job.status is JobStatus.GENERATING else None
    return answer(_view(job, progress))


@app.get(
    "/v1/me",
    summary="Your quota and what is left of it",
    responses={200: {"description": "Your account", "content": {"application/json": {"model": MeView}}}}
    | problems(401, 403, 500, 503),
    tags=["account"],
)
def get_me() -> Response[MeView]:
    """Say who calls, what they may ask for, what they have used and when it is new."""
    door, caller = _deps().door, signed_in(app)
    account = read_account(
        caller, accounts=door.accounts, quotas=door.quotas, strike_rules=door.strike_rules, clock=door.clock
    )
    return answer(me_view(caller, account.quotas, account.usage, account.standing, account.at_ms))


@app.get(
    "/v1/presets",
    summary="List the styles",
    responses={200: {"description": "Every preset", "content": {"application/json": {"model": PresetList}}}}
    | problems(401, 500),
    tags=["presets"],
)
def get_presets() -> Response[PresetList]:
    """List every preset with its frame, so that nothing about a prompt is hidden."""
    return answer(PresetList(items=[preset_view(name, preset) for name, preset in presets().items()]))


def handle(event: dict[str, Any], deps: Dependencies, context: Any = None) -> dict[str, Any]:
    """Take an HTTP API event (payload version 2) and return its response."""
    app.append_context(deps=deps)
    return app.resolve(event, context)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of RequestsApiFunction."""
    return handle(event, dependencies(), context)
