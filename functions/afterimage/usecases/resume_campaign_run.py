"""Set a run going again that rests: where it stopped, or once more over the rows that failed."""

from __future__ import annotations

from dataclasses import dataclass

from afterimage.domain.campaign import (
    BUDGET_DOLLARS,
    BUDGET_PICTURES,
    MICROS,
    TOO_MANY_FAILURES,
    Campaign,
    Run,
    RunStatus,
)
from afterimage.domain.errors import AdmissionClosedError, CampaignChangedError, CampaignStateError
from afterimage.usecases.start_campaign_run import Begun, Starter, latest_run, set_going


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Bounds for what is left of a run; None leaves one as it is."""

    budget_pictures: int | None = None
    budget_dollars: float | None = None
    max_failures: int | None = None


def resume_campaign_run(campaign: Campaign, bounds: Bounds, starter: Starter) -> Begun:
    """Go on with the campaign's paused run; one that goes already is left alone.

    Raises CampaignStateError for a run that has ended, or that would pause at once for a bound that it has reached.
    """
    run = known_run(campaign, starter)
    if run.status is RunStatus.RUNNING:
        return Begun(run=run, repeated=True, refusal=set_going(run, starter))
    if run.status is not RunStatus.PAUSED:
        raise ended()
    return go_on(run, bounds, starter, retrying=False)


def known_run(campaign: Campaign, starter: Starter) -> Run:
    """Return the campaign's latest run. Raises CampaignStateError."""
    run = latest_run(campaign, starter)
    if run is None:
        raise CampaignStateError("This campaign has not run yet.", code="no_run")
    return run


def ended() -> CampaignStateError:
    """Return the refusal of what only a run can do that has not ended."""
    return CampaignStateError("The run of this campaign has ended.", code="run_ended")


def go_on(run: Run, bounds: Bounds, starter: Starter, *, retrying: bool) -> Begun:
    """Begin another leg of a run that rests."""
    starter.accounts.find(run.owner).check()
    if not starter.admission_is_open():
        raise AdmissionClosedError()
    pictures = run.budget_pictures if bounds.budget_pictures is None else bounds.budget_pictures
    micros = run.budget_micros if bounds.budget_dollars is None else round(bounds.budget_dollars * MICROS)
    failures = run.max_failures if bounds.max_failures is None else bounds.max_failures
    _check_room(run, pictures, micros, failures)
    going = starter.campaigns.next_leg(
        run,
        starter.clock(),
        retrying=retrying,
        budget_pictures=pictures,
        budget_micros=micros,
        max_failures=failures,
    )
    if going is None:
        raise CampaignChangedError()
    return Begun(run=going, repeated=False, refusal=set_going(going, starter))


def _check_room(run: Run, pictures: int | None, micros: int | None, failures: int | None) -> None:
    """Refuse a leg whose first row would pause it again, for the reason for which it would."""
    same_pictures = run.reason == BUDGET_PICTURES and pictures == run.budget_pictures
    if pictures is not None and (run.pictures >= pictures or same_pictures):
        raise CampaignStateError("The run has used up its pictures: give it a larger budget.", code=BUDGET_PICTURES)
    same_dollars = run.reason == BUDGET_DOLLARS and micros == run.budget_micros
    if micros is not None and (run.micros >= micros or same_dollars):
        raise CampaignStateError("The run has used up its dollars: give it a larger budget.", code=BUDGET_DOLLARS)
    if failures is not None and run.failed > failures:
        raise CampaignStateError("More rows have failed than the run bears: let it bear more.", code=TOO_MANY_FAILURES)
