"""HTTP, for signed-in callers: a form to send an input picture with. It may write below `uploads/` and read nothing."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.upload_counter import DynamoUploadCounter
from afterimage.adapters.s3_gallery import PRESIGN_CONFIG
from afterimage.adapters.s3_uploads import S3Uploads
from afterimage.domain.uploads import new_upload_id
from afterimage.http.application import answer, application, problems
from afterimage.http.caller import signed_in
from afterimage.http.upload_schemas import InputUploadBody, InputUploadView, upload_view
from afterimage.ports import AccountStore, Clock, Entropy, UploadCounter
from afterimage.settings import UploadsApiSettings, read_settings
from afterimage.telemetry import count, environment, logger, metrics, now_ms, random_bytes

app = application()


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    uploads: S3Uploads
    accounts: AccountStore
    counter: UploadCounter
    clock: Clock
    entropy: Entropy


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(UploadsApiSettings, environment())
    return Dependencies(
        uploads=S3Uploads(client("s3", PRESIGN_CONFIG), settings.bucket_name),
        accounts=DynamoAccountStore(client("dynamodb"), settings.table_name),
        counter=DynamoUploadCounter(client("dynamodb"), settings.table_name),
        clock=now_ms,
        entropy=random_bytes,
    )


@app.post(
    "/v1/uploads",
    summary="Get a form to send an input picture with",
    description="PNG, JPEG or WebP, up to 10 MB. The form is good for 15 minutes, the picture for requests of a day."
    " At most 200 forms a day (UTC).",
    status_code=HTTPStatus.CREATED,
    responses={201: {"description": "The form", "content": {"application/json": {"model": InputUploadView}}}}
    | problems(400, 401, 403, 415, 422, 429, 500, 503),
    tags=["images"],
)
def post_upload(body: Annotated[InputUploadBody, Body()]) -> Response[InputUploadView]:
    """Say where a picture of the caller's is sent to."""
    deps: Dependencies = app.context["deps"]
    caller = signed_in(app)
    deps.accounts.find(caller.owner).check()
    now = deps.clock()
    deps.counter.take(caller.owner, now)
    upload_id = new_upload_id(now, deps.entropy(10))
    url, fields = deps.uploads.form(caller.owner, upload_id, body.content_type)
    logger.info("upload begun", upload_id=upload_id)
    count("UploadBegun")
    return answer(upload_view(upload_id, url, fields), HTTPStatus.CREATED)


def handle(event: dict[str, Any], deps: Dependencies, context: Any = None) -> dict[str, Any]:
    """Take an HTTP API event (payload version 2) and return its response."""
    app.append_context(deps=deps)
    return app.resolve(event, context)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of UploadsApiFunction."""
    return handle(event, dependencies(), context)
