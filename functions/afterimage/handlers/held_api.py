"""HTTP, for admins: what waits for a person. List it, look at it, release it, refuse it.

A function of its own, because it alone of the HTTP functions reads `quarantine/` and answers task tokens. It hands a
picture over in the answer itself and presigns nothing.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from afterimage.adapters.aws import client
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.attempts import DynamoAttemptStore
from afterimage.adapters.dynamodb.holds import DynamoHoldStore
from afterimage.adapters.dynamodb.jobs import DynamoJobStore
from afterimage.adapters.s3_quarantine import S3Quarantine
from afterimage.adapters.s3_results import S3Results
from afterimage.adapters.step_functions import StepFunctionsWorkflow
from afterimage.domain.holds import Ruling, Stage
from afterimage.domain.recipients import Caller
from afterimage.domain.request import MAX_COUNT
from afterimage.domain.uploads import MAX_INPUT_BYTES
from afterimage.http.application import answer, application, problems
from afterimage.http.caller import signed_in_admin
from afterimage.http.held_schemas import (
    DecidedView,
    DecisionBody,
    HeldDetail,
    HeldInputView,
    HeldList,
    HeldPictureView,
    held_detail,
    held_input_view,
    held_item,
    held_picture_view,
)
from afterimage.ports import AccountStore
from afterimage.settings import HeldApiSettings, read_settings
from afterimage.telemetry import count, environment, logger, metrics, now_ms
from afterimage.usecases.decide_hold import Desk, decide_hold
from afterimage.usecases.look_at_held import Lamp, list_held, look_at_held, look_at_input, look_at_picture

app = application()
MAX_PAGE = 50
_JobIdInPath = Annotated[str, Path(description="The id of a request.", max_length=64)]
_Decision = Annotated[DecisionBody, Body()]


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    accounts: AccountStore
    lamp: Lamp
    desk: Desk


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(HeldApiSettings, environment())
    dynamodb, s3 = client("dynamodb"), client("s3")
    jobs = DynamoJobStore(dynamodb, settings.table_name)
    return Dependencies(
        accounts=DynamoAccountStore(dynamodb, settings.table_name),
        lamp=Lamp(
            jobs=jobs,
            attempts=DynamoAttemptStore(dynamodb, settings.table_name),
            results=S3Results(s3, settings.bucket_name),
            quarantine=S3Quarantine(s3, settings.bucket_name),
            clock=now_ms,
        ),
        desk=Desk(
            jobs=jobs,
            holds=DynamoHoldStore(dynamodb, settings.table_name),
            workflow=StepFunctionsWorkflow(client("stepfunctions")),
            clock=now_ms,
        ),
    )


def _deps() -> Dependencies:
    deps: Dependencies = app.context["deps"]
    return deps


def _admin() -> Caller:
    """Return the caller, who is an admin that nobody has disabled. Raises AdminOnlyError, AccountDisabledError."""
    caller = signed_in_admin(app)
    _deps().accounts.find(caller.owner).check()
    return caller


def _looked(caller: Caller, what: str, **facts: Any) -> None:
    logger.info("read by an admin", admin=caller.owner, what=what, **facts)


def _answers(model: Any, *statuses: int) -> dict[int, Any]:
    described = {200: {"description": "As it is now", "content": {"application/json": {"model": model}}}}
    return described | problems(401, 403, *statuses, 500, 503)


@app.get("/v1/admin/held", summary="What waits for a person", responses=_answers(HeldList, 422), tags=["admin"])
def get_held(
    limit: Annotated[int, Query(description="Requests on a page.", ge=1, le=MAX_PAGE)] = 20,
    cursor: Annotated[str | None, Query(description="From the page before.", min_length=1, max_length=64)] = None,
) -> Response[HeldList]:
    """List held requests of everybody, longest waiting first, without their prompts."""
    caller = _admin()
    page = list_held(limit, cursor, _deps().lamp)
    _looked(caller, "held requests", jobs=[job.job_id for job in page.jobs])
    return answer(HeldList(items=[held_item(job) for job in page.jobs], cursor=page.cursor))


@app.get(
    "/v1/admin/held/<job_id>",
    summary="One request that waits for a person",
    description="With its prompt and the scores behind its decisions; the look is logged. 409 `not_held` for others.",
    responses=_answers(HeldDetail, 404, 409, 422),
    tags=["admin"],
)
def get_held_job(job_id: _JobIdInPath) -> Response[HeldDetail]:
    """Show what the decision about a held request needs."""
    caller = _admin()
    job = look_at_held(job_id, _deps().lamp)
    _looked(caller, "held request", job_id=job.job_id)
    return answer(held_detail(job))


@app.get(
    "/v1/admin/held/<job_id>/pictures/<number>",
    summary="One picture that waits for a person",
    description="The picture itself, because no address leads into quarantine; the look is logged.",
    responses=_answers(HeldPictureView, 404, 409, 422),
    tags=["admin"],
)
def get_held_picture(
    job_id: _JobIdInPath,
    number: Annotated[int, Path(description="Its number, from 0.", ge=0, le=MAX_COUNT - 1)],
) -> Response[HeldPictureView]:
    """Show one picture of a request whose pictures are held."""
    caller = _admin()
    picture = look_at_picture(job_id, number, _deps().lamp)
    _looked(caller, "held picture", job_id=job_id, number=number)
    return answer(held_picture_view(number, picture))


@app.get(
    "/v1/admin/held/<job_id>/input",
    summary="The picture that a held request begins from",
    description="In parts of up to 4 MB, because no address leads to it; the look is logged.",
    responses=_answers(HeldInputView, 404, 409, 422),
    tags=["admin"],
)
def get_held_input(
    job_id: _JobIdInPath,
    start: Annotated[int, Query(description="The byte to begin with.", ge=0, le=MAX_INPUT_BYTES)] = 0,
) -> Response[HeldInputView]:
    """Show what a held request begins from."""
    caller = _admin()
    part = look_at_input(job_id, start, _deps().lamp)
    _looked(caller, "held input picture", job_id=job_id)
    return answer(held_input_view(part))


@app.post(
    "/v1/admin/held/<job_id>/release",
    summary="Release a held request",
    description="It goes on where it was held. `stage` is the one that was looked at: a repeat about it answers the"
    " same, whatever waits by then; 409 `already_decided` after a refusal, 409 `not_held` when it does not wait there.",
    responses=_answers(DecidedView, 400, 404, 409, 415, 422),
    tags=["admin"],
)
def post_release(job_id: _JobIdInPath, body: _Decision) -> Response[DecidedView]:
    """Let a held request go on."""
    return _decide(job_id, body.stage, Ruling.RELEASE, body.note)


@app.post(
    "/v1/admin/held/<job_id>/refuse",
    summary="Refuse a held request",
    description="It ends BLOCKED in the words of its category. `stage` is the one that was looked at: a repeat about it"
    " answers the same; 409 `already_decided` after a release, 409 `not_held` when it does not wait there.",
    responses=_answers(DecidedView, 400, 404, 409, 415, 422),
    tags=["admin"],
)
def post_refuse(job_id: _JobIdInPath, body: _Decision) -> Response[DecidedView]:
    """End a held request."""
    return _decide(job_id, body.stage, Ruling.REFUSE, body.note)


def _decide(job_id: str, stage: Stage, ruling: Ruling, note: str | None) -> Response[DecidedView]:
    caller = _admin()
    job = decide_hold(job_id, stage, ruling, caller, note, _deps().desk)
    logger.info("changed by an admin", admin=caller.owner, what=ruling.value, job_id=job.job_id)
    count("AdminChange")
    count("HeldReleased" if ruling is Ruling.RELEASE else "HeldRefused")
    return answer(DecidedView(id=job.job_id, status=job.status, decision=ruling.value))


def handle(event: dict[str, Any], deps: Dependencies, context: Any = None) -> dict[str, Any]:
    """Take an HTTP API event (payload version 2) and return its response."""
    app.append_context(deps=deps)
    return app.resolve(event, context)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of HeldApiFunction."""
    return handle(event, dependencies(), context)
