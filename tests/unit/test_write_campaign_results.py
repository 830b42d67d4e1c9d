"""The state WriteCampaignResults: every row stands in the manifest once, whatever became of it and of the process."""

from __future__ import annotations

import csv
import functools
import io
import tracemalloc
from collections.abc import Iterable

import pytest
from afterimage.contracts.campaign_results import NOT_STARTED, SheetPlan
from afterimage.contracts.codec import from_json
from afterimage.domain.errors import CampaignNotFoundError, StoreUnavailableError
from afterimage.domain.links import hash_token
from afterimage.domain.spreadsheet import BOM
from afterimage.domain.status import JobStatus
from afterimage.handlers import write_campaign_results as handler
from afterimage.usecases import write_campaign_results as use_case
from fakes.campaigns import CAMPAIGN_ID, RUN_ID
from fakes.faults import Crash
from fakes.outside import NOW_MS
from fakes.results_world import BASE, FOLDER, ResultsWorld
from fakes.samples import DAY_S


@pytest.fixture
def world() -> ResultsWorld:
    return ResultsWorld()


def of_all_kinds(world: ResultsWorld) -> None:
    world.add(made=2)
    world.add(JobStatus.FAILED)
    world.add(JobStatus.BLOCKED)
    world.refuse("invalid_size")
    world.add(None)
    world.settle()


def table(world: ResultsWorld) -> list[dict[str, str]]:
    body = world.files.objects[f"{FOLDER}manifest.csv"]
    assert body.startswith(BOM)
    return list(csv.DictReader(io.StringIO(body[len(BOM) :].decode(), newline="")))


def test_every_row_stands_in_both_manifests_with_what_became_of_it(world: ResultsWorld) -> None:
    of_all_kinds(world)
    assert world.write() == 1
    rows = world.manifest()
    assert [row["row"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["status"] for row in rows] == ["SUCCEEDED", "FAILED", "BLOCKED", "FAILED", NOT_STARTED]
    assert [row["code"] for row in rows] == [None, "generation_failed", "generation_failed", "invalid_size", None]
    assert [row["sentence"] is None for row in rows] == [True, False, False, False, True]
    assert [row["line"] for row in rows] == [2, 3, 4, 5, 6]
    assert (rows[0]["seeds"], rows[0]["columns"], rows[0]["prompt"]) == ([7, 8], {"sku": "A-1"}, "leaf 1")
    cells = table(world)
    assert [cell["row"] for cell in cells] == ["1", "2", "3", "4", "5"]
    assert cells[0]["links"].split() == rows[0]["links"]
    assert [cell["sku"] for cell in cells] == ["A-1", "A-2", "A-3", "A-4", "A-5"]


def test_a_link_leads_to_its_picture_and_no_longer_than_the_request_lives() -> None:
    short, long = ResultsWorld(link_ttl_s=DAY_S), ResultsWorld(link_ttl_s=365 * DAY_S)
    for world, ends_s in ((short, NOW_MS // 1000 + 60 + DAY_S), (long, NOW_MS // 1000 + 90 * DAY_S)):
        world.add(made=2)
        world.settle()
        world.write()
        (row,) = world.manifest()
        links = [world.links.records[hash_token(url.removeprefix(f"{BASE}/i/"))] for url in row["links"]]
        assert [link.key for link in links] == [f"images/{'9' * 32}/{number}-share.png" for number in (0, 1)]
        assert {link.expires_at_s for link in links} == {ends_s}
        assert {link.job_id for link in links} == {row["job_id"]}


def test_the_sums_are_those_of_the_rows(world: ResultsWorld) -> None:
    of_all_kinds(world)
    world.write()
    results = world.results()
    assert results.statuses == {"SUCCEEDED": 1, "FAILED": 2, "BLOCKED": 1, NOT_STARTED: 1}
    assert [(reason.code, reason.rows) for reason in results.reasons] == [("generation_failed", 2), ("invalid_size", 1)]
    assert (results.rows, results.pictures, results.sheets, results.columns) == (5, 2, 1, ("sku",))


def test_pages_follow_each_other_through_the_file(world: ResultsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_case, "PAGE", 3)
    monkeypatch.setattr(use_case, "_QUERY_ROWS", 2)
    monkeypatch.setattr(use_case, "_BLOCK_BYTES", 64)
    for number in range(1, 8):
        world.add(None if number in (2, 6) else JobStatus.SUCCEEDED, prompt="ä" * number)
    world.settle()
    assert world.write() == 3
    assert [row["prompt"] for row in world.manifest()] == ["ä" * number for number in range(1, 8)]
    assert [row["row"] for row in world.manifest() if row["status"] == NOT_STARTED] == [2, 6]


def test_a_page_that_comes_twice_makes_no_second_links(world: ResultsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_case, "PAGE", 2)
    for _ in range(3):
        world.add()
    world.settle()
    assert world.page(0) == world.page(0)
    made = dict(world.links.records)
    world.write()
    before, parts = world.manifest(), len(world.files.written)
    assert (len(made), len(world.links.records)) == (2, 3)
    world.write()
    assert (world.manifest(), len(world.links.records), len(world.files.written)) == (before, 3, parts)


@pytest.mark.parametrize("skip", range(6))
@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_at_a_write_leaves_the_next_one_to_do_it_all(
    world: ResultsWorld, skip: int, after: bool
) -> None:
    of_all_kinds(world)
    world.files.fail_next("write", Crash(), after=after, skip=skip)
    with pytest.raises(Crash):
        world.write()
    world.write()
    assert [row["row"] for row in world.manifest()] == [1, 2, 3, 4, 5]
    assert world.results().pictures == 2
    for row in world.manifest():
        for url in row["links"]:
            assert world.links.find(hash_token(url.removeprefix(f"{BASE}/i/")))


def test_results_are_whole_before_they_are_there(world: ResultsWorld) -> None:
    of_all_kinds(world)
    world.write()
    names = [key.removeprefix(FOLDER) for key in world.files.written]
    assert names == [
        "parts/001-000000.jsonl",
        "parts/001-000000.json",
        "manifest.jsonl",
        "manifest.csv",
        "sheets.json",
        "results.json",
    ]


def test_the_next_leg_writes_anew_what_a_retry_has_changed(world: ResultsWorld) -> None:
    world.add(JobStatus.FAILED)
    world.settle()
    world.write()
    assert [row["status"] for row in world.manifest()] == ["FAILED"]
    retried = ResultsWorld()
    retried.add()
    world.campaigns.rows, world.jobs.records = retried.campaigns.rows, retried.jobs.records
    world.settle(leg=2)
    world.write()
    assert [row["status"] for row in world.manifest()] == ["SUCCEEDED"]
    assert world.results().leg == 2


def test_a_leg_that_was_taken_over_writes_nothing(world: ResultsWorld) -> None:
    of_all_kinds(world)
    world.settle(leg=2)
    assert use_case.write_campaign_results(CAMPAIGN_ID, RUN_ID, 1, 0, world.archive).done
    assert world.files.written == []


def test_nothing_is_written_below_a_deleted_campaign(world: ResultsWorld) -> None:
    of_all_kinds(world)
    world.campaigns.campaign = None
    with pytest.raises(CampaignNotFoundError):
        world.write()
    assert (world.files.written, world.links.records) == ([], {})


def test_a_picture_that_was_deleted_since_is_said_to_be(world: ResultsWorld) -> None:
    world.add()
    world.settle()
    world.jobs.records.clear()
    world.write()
    (row,) = world.manifest()
    assert (row["status"], row["code"], row["links"]) == ("SUCCEEDED", "deleted", [])


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("https://evil.example")', "+1+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "\t=1"]
)
def test_no_cell_of_the_csv_is_a_formula(world: ResultsWorld, text: str) -> None:
    world.add(prompt=text, columns={text: text, "status": "mine"})
    world.settle()
    world.write()
    (cells,) = table(world)
    assert cells["prompt"] == f"'{text}"
    assert not [cell for pair in cells.items() for cell in pair if cell.lstrip().startswith(("=", "+", "-", "@"))]
    assert (cells["status"], cells["status (uploaded)"]) == ("SUCCEEDED", "mine")
    assert world.manifest()[0]["prompt"] == text


def test_rows_with_other_columns_share_one_head(world: ResultsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_case, "PAGE", 1)
    world.add(columns={"a": "1"})
    world.add(columns={"b": "2", "a": "3"})
    world.settle()
    world.write()
    assert [(cells["a"], cells["b"]) for cells in table(world)] == [("1", ""), ("3", "2")]


def test_the_plan_of_the_sheets_stops_at_twenty_five_of_them(world: ResultsWorld) -> None:
    for _ in range(1203):
        world.add(None)
    world.add(made=4)
    world.settle()
    world.write()
    plan = from_json(SheetPlan, world.files.objects[f"{FOLDER}sheets.json"])
    assert (len(plan.tiles), plan.left_out, world.results().sheets) == (1200, 7, 25)
    assert (plan.title, plan.day, plan.tiles[0].mark) == ("Autumn", "18 November 2026", "not started")


def test_memory_does_not_grow_with_the_rows() -> None:
    """Between one page and ten, no more than what a page itself may take."""
    peaks = []
    for count in (500, 5_000):
        world = ResultsWorld()
        for _ in range(count):
            world.add(None)
        world.settle()
        world.files.write = functools.partial(_kept, world)  # type: ignore[method-assign]
        tracemalloc.start()
        world.write()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert world.results().rows == count
    assert peaks[1] - peaks[0] < 4_000_000, peaks


def _kept(world: ResultsWorld, key: str, body: Iterable[bytes], content_type: str) -> None:
    """Only what is read again is kept: the manifests of this test go nowhere."""
    if "manifest" in key:
        assert all(piece.endswith(b"\n") for piece in body)
    else:
        world.files.objects[key] = b"".join(body)


def test_a_store_that_is_down_is_asked_again(world: ResultsWorld) -> None:
    of_all_kinds(world)
    world.links.fail_next("put_all", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        world.write()
    assert world.files.written == []
    world.write()
    assert len(world.manifest()) == 5


def test_the_handler_returns_what_the_state_loops_on(world: ResultsWorld) -> None:
    of_all_kinds(world)
    ids = {"campaign_id": CAMPAIGN_ID, "run_id": RUN_ID, "leg": 1}
    assert handler.handle({**ids, "after": 0}, world.archive) == {**ids, "after": 5, "done": True}
