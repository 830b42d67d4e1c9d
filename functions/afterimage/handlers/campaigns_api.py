"""HTTP, for signed-in callers: campaigns, from their rows to their results."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query

from afterimage.adapters.aws import client
from afterimage.adapters.campaign_machine import CampaignMachine
from afterimage.adapters.campaign_schedules import EventBridgeSchedules
from afterimage.adapters.cognito import CognitoPeople
from afterimage.adapters.dynamodb.accounts import DynamoAccountStore
from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.adapters.lambda_campaign_checks import LambdaCampaignChecks
from afterimage.adapters.lambda_campaign_zips import LambdaCampaignZips
from afterimage.adapters.parameters import OperatorParameters
from afterimage.adapters.s3_campaign_files import S3CampaignFiles
from afterimage.adapters.s3_campaign_links import S3CampaignLinks
from afterimage.adapters.s3_gallery import PRESIGN_CONFIG
from afterimage.campaign_ports import CampaignChecks, CampaignLinks, CampaignZips
from afterimage.contracts.campaign import check_prefix, run_prefix, upload_key
from afterimage.domain.campaign import MAX_UPLOAD_BYTES, Campaign, CampaignStatus, Run
from afterimage.domain.errors import CampaignStateError
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.recipients import Caller
from afterimage.http.application import answer, application, problems
from afterimage.http.caller import signed_in
from afterimage.http.campaign_schemas import (
    BoundsBody,
    CampaignBody,
    CampaignList,
    CampaignView,
    FileView,
    ProblemItem,
    ProblemsView,
    ResultsView,
    RowList,
    RunBody,
    RunList,
    RunPriceView,
    RunView,
    ScheduleBody,
    SettingsBody,
    UploadBody,
    UploadView,
    ZipView,
    campaign_view,
    row_view,
    run_price_view,
    run_view,
    zip_view,
)
from afterimage.settings import CampaignsApiSettings, read_settings
from afterimage.telemetry import count, environment, logger, metrics, now_ms, random_bytes
from afterimage.usecases.begin_campaign_check import begin_campaign_check
from afterimage.usecases.begin_campaign_zip import begin_campaign_zip, read_zip_state
from afterimage.usecases.change_campaign_settings import change_campaign_settings
from afterimage.usecases.create_campaign import CampaignDesk, NewCampaign, create_campaign
from afterimage.usecases.erase_campaign import CampaignEraser, erase_campaign
from afterimage.usecases.gather_campaign_results import read_results
from afterimage.usecases.pause_campaign_run import pause_campaign_run
from afterimage.usecases.price_campaign_run import price_campaign_run
from afterimage.usecases.read_campaigns import (
    list_campaigns,
    list_rows,
    list_runs,
    read_campaign,
    read_run,
    with_latest_run,
)
from afterimage.usecases.resume_campaign_run import Bounds, resume_campaign_run
from afterimage.usecases.retry_campaign_run import retry_campaign_run
from afterimage.usecases.schedule_campaign import Planner, apply_schedule, schedule_campaign, unschedule_campaign
from afterimage.usecases.start_campaign_run import Begun, Starter, hand_run_id, start_campaign_run
from afterimage.usecases.stop_campaign_run import stop_campaign_run

app = application()
MAX_PAGE = 50
MAX_ROWS_ON_PAGE = 500
SHOWN_PROBLEMS = 100
# A problem is some two hundred bytes; a hundred long ones fit as well.
_PROBLEM_BYTES = 256 * 1024
# What a run leaves for its owner; what lies beside it is for ourselves, and names keys.
_RESULT = re.compile(r"manifest\.(jsonl|csv)|sheet-\d+\.jpg|pictures-\d+\.zip")
_AS_BEFORE = BoundsBody()
_FOR_REAL = RunBody()
_A_CSV = UploadBody()
_CampaignId = Annotated[str, Path(description="The id from creation.", max_length=64)]
_RunId = Annotated[str, Path(description="The id of a run.", max_length=64)]
_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same key again does nothing new.",
        min_length=1,
        max_length=255,
    ),
]
_USUAL = (401, 403, 404, 422, 500, 503)


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What this Lambda works with."""

    desk: CampaignDesk
    starter: Starter
    planner: Planner
    eraser: CampaignEraser
    checks: CampaignChecks
    links: CampaignLinks
    zips: CampaignZips


@functools.cache
def dependencies() -> Dependencies:
    """Build the real ones, once per process."""
    settings = read_settings(CampaignsApiSettings, environment())
    parameters = OperatorParameters(client("ssm"))
    campaigns = DynamoCampaignStore(client("dynamodb"), settings.table_name)
    accounts = DynamoAccountStore(client("dynamodb"), settings.table_name)
    files = S3CampaignFiles(client("s3"), settings.bucket_name)
    schedules = EventBridgeSchedules(
        client("scheduler"),
        group=settings.schedule_group,
        function_arn=settings.start_scheduled_campaign_arn,
        role_arn=settings.campaign_schedule_role_arn,
        dead_letters_arn=settings.dead_letters_arn,
    )
    return Dependencies(
        desk=CampaignDesk(
            campaigns=campaigns,
            files=files,
            accounts=accounts,
            people=CognitoPeople(client("cognito-idp"), settings.user_pool_id),
            profile=model_profiles()[settings.model_profile],
            clock=now_ms,
            entropy=random_bytes,
        ),
        starter=Starter(
            campaigns=campaigns,
            workflow=CampaignMachine(client("stepfunctions"), settings.campaign_machine_arn),
            accounts=accounts,
            admission_is_open=lambda: parameters.admission_is_open(settings.admission_parameter),
            quotas=lambda: parameters.quotas(settings.quotas_parameter),
            run_ttl_s=settings.job_ttl_days * 86_400,
            clock=now_ms,
        ),
        planner=Planner(
            campaigns=campaigns, schedules=schedules, warms=settings.scalable_resource != "none", clock=now_ms
        ),
        eraser=CampaignEraser(campaigns=campaigns, files=files, schedules=schedules, clock=now_ms),
        checks=LambdaCampaignChecks(client("lambda"), settings.check_campaign_function),
        links=S3CampaignLinks(client("s3", PRESIGN_CONFIG), settings.bucket_name),
        zips=LambdaCampaignZips(client("lambda"), settings.zip_campaign_pictures_function),
    )


def _signed_in() -> Caller:
    """Return the caller, one whom an admin has disabled too: to stop and to erase serves nobody (`owner_api`)."""
    return signed_in(app)


def _caller() -> Caller:
    """Return the caller unless an admin has disabled it. Raises AccountDisabledError."""
    caller = _signed_in()
    _deps().desk.accounts.find(caller.owner).check()
    return caller


def _deps() -> Dependencies:
    deps: Dependencies = app.context["deps"]
    return deps


def _campaign(campaign_id: str, caller: Caller) -> Campaign:
    desk = _deps().desk
    return read_campaign(campaign_id, caller, campaigns=desk.campaigns, clock=desk.clock)


def _view(campaign: Campaign) -> CampaignView:
    desk = _deps().desk
    return campaign_view(with_latest_run(campaign, campaigns=desk.campaigns), desk.clock())


def _answers(status: int, what: str, model: Any, *others: int) -> dict[int, Any]:
    described = {status: {"description": what, "content": {"application/json": {"model": model}}}}
    return described | problems(*_USUAL, *others)


@app.post(
    "/v1/campaigns",
    summary="Create a campaign",
    description="With up to 1,000 rows in the body, or without any for an upload. Nothing is checked or made yet.",
    status_code=HTTPStatus.CREATED,
    responses=_answers(201, "The campaign", CampaignView, 400, 409, 415),
    tags=["campaigns"],
)
def post_campaign(body: Annotated[CampaignBody, Body()], idempotency_key: _Key = None) -> Response[CampaignView]:
    """Write a campaign down."""
    asked = NewCampaign(
        name=body.name,
        settings=body.settings.to_settings(),
        recipients=body.settings.to_recipients(),
        rows=None if body.rows is None else tuple(body.rows),
    )
    campaign, replayed = create_campaign(asked, _signed_in(), idempotency_key, _deps().desk)
    logger.info("campaign created", campaign_id=campaign.campaign_id, replayed=replayed)
    if not replayed:
        count("CampaignCreated")
    headers = {
        "Location": f"/v1/campaigns/{campaign.campaign_id}",
        "Idempotency-Replayed": str(replayed).lower(),
    }
    return answer(_view(campaign), HTTPStatus.CREATED, headers)


@app.get(
    "/v1/campaigns",
    summary="List your campaigns, newest first",
    responses=_answers(200, "A page", CampaignList),
    tags=["campaigns"],
)
def get_campaigns(
    limit: Annotated[int, Query(description="Campaigns on a page.", ge=1, le=MAX_PAGE)] = 20,
    cursor: Annotated[str | None, Query(description="From the page before.", max_length=64)] = None,
    of_all: Annotated[bool, Query(alias="all", description="Everybody's, for admins.")] = False,
) -> Response[CampaignList]:
    """List the caller's campaigns, or everybody's for an admin."""
    desk = _deps().desk
    page = list_campaigns(_caller(), limit, cursor, of_all=of_all, campaigns=desk.campaigns, clock=desk.clock)
    items = [campaign_view(now, desk.clock()) for now in page.campaigns]
    return answer(CampaignList(items=items, cursor=page.cursor))


@app.get(
    "/v1/campaigns/<campaign_id>",
    summary="Read a campaign and how its latest run stands",
    responses=_answers(200, "The campaign", CampaignView),
    tags=["campaigns"],
)
def get_campaign(campaign_id: _CampaignId) -> Response[CampaignView]:
    """Read one campaign."""
    return answer(_view(_campaign(campaign_id, _caller())))


@app.put(
    "/v1/campaigns/<campaign_id>/settings",
    summary="Give a campaign other settings",
    description="All of them. Other defaults or axes make other rows, which have to be checked again.",
    responses=_answers(200, "The campaign", CampaignView, 400, 409, 415),
    tags=["campaigns"],
)
def put_settings(campaign_id: _CampaignId, body: Annotated[SettingsBody, Body()]) -> Response[CampaignView]:
    """Replace the settings; not while a run is at work."""
    deps, caller = _deps(), _caller()
    campaign = _campaign(campaign_id, caller)
    changed = change_campaign_settings(campaign, body.to_settings(), body.to_recipients(), caller, deps.desk)
    if changed.settings.warm_up_minutes != campaign.settings.warm_up_minutes:
        apply_schedule(changed, deps.planner)
    logger.info("campaign changed", campaign_id=campaign_id)
    return answer(_view(changed))


@app.post(
    "/v1/campaigns/<campaign_id>/upload",
    summary="Get a form to upload rows with",
    description="CSV, JSON or JSONL, up to 10 MB; a later upload replaces an earlier one.",
    responses=_answers(200, "The form", UploadView, 400, 415),
    tags=["campaigns"],
)
def post_upload(campaign_id: _CampaignId, body: Annotated[UploadBody, Body()] = _A_CSV) -> Response[UploadView]:
    """Say where the rows are sent to."""
    campaign = _campaign(campaign_id, _caller())
    url, fields = _deps().links.upload(upload_key(campaign.campaign_id), body.content_type, MAX_UPLOAD_BYTES)
    return answer(UploadView(url=url, fields=fields, max_bytes=MAX_UPLOAD_BYTES))


@app.post(
    "/v1/campaigns/<campaign_id>/check",
    summary="Check the rows",
    description="Reads every row before anything runs. The campaign is CHECKING, and READY or INVALID then.",
    status_code=HTTPStatus.ACCEPTED,
    responses=_answers(202, "The campaign", CampaignView, 409),
    tags=["campaigns"],
)
def post_check(campaign_id: _CampaignId) -> Response[CampaignView]:
    """Begin to read the rows."""
    deps = _deps()
    desk = deps.desk
    campaign = begin_campaign_check(
        _campaign(campaign_id, _caller()),
        campaigns=desk.campaigns,
        files=desk.files,
        checks=deps.checks,
        clock=desk.clock,
        entropy=desk.entropy,
    )
    logger.info("campaign is checked", campaign_id=campaign_id)
    count("CampaignCheckBegun")
    return answer(_view(campaign), HTTPStatus.ACCEPTED)


@app.get(
    "/v1/campaigns/<campaign_id>/problems",
    summary="What is wrong with the rows",
    responses=_answers(200, "The problems", ProblemsView, 409),
    tags=["campaigns"],
)
def get_problems(campaign_id: _CampaignId) -> Response[ProblemsView]:
    """Show the first problems of the latest check, and where all of them are."""
    deps = _deps()
    campaign = _campaign(campaign_id, _caller())
    check = campaign.check
    if check is None or campaign.status is CampaignStatus.CHECKING:
        raise CampaignStateError("The rows of this campaign have not been checked.", code="campaign_not_checked")
    if check.problems == 0:
        return answer(ProblemsView(total=0, items=[], json_url=None, csv_url=None))
    folder = check_prefix(campaign.campaign_id, check.check_id)
    text = deps.desk.files.read_range(f"{folder}problems.json", 0, _PROBLEM_BYTES)
    return answer(
        ProblemsView(
            total=check.problems,
            items=[ProblemItem(**found) for found in _first_of(text.decode("utf-8", "ignore"))],
            json_url=deps.links.download(f"{folder}problems.json", "problems.json"),
            csv_url=deps.links.download(f"{folder}problems.csv", "problems.csv"),
        ),
    )


def _first_of(text: str) -> list[dict[str, Any]]:
    """Return the first objects of a list whose end may be missing."""
    found: list[dict[str, Any]] = []
    decoder, place = json.JSONDecoder(), 0
    while len(found) < SHOWN_PROBLEMS:
        place = text.find("{", place)
        try:
            problem, place = decoder.raw_decode(text, place) if place >= 0 else (None, place)
        except ValueError:
            break
        if problem is None:
            break
        found.append(problem)
    return found


@app.post(
    "/v1/campaigns/<campaign_id>/run",
    summary="Run a campaign now",
    description="202 with the run; a dry run answers 200 with its price. One run of a campaign is active at a time.",
    status_code=HTTPStatus.ACCEPTED,
    responses={200: {"description": "A dry run", "content": {"application/json": {"model": RunPriceView}}}}
    | _answers(202, "The run", RunView, 400, 409, 415),
    tags=["campaigns"],
)
def post_run(
    campaign_id: _CampaignId, body: Annotated[RunBody, Body()] = _FOR_REAL, idempotency_key: _Key = None
) -> Response[Any]:
    """Begin a run; with the key of the latest one, return that."""
    deps = _deps()
    campaign = _campaign(campaign_id, _caller())
    if body.dry_run:
        return answer(run_price_view(price_campaign_run(campaign, deps.starter)))
    run_id = hand_run_id(campaign, idempotency_key, deps.desk.clock(), deps.desk.entropy)
    begun = start_campaign_run(campaign, run_id, deps.starter)
    if not begun.repeated:
        count("CampaignRunBegun")
    return _begun(begun)


@app.post(
    "/v1/campaigns/<campaign_id>/pause",
    summary="Pause the run",
    description="Begins no more rows; those at work come to their end. A repeat answers the same.",
    responses=_answers(200, "The run", RunView, 409),
    tags=["campaigns"],
)
def post_pause(campaign_id: _CampaignId) -> Response[RunView]:
    """Pause the latest run."""
    desk, campaign = _deps().desk, _campaign(campaign_id, _signed_in())
    return _moved(pause_campaign_run(campaign, campaigns=desk.campaigns, clock=desk.clock))


@app.post(
    "/v1/campaigns/<campaign_id>/resume",
    summary="Go on with a paused run",
    description="Passes rows that were begun. Bounds may be raised. A repeat answers the same.",
    status_code=HTTPStatus.ACCEPTED,
    responses=_answers(202, "The run", RunView, 400, 409, 415),
    tags=["campaigns"],
)
def post_resume(campaign_id: _CampaignId, body: Annotated[BoundsBody, Body()] = _AS_BEFORE) -> Response[RunView]:
    """Set the latest run going again."""
    campaign = _campaign(campaign_id, _caller())
    begun = resume_campaign_run(campaign, Bounds(**body.model_dump()), _deps().starter)
    if not begun.repeated:
        count("CampaignRunResumed")
    return _begun(begun)


@app.post(
    "/v1/campaigns/<campaign_id>/stop",
    summary="End the run for good",
    description="Begins no more rows; those at work come to their end. A repeat answers the same.",
    responses=_answers(200, "The run", RunView, 409),
    tags=["campaigns"],
)
def post_stop(campaign_id: _CampaignId) -> Response[RunView]:
    """Stop the latest run."""
    desk, campaign = _deps().desk, _campaign(campaign_id, _signed_in())
    return _moved(stop_campaign_run(campaign, campaigns=desk.campaigns, clock=desk.clock))


@app.post(
    "/v1/campaigns/<campaign_id>/retry",
    summary="Make the failed rows of the run again",
    description="Of a run that has finished or is paused. Blocked and cancelled rows stay. A repeat answers the same.",
    status_code=HTTPStatus.ACCEPTED,
    responses=_answers(202, "The run", RunView, 400, 409, 415),
    tags=["campaigns"],
)
def post_retry(campaign_id: _CampaignId, body: Annotated[BoundsBody, Body()] = _AS_BEFORE) -> Response[RunView]:
    """Make failed rows again."""
    campaign = _campaign(campaign_id, _caller())
    begun = retry_campaign_run(campaign, Bounds(**body.model_dump()), _deps().starter)
    if not begun.repeated:
        count("CampaignRunRetried")
    return _begun(begun)


@app.put(
    "/v1/campaigns/<campaign_id>/schedule",
    summary="Have a campaign run by itself",
    description="Replaces what was there. A time at which a run is still active is passed over.",
    responses=_answers(200, "The campaign", CampaignView, 400, 409, 415),
    tags=["campaigns"],
)
def put_schedule(campaign_id: _CampaignId, body: Annotated[ScheduleBody, Body()]) -> Response[CampaignView]:
    """Schedule a campaign."""
    campaign = _campaign(campaign_id, _caller())
    planned = schedule_campaign(campaign, body.expression, body.timezone, _deps().planner)
    logger.info("campaign scheduled", campaign_id=campaign_id)
    count("CampaignScheduled")
    return answer(_view(planned))


@app.delete(
    "/v1/campaigns/<campaign_id>/schedule",
    summary="Have it run by itself no more",
    status_code=HTTPStatus.NO_CONTENT,
    responses={204: {"description": "There is no schedule any more", "content": {}}} | problems(*_USUAL),
    tags=["campaigns"],
)
def delete_schedule(campaign_id: _CampaignId) -> Response[str]:
    """Take the schedule away."""
    unschedule_campaign(_campaign(campaign_id, _signed_in()), _deps().planner)
    logger.info("campaign unscheduled", campaign_id=campaign_id)
    return _done()


@app.get(
    "/v1/campaigns/<campaign_id>/runs",
    summary="List the latest runs",
    responses=_answers(200, "The runs", RunList),
    tags=["campaigns"],
)
def get_runs(campaign_id: _CampaignId) -> Response[RunList]:
    """List up to fifty runs."""
    desk = _deps().desk
    runs = list_runs(_campaign(campaign_id, _caller()), campaigns=desk.campaigns)
    return answer(RunList(items=[run_view(run, desk.clock()) for run in runs]))


@app.get(
    "/v1/campaigns/<campaign_id>/runs/<run_id>/rows",
    summary="What became of the rows",
    responses=_answers(200, "A page", RowList),
    tags=["campaigns"],
)
def get_rows(
    campaign_id: _CampaignId,
    run_id: _RunId,
    limit: Annotated[int, Query(description="Rows on a page.", ge=1, le=MAX_ROWS_ON_PAGE)] = 100,
    cursor: Annotated[int, Query(description="From the page before.", ge=0, le=10**6)] = 0,
) -> Response[RowList]:
    """List rows of a run that were begun."""
    campaigns = _deps().desk.campaigns
    run = read_run(_campaign(campaign_id, _caller()), run_id, campaigns=campaigns)
    page = list_rows(run, limit, cursor, campaigns=campaigns)
    return answer(RowList(items=[row_view(row) for row in page.rows], cursor=page.cursor))


@app.get(
    "/v1/campaigns/<campaign_id>/results",
    summary="The files of a run",
    responses=_answers(200, "The files", ResultsView),
    tags=["campaigns"],
)
def get_results(
    campaign_id: _CampaignId,
    run: Annotated[str | None, Query(description="A run; the latest without it.", max_length=64)] = None,
) -> Response[ResultsView]:
    """Say where manifests, contact sheets and zips are."""
    deps = _deps()
    found = read_run(_campaign(campaign_id, _caller()), run, campaigns=deps.desk.campaigns)
    folder = run_prefix(found.campaign_id, found.run_id)
    files = [
        FileView(name=name, url=deps.links.download(f"{folder}{name}", name))
        for name in deps.links.names(folder)
        if _RESULT.fullmatch(name)
    ]
    state = read_zip_state(found, files=deps.desk.files)
    written = read_results(found.campaign_id, found.run_id, deps.desk.files)
    return answer(
        ResultsView(
            run=run_view(found, deps.desk.clock()),
            files=files,
            sheets=written.sheets if written else 0,
            zip=zip_view(state) if state else None,
        )
    )


@app.post(
    "/v1/campaigns/<campaign_id>/zip",
    summary="Have the pictures of a run packed",
    description="Zip files of a thousand pictures or a gigabyte each; they are among the results when they are ready.",
    status_code=HTTPStatus.ACCEPTED,
    responses=_answers(202, "How the zips stand", ZipView, 409),
    tags=["campaigns"],
)
def post_zip(
    campaign_id: _CampaignId,
    run: Annotated[str | None, Query(description="A run; the latest without it.", max_length=64)] = None,
) -> Response[ZipView]:
    """Begin to pack, unless that is done or under way."""
    deps = _deps()
    found = read_run(_campaign(campaign_id, _caller()), run, campaigns=deps.desk.campaigns)
    state = begin_campaign_zip(found, files=deps.desk.files, zips=deps.zips, clock=deps.desk.clock)
    logger.info("zips asked for", campaign_id=campaign_id, run_id=found.run_id, status=state.status)
    return answer(zip_view(state), HTTPStatus.ACCEPTED)


@app.delete(
    "/v1/campaigns/<campaign_id>",
    summary="Erase a campaign",
    description="Ends its run and its schedule, and erases its rows, results and record. Its pictures are requests like"
    " any other and stay in the gallery.",
    status_code=HTTPStatus.NO_CONTENT,
    responses={204: {"description": "Erased", "content": {}}} | problems(*_USUAL),
    tags=["campaigns"],
)
def delete_campaign(campaign_id: _CampaignId) -> Response[str]:
    """Erase one campaign; 404 from then on."""
    erase_campaign(_campaign(campaign_id, _signed_in()), _deps().eraser)
    logger.info("campaign erased", campaign_id=campaign_id)
    count("CampaignErased")
    return _done()


def _begun(begun: Begun) -> Response[RunView]:
    run = begun.run
    logger.info("run set going", campaign_id=run.campaign_id, run_id=run.run_id, leg=run.leg, repeated=begun.repeated)
    if begun.refusal:
        logger.warning("run not started", campaign_id=run.campaign_id, run_id=run.run_id, refusal=begun.refusal)
        count("CampaignRunNotStarted")
    replayed = {"Idempotency-Replayed": str(begun.repeated).lower()}
    return answer(run_view(run, _deps().desk.clock()), HTTPStatus.ACCEPTED, replayed)


def _moved(run: Run) -> Response[RunView]:
    logger.info("run moved", campaign_id=run.campaign_id, run_id=run.run_id, status=run.status.value)
    return answer(run_view(run, _deps().desk.clock()))


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
    """Entry point of CampaignsApiFunction."""
    return handle(event, dependencies(), context)
