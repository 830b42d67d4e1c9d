"""HTTP, for everybody: the mailed link, unsubscribing, the health check and the API's own description."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.links import DynamoLinkStore
from afterimage.adapters.dynamodb.unsubscribes import DynamoUnsubscribeStore
from afterimage.adapters.s3_gallery import PRESIGN_CONFIG, S3Gallery
from afterimage.campaign_ports import UnsubscribeStore
from afterimage.http.application import answer, application, problems
from afterimage.http.pages import unsubscribe_page, unsubscribed_page
from afterimage.http.schemas import Health
from afterimage.ports import Clock, LinkStore
from afterimage.settings import PublicLinkSettings, read_settings
from afterimage.telemetry import count, environment, logger, metrics, now_ms
from afterimage.usecases.follow_link import follow_link
from afterimage.usecases.unsubscribe import find_unsubscribe_link, unsubscribe

app = application()
OPENAPI_FILE = FilePath(__file__).parent.parent / "http" / "openapi.json"


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    links: LinkStore
    unsubscribes: UnsubscribeStore
    gallery: S3Gallery
    clock: Clock


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(PublicLinkSettings, environment())
    dynamodb = client("dynamodb")
    return Dependencies(
        links=DynamoLinkStore(dynamodb, settings.table_name),
        unsubscribes=DynamoUnsubscribeStore(dynamodb, settings.table_name),
        gallery=S3Gallery(client("s3", PRESIGN_CONFIG), settings.bucket_name),
        clock=now_ms,
    )


@app.get(
    "/i/<token>",
    summary="Open a mailed picture",
    description="Redirects to the picture. Following it changes nothing, so mail scanners do no harm.",
    status_code=HTTPStatus.FOUND,
    responses={302: {"description": "To the picture, for a few minutes", "content": {}}} | problems(404, 410, 500, 503),
    tags=["links"],
)
def get_link(token: Annotated[str, Path(description="The secret in the link.")]) -> Response[str]:
    """Redirect to a fresh presigned URL, which no cache may keep and no referrer may tell."""
    deps: Dependencies = app.context["deps"]
    link = follow_link(token, links=deps.links, clock=deps.clock)
    count("LinkFollowed")
    return Response(
        status_code=HTTPStatus.FOUND.value,
        body="",
        headers={"Location": deps.gallery.presign(link.key)},
    )


_PAGE = {"description": "A page", "content": {"text/html": {"schema": {"type": "string"}}}}


@app.get(
    "/u/<token>",
    summary="Leave the mail of campaigns: the page that asks",
    description="Shows a button. Looking at it changes nothing, so mail scanners do no harm.",
    responses={200: _PAGE} | problems(404, 410, 500, 503),
    tags=["links"],
)
def get_unsubscribe(token: Annotated[str, Path(description="The secret in the link.")]) -> Response[str]:
    """Ask whether the address is to be left alone."""
    deps: Dependencies = app.context["deps"]
    find_unsubscribe_link(token, unsubscribes=deps.unsubscribes, clock=deps.clock)
    return unsubscribe_page()


@app.post(
    "/u/<token>",
    summary="Leave the mail of campaigns",
    description="For the button and for mail programs (RFC 8058). Needs no cookie; a repeat changes nothing.",
    responses={200: _PAGE} | problems(404, 410, 500, 503),
    tags=["links"],
)
def post_unsubscribe(token: Annotated[str, Path(description="The secret in the link.")]) -> Response[str]:
    """Leave the address alone from now on."""
    deps: Dependencies = app.context["deps"]
    unsubscribe(token, unsubscribes=deps.unsubscribes, clock=deps.clock)
    count("CampaignMailLeft")
    return unsubscribed_page()


@app.get(
    "/v1/health",
    summary="Is the API there?",
    responses={200: {"description": "It is", "content": {"application/json": {"model": Health}}}},
    tags=["service"],
)
def get_health() -> Response[Health]:
    """Answer without touching anything."""
    return answer(Health(status="ok"))


@app.get(
    "/v1/openapi.json",
    summary="This description",
    responses={200: {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}},
    tags=["service"],
)
def get_openapi() -> Response[str]:
    """Return the generated description that ships with this code."""
    return answer(OPENAPI_FILE.read_text(encoding="utf-8"))


def handle(event: dict[str, Any], deps: Dependencies, context: Any = None) -> dict[str, Any]:
    """Take an HTTP API event (payload version 2) and return its response."""
    app.append_context(deps=deps)
    if event["rawPath"].startswith("/u/"):
        # A form, which is no JSON. The secret says everything, so what a mail program sends besides is not read.
        event = {**event, "body": None, "isBase64Encoded": False}
    return app.resolve(event, context)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of PublicLinkFunction."""
    return handle(event, dependencies(), context)
