"""Bodies of the campaign routes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from afterimage.contracts.campaign_results import ZipState
from afterimage.domain.campaign import (
    MAX_CONCURRENCY,
    MICROS,
    Campaign,
    CampaignSettings,
    CampaignStatus,
    Check,
    Row,
    Run,
    RunStatus,
)
from afterimage.domain.campaign_settings import (
    MAX_AXES,
    MAX_AXIS_VALUES,
    MAX_NAME_CHARACTERS,
    MAX_RECIPIENTS,
    MAX_WARM_UP_MINUTES,
)
from afterimage.domain.request import MAX_PROMPT_CHARACTERS
from afterimage.domain.status import JobStatus
from afterimage.http.account_schemas import LeftView, left_view
from afterimage.usecases.price_campaign_run import RunPrice
from afterimage.usecases.read_campaigns import CampaignNow, pace_of

MAX_INLINE_ROWS = 1000
_Number = int | Annotated[float, Field(allow_inf_nan=False)]
_Value = Annotated[str, Field(max_length=MAX_PROMPT_CHARACTERS)] | _Number
_Cell = Annotated[str, Field(max_length=4000)] | bool | _Number | None
_FieldName = Annotated[str, Field(min_length=1, max_length=64)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class SettingsBody(_Body):
    """What holds for every row, and for the runs."""

    defaults: Annotated[
        dict[_FieldName, _Value],
        Field(description="Fields of a request for every row that does not say otherwise.", max_length=16),
    ] = {}
    axes: Annotated[
        dict[_FieldName, Annotated[list[_Value], Field(min_length=1, max_length=MAX_AXIS_VALUES)]],
        Field(description="Each row is made for every combination of these.", max_length=MAX_AXES),
    ] = {}
    recipients: Annotated[
        list[Annotated[str, Field(max_length=254)]] | None,
        Field(
            description="Who gets the mail at the end; without it your own confirmed address, with `[]` nobody."
            " Another address needs the scope `mail:any`.",
            max_length=MAX_RECIPIENTS,
        ),
    ] = None
    budget_pictures: Annotated[int | None, Field(description="Most pictures of a run.", ge=1, le=10**9)] = None
    budget_dollars: Annotated[
        float | None, Field(description="Most dollars of a run, as estimated.", gt=0, le=10**6, allow_inf_nan=False)
    ] = None
    concurrency: Annotated[int, Field(description="Rows that are made at a time.", ge=1, le=MAX_CONCURRENCY)] = 5
    max_failures: Annotated[int | None, Field(description="More failed rows pause the run.", ge=0, le=10**6)] = None
    max_failed_share: Annotated[
        float | None, Field(description="The same as a share of all rows.", ge=0, le=1, allow_inf_nan=False)
    ] = None
    warm_up_minutes: Annotated[
        int, Field(description="How long a machine is waited for.", ge=0, le=MAX_WARM_UP_MINUTES)
    ] = 5

    def to_settings(self) -> CampaignSettings:
        """Return what use cases understand, without recipients: who may be told is not the body's to say."""
        given = self.model_dump(exclude={"recipients", "axes"})
        return CampaignSettings(**given, axes={name: tuple(values) for name, values in self.axes.items()})

    def to_recipients(self) -> tuple[str, ...] | None:
        """Return whom the body names, None when it leaves that open."""
        return None if self.recipients is None else tuple(self.recipients)


class CampaignBody(_Body):
    """A new campaign. Rows come along here, or by an upload."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "name": "Autumn",
                    "settings": {"defaults": {"preset": "watercolour"}, "axes": {"seed": [1, 2, 3]}},
                    "rows": [{"prompt": "a lighthouse at dusk", "sku": "A-1"}],
                }
            ]
        },
    )

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]
    settings: SettingsBody = SettingsBody()
    rows: Annotated[
        list[Annotated[dict[_FieldName, _Cell], Field(max_length=100)]] | None,
        Field(
            description="Fields of a request, and columns of your own that come back in the result.",
            min_length=1,
            max_length=MAX_INLINE_ROWS,
        ),
    ] = None


class UploadBody(_Body):
    """What will be uploaded."""

    content_type: Literal["text/csv", "application/json", "application/x-ndjson"] = "text/csv"


class RunBody(_Body):
    """How to run."""

    dry_run: Annotated[bool, Field(description="Only say what it would take: 200, and nothing begins.")] = False


class BoundsBody(_Body):
    """Bounds for what is left of the run; one that is left out stays as it is."""

    budget_pictures: Annotated[int | None, Field(ge=1, le=10**9)] = None
    budget_dollars: Annotated[float | None, Field(gt=0, le=10**6, allow_inf_nan=False)] = None
    max_failures: Annotated[int | None, Field(ge=0, le=10**6)] = None


class ScheduleBody(_Body):
    """When to run."""

    expression: Annotated[
        str,
        Field(
            description="`at(2026-11-30T07:00:00)`, `cron(0 7 ? * MON-FRI *)` or `rate(1 day)`.",
            min_length=1,
            max_length=256,
        ),
    ]
    timezone: Annotated[str, Field(description="A name of the IANA list.", min_length=1, max_length=50)] = "UTC"


class ScheduleView(BaseModel):
    """When it runs by itself."""

    expression: str
    timezone: str


class PassedOverView(BaseModel):
    """The last scheduled time at which no run began, and the code that says why."""

    run: str
    at: datetime
    code: str


class SettingsView(BaseModel):
    """What holds for every row, and for the runs."""

    defaults: dict[str, str | int | float]
    axes: dict[str, list[str | int | float]]
    recipients: list[str]
    budget_pictures: int | None
    budget_dollars: float | None
    concurrency: int
    max_failures: int | None
    max_failed_share: float | None
    warm_up_minutes: int


class CheckView(BaseModel):
    """What reading the rows found. `blocked` rows would be refused by moderation; seconds and dollars are estimates."""

    at: datetime
    rows: int
    pictures: int
    estimated_seconds: float
    estimated_dollars: float
    problems: int
    blocked: int
    read_as: Annotated[str, Field(description="What the upload was taken for.")]
    warnings: list[str]


class RunView(BaseModel):
    """A run as it stands. `reason` says why it is paused."""

    id: str
    status: RunStatus
    reason: str | None
    leg: Annotated[int, Field(description="One more with each resume and retry.")]
    retrying: bool
    rows: int
    open: Annotated[int, Field(description="Rows that are being made.")]
    succeeded: int
    blocked: int
    failed: int
    cancelled: int
    pictures: int
    estimated_dollars: float
    budget_pictures: int | None
    budget_dollars: float | None
    max_failures: int | None
    share_done: float
    rows_per_minute: float
    seconds_left: Annotated[float | None, Field(description="An estimate from the pace so far; null for none.")]
    started_at: datetime
    ended_at: datetime | None


class CampaignView(BaseModel):
    """A campaign as it stands, with its latest run."""

    id: str
    owner: str
    name: str
    status: CampaignStatus
    settings: SettingsView
    check: CheckView | None
    schedule: ScheduleView | None
    passed_over: PassedOverView | None
    run: RunView | None
    created_at: datetime
    expires_at: datetime
    links: dict[str, str]


class CampaignList(BaseModel):
    """A page of campaigns, newest first. `cursor` asks for the next page and is null on the last."""

    items: list[CampaignView]
    cursor: str | None


class UploadView(BaseModel):
    """A form to send the file with: `fields` first, then the file as `file`. S3 takes it within five minutes."""

    url: str
    fields: dict[str, str]
    max_bytes: int


class ProblemItem(BaseModel):
    """What is wrong with a row. `line` counts from 1; `column` is null for what concerns the whole line."""

    line: int
    column: str | None
    code: str
    sentence: str


class ProblemsView(BaseModel):
    """The first problems, and files with all of them: the CSV is the upload with a column that says what is wrong."""

    total: int
    items: list[ProblemItem]
    json_url: str | None
    csv_url: str | None


class RunPriceView(BaseModel):
    """What a run would take. Every number is an estimate; nothing has begun."""

    dry_run: Literal[True] = True
    rows: int
    pictures: int
    estimated_seconds: Annotated[float, Field(description="On one machine that is awake and free.")]
    estimated_dollars: float
    blocked: Annotated[int, Field(description="Rows that moderation would refuse.")]
    would_be_accepted: bool
    refusal: Annotated[str | None, Field(description="The code that would refuse a run now.")]
    pauses: Annotated[list[str], Field(description="Codes for which it would pause before its last row.")]
    left_after: Annotated[LeftView, Field(description="What would be left after all of it.")]


class RunList(BaseModel):
    """The latest runs, newest first."""

    items: list[RunView]


class RowView(BaseModel):
    """What became of a row; `outcome` is null while it is being made. `job` is its request."""

    row: int
    attempt: int
    job: str | None
    outcome: JobStatus | None
    failure_code: str | None


class RowList(BaseModel):
    """A page of rows that were begun, in their order. `cursor` asks for the next page and is null on the last."""

    items: list[RowView]
    cursor: int | None


class FileView(BaseModel):
    """A file of the result. The URL opens it for five minutes; ask again for a fresh one."""

    name: str
    url: str


class ZipView(BaseModel):
    """How the zips of a run stand: `making`, `ready`, or `failed` with a code. `pictures` are packed so far, `missing`
    ones have been deleted or have expired."""

    status: str
    pictures: int
    missing: int
    code: str | None


class ResultsView(BaseModel):
    """The files of a run: manifests, contact sheets, and zips that were asked for; `zip` says how these stand. `sheets`
    is how many contact sheets there are to be: they are drawn after the manifests, within seconds."""

    run: RunView
    files: list[FileView]
    sheets: int
    zip: ZipView | None


def campaign_view(now: CampaignNow, now_ms: int) -> CampaignView:
    """Return a campaign as its owner sees it."""
    campaign = now.campaign
    return CampaignView(
        id=campaign.campaign_id,
        owner=campaign.owner,
        name=campaign.name,
        status=campaign.status,
        settings=_settings_view(campaign.settings),
        check=_check_view(campaign.check) if campaign.check else None,
        schedule=(
            ScheduleView(expression=campaign.schedule.expression, timezone=campaign.schedule.timezone)
            if campaign.schedule
            else None
        ),
        passed_over=_passed_over_view(campaign),
        run=run_view(now.run, now_ms) if now.run else None,
        created_at=_moment(campaign.created_at_ms),
        expires_at=_moment(campaign.expires_at_s * 1000),
        links={"self": f"/v1/campaigns/{campaign.campaign_id}"},
    )


def run_view(run: Run, now_ms: int) -> RunView:
    """Return a run with its pace."""
    pace = pace_of(run, now_ms)
    return RunView(
        id=run.run_id,
        status=run.status,
        reason=run.reason,
        leg=run.leg,
        retrying=run.retrying,
        rows=run.rows,
        open=run.open,
        succeeded=run.succeeded,
        blocked=run.blocked,
        failed=run.failed,
        cancelled=run.cancelled,
        pictures=run.pictures,
        estimated_dollars=_dollars(run.micros),
        budget_pictures=run.budget_pictures,
        budget_dollars=_dollars(run.budget_micros) if run.budget_micros is not None else None,
        max_failures=run.max_failures,
        share_done=pace.share,
        rows_per_minute=pace.rows_per_minute,
        seconds_left=pace.seconds_left,
        started_at=_moment(run.started_at_ms),
        ended_at=_moment(run.ended_at_ms) if run.ended_at_ms else None,
    )


def zip_view(state: ZipState) -> ZipView:
    """Return how the zips of a run stand."""
    pictures = sum(part.pictures for part in state.parts)
    return ZipView(status=state.status, pictures=pictures, missing=state.missing, code=state.code)


def row_view(row: Row) -> RowView:
    """Return what became of a row."""
    return RowView(row=row.row, attempt=row.attempt, job=row.job_id, outcome=row.outcome, failure_code=row.failure_code)


def run_price_view(price: RunPrice) -> RunPriceView:
    """Return what a dry run answers."""
    check, quotas = price.check, price.quotas
    return RunPriceView(
        rows=check.rows,
        pictures=check.pictures,
        estimated_seconds=check.seconds,
        estimated_dollars=_dollars(check.micros),
        blocked=check.blocked,
        would_be_accepted=price.refusal is None,
        refusal=price.refusal,
        pauses=list(price.pauses),
        left_after=left_view(quotas, price.usage, pictures=check.pictures),
    )


def _settings_view(settings: CampaignSettings) -> SettingsView:
    return SettingsView(
        defaults=settings.defaults,
        axes={name: list(values) for name, values in settings.axes.items()},
        recipients=list(settings.recipients),
        budget_pictures=settings.budget_pictures,
        budget_dollars=settings.budget_dollars,
        concurrency=settings.concurrency,
        max_failures=settings.max_failures,
        max_failed_share=settings.max_failed_share,
        warm_up_minutes=settings.warm_up_minutes,
    )


def _check_view(check: Check) -> CheckView:
    return CheckView(
        at=_moment(check.at_ms),
        rows=check.rows,
        pictures=check.pictures,
        estimated_seconds=check.seconds,
        estimated_dollars=_dollars(check.micros),
        problems=check.problems,
        blocked=check.blocked,
        read_as=check.read_as,
        warnings=list(check.warnings),
    )


def _passed_over_view(campaign: Campaign) -> PassedOverView | None:
    passed = campaign.passed_over
    return PassedOverView(run=passed.run_id, at=_moment(passed.at_ms), code=passed.code) if passed else None


def _dollars(micros: int) -> float:
    return micros / MICROS


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
