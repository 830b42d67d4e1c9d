"""The routes of campaigns, from a name to its erasing: who may do what, what is refused, and what a repeat does."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from afterimage.contracts.campaign import check_prefix, run_prefix, upload_key
from afterimage.contracts.campaign_results import Results, ZipPart, ZipState, results_key, zip_state_key
from afterimage.contracts.codec import to_json
from afterimage.domain.account import Account
from afterimage.domain.campaign import RowClaim, RunStatus
from afterimage.domain.errors import StoreUnavailableError, WorkflowUnavailableError
from afterimage.domain.quotas import UNLIMITED
from afterimage.domain.row_ref import CampaignId, RowRef
from afterimage.handlers import campaigns_api
from fakes.campaign_world import ADMIN, CampaignWorld
from fakes.http import MACHINE, PERSON, STRANGER
from fakes.samples import ADDRESS, OWNER

LONE = {"name": "Autumn"}
NIGHTLY = {"expression": "cron(0 2 ? * MON-FRI *)", "timezone": "Europe/Berlin"}
KEY = {"Idempotency-Key": "k-1"}


@pytest.fixture
def world(dynamodb: Any, table: str) -> CampaignWorld:
    return CampaignWorld(dynamodb, table)


# Every route that names a campaign, with a body that it takes and what its owner gets of a running one.
OF_ONE: list[tuple[str, str, Any, int]] = [
    ("GET", "", None, 200),
    ("PUT", "/settings", {}, 409),
    ("POST", "/upload", None, 200),
    ("POST", "/check", None, 202),
    ("GET", "/problems", None, 200),
    ("POST", "/run", {"dry_run": True}, 200),
    ("POST", "/run", None, 409),
    ("POST", "/pause", None, 200),
    ("POST", "/resume", None, 202),
    ("POST", "/stop", None, 200),
    ("POST", "/retry", None, 409),
    ("PUT", "/schedule", NIGHTLY, 200),
    ("DELETE", "/schedule", None, 204),
    ("GET", "/runs", None, 200),
    ("GET", "/runs/RUN/rows", None, 200),
    ("GET", "/results", None, 200),
    ("POST", "/zip", None, 409),
    ("DELETE", "", None, 204),
]
OPEN_TO_DISABLED = {"pause", "stop", "schedule"}


def test_the_list_here_is_of_every_route_of_one_campaign() -> None:
    routes = {(route.method, route.path) for route in campaigns_api.app._dynamic_routes}
    listed = {
        (method, f"/v1/campaigns/<campaign_id>{path.replace('RUN', '<run_id>')}") for method, path, _, _ in OF_ONE
    }
    assert {(method, path) for method, path in routes} == listed


@pytest.mark.parametrize(("method", "path", "body", "owners"), OF_ONE)
def test_a_campaign_is_its_owners_and_the_admins(
    world: CampaignWorld, method: str, path: str, body: Any, owners: int
) -> None:
    campaign_id = world.running()
    place = f"/{campaign_id}{path}".replace("RUN", world.run(campaign_id).run_id)
    for other in (STRANGER, MACHINE):
        refused = world.call(method, place, body, claims=other)
        assert (refused.status, refused.body["code"]) == (404, "campaign_not_found")
    assert world.campaign(campaign_id) and world.run(campaign_id).status is RunStatus.RUNNING
    assert world.call(method, place, body).status == owners


@pytest.mark.parametrize(("method", "path", "body", "owners"), OF_ONE)
def test_an_admin_does_what_an_owner_does(world: CampaignWorld, method: str, path: str, body: Any, owners: int) -> None:
    campaign_id = world.running()
    place = f"/{campaign_id}{path}".replace("RUN", world.run(campaign_id).run_id)
    assert world.call(method, place, body, claims=ADMIN).status == owners


@pytest.mark.parametrize(("method", "path", "body", "owners"), OF_ONE)
def test_who_is_disabled_may_stop_and_erase_and_nothing_else(
    world: CampaignWorld, method: str, path: str, body: Any, owners: int
) -> None:
    campaign_id = world.running()
    world.accounts.records[OWNER] = Account(disabled=True)
    place = f"/{campaign_id}{path}".replace("RUN", world.run(campaign_id).run_id)
    answered = world.call(method, place, body)
    if path in ("/pause", "/stop") or method == "DELETE":
        assert answered.status == owners
    else:
        assert (answered.status, answered.body["code"]) == (403, "account_disabled")


def test_a_campaign_is_listed_to_its_owner_and_all_to_admins_who_ask(world: CampaignWorld) -> None:
    mine, others = world.created(), world.created(STRANGER)
    assert [item["id"] for item in world.call("GET").body["items"]] == [mine]
    assert world.call("GET", claims=ADMIN).body["items"] == []
    everybody = world.call("GET", claims=ADMIN, query={"all": "true"}).body
    assert [item["id"] for item in everybody["items"]] == [others, mine]
    refused = world.call("GET", query={"all": "true"})
    assert (refused.status, refused.body["code"]) == (403, "admin_only")


def test_pages_follow_each_other(world: CampaignWorld) -> None:
    made = [world.created() for _ in range(5)]
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = world.call("GET", query={"limit": "2"} | ({"cursor": cursor} if cursor else {})).body
        seen += [item["id"] for item in page["items"]]
        cursor = page["cursor"]
    assert (seen, cursor) == (made[::-1], None)
    assert world.call("GET", query={"cursor": "nonsense"}).body["code"] == "invalid_cursor"


# ── Creating ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_in_the_body_are_written_as_an_upload(world: CampaignWorld) -> None:
    campaign_id = world.created()
    lines = world.files.objects[upload_key(campaign_id)].decode().splitlines()
    assert json.loads(lines[1]) == {"prompt": "a lighthouse 1", "sku": "A-1"}
    assert len(lines) == 3


def test_a_key_gives_the_same_campaign_and_another_body_none(world: CampaignWorld) -> None:
    first = world.call("POST", body=LONE, headers=KEY)
    again = world.call("POST", body=LONE, headers=KEY)
    assert (first.status, again.status, first.body["id"]) == (201, 201, again.body["id"])
    assert (first.headers["idempotency-replayed"], again.headers["idempotency-replayed"]) == ("false", "true")
    other = world.call("POST", body={"name": "Winter"}, headers=KEY)
    assert (other.status, other.body["code"]) == (409, "idempotency_key_reused")
    assert world.call("POST", body=LONE, headers=KEY, claims=STRANGER).body["id"] != first.body["id"]


def test_a_key_that_met_a_crash_before_the_rows_writes_them(world: CampaignWorld) -> None:
    body = LONE | {"rows": [{"prompt": "a barn"}]}
    world.files.fail_next("write", StoreUnavailableError())
    assert world.call("POST", body=body, headers=KEY).status == 503
    made = world.call("POST", body=body, headers=KEY)
    assert made.status == 201
    assert world.files.objects[upload_key(made.body["id"])] == b'{"prompt": "a barn"}\n'


def test_a_key_is_free_again_when_its_campaign_is_erased(world: CampaignWorld) -> None:
    first = world.call("POST", body=LONE, headers=KEY).body["id"]
    assert world.call("DELETE", f"/{first}").status == 204
    assert world.call("POST", body=LONE, headers=KEY).body["id"] != first


def test_without_recipients_the_mail_goes_to_ones_own_address(world: CampaignWorld) -> None:
    assert world.campaign(world.created()).settings.recipients == (ADDRESS,)
    assert world.campaign(world.created(recipients=[])).settings.recipients == ()
    assert world.campaign(world.created(MACHINE)).settings.recipients == ()


def test_another_address_needs_the_scope(world: CampaignWorld) -> None:
    body = LONE | {"settings": {"recipients": ["boss@example.com"]}}
    refused = world.call("POST", body=body)
    assert (refused.status, refused.body["code"]) == (403, "recipient_not_permitted")
    machine = MACHINE | {"scope": "afterimage/images afterimage/mail:any"}
    assert world.call("POST", body=body, claims=machine).body["settings"]["recipients"] == ["boss@example.com"]
    many = LONE | {"settings": {"recipients": [f"a{number}@example.com" for number in range(21)]}}
    assert world.call("POST", body=many, claims=machine).status == 422


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"defaults": {"colour": "red"}}, "unknown_field"),
        ({"defaults": {"email": "a@example.com"}}, "unknown_field"),
        ({"defaults": {"preset": "cubism"}}, "unknown_preset"),
        ({"defaults": {"steps": "many"}}, "invalid_value"),
        ({"defaults": {"steps": 100_000}}, "steps_out_of_bounds"),
        ({"axes": {"steps": [10, 100_000]}}, "steps_out_of_bounds"),
        ({"axes": {"seed": [1, 1]}}, "axes_out_of_bounds"),
        ({"axes": {"seed": [1]}, "defaults": {"seed": 2}}, "axis_and_default"),
        ({"axes": {name: list(range(1, 99)) for name in ("seed", "steps", "guidance")}}, "axes_out_of_bounds"),
        ({"axes": {"prompt": [f"{'x' * 990} {number}" for number in range(100)]}}, None),
        (
            {"axes": {n: [f"{'x' * 990} {i}" for i in range(60)] for n in ("prompt", "negative_prompt")}},
            "settings_too_large",
        ),
        ({"concurrency": 41}, "invalid_request"),
        ({"concurrency": 0}, "invalid_request"),
        ({"max_failed_share": 1.5}, "invalid_request"),
        ({"budget_dollars": 0}, "invalid_request"),
        ({"warm_up_minutes": 31}, "invalid_request"),
        ({"unheard_of": 1}, "invalid_request"),
    ],
)
def test_settings_are_checked_before_anything_is_written(
    world: CampaignWorld, settings: dict[str, Any], code: str | None
) -> None:
    answered = world.call("POST", body=LONE | {"settings": settings})
    if code is None:
        assert answered.status == 201
    else:
        assert (answered.status, answered.body["code"]) == (422, code)
        assert world.call("GET").body["items"] == []


def test_nobody_who_is_being_erased_begins_a_campaign(world: CampaignWorld, dynamodb: Any, table: str) -> None:
    key = {"pk": {"S": f"OWNER#{OWNER}"}, "sk": {"S": "OPEN"}}
    dynamodb.put_item(TableName=table, Item={**key, "erasing": {"N": "1"}})
    refused = world.call("POST", body=LONE)
    assert (refused.status, refused.body["code"]) == (403, "being_erased")


# ── Settings and checks ───────────────────────────────────────────────────────────────────────────────────────────────


def test_settings_that_make_other_rows_ask_for_another_check(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    same = world.call("PUT", f"/{campaign_id}/settings", {"concurrency": 9, "budget_pictures": 5})
    assert (same.status, same.body["status"], same.body["settings"]["concurrency"]) == (200, "READY", 9)
    assert same.body["settings"]["recipients"] == [ADDRESS], "what was not said of them stays"
    anew = world.call("PUT", f"/{campaign_id}/settings", {"defaults": {"steps": 12}})
    assert (anew.body["status"], anew.body["check"]) == ("DRAFT", None)
    assert world.call("POST", f"/{campaign_id}/run").body["code"] == "campaign_not_ready"


def test_an_admin_who_changes_settings_does_not_become_the_recipient(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    changed = world.call("PUT", f"/{campaign_id}/settings", {"recipients": [ADDRESS]}, claims=ADMIN)
    assert changed.body["settings"]["recipients"] == [ADDRESS]
    refused = world.call("PUT", f"/{campaign_id}/settings", {"recipients": ["root@example.com"]}, claims=ADMIN)
    assert refused.body["code"] == "recipient_not_permitted"


def test_settings_stay_while_rows_are_read(world: CampaignWorld) -> None:
    campaign_id = world.created()
    assert world.call("POST", f"/{campaign_id}/check").status == 202
    assert world.call("PUT", f"/{campaign_id}/settings", {}).body["code"] == "campaign_checking"


def test_a_check_is_begun_once_and_again_when_it_was_given_up(world: CampaignWorld) -> None:
    campaign_id = world.created()
    first = world.call("POST", f"/{campaign_id}/check")
    assert (first.status, first.body["status"]) == (202, "CHECKING")
    again = world.call("POST", f"/{campaign_id}/check")
    assert (again.status, again.body["code"]) == (409, "campaign_checking")
    world.clock.pass_s(601)
    assert world.call("POST", f"/{campaign_id}/check").status == 202
    assert len({check_id for _, check_id in world.checks.begun}) == 2


def test_a_check_that_could_not_be_begun_leaves_the_campaign_as_it_was(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    world.checks.fail_next("begin", WorkflowUnavailableError())
    assert world.call("POST", f"/{campaign_id}/check").status == 503
    assert world.call("GET", f"/{campaign_id}").body["status"] == "READY"


def test_without_rows_there_is_nothing_to_check(world: CampaignWorld) -> None:
    campaign_id = world.call("POST", body=LONE).body["id"]
    assert world.call("POST", f"/{campaign_id}/check").body["code"] == "no_rows"
    assert world.call("GET", f"/{campaign_id}/problems").body["code"] == "campaign_not_checked"


def test_an_upload_is_one_file_of_one_type(world: CampaignWorld) -> None:
    campaign_id = world.created()
    form = world.call("POST", f"/{campaign_id}/upload", {"content_type": "application/x-ndjson"}).body
    assert (form["fields"]["key"], form["max_bytes"]) == (f"campaigns/{campaign_id}/upload", 10 * 1024 * 1024)
    assert world.call("POST", f"/{campaign_id}/upload", {"content_type": "text/html"}).status == 422


def test_the_first_problems_are_shown_and_all_can_be_fetched(world: CampaignWorld) -> None:
    campaign_id = world.created()
    world.call("POST", f"/{campaign_id}/check")
    world.checks.find(campaign_id, problems=5000)
    check_id = world.checks.begun[-1][1]
    found = [
        {"line": n, "column": None, "code": "prompt_empty", "sentence": '{No} [prompt], "none".' * 4}
        for n in range(5000)
    ]
    key = f"{check_prefix(campaign_id, check_id)}problems.json"
    world.files.objects[key] = json.dumps(found).encode()
    shown = world.call("GET", f"/{campaign_id}/problems").body
    assert (shown["total"], shown["items"]) == (5000, found[:100])
    assert (key in shown["json_url"], "problems.csv" in shown["csv_url"]) == (True, True)


# ── Runs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_takes_its_bounds_from_the_settings(world: CampaignWorld) -> None:
    campaign_id = world.running(budget_pictures=9, budget_dollars=0.5, concurrency=7, max_failed_share=0.5)
    run = world.run(campaign_id)
    assert (run.budget_pictures, run.budget_micros, run.concurrency, run.max_failures) == (9, 500_000, 7, 1)
    assert world.machine.started == [(campaign_id, run.run_id, 1)]


def test_one_run_is_active_at_a_time(world: CampaignWorld) -> None:
    campaign_id = world.running()
    assert world.call("POST", f"/{campaign_id}/run").body["code"] == "run_active"
    world.call("POST", f"/{campaign_id}/pause")
    assert world.call("POST", f"/{campaign_id}/run").body["code"] == "run_active"
    world.call("POST", f"/{campaign_id}/stop")
    assert world.call("POST", f"/{campaign_id}/run").status == 202
    assert len(world.call("GET", f"/{campaign_id}/runs").body["items"]) == 2


def test_a_key_begins_one_run(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    runs = [world.call("POST", f"/{campaign_id}/run", headers=KEY) for _ in range(2)]
    assert [run.status for run in runs] == [202, 202]
    assert runs[0].body["id"] == runs[1].body["id"]
    assert [run.headers["idempotency-replayed"] for run in runs] == ["false", "true"]
    other = world.call("POST", f"/{campaign_id}/run", headers={"Idempotency-Key": "k-2"})
    assert other.body["code"] == "run_active"


def test_a_run_whose_execution_was_not_started_is_started_by_the_same_call(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    world.machine.fail_next("start", WorkflowUnavailableError())
    assert world.call("POST", f"/{campaign_id}/run").status == 202
    assert world.machine.started == []
    assert world.call("POST", f"/{campaign_id}/run").body["code"] == "run_active"
    assert [leg for _, _, leg in world.machine.started] == [1]


def test_a_run_is_refused_for_what_would_refuse_every_row(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    world.open = False
    assert world.call("POST", f"/{campaign_id}/run").body["code"] == "admission_closed"
    world.open, world.quotas = True, dataclasses.replace(UNLIMITED, campaign_rows=2)
    assert world.call("POST", f"/{campaign_id}/run").body["code"] == "too_many_rows"
    world.quotas = dataclasses.replace(UNLIMITED, campaign_rows=3)
    assert world.call("POST", f"/{campaign_id}/run").status == 202


def test_an_admin_cannot_run_for_somebody_who_is_disabled(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    world.accounts.records[OWNER] = Account(disabled=True)
    assert world.call("POST", f"/{campaign_id}/run", claims=ADMIN).body["code"] == "account_disabled"


def test_a_dry_run_says_what_it_takes_and_begins_nothing(world: CampaignWorld) -> None:
    campaign_id = world.ready(budget_pictures=2)
    world.quotas = dataclasses.replace(UNLIMITED, monthly_pictures=2, campaign_rows=2)
    priced = world.call("POST", f"/{campaign_id}/run", {"dry_run": True})
    assert priced.status == 200
    assert (priced.body["rows"], priced.body["pictures"], priced.body["estimated_dollars"]) == (3, 3, 0.0021)
    assert (priced.body["would_be_accepted"], priced.body["refusal"]) == (False, "too_many_rows")
    assert priced.body["pauses"] == ["monthly_quota_reached", "picture_budget_reached"]
    assert priced.body["left_after"]["monthly_pictures"] == 0
    assert (world.machine.started, world.campaign(campaign_id).run_id) == ([], None)


def test_pause_resume_and_stop_repeat_harmlessly(world: CampaignWorld) -> None:
    campaign_id = world.running()
    for _ in range(2):
        paused = world.call("POST", f"/{campaign_id}/pause")
        assert (paused.status, paused.body["status"], paused.body["reason"]) == (200, "PAUSED", "paused_by_owner")
    for _ in range(2):
        resumed = world.call("POST", f"/{campaign_id}/resume")
        assert (resumed.status, resumed.body["status"], resumed.body["leg"]) == (202, "RUNNING", 2)
        assert resumed.body["reason"] is None
    for _ in range(2):
        assert world.call("POST", f"/{campaign_id}/stop").body["status"] == "STOPPED"
    for verb in ("pause", "resume", "retry"):
        assert world.call("POST", f"/{campaign_id}/{verb}").body["code"] == "run_ended"


@pytest.mark.parametrize("verb", ["pause", "resume", "stop", "retry"])
def test_what_has_not_run_cannot_be_moved(world: CampaignWorld, verb: str) -> None:
    refused = world.call("POST", f"/{world.ready()}/{verb}")
    assert (refused.status, refused.body["code"]) == (409, "no_run")


def fails(world: CampaignWorld, campaign_id: CampaignId, rows: int) -> None:
    """Have so many rows of the latest run fail."""
    run = world.run(campaign_id)
    for number in range(1, rows + 1):
        ref = RowRef(campaign_id=campaign_id, run_id=run.run_id, row=number, attempt=1)
        claim = RowClaim(ref=ref, leg=run.leg, task_token="t", pictures=0, micros=0, expires_at_s=run.expires_at_s)
        world.campaigns.refuse_row(claim, "row_unreadable", world.clock())


def test_a_retry_is_for_failed_rows_of_a_run_that_rests(world: CampaignWorld) -> None:
    campaign_id = world.running()
    assert world.call("POST", f"/{campaign_id}/retry").body["code"] == "run_active"
    fails(world, campaign_id, 2)
    world.ends(campaign_id, RunStatus.FINISHED)
    for _ in range(2):
        retried = world.call("POST", f"/{campaign_id}/retry")
        assert (retried.status, retried.body["leg"], retried.body["retrying"]) == (202, 2, True)
    assert [leg for _, _, leg in world.machine.started] == [1, 2, 2], "started again: as good as once"


def test_a_retry_of_nothing_is_refused(world: CampaignWorld) -> None:
    campaign_id = world.running()
    world.ends(campaign_id, RunStatus.FINISHED)
    assert world.call("POST", f"/{campaign_id}/retry").body["code"] == "nothing_to_retry"


def test_a_bound_that_is_reached_has_to_be_raised(world: CampaignWorld) -> None:
    campaign_id = world.running(budget_pictures=5, max_failures=1)
    world.ends(campaign_id, RunStatus.PAUSED, "picture_budget_reached")
    refused = world.call("POST", f"/{campaign_id}/resume")
    assert (refused.status, refused.body["code"]) == (409, "picture_budget_reached")
    resumed = world.call("POST", f"/{campaign_id}/resume", {"budget_pictures": 6})
    assert (resumed.status, resumed.body["budget_pictures"], resumed.body["max_failures"]) == (202, 6, 1)
    fails(world, campaign_id, 2)
    world.ends(campaign_id, RunStatus.PAUSED, "too_many_failures")
    assert world.call("POST", f"/{campaign_id}/retry").body["code"] == "too_many_failures"
    assert world.call("POST", f"/{campaign_id}/retry", {"max_failures": 2}).status == 202


def test_the_rows_of_a_run_come_in_pages(world: CampaignWorld) -> None:
    campaign_id = world.running()
    fails(world, campaign_id, 3)
    run_id = world.run(campaign_id).run_id
    first = world.call("GET", f"/{campaign_id}/runs/{run_id}/rows", query={"limit": "2"}).body
    assert [(row["row"], row["outcome"], row["failure_code"]) for row in first["items"]] == [
        (1, "FAILED", "row_unreadable"),
        (2, "FAILED", "row_unreadable"),
    ]
    cursor = str(first["cursor"])
    rest = world.call("GET", f"/{campaign_id}/runs/{run_id}/rows", query={"cursor": cursor}).body
    assert ([row["row"] for row in rest["items"]], rest["cursor"]) == ([3], None)
    assert world.call("GET", f"/{campaign_id}/runs/nope/rows").body["code"] == "run_not_found"


def test_progress_is_share_pace_and_time_left(world: CampaignWorld) -> None:
    campaign_id = world.running()
    fails(world, campaign_id, 2)
    world.clock.pass_s(60)
    run = world.call("GET", f"/{campaign_id}").body["run"]
    assert run["share_done"] == pytest.approx(2 / 3, abs=1e-3)
    assert run["rows_per_minute"] == pytest.approx(2, rel=0.01)
    assert run["seconds_left"] == pytest.approx(30, rel=0.01)


def test_results_are_what_is_meant_for_the_owner(world: CampaignWorld) -> None:
    campaign_id = world.running()
    run_id = world.run(campaign_id).run_id
    folder = run_prefix(campaign_id, run_id)
    for name in ("manifest.csv", "manifest.jsonl", "sheet-01.jpg", "pictures-01.zip", "sheets.json"):
        world.files.objects[f"{folder}{name}"] = b""
    assert world.call("GET", f"/{campaign_id}/results").body["sheets"] == 0
    left = Results(leg=1, at_ms=0, rows=3, parts=(), pictures=60, sheets=2, statuses={}, reasons=(), columns=())
    world.files.objects[results_key(campaign_id, run_id)] = to_json(left).encode()
    world.files.objects[f"{folder}parts/001-000000.jsonl"] = b"keys"
    results = world.call("GET", f"/{campaign_id}/results", query={"run": run_id}).body
    assert [file["name"] for file in results["files"]] == [
        "manifest.csv",
        "manifest.jsonl",
        "pictures-01.zip",
        "sheet-01.jpg",
    ]
    assert results["sheets"] == 2, "one is still to be drawn"
    assert world.call("GET", f"/{campaign_id}/results", query={"run": "other"}).body["code"] == "run_not_found"


def test_pictures_are_packed_once_a_leg_and_again_when_nobody_is_at_it(world: CampaignWorld) -> None:
    campaign_id = world.running()
    run = world.run(campaign_id)
    assert world.call("POST", f"/{campaign_id}/zip").body["code"] == "no_results"
    left = Results(leg=1, at_ms=0, rows=3, parts=(), pictures=3, sheets=1, statuses={}, reasons=(), columns=())
    world.files.objects[results_key(campaign_id, run.run_id)] = to_json(left).encode()
    asked = world.call("POST", f"/{campaign_id}/zip")
    assert (asked.status, asked.body["status"], world.zips.begun) == (202, "making", [(campaign_id, run.run_id)])

    def stands(status: str, **changes: Any) -> None:
        part = ZipPart(name="pictures-01.zip", pictures=3, size_bytes=9)
        state = ZipState(status=status, leg=1, at_ms=world.clock(), parts=(part,), **changes)
        world.files.objects[zip_state_key(campaign_id, run.run_id)] = to_json(state).encode()

    stands("making")
    world.call("POST", f"/{campaign_id}/zip")
    assert len(world.zips.begun) == 1, "somebody is at it"
    world.clock.pass_s(1201)
    world.call("POST", f"/{campaign_id}/zip")
    assert len(world.zips.begun) == 2, "whoever was at it has ended"
    stands("ready", missing=1)
    assert world.call("POST", f"/{campaign_id}/zip").body == {
        "status": "ready",
        "pictures": 3,
        "missing": 1,
        "code": None,
    }
    assert world.call("GET", f"/{campaign_id}/results").body["zip"]["status"] == "ready"
    assert len(world.zips.begun) == 2
    stands("failed", code="internal_error")
    assert world.call("POST", f"/{campaign_id}/zip").body["status"] == "making"
    assert len(world.zips.begun) == 3


# ── Schedules and the end ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_schedule_is_made_replaced_and_taken_away(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    for expression in (NIGHTLY["expression"], "rate(1 day)"):
        planned = world.call("PUT", f"/{campaign_id}/schedule", NIGHTLY | {"expression": expression})
        assert planned.body["schedule"] == {"expression": expression, "timezone": "Europe/Berlin"}
        assert world.schedules.planned[campaign_id].expression == expression
    for _ in range(2):
        assert world.call("DELETE", f"/{campaign_id}/schedule").status == 204
    assert (world.schedules.planned, world.campaign(campaign_id).schedule) == ({}, None)


def test_a_schedule_that_the_scheduler_does_not_take_changes_nothing(world: CampaignWorld) -> None:
    campaign_id = world.ready()
    world.call("PUT", f"/{campaign_id}/schedule", NIGHTLY)
    refused = world.call("PUT", f"/{campaign_id}/schedule", {"expression": world.schedules.refuses})
    assert (refused.status, refused.body["code"]) == (422, "schedule_invalid")
    kept = world.campaign(campaign_id).schedule
    assert kept and kept.expression == world.schedules.planned[campaign_id].expression == NIGHTLY["expression"]


def test_a_time_once_is_set_earlier_by_the_warm_up_where_there_is_a_machine(world: CampaignWorld) -> None:
    campaign_id = world.ready(warm_up_minutes=20)
    at = {"expression": "at(2027-01-31T07:00:00)", "timezone": "Europe/Berlin"}
    world.call("PUT", f"/{campaign_id}/schedule", at)
    assert world.schedules.planned[campaign_id].expression == "at(2027-01-31T06:00:00)"
    shown = world.call("PUT", f"/{campaign_id}/schedule", at, warms=True).body["schedule"]
    assert world.schedules.planned[campaign_id].expression == "at(2027-01-31T05:40:00)"
    assert (shown["expression"], shown["timezone"]) == (at["expression"], at["timezone"])
    world.call("PUT", f"/{campaign_id}/settings", {"warm_up_minutes": 10}, warms=True)
    assert world.schedules.planned[campaign_id].expression == "at(2027-01-31T05:50:00)"


def test_erasing_leaves_nothing_of_a_campaign(world: CampaignWorld) -> None:
    campaign_id = world.running()
    world.call("PUT", f"/{campaign_id}/schedule", NIGHTLY)
    run = world.run(campaign_id)
    other = world.created(STRANGER)
    assert world.call("DELETE", f"/{campaign_id}").status == 204
    assert world.call("DELETE", f"/{campaign_id}").status == 404
    assert (world.schedules.planned, list(world.files.objects)) == ({}, [upload_key(other)])
    assert world.call("GET").body["items"] == []
    assert world.campaigns.get_run(campaign_id, run.run_id).status is RunStatus.STOPPED


@pytest.mark.parametrize("where", ["schedules.remove", "files.erase"])
def test_erasing_that_failed_half_way_is_asked_for_again(world: CampaignWorld, where: str) -> None:
    campaign_id = world.running()
    part, _, method = where.partition(".")
    getattr(world, part).fail_next(method, StoreUnavailableError())
    assert world.call("DELETE", f"/{campaign_id}").status == 503
    assert world.call("DELETE", f"/{campaign_id}").status == 204


def test_whoever_calls_with_another_form_of_an_id_gets_404(world: CampaignWorld) -> None:
    for campaign_id in ("nope", "0" * 26, "CAMPAIGN"):
        assert world.call("GET", f"/{campaign_id}", claims=PERSON).body["code"] == "campaign_not_found"
