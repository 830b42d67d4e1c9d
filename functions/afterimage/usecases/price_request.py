"""Say what a request would cost and whether it would be taken; record nothing, count nothing, start nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from afterimage.domain.account import Usage
from afterimage.domain.errors import CoolingDownError, RejectedError
from afterimage.domain.estimate import Price, estimate, forewarnings
from afterimage.domain.job import ImageSpec, JobWarning
from afterimage.domain.moderation import Decision, Policy, judge_prompt
from afterimage.domain.quotas import Quotas, day_is_full, fits, month_is_full, too_many_open
from afterimage.domain.recipients import Caller
from afterimage.domain.request import ImageRequest
from afterimage.usecases.create_request import Door, check_cool_down, complete


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """What pricing needs beside the door."""

    policy: Callable[[], Policy]
    dollars_per_hour: float


def price_request(asked: ImageRequest, caller: Caller, has_key: bool, door: Door, prices: PriceList) -> Price:
    """Check `asked` as `create_request` does and price it.

    Raises what it raises for a request that is wrong in itself; a door that is closed or a bound that is reached is
    told in the answer, because it passes.
    """
    now_ms = door.clock()
    account = door.accounts.find(caller.owner)
    account.check()
    quotas = door.quotas().with_override(account.override)
    spec, _ = complete(asked, caller, door)
    decision = judge_prompt(spec.model_prompt, spec.negative_prompt, prices.policy(), now_ms, spec.adapter or "")
    usage = door.accounts.usage(caller.owner, now_ms)
    return Price(
        spec=spec,
        estimate=estimate(spec, door.profile, prices.dollars_per_hour),
        decision=decision,
        warnings=tuple(_warnings(spec, decision, has_key)),
        quotas=quotas,
        usage=usage,
        refusal=_refusal(caller.owner, len(spec.seeds), quotas, usage, now_ms, door),
    )


def _refusal(owner: str, pictures: int, quotas: Quotas, usage: Usage, now_ms: int, door: Door) -> str | None:
    refusals: list[RejectedError] = []
    if not fits(usage.monthly_pictures, pictures, quotas.monthly_pictures):
        refusals.append(month_is_full(now_ms))
    if not fits(usage.daily_pictures, pictures, quotas.daily_pictures):
        refusals.append(day_is_full(now_ms))
    if not fits(usage.open_requests, 1, quotas.concurrent_jobs):
        refusals.append(too_many_open())
    if not door.admission_is_open():
        return "admission_closed"
    try:
        check_cool_down(owner, now_ms, door)
    except CoolingDownError as exc:
        return exc.code
    return refusals[0].code if refusals else None


def _warnings(spec: ImageSpec, decision: Decision, has_key: bool) -> list[JobWarning]:
    found = []
    if has_key:
        found.append(
            JobWarning(code="idempotency_key_ignored", message="A dry run records nothing, so its key stays free.")
        )
    return found + forewarnings(spec, decision)
