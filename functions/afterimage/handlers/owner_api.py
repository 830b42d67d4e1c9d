"""HTTP, for signed-in callers: what an owner may do with what is theirs: cancel, erase, share, take back.

Of the HTTP functions this one alone may delete.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.adapters.dynamodb.holds import DynamoHoldStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.dynamodb.links import DynamoLinkStore
from afterimage.adapters.dynamodb.owners import DynamoOwnerStore
from afterimage.adapters.erasure_machines import ErasureMachines
from afterimage.adapters.s3_job_objects import S3JobObjects
from afterimage.adapters.s3_uploads import S3Uploads
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.domain.errors import ProgramErasureError
from afterimage.domain.recipients import Caller
from afterimage.http.application import answer, application, problems
from afterimage.http.caller import signed_in
from afterimage.http.schemas import Erasing, ImageView, ShareBody, ShareView, share_view, view_of
from afterimage.ports import AccountStore, OwnerStore
from afterimage.settings import OwnerApiSettings, read_settings
from afterimage.telemetry import count, environment, logger, metrics, now_ms, random_bytes
from afterimage.usecases.cancel_request import Stopper, cancel_request
from afterimage.usecases.delete_request import Eraser, delete_request
from afterimage.usecases.erase_owner import begin_erasing_owner
from afterimage.usecases.share_request import Sharing, share_request, unshare_request

app = application()
_EVERYTHING = ShareBody()
_JobIdInPath = Annotated[str, Path(description="The id from creation.", max_length=64)]


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    eraser: Eraser
    sharing: Sharing
    owners: OwnerStore
    accounts: AccountStore


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(OwnerApiSettings, environment())
    dynamodb, states = client("dynamodb"), client("stepfunctions")
    jobs = DynamoJobStore(dynamodb, settings.table_name)
    links = DynamoLinkStore(dynamodb, settings.table_name)
    objects = S3JobObjects(client("s3"), settings.bucket_name)
    workflow = StepFunctionsWorkflow(states, settings.state_machine_arn)
    erasures = ErasureMachines(
        states,
        now_ms,
        leftovers_arn=settings.erase_leftovers_machine_arn,
        owner_arn=settings.erase_owner_machine_arn,
    )
    return Dependencies(
        eraser=Eraser(
            stopper=Stopper(jobs=jobs, objects=objects, workflow=workflow, clock=now_ms),
            attempts=DynamoAttemptStore(dynamodb, settings.table_name),
            holds=DynamoHoldStore(dynamodb, settings.table_name),
            links=links,
            uploads=S3Uploads(client("s3"), settings.bucket_name),
            erasures=erasures,
        ),
        sharing=Sharing(jobs=jobs, links=links, link_base=settings.link_base, clock=now_ms, entropy=random_bytes),
        owners=DynamoOwnerStore(dynamodb, settings.table_name),
        accounts=DynamoAccountStore(dynamodb, settings.table_name),
    )


def _signed_in() -> Caller:
    """Return the caller, one whom an admin has disabled too: to cancel and to take links back only stops something, and
    to erase what is one's own is a right that outlives the account. None of it serves anybody."""
    return signed_in(app)


def _caller() -> Caller:
    """Return the caller unless an admin has disabled it. Raises AccountDisabledError."""
    caller = _signed_in()
    _deps().accounts.find(caller.owner).check()
    return caller


def _deps() -> Dependencies:
    deps: Dependencies = app.context["deps"]
    return deps


@app.post(
    "/v1/images/<job_id>/cancel",
    summary="Cancel a request",
    description="Stops the work, gives back what it took of your quota, and mails nobody. A repeat answers the same.",
    responses={200: {"description": "Cancelled", "content": {"application/json": {"model": ImageView}}}}
    | problems(401, 404, 409, 422, 500, 503),
    tags=["images"],
)
def post_cancel(job_id: _JobIdInPath) -> Response[ImageView]:
    """Cancel one of the caller's requests; 409 for one that is being delivered or has ended otherwise."""
    job = cancel_request(job_id, _signed_in(), _deps().eraser.stopper)
    logger.info("request cancelled", job_id=job.job_id)
    count("RequestCancelled")
    return answer(view_of(job, []))


@app.delete(
    "/v1/images/<job_id>",
    summary="Erase a request",
    description="Erases the request with its pictures, links and files; an open one is cancelled first.",
    status_code=HTTPStatus.NO_CONTENT,
    responses={204: {"description": "Erased", "content": {}}} | problems(401, 404, 422, 500, 503),
    tags=["images"],
)
def delete_image(job_id: _JobIdInPath) -> Response[str]:
    """Erase everything of one of the caller's requests; 404 from then on."""
    delete_request(job_id, _signed_in(), _deps().eraser)
    logger.info("request erased", job_id=job_id)
    count("RequestErased")
    return _done()


@app.post(
    "/v1/images/<job_id>/share",
    summary="Share pictures",
    description="Makes new links that anybody may follow. They are told this once, because only their hashes are kept."
    " A repeat makes more and leaves the others as they are; a request has at most 100 that have not expired.",
    status_code=HTTPStatus.CREATED,
    responses={201: {"description": "The new links", "content": {"application/json": {"model": ShareView}}}}
    | problems(400, 401, 403, 404, 409, 415, 422, 500, 503),
    tags=["links"],
)
def post_share(job_id: _JobIdInPath, body: Annotated[ShareBody, Body()] = _EVERYTHING) -> Response[ShareView]:
    """Make links to the pictures of one of the caller's requests."""
    shared = share_request(job_id, _caller(), body.picture, body.days, _deps().sharing)
    logger.info("request shared", job_id=job_id, links=len(shared))
    count("RequestShared")
    return answer(share_view(shared), HTTPStatus.CREATED)


@app.delete(
    "/v1/images/<job_id>/share",
    summary="Take back every link",
    description="Ends every link to the request's pictures, those of the mail as well.",
    status_code=HTTPStatus.NO_CONTENT,
    responses={204: {"description": "No link leads to it any more", "content": {}}} | problems(401, 404, 422, 500, 503),
    tags=["links"],
)
def delete_share(job_id: _JobIdInPath) -> Response[str]:
    """End every link to one of the caller's requests."""
    unshare_request(job_id, _signed_in(), _deps().sharing)
    logger.info("request unshared", job_id=job_id)
    count("RequestUnshared")
    return _done()


@app.delete(
    "/v1/me",
    summary="Erase everything of yours",
    description="For people: begins to erase every request, picture and link of yours, your counters, and your sign-in."
    " Nothing new is accepted from then on. A program is erased by an admin.",
    status_code=HTTPStatus.ACCEPTED,
    responses={202: {"description": "Erasing has begun", "content": {"application/json": {"model": Erasing}}}}
    | problems(401, 403, 500, 503),
    tags=["me"],
)
def delete_me() -> Response[Erasing]:
    """Have everything of the caller's erased; it takes some minutes."""
    deps, caller = _deps(), _signed_in()
    if caller.username is None:
        raise ProgramErasureError()
    begin_erasing_owner(
        caller.owner, owners=deps.owners, erasures=deps.eraser.erasures, clock=deps.eraser.stopper.clock
    )
    logger.info("erasing an owner")
    count("OwnerErasureBegun")
    return answer(Erasing(status="erasing"), HTTPStatus.ACCEPTED)


def _done() -> Response[str]:
    # An empty body rather than none, which a gateway may read as "null".
    return Response(status_code=HTTPStatus.NO_CONTENT.value, body="")


def handle(event: dict[str, Any], deps: Dependencies, context: Any = None) -> dict[str, Any]:
    """Take an HTTP API event (payload version 2) and return its response."""
    app.append_context(deps=deps)
    return app.resolve(event, context)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of OwnerApiFunction."""
    return handle(event, dependencies(), context)
