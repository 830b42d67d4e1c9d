"""Bodies about what may be asked for: a dry run's estimate, and the caller's own bounds and use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from afterimage.domain.account import Usage
from afterimage.domain.estimate import Price
from afterimage.domain.moderation import Action
from afterimage.domain.quotas import Quotas, month_of, next_month_ms
from afterimage.domain.recipients import ADMIN_GROUP, Caller
from afterimage.domain.strikes import Standing
from afterimage.http.schemas import ReplacedView, WarningView


class DollarsView(BaseModel):
    """An estimate in US dollars: the machine with the model, and the services around it."""

    model: float
    services: float
    total: float


class ModerationView(BaseModel):
    """How the policy would judge the prompt now: `allow`, `soften`, `hold` or `block`. Nobody else is asked."""

    action: Action
    categories: list[str]
    sentence: str
    replaced: Annotated[list[ReplacedView], Field(description="What `soften` would change.")] = []
    model_prompt: Annotated[str, Field(description="What the model would read.")]


class QuotaView(BaseModel):
    """Bounds of an owner; null is no bound."""

    monthly_pictures: int | None
    concurrent_jobs: int | None
    campaign_rows: int | None


class LeftView(BaseModel):
    """What is left; null is no bound. `daily_pictures` is everybody's together."""

    monthly_pictures: int | None
    open_requests: int | None
    daily_pictures: int | None


class EstimateView(BaseModel):
    """What a request would take. Every number is an estimate; nothing was recorded."""

    dry_run: Literal[True] = True
    pictures: int
    width: int
    height: int
    steps: int
    estimated_seconds: Annotated[float, Field(description="On a machine that is awake and free.")]
    estimated_dollars: DollarsView
    moderation: ModerationView
    warnings: list[WarningView]
    would_be_accepted: bool
    refusal: Annotated[str | None, Field(description="The code that would refuse it now.")]
    left_after: Annotated[LeftView, Field(description="What would be left if it were taken.")]


class UsedView(BaseModel):
    """What is counted now."""

    monthly_pictures: int
    open_requests: int


class StrikesView(BaseModel):
    """Requests of yours that were blocked: `recent` of `bound` begin a cool-down, in which nothing new is taken."""

    recent: int
    bound: int
    cooling_until: datetime | None


class MeView(BaseModel):
    """Who you are to this service, and what you may still ask for."""

    kind: Literal["person", "program"]
    admin: bool
    month: Annotated[str, Field(description="The month that is counted, in UTC.")]
    renews_at: datetime
    quota: QuotaView
    used: UsedView
    left: LeftView
    strikes: StrikesView


def quota_view(quotas: Quotas) -> QuotaView:
    """Return the bounds of an owner."""
    return QuotaView(
        monthly_pictures=quotas.monthly_pictures,
        concurrent_jobs=quotas.concurrent_jobs,
        campaign_rows=quotas.campaign_rows,
    )


def estimate_view(price: Price) -> EstimateView:
    """Return what a dry run answers."""
    spec, estimated, decision = price.spec, price.estimate, price.decision
    return EstimateView(
        pictures=estimated.pictures,
        width=spec.width,
        height=spec.height,
        steps=spec.steps,
        estimated_seconds=estimated.seconds,
        estimated_dollars=DollarsView(
            model=estimated.model_dollars, services=estimated.service_dollars, total=estimated.dollars
        ),
        moderation=ModerationView(
            action=decision.action,
            categories=list(decision.categories),
            sentence=decision.sentence,
            replaced=[ReplacedView(found=change.found, put=change.put) for change in decision.replaced],
            model_prompt=decision.softened_prompt or spec.model_prompt,
        ),
        warnings=[WarningView(code=w.code, message=w.message, detail=w.detail) for w in price.warnings],
        would_be_accepted=price.refusal is None,
        refusal=price.refusal,
        left_after=left_view(price.quotas, price.usage, pictures=estimated.pictures, requests=1),
    )


def me_view(caller: Caller, quotas: Quotas, usage: Usage, standing: Standing, now_ms: int) -> MeView:
    """Return the caller's own account."""
    return MeView(
        kind="person" if caller.username else "program",
        admin=ADMIN_GROUP in caller.groups,
        month=month_of(now_ms),
        renews_at=datetime.fromtimestamp(next_month_ms(now_ms) / 1000, UTC),
        quota=quota_view(quotas),
        used=UsedView(monthly_pictures=usage.monthly_pictures, open_requests=usage.open_requests),
        left=left_view(quotas, usage),
        strikes=strikes_view(standing),
    )


def strikes_view(standing: Standing) -> StrikesView:
    """Return how an owner stands."""
    until_ms = standing.until_ms
    return StrikesView(
        recent=standing.strikes,
        bound=standing.bound,
        cooling_until=datetime.fromtimestamp(until_ms / 1000, UTC) if until_ms is not None else None,
    )


def left_view(quotas: Quotas, usage: Usage, pictures: int = 0, requests: int = 0) -> LeftView:
    """Return what is left after so many more."""
    return LeftView(
        monthly_pictures=_rest(quotas.monthly_pictures, usage.monthly_pictures + pictures),
        open_requests=_rest(quotas.concurrent_jobs, usage.open_requests + requests),
        daily_pictures=_rest(quotas.daily_pictures, usage.daily_pictures + pictures),
    )


def _rest(bound: int | None, used: int) -> int | None:
    return None if bound is None else max(0, bound - used)
