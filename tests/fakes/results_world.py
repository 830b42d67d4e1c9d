"""A run whose rows have ended, with its files in memory, and whoever writes down what became of them."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from afterimage.contracts.campaign import RowDocument, check_prefix
from afterimage.contracts.campaign_results import Results
from afterimage.contracts.codec import to_json
from afterimage.domain.campaign import Campaign, Row, Run, RunStatus
from afterimage.domain.errors import CampaignNotFoundError
from afterimage.domain.job import Failure
from afterimage.domain.row_ref import CampaignId
from afterimage.domain.status import JobStatus
from afterimage.usecases.gather_campaign_results import read_results
from afterimage.usecases.write_campaign_results import Archive, Written, write_campaign_results

from fakes.campaign_files import MemoryCampaignFiles
from fakes.campaigns import CAMPAIGN_ID, CHECK, RUN_ID, a_campaign, a_run
from fakes.faults import Faulty, breakable
from fakes.outside import NOW_MS, Dice, Ticker
from fakes.samples import a_job, pictures
from fakes.stores import MemoryJobStore, MemoryLinkStore

BASE = "https://api.example.com"
FOLDER = f"campaigns/{CAMPAIGN_ID}/runs/{RUN_ID}/"
FAILURE = Failure(code="generation_failed", sentence="The image model failed while making the picture.")


class MemoryRuns(Faulty):
    """The part of `campaign_ports.CampaignStore` that results are read from."""

    def __init__(self) -> None:
        super().__init__()
        self.campaign: Campaign | None = a_campaign()
        self.run = a_run()
        self.rows: dict[int, Row] = {}
        self.queries: list[int] = []

    def get(self, campaign_id: CampaignId, now_ms: int) -> Campaign:
        if self.campaign is None or campaign_id != self.campaign.campaign_id:
            raise CampaignNotFoundError()
        return self.campaign

    def get_run(self, campaign_id: CampaignId, run_id: str) -> Run:
        if (campaign_id, run_id) != (self.run.campaign_id, self.run.run_id):
            raise CampaignNotFoundError()
        return self.run

    @breakable
    def list_rows(self, campaign_id: CampaignId, run_id: str, after: int, limit: int) -> tuple[Row, ...]:
        self.queries.append(after)
        return tuple(row for number, row in sorted(self.rows.items()) if number > after)[:limit]


class ResultsWorld:
    """Rows are added in their order, each with its document; `write` is the state machine's loop."""

    def __init__(self, link_ttl_s: int = 7 * 86_400) -> None:
        self.campaigns = MemoryRuns()
        self.jobs = MemoryJobStore()
        self.links = MemoryLinkStore()
        self.files = MemoryCampaignFiles()
        self.clock = Ticker(NOW_MS + 60_000)
        self._documents: list[RowDocument] = []
        self.archive = Archive(
            campaigns=self.campaigns,  # type: ignore[arg-type]
            jobs=self.jobs,
            links=self.links,
            files=self.files,
            link_base=BASE,
            link_ttl_s=lambda: link_ttl_s,
            clock=self.clock,
            entropy=Dice(),
        )

    def add(self, outcome: JobStatus | None = JobStatus.SUCCEEDED, *, made: int = 1, **changes: Any) -> int:
        """Add a row; None is one that nobody began. `prompt` and `columns` go into its document."""
        number = len(self._documents) + 1
        document = RowDocument(
            row=number,
            line=number + 1,
            request={"prompt": changes.pop("prompt", f"leaf {number}")},
            columns=changes.pop("columns", {"sku": f"A-{number}"}),
            pictures=made,
            micros=700,
        )
        self._documents.append(document)
        if outcome is not None:
            delivered = pictures(made) if outcome is JobStatus.SUCCEEDED else ()
            failure = None if outcome is JobStatus.SUCCEEDED else FAILURE
            job = a_job(outcome, number=number, pictures=delivered, failure=failure)
            job = dataclasses.replace(job, **changes)
            self.jobs.records[job.job_id] = job
            self.campaigns.rows[number] = Row(row=number, attempt=1, leg=1, job_id=job.job_id, outcome=outcome)
        return number

    def refuse(self, code: str) -> int:
        """Add a row that could not be asked for at all."""
        number = self.add(None)
        self.campaigns.rows[number] = Row(row=number, attempt=1, leg=1, outcome=JobStatus.FAILED, failure_code=code)
        return number

    def settle(self, **changes: Any) -> None:
        """Have the rows in their file, and the run as it stands after them."""
        lines = "".join(f"{to_json(document)}\n" for document in self._documents)
        self.files.objects[f"{check_prefix(CAMPAIGN_ID, CHECK.check_id)}rows.jsonl"] = lines.encode()
        rows = len(self._documents)
        self.campaigns.run = dataclasses.replace(
            a_run(), rows=rows, status=RunStatus.FINISHED, ended_at_ms=NOW_MS + 3_600_000, **changes
        )

    def page(self, after: int = 0) -> Written:
        return write_campaign_results(CAMPAIGN_ID, RUN_ID, self.campaigns.run.leg, after, self.archive)

    def write(self) -> int:
        """Loop as the state machine does; return the number of calls."""
        after, done, calls = 0, False, 0
        while not done:
            written = self.page(after)
            after, done, calls = written.after, written.done, calls + 1
        return calls

    def manifest(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.files.objects[f"{FOLDER}manifest.jsonl"].splitlines()]

    def results(self) -> Results:
        found = read_results(CAMPAIGN_ID, RUN_ID, self.files)
        assert found
        return found
