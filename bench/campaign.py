"""What a row of a campaign takes: calls to AWS, DynamoDB units, state transitions; and whether that stays the same with
the number of rows. The real handlers and adapters run in this process on moto, with a container that answers at once.

Counted, not timed: the figures are exact and the same on every machine. What a run of 100,000 rows takes is reckoned
from them, and said to be.
"""

from __future__ import annotations

import copy
import json
import math
import tomllib
import tracemalloc
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any
from unittest import mock

import boto3
from afterimage.domain.model_profiles import model_profiles
from moto import mock_aws
from moto.dynamodb.models.table import Table

from bench import operations
from bench.conditions import table
from bench.costs import CONTAINER_GETS, CONTAINER_PUTS, COPIES, DEFAULT_MEMORY_GB, GETS, PRICES, PUTS
from bench.operations import BUCKET, TABLE, UNIT_BYTES, World
from local.settings import ROOT

ROWS = (100, 1000, 3000)
ON_PAPER = 100_000
CAMPAIGN, RUN = "01kawx5w6f8m3d9q2r7t1v4y0z", "20261122t070000z"
IDS = {"campaign_id": CAMPAIGN, "run_id": RUN, "leg": 1}
# A child of the Map is an execution of its own: its start and its one state. The request it starts is another one,
# whose transitions `python -m bench workflow` counts.
MAP_TRANSITIONS, REQUEST_TRANSITIONS = 2, 9
FUNCTIONS = (
    "RunCampaignRow",
    "ModeratePrompt",
    "StartGeneration",
    "ResumeOnCompletion",
    "SealPictures",
    "ReviewImages",
    "NotifyRequester",
)
# Step Functions starts so many executions a second in the large regions.
STARTS_PER_S = 300
PARAMETER = "ssm:GetParameter"
EXPIRES_AT_S = 4_000_000_000
NOW_MS = 1_795_000_000_000


@dataclass
class Taken:
    """What calls took, by operation."""

    calls: Counter[str]
    write_units: int
    read_units: int

    def minus(self, before: Taken) -> Taken:
        calls = self.calls - before.calls
        return Taken(calls, self.write_units - before.write_units, self.read_units - before.read_units)


class Meter:
    """Counts calls, and DynamoDB units by what is touched: a job's item is as big as it is in the end and stands in two
    indexes as well; every other item is below a kilobyte. A write in a transaction costs twice."""

    def __init__(self, job_bytes: int) -> None:
        self._job = math.ceil(job_bytes / UNIT_BYTES)
        self._job_reads = math.ceil(job_bytes / (4 * UNIT_BYTES))
        self.taken = Taken(Counter(), 0, 0)
        self.answer = {"OutputLocation": f"s3://{BUCKET}/inference/output/a.out"}

    def copy(self) -> Taken:
        return Taken(Counter(self.taken.calls), self.taken.write_units, self.taken.read_units)

    def before_call(self, model: Any, **_: Any) -> Any:
        service = model.service_model.service_name
        self.taken.calls[f"{service}:{model.name}"] += 1
        return (operations.answered(self.answer)) if service in operations.ANSWERED else None

    def parameters(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        name = model.name
        if name == "TransactWriteItems":
            for member in params["TransactItems"]:
                ((_, write),) = member.items()
                self.taken.write_units += self._write(write, twice=True)
        elif name in ("PutItem", "UpdateItem", "DeleteItem"):
            self.taken.write_units += self._write(params, twice=False)
        elif name == "GetItem":
            self.taken.read_units += self._job_reads if _is_job(params["Key"]) else 1
        elif name == "BatchGetItem":
            for asked in params["RequestItems"].values():
                self.taken.read_units += len(asked["Keys"]) * self._job_reads
        elif name == "BatchWriteItem":
            for written in params["RequestItems"].values():
                self.taken.write_units += len(written)
        elif name == "Query":
            # A row is some 700 bytes with its token; a consistent read of 4 KiB is one unit.
            self.taken.read_units += math.ceil(params.get("Limit", 1) * 700 / (4 * UNIT_BYTES))

    def _write(self, write: dict[str, Any], *, twice: bool) -> int:
        key = write.get("Key") or write["Item"]
        if not _is_job(key):
            return 2 if twice else 1
        # The table, the index of owners with the whole item, and the index of open jobs with keys.
        return (2 if twice else 1) * self._job + self._job + (1 if twice else 2)


def _is_job(key: dict[str, Any]) -> bool:
    return bool(key["sk"]["S"] == "JOB")


def measure(sizes: tuple[int, ...] = ROWS) -> dict[str, Any]:
    """Run a campaign of each size and return what each took."""
    runs = [run(rows) for rows in sizes]
    return {"runs": runs, "on_paper": on_paper(runs[-1])}


class _WithoutTables:
    """Copies anything but a table. moto copies the whole table for each member of a transaction, to undo one that
    fails; here none does, and thousands of rows would be copied tens of thousands of times."""

    @staticmethod
    def deepcopy(value: Any) -> Any:
        return value if isinstance(value, Table) else copy.deepcopy(value)


def run(rows: int) -> dict[str, Any]:
    """Make every row of a campaign and write its results."""
    spared = mock.patch("moto.dynamodb.models.copy", _WithoutTables)
    with warnings.catch_warnings(), operations.variables(), mock_aws(), spared:
        warnings.simplefilter("ignore")
        boto3.setup_default_session(region_name="us-east-1")
        world = World()
        places = _plant(world, rows)
        meter = Meter(job_bytes=2400)
        boto3.setup_default_session(region_name="us-east-1")  # clients made from here on are counted
        events = boto3._get_default_session().events
        events.register("before-call", meter.before_call)
        events.register("provide-client-params.dynamodb", meter.parameters)
        each = [_make(world, meter, place) for place in places]
        before = meter.copy()
        pages, peak = _write_results(rows)
        results = meter.copy().minus(before)
        boto3.setup_default_session()
        operations.forget()
    first, last = each[0], each[-1]
    same = all(_of_the_row(row) == _of_the_row(last) for row in each)
    return {
        "rows": rows,
        "every_row_alike": same,
        "calls_per_row": {name: count for name, count in sorted(last.calls.items()) if name != PARAMETER},
        # A process remembers them for half a minute, however many rows it takes.
        "parameters_read_by_the_first_row": first.calls[PARAMETER],
        "write_units_per_row": last.write_units,
        "read_units_per_row": last.read_units,
        "results_calls_per_row": {name: round(count / rows, 4) for name, count in sorted(results.calls.items())},
        "results_write_units_per_row": round(results.write_units / rows, 3),
        "results_read_units_per_row": round(results.read_units / rows, 3),
        "results_pages": pages,
        "results_peak_bytes_of_our_code": peak,
        "map_transitions_per_row": MAP_TRANSITIONS,
    }


def _of_the_row(taken: Taken) -> tuple[Any, ...]:
    calls = {name: count for name, count in taken.calls.items() if name != PARAMETER}
    return calls, taken.write_units, taken.read_units


def _plant(world: World, rows: int) -> list[dict[str, Any]]:
    """A checked campaign with a run, and the places of its rows."""
    from afterimage.adapters.dynamodb.campaigns import DynamoCampaignStore
    from afterimage.contracts.campaign import RowDocument, check_prefix
    from afterimage.contracts.codec import to_json
    from afterimage.domain.campaign import Campaign, CampaignSettings, CampaignStatus, Check, Run, RunStatus
    from afterimage.domain.row_ref import CampaignId

    quotas = operations.QUOTAS | {"monthly_pictures": 10**9, "daily_pictures": 10**9}
    boto3.client("ssm").put_parameter(Name="/bench/quotas", Value=json.dumps(quotas), Type="String", Overwrite=True)
    check = Check(
        check_id="c" * 16, at_ms=NOW_MS, rows=rows, pictures=rows, seconds=1.0, micros=rows, problems=0, blocked=0
    )
    campaign = Campaign(
        campaign_id=CampaignId(CAMPAIGN),
        owner="user#bench",
        name="Bench",
        status=CampaignStatus.READY,
        settings=CampaignSettings(),
        created_at_ms=NOW_MS,
        updated_at_ms=NOW_MS,
        expires_at_s=EXPIRES_AT_S,
        check=check,
    )
    store = DynamoCampaignStore(world.dynamodb, TABLE)
    store.put(campaign)
    begun = Run(
        campaign_id=campaign.campaign_id,
        run_id=RUN,
        owner=campaign.owner,
        status=RunStatus.RUNNING,
        leg=1,
        check_id=check.check_id,
        rows=rows,
        concurrency=5,
        started_at_ms=NOW_MS,
        updated_at_ms=NOW_MS,
        expires_at_s=EXPIRES_AT_S,
    )
    if not store.begin_run(campaign, begun, NOW_MS + 1):
        raise RuntimeError("The run was there already.")
    text, places = bytearray(), []
    for number in range(1, rows + 1):
        request = {"prompt": "a lighthouse at dusk, waves against the rocks", "seed": number}
        document = RowDocument(
            row=number, line=number + 1, request=request, columns={"sku": f"A{number:06}"}, pictures=1, micros=500
        )
        line = to_json(document).encode() + b"\n"
        places.append({**IDS, "row": str(number), "start": str(len(text)), "length": str(len(line))})
        text += line
    world.s3.put_object(Bucket=BUCKET, Key=f"{check_prefix(CAMPAIGN, check.check_id)}rows.jsonl", Body=bytes(text))
    return places


def _make(world: World, meter: Meter, place: dict[str, Any]) -> Taken:
    """Have one row made and return what that took."""
    from afterimage.handlers import run_campaign_row
    from afterimage.telemetry import metrics

    before = meter.copy()
    run_campaign_row.handle({**place, "task_token": "t" * 600}, run_campaign_row.dependencies())
    key = {"pk": {"S": f"RUN#{CAMPAIGN}#{RUN}"}, "sk": {"S": f"ROW#{int(place['row']):06}"}}
    row = world.dynamodb.get_item(TableName=TABLE, Key=key)["Item"]
    operations.carry(world, row["job_id"]["S"])
    metrics.clear_metrics()  # the library prints them when there are a hundred
    return meter.copy().minus(before)


def _write_results(rows: int) -> tuple[int, int]:
    """Write every page. Returns how many, and the most memory that our own lines held at a time."""
    from afterimage.handlers import write_campaign_results

    deps = write_campaign_results.dependencies()
    ours = tracemalloc.Filter(inclusive=True, filename_pattern=str(ROOT / "functions" / "afterimage" / "*"))
    event, pages, peak = {**IDS, "after": 0}, 0, 0
    tracemalloc.start(1)
    try:
        while True:
            event = write_campaign_results.handle(event, deps)
            pages += 1
            held = sum(line.size for line in tracemalloc.take_snapshot().filter_traces([ours]).statistics("filename"))
            peak = max(peak, held)
            if event["done"]:
                return pages, peak
            event = {name: event[name] for name in (*IDS, "after")}
    finally:
        tracemalloc.stop()


def on_paper(run: dict[str, Any]) -> dict[str, Any]:
    """Reckon a run of 100,000 rows on AWS from what one row takes: dollars without the GPU, and what is slowest."""
    prices = tomllib.loads(PRICES.read_text(encoding="utf-8"))
    assumed = prices["assumed"]
    calls = Counter(run["calls_per_row"]) + Counter(run["results_calls_per_row"])
    writes = run["write_units_per_row"] + run["results_write_units_per_row"]
    reads = run["read_units_per_row"] + run["results_read_units_per_row"]
    puts = sum(calls[name] for name in PUTS) + CONTAINER_PUTS
    gets = sum(calls[name] for name in GETS) + CONTAINER_GETS
    one_row = {
        "Step Functions": (MAP_TRANSITIONS + REQUEST_TRANSITIONS)
        * prices["step_functions"]["per_thousand_transitions"]
        / 1e3,
        "DynamoDB": (
            writes * prices["dynamodb"]["per_million_write_units"]
            + reads * prices["dynamodb"]["per_million_read_units"]
        )
        / 1e6,
        "Lambda": len(FUNCTIONS)
        * (
            prices["lambda"]["per_million_requests"] / 1e6
            + DEFAULT_MEMORY_GB * assumed["lambda_ms"] / 1e3 * prices["lambda"]["per_gb_second"]
        ),
        "S3 requests": (puts * prices["s3"]["per_thousand_puts"] + gets * prices["s3"]["per_thousand_gets"]) / 1e3,
        "S3 storage": COPIES
        * assumed["picture_bytes"]
        / 1e9
        * assumed["picture_days"]
        / 30
        * prices["s3"]["per_gb_month"],
        "Logs": len(FUNCTIONS) * assumed["log_bytes_per_invocation"] / 1e9 * prices["logs"]["per_gb_ingested"],
        "SNS": prices["sns"]["per_million_requests"] / 1e6,
    }
    dollars = {name: round(cost * ON_PAPER, 2) for name, cost in one_row.items()}
    return {
        "rows": ON_PAPER,
        "dollars": dollars,
        "total_dollars_without_gpu": round(sum(dollars.values()), 2),
        "prices_as_of": prices["as_of"],
        "write_units": round(writes * ON_PAPER),
        "transitions": (MAP_TRANSITIONS + REQUEST_TRANSITIONS) * ON_PAPER,
        # The child of the Map and the request are one start each.
        "least_seconds_to_start": math.ceil(2 * ON_PAPER / STARTS_PER_S),
        "hours_of_one_machine": {
            name: round(profile.seconds_per_picture * ON_PAPER / 3600, 1) for name, profile in model_profiles().items()
        },
    }


def show(numbers: dict[str, Any]) -> str:
    """The figures as a table, a column for each size."""
    runs = numbers["runs"]
    rows: list[list[Any]] = [["one row of", *(f"{run['rows']} rows" for run in runs)]]
    rows.append(["calls to AWS", *(sum(run["calls_per_row"].values()) for run in runs)])
    rows.append(["every row alike", *("yes" if run["every_row_alike"] else "no" for run in runs)])
    for title, name in (
        ("write units", "write_units_per_row"),
        ("read units", "read_units_per_row"),
        ("transitions beside the request's", "map_transitions_per_row"),
        ("results: write units", "results_write_units_per_row"),
        ("results: read units", "results_read_units_per_row"),
        ("results: bytes held by our code", "results_peak_bytes_of_our_code"),
    ):
        rows.append([title, *(run[name] for run in runs)])
    paper = numbers["on_paper"]
    reckoned = [[f"{paper['rows']} rows, reckoned", "US dollars"], *paper["dollars"].items()]
    reckoned.append(["total, without GPU", paper["total_dollars_without_gpu"]])
    return table("A campaign, counted", rows) + "\n" + table("On paper", reckoned)
