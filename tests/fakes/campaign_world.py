"""The door of campaigns over the real store on moto, with everything else outside in memory."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
from afterimage.domain.campaign import Campaign, CampaignStatus, Run, RunStatus, Schedule
from afterimage.domain.errors import CampaignInvalidError
from afterimage.domain.model_profiles import model_profiles
from afterimage.domain.quotas import UNLIMITED
from afterimage.domain.row_ref import CampaignId
from afterimage.handlers import campaigns_api
from afterimage.usecases.create_campaign import CampaignDesk
from afterimage.usecases.erase_campaign import CampaignEraser
from afterimage.usecases.schedule_campaign import Planner
from afterimage.usecases.start_campaign_run import Starter

from fakes.campaign_files import MemoryCampaignFiles
from fakes.faults import Faulty, breakable
from fakes.http import PERSON, Answer, an_event, answer
from fakes.outside import Dice, FakePeople, Ticker
from fakes.samples import ADDRESS
from fakes.stores import MemoryAccountStore

ADMIN = PERSON | {"sub": "root", "username": "root", "cognito:groups": "[admin]"}


class FakeMachine(Faulty):
    """Implements `campaign_ports.CampaignWorkflow`."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[tuple[str, str, int]] = []
        self.statuses: dict[tuple[str, str, int], str] = {}

    @breakable
    def start(self, campaign_id: CampaignId, run_id: str, leg: int) -> None:
        self.started.append((campaign_id, run_id, leg))
        self.statuses.setdefault((campaign_id, run_id, leg), "RUNNING")

    @breakable
    def status(self, campaign_id: CampaignId, run_id: str, leg: int) -> str | None:
        return self.statuses.get((campaign_id, run_id, leg))


class FakeChecks(Faulty):
    """Implements `campaign_ports.CampaignChecks`; reads nothing, and finds what it is told."""

    def __init__(self, campaigns: DynamoCampaignStore, clock: Ticker) -> None:
        super().__init__()
        self.campaigns = campaigns
        self.clock = clock
        self.begun: list[tuple[str, str]] = []

    @breakable
    def begin(self, campaign_id: CampaignId, check_id: str) -> None:
        self.begun.append((campaign_id, check_id))

    @breakable
    def finish(self, campaign_id: CampaignId, check_id: str) -> None:
        self.begun.append((campaign_id, check_id))
        self.find(campaign_id)

    def find(self, campaign_id: CampaignId, rows: int = 3, **found: Any) -> None:
        """Conclude the check that a campaign waits for."""
        campaign = self.campaigns.get(campaign_id, self.clock())
        assert campaign.check
        numbers = {"pictures": rows, "seconds": 2.0 * rows, "micros": 700 * rows, "problems": 0} | found
        check = dataclasses.replace(campaign.check, rows=rows, **numbers)
        status = CampaignStatus.INVALID if check.problems else CampaignStatus.READY
        self.campaigns.change(
            campaign, dataclasses.replace(campaign, status=status, check=check, updated_at_ms=self.clock())
        )


class FakeZips(Faulty):
    """Implements `campaign_ports.CampaignZips`."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[tuple[str, str]] = []

    @breakable
    def begin(self, campaign_id: CampaignId, run_id: str) -> None:
        self.begun.append((campaign_id, run_id))


class FakeSchedules(Faulty):
    """Implements `campaign_ports.CampaignSchedules`. `refuses` is an expression that it does not take."""

    def __init__(self) -> None:
        super().__init__()
        self.planned: dict[str, Schedule] = {}
        self.refuses = "cron(0 7 ? * NODAY *)"

    @breakable
    def put(self, campaign_id: CampaignId, schedule: Schedule) -> None:
        if schedule.expression == self.refuses:
            raise CampaignInvalidError(code="schedule_invalid")
        self.planned[campaign_id] = schedule

    @breakable
    def remove(self, campaign_id: CampaignId) -> None:
        self.planned.pop(campaign_id, None)


class FakeLinks:
    """Implements `campaign_ports.CampaignLinks` over the files."""

    def __init__(self, files: MemoryCampaignFiles) -> None:
        self.files = files

    def upload(self, key: str, content_type: str, most_bytes: int) -> tuple[str, dict[str, str]]:
        return "https://bucket.invalid/", {"key": key, "Content-Type": content_type, "policy": str(most_bytes)}

    def download(self, key: str, name: str) -> str:
        return f"https://bucket.invalid/{key}?as={name}"

    def names(self, prefix: str) -> tuple[str, ...]:
        inside = (key.removeprefix(prefix) for key in self.files.objects if key.startswith(prefix))
        return tuple(sorted(name for name in inside if "/" not in name))


class CampaignWorld:
    """One deployed door. `call` asks it as somebody."""

    def __init__(self, client: Any, table: str) -> None:
        self.clock, self.dice = Ticker(), Dice()
        self.campaigns = DynamoCampaignStore(client, table, pause=lambda _: None)
        self.files = MemoryCampaignFiles()
        self.machine, self.schedules = FakeMachine(), FakeSchedules()
        self.zips = FakeZips()
        self.checks = FakeChecks(self.campaigns, self.clock)
        self.accounts = MemoryAccountStore()
        self.open, self.quotas = True, UNLIMITED
        self.desk = CampaignDesk(
            campaigns=self.campaigns,
            files=self.files,
            accounts=self.accounts,
            people=FakePeople(ada=ADDRESS, bob="bob@example.com", root="root@example.com"),
            profile=model_profiles()["sd15"],
            clock=self.clock,
            entropy=self.dice,
        )
        self.starter = Starter(
            campaigns=self.campaigns,
            workflow=self.machine,
            accounts=self.accounts,
            admission_is_open=lambda: self.open,
            quotas=lambda: self.quotas,
            run_ttl_s=90 * 86_400,
            clock=self.clock,
        )
        self.eraser = CampaignEraser(
            campaigns=self.campaigns, files=self.files, schedules=self.schedules, clock=self.clock
        )

    def deps(self, *, warms: bool = False) -> campaigns_api.Dependencies:
        return campaigns_api.Dependencies(
            desk=self.desk,
            starter=self.starter,
            planner=Planner(campaigns=self.campaigns, schedules=self.schedules, warms=warms, clock=self.clock),
            eraser=self.eraser,
            checks=self.checks,
            links=FakeLinks(self.files),
            zips=self.zips,
        )

    def call(
        self, method: str, path: str = "", body: Any = None, claims: Any = PERSON, warms: bool = False, **more: Any
    ) -> Answer:
        event = an_event(method, f"/v1/campaigns{path}", body=body, claims=claims, **more)
        return answer(functools.partial(campaigns_api.handle, deps=self.deps(warms=warms)), event)

    def created(self, claims: Any = PERSON, **settings: Any) -> CampaignId:
        """A campaign of three rows that nobody has checked."""
        rows = [{"prompt": f"a lighthouse {number}", "sku": f"A-{number}"} for number in range(3)]
        made = self.call("POST", body={"name": "Autumn", "settings": settings, "rows": rows}, claims=claims)
        assert made.status == 201, made
        return CampaignId(made.body["id"])

    def ready(self, claims: Any = PERSON, **settings: Any) -> CampaignId:
        """A campaign whose rows may run."""
        campaign_id = self.created(claims, **settings)
        assert self.call("POST", f"/{campaign_id}/check", claims=claims).status == 202
        self.checks.find(campaign_id)
        return campaign_id

    def running(self, claims: Any = PERSON, **settings: Any) -> CampaignId:
        """A campaign with a run at work."""
        campaign_id = self.ready(claims, **settings)
        assert self.call("POST", f"/{campaign_id}/run", claims=claims).status == 202
        return campaign_id

    def campaign(self, campaign_id: CampaignId) -> Campaign:
        return self.campaigns.get(campaign_id, self.clock())

    def run(self, campaign_id: CampaignId) -> Run:
        campaign = self.campaign(campaign_id)
        assert campaign.run_id
        return self.campaigns.get_run(campaign_id, campaign.run_id)

    def ends(self, campaign_id: CampaignId, status: RunStatus, reason: str | None = None) -> None:
        """What the machine writes at the end of a leg."""
        assert self.campaigns.move_run(self.run(campaign_id), status, self.clock(), reason=reason)
