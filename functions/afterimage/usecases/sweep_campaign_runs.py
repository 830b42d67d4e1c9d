"""Find runs that were set going and lost: begun and never executed, or ended without their last states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from afterimage.campaign_ports import CampaignFiles, CampaignStore, CampaignWorkflow, Capacity
from afterimage.contracts.campaign import campaign_prefix
from afterimage.domain.campaign import ActiveRun, Run, RunStatus
from afterimage.domain.errors import CampaignNotFoundError
from afterimage.ports import Clock
from afterimage.usecases.settle_campaign_run import Rest, settle_campaign_run

# Whoever sets a run going starts its execution within seconds, or its function has ended.
GRACE_MS = 60_000
_RUNNING = "RUNNING"
_MOST_AT_ONCE = 200


@dataclass(frozen=True, kw_only=True)
class RunBroom:
    """What sweeping runs needs. `report` takes what stood in the way of helping one."""

    campaigns: CampaignStore
    workflow: CampaignWorkflow
    capacity: Capacity
    files: CampaignFiles
    report: Callable[[ActiveRun, Exception], None]
    clock: Clock


def sweep_campaign_runs(broom: RunBroom) -> dict[str, int]:
    """Look at every run that is marked as active; return how many were restarted, settled, left or skipped."""
    outcomes: Counter[str] = Counter(restarted=0, settled=0, left=0, skipped=0)
    for active in broom.campaigns.list_active(broom.clock() - GRACE_MS, _MOST_AT_ONCE):
        try:
            outcomes[_mend(active, broom)] += 1
        except Exception as exc:  # one run's trouble is its own
            broom.report(active, exc)
            outcomes["skipped"] += 1
    return dict(outcomes)


def _mend(active: ActiveRun, broom: RunBroom) -> str:
    try:
        run = broom.campaigns.get_run(active.campaign_id, active.run_id)
    except CampaignNotFoundError:  # expired
        broom.campaigns.forget_active(active)
        return "settled"
    status = broom.workflow.status(run.campaign_id, run.run_id, run.leg)
    if status is None and run.status is RunStatus.RUNNING:
        broom.workflow.start(run.campaign_id, run.run_id, run.leg)
        return "restarted"
    if status == _RUNNING:
        return "left"
    rest, run = settle_campaign_run(
        run.campaign_id, run.run_id, run.leg, campaigns=broom.campaigns, capacity=broom.capacity, clock=broom.clock
    )
    if rest is not Rest.RESTS:
        return "left"
    _erase_what_was_written_late(run, broom)
    broom.campaigns.forget_active(active)
    return "settled"


def _erase_what_was_written_late(run: Run, broom: RunBroom) -> None:
    """A campaign may be erased while an execution of it still writes results."""
    try:
        broom.campaigns.get(run.campaign_id, broom.clock())
    except CampaignNotFoundError:
        broom.files.erase(campaign_prefix(run.campaign_id))
