"""Bodies of the admin's routes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from afterimage.domain.account import Account, Person, Usage
from afterimage.domain.job import Job
from afterimage.domain.quotas import Quota, Quotas
from afterimage.domain.status import JobStatus
from afterimage.domain.strikes import Standing
from afterimage.domain.suppression import Suppression, SuppressionKind
from afterimage.http.account_schemas import QuotaView, StrikesView, UsedView, quota_view, strikes_view
from afterimage.http.schemas import FailureView, NoticeView, TimelineEntry

Bound = Annotated[int | None, Field(description="null is no bound, 0 lets nothing through.", ge=0, le=10**9)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class QuotaBody(_Body):
    """Bounds of one owner, all three."""

    monthly_pictures: Bound
    concurrent_jobs: Bound
    campaign_rows: Bound

    def to_quota(self) -> Quota:
        """Return what use cases understand."""
        return Quota(**self.model_dump())


class QuotasBody(_Body):
    """Bounds of everybody without a quota of their own, and the cap of all together; all four."""

    monthly_pictures: Bound
    concurrent_jobs: Bound
    campaign_rows: Bound
    daily_pictures: Bound

    def to_quotas(self) -> Quotas:
        """Return what use cases understand."""
        return Quotas(**self.model_dump())


class AdmissionBody(_Body):
    """The switch. The reason is kept beside it."""

    state: Literal["open", "closed"]
    reason: Annotated[
        str | None,
        Field(description="Why; printable ASCII on one line.", max_length=200, pattern=r"^[ -z|~]*$"),
    ] = None


class AdmissionView(BaseModel):
    """The switch; `note` is when and why it was set, where that is known."""

    state: Literal["open", "closed"]
    note: str


class PersonView(BaseModel):
    """Somebody in the directory."""

    username: str
    email: str | None
    enabled: bool
    status: Annotated[str, Field(description="In Cognito's words, such as CONFIRMED.")]
    created_at: datetime


class PersonList(BaseModel):
    """A page of the directory. `cursor` asks for the next page and is null on the last."""

    items: list[PersonView]
    cursor: str | None


class PersonQuotaView(BaseModel):
    """What holds for an owner. `overridden` says that an admin decided it."""

    owner: str
    disabled: bool
    overridden: bool
    quota: QuotaView
    used: UsedView
    strikes: StrikesView


class SuppressionView(BaseModel):
    """Whether an address is left alone, after a `bounce` or a `complaint`; the mail service's own list is not asked."""

    suppressed: bool
    kind: SuppressionKind | None
    since: datetime | None
    until: datetime | None


class AdminJobView(BaseModel):
    """A request of anybody, without its pictures. `prompt` is null unless it was asked for."""

    id: str
    owner: str
    status: JobStatus
    prompt: str | None
    pictures: int
    created_at: datetime
    updated_at: datetime
    timeline: list[TimelineEntry]
    failure: FailureView | None
    notice: NoticeView | None


class AdminJobList(BaseModel):
    """Open requests, longest untouched first."""

    items: list[AdminJobView]


def person_view(person: Person) -> PersonView:
    """Return somebody as an admin sees them."""
    return PersonView(
        username=person.username,
        email=person.email,
        enabled=person.enabled,
        status=person.status,
        created_at=_moment(person.created_at_ms),
    )


def person_quota_view(
    owner: str, account: Account, quotas: Quotas, usage: Usage, standing: Standing
) -> PersonQuotaView:
    """Return what holds for an owner."""
    return PersonQuotaView(
        owner=owner,
        disabled=account.disabled,
        overridden=account.override is not None,
        quota=quota_view(quotas),
        used=UsedView(monthly_pictures=usage.monthly_pictures, open_requests=usage.open_requests),
        strikes=strikes_view(standing),
    )


def general_quotas_view(quotas: Quotas) -> QuotasBody:
    """Return the general bounds."""
    return QuotasBody(
        monthly_pictures=quotas.monthly_pictures,
        concurrent_jobs=quotas.concurrent_jobs,
        campaign_rows=quotas.campaign_rows,
        daily_pictures=quotas.daily_pictures,
    )


def admission_view(value: str) -> AdmissionView:
    """Return the switch from its parameter; whatever does not say `open` is closed."""
    state, _, note = value.strip().partition(" ")
    return AdmissionView(state="open" if state.lower() == "open" else "closed", note=note)


def suppression_view(found: Suppression | None) -> SuppressionView:
    """Return what is known of an address, which is not said back."""
    if found is None:
        return SuppressionView(suppressed=False, kind=None, since=None, until=None)
    return SuppressionView(
        suppressed=True, kind=found.kind, since=_moment(found.at_ms), until=_moment(found.expires_at_s * 1000)
    )


def admin_job_view(job: Job, *, prompt: bool) -> AdminJobView:
    """Return a request as an admin sees it."""
    return AdminJobView(
        id=job.job_id,
        owner=job.owner,
        status=job.status,
        prompt=job.spec.prompt if prompt else None,
        pictures=len(job.spec.seeds),
        created_at=_moment(job.created_at_ms),
        updated_at=_moment(job.updated_at_ms),
        timeline=[TimelineEntry(status=change.status, at=_moment(change.at_ms)) for change in job.timeline],
        failure=FailureView(code=job.failure.code, sentence=job.failure.sentence) if job.failure else None,
        notice=NoticeView(state=job.notice.state, at=_moment(job.notice.at_ms)) if job.notice else None,
    )


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
