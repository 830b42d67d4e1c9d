"""An owner who is erased leaves no campaign, no schedule and no file of one."""

from __future__ import annotations

from typing import Any

import pytest
from afterimage.domain.campaign import RunStatus
from afterimage.domain.errors import StoreUnavailableError
from afterimage.usecases.cancel_request import Stopper
from afterimage.usecases.delete_request import Eraser
from afterimage.usecases.erase_owner import CAMPAIGNS, erase_owner
from fakes.campaign_world import CampaignWorld
from fakes.http import STRANGER
from fakes.outside import FakeErasures, FakeJobObjects, FakePeople, FakeUploads, FakeWorkflow
from fakes.samples import OWNER
from fakes.stores import MemoryAttemptStore, MemoryHoldStore, MemoryJobStore, MemoryLinkStore, MemoryOwnerStore


@pytest.fixture
def world(dynamodb: Any, table: str) -> CampaignWorld:
    return CampaignWorld(dynamodb, table)


def erase(world: CampaignWorld) -> bool:
    jobs = MemoryJobStore()
    stopper = Stopper(jobs=jobs, objects=FakeJobObjects(), workflow=FakeWorkflow(), clock=world.clock)
    eraser = Eraser(
        stopper=stopper,
        attempts=MemoryAttemptStore(),
        holds=MemoryHoldStore(),
        links=MemoryLinkStore(),
        uploads=FakeUploads(),
        erasures=FakeErasures(),
    )
    owners = MemoryOwnerStore(jobs)
    return erase_owner(OWNER, eraser, campaigns=world.eraser, owners=owners, people=FakePeople())


def test_every_campaign_of_an_owner_goes_a_few_at_a_time_and_no_others(world: CampaignWorld) -> None:
    mine = [world.running() for _ in range(CAMPAIGNS + 1)]
    runs = {campaign_id: world.run(campaign_id).run_id for campaign_id in mine}
    theirs = world.running(STRANGER)
    for campaign_id, claims in ((mine[0], None), (theirs, STRANGER)):
        more = {"claims": claims} if claims else {}
        assert world.call("PUT", f"/{campaign_id}/schedule", {"expression": "rate(1 day)"}, **more).status == 200
    assert [erase(world) for _ in range(3)] == [False, False, True]
    assert (list(world.schedules.planned), {key.split("/")[1] for key in world.files.objects}) == ([theirs], {theirs})
    assert world.campaigns.list_by_owner(None, 50, None) == (theirs,)
    for campaign_id, run_id in runs.items():
        assert world.campaigns.get_run(campaign_id, run_id).status is RunStatus.STOPPED


def test_what_finds_an_expired_campaign_goes_too(world: CampaignWorld, dynamodb: Any, table: str) -> None:
    campaign_id = world.created()
    key = {"pk": {"S": f"CAMPAIGN#{campaign_id}"}, "sk": {"S": "CAMPAIGN"}}
    dynamodb.delete_item(TableName=table, Key=key)
    assert [erase(world), erase(world)] == [False, True]
    assert (world.campaigns.list_by_owner(None, 50, None), world.files.objects) == ((), {})


@pytest.mark.parametrize("where", ["schedules.remove", "files.erase"])
def test_a_run_that_fails_is_mended_by_the_next(world: CampaignWorld, where: str) -> None:
    world.running()
    part, _, method = where.partition(".")
    getattr(world, part).fail_next(method, StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        erase(world)
    assert [erase(world), erase(world)] == [False, True]
    assert world.campaigns.list_by_owner(None, 50, None) == ()
