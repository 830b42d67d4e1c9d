"""`afterimage campaign`: from a file of rows to pictures on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import Result

from tests.unit.cli.service import JOB_ID, PICTURE, Service, job_document, problem

Run = Callable[..., Result]
ID = "01m82ersbsavabtztwwca8w1y2"
BUCKET = "http://127.0.0.1:4566/bucket/"
FORM = {"url": BUCKET, "fields": {"key": f"campaigns/{ID}/upload", "Content-Type": "text/csv"}, "max_bytes": 10}
FAULTS = {
    "total": 120,
    "items": [{"line": 3, "column": "steps", "code": "steps_out_of_bounds", "sentence": "Too \x1b[31mmany."}],
    "json_url": f"{BUCKET}problems.json",
    "csv_url": f"{BUCKET}problems.csv",
}


def run_document(status: str = "RUNNING", **changes: Any) -> dict[str, Any]:
    return {
        "id": "r1",
        "status": status,
        "reason": None,
        "leg": 1,
        "retrying": False,
        "rows": 4,
        "open": 0,
        "succeeded": 0,
        "blocked": 0,
        "failed": 0,
        "cancelled": 0,
        "pictures": 0,
        "estimated_dollars": 0.0,
        "budget_pictures": None,
        "budget_dollars": None,
        "max_failures": None,
        "share_done": 0.0,
        "rows_per_minute": 8.0,
        "seconds_left": 30.0,
        "started_at": "2026-11-22T13:45:30Z",
        "ended_at": None,
    } | changes


def document(status: str = "READY", run: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """What the API says of a campaign."""
    check = {
        "at": "2026-11-22T13:45:30Z",
        "rows": 4,
        "pictures": 4,
        "estimated_seconds": 8.0,
        "estimated_dollars": 0.0028,
        "problems": 120 if status == "INVALID" else 0,
        "blocked": 1,
        "read_as": "CSV with commas, UTF-8",
        "warnings": ["One row may be cut."],
    }
    settings = {
        "defaults": {"steps": 12},
        "axes": {"seed": [1, 2]},
        "recipients": ["ada@example.com"],
        "budget_pictures": 9,
        "budget_dollars": 0.5,
        "concurrency": 5,
        "max_failures": None,
        "max_failed_share": None,
        "warm_up_minutes": 5,
    }
    return {
        "id": ID,
        "owner": "user#ada",
        "name": "Autumn",
        "status": status,
        "settings": settings,
        "check": None if status == "DRAFT" else check,
        "schedule": None,
        "passed_over": None,
        "run": run,
        "created_at": "2026-11-22T13:45:30Z",
        "expires_at": "2027-11-22T13:45:30Z",
        "links": {"self": f"/v1/campaigns/{ID}"},
    } | changes


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.campaigns.SHORTEST_PAUSE_S", 0.001)
    monkeypatch.setattr("cli.campaigns.LONGEST_PAUSE_S", 0.001)


@pytest.fixture
def campaigns(service: Service) -> Service:
    """A service on which a campaign can be made, checked and run."""
    service.answers |= {
        "POST /v1/campaigns": document("DRAFT"),
        "GET /v1/campaigns": {"items": [document(name="Winter"), document(), document(id="0" * 26)], "cursor": None},
        f"GET /v1/campaigns/{ID}": [document("CHECKING"), document()],
        f"POST /v1/campaigns/{ID}/upload": FORM,
        "POST /bucket/": httpx.Response(204),
        f"POST /v1/campaigns/{ID}/check": document("CHECKING"),
        f"POST /v1/campaigns/{ID}/run": run_document(),
    }
    return service


def sent(service: Service, method: str, path: str) -> Any:
    (request,) = [r for r in service.requests if r.method == method and r.url.path.endswith(path)]
    return json.loads(request.content)


def test_a_campaign_is_made_uploaded_and_checked(run: Run, campaigns: Service) -> None:
    Path("rows.csv").write_text("prompt\na barn\n")
    done = run("campaign", "create", "Autumn", "rows.csv", "--default", "style=photo", "--defaults", "guidance=3",
               "--axis", "seed=1,2", "--axis", 'prompt=["a, b"]', "--budget", "9", "--max-failures", "5%",
               "--recipients", "a@example.com, b@example.com", "--concurrency", "7")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert sent(campaigns, "POST", "/v1/campaigns") == {
        "name": "Autumn",
        "settings": {
            "defaults": {"preset": "photo", "guidance": 3.0},
            "axes": {"seed": [1, 2], "prompt": ["a, b"]},
            "recipients": ["a@example.com", "b@example.com"],
            "budget_pictures": 9,
            "concurrency": 7,
            "max_failed_share": 0.05,
            "warm_up_minutes": 5,
        },
    }
    (form,) = [request for request in campaigns.requests if request.url.path == "/bucket/"]
    assert b"a barn" in form.content
    assert form.content.index(b'name="key"') < form.content.index(b'name="file"'), "S3 ignores what follows the file"
    assert "Authorization" not in form.headers, "the form carries its own permission"
    assert "One row may be cut." in done.stdout
    assert f"campaign run {ID} --watch" in done.stdout


def test_faults_are_shown_by_line_and_column_and_end_with_3(run: Run, campaigns: Service) -> None:
    campaigns.answers[f"GET /v1/campaigns/{ID}"] = document("INVALID")
    campaigns.answers[f"GET /v1/campaigns/{ID}/problems"] = FAULTS
    Path("rows.jsonl").write_text("{}\n")
    done = run("campaign", "check", ID, "rows.jsonl")
    assert done.exit_code == 3
    assert done.stdout.splitlines()[1].split() == ["3", "steps", "Too", "[31mmany."]
    assert "119 more" in done.stdout
    assert sent(campaigns, "POST", "/upload") == {"content_type": "application/x-ndjson"}
    campaigns.answers["GET /bucket/problems.csv"] = b"line,problem\r\n3,too many\r\n"
    assert run("campaign", "problems", ID).stdout_bytes == b"line,problem\r\n3,too many\r\n"


@pytest.mark.parametrize(
    "options", [["--default", "steps"], ["--axis", "=1"], ["--max-failures", "many"], ["--axis", "seed=[1"]]
)
def test_what_cannot_be_meant_is_wrong_usage(run: Run, campaigns: Service, options: list[str]) -> None:
    Path("rows.csv").write_text("prompt\n")
    assert run("campaign", "create", "Autumn", "rows.csv", *options).exit_code == 2
    assert campaigns.requests == []


def test_a_campaign_is_named_by_its_name_or_its_id(run: Run, campaigns: Service) -> None:
    assert json.loads(run("campaign", "show", "Autumn", "--json").stdout)["id"] == ID
    campaigns.answers[f"GET /v1/campaigns/{ID}"] = document()
    assert json.loads(run("campaign", "show", ID, "--json").stdout)["id"] == ID
    missing = run("campaign", "show", "Spring")
    assert (missing.exit_code, "no campaign of this name" in missing.stderr) == (1, True)


def test_a_run_is_watched_to_its_end_in_plain_lines(run: Run, campaigns: Service) -> None:
    campaigns.answers[f"GET /v1/campaigns/{ID}"] = [
        document(),
        document(run=run_document(open=2)),
        document(run=run_document(open=2)),  # nothing new, so no line
        document(run=run_document(open=1, succeeded=2, failed=1)),
        document(run=run_document("FINISHED", succeeded=3, failed=1, seconds_left=None)),
    ]
    done = run("campaign", "run", ID, "--watch")
    assert done.stdout.splitlines()[:3] == [
        "0 of 4 rows, 2 at work  8 rows a minute, about 30 s left  running",
        "3 of 4 rows, 2 made, 1 failed, 1 at work  8 rows a minute, about 30 s left  running",
        "4 of 4 rows, 3 made, 1 failed  8 rows a minute  finished",
    ]
    assert done.exit_code == 3, "a row has no picture"
    (begun,) = [request for request in campaigns.requests if request.url.path.endswith("/run")]
    assert begun.headers["Idempotency-Key"]


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (run_document("FINISHED", succeeded=4), 0),
        (run_document("FINISHED", succeeded=3, blocked=1), 3),
        (run_document("PAUSED", reason="picture_budget_reached", succeeded=2), 3),
        (run_document("STOPPED", succeeded=4), 3),
    ],
)
def test_the_exit_code_says_whether_every_row_has_its_pictures(
    run: Run, campaigns: Service, last: dict[str, Any], code: int
) -> None:
    campaigns.answers[f"GET /v1/campaigns/{ID}"] = document(run=last)
    done = run("campaign", "watch", ID)
    assert done.exit_code == code
    assert ("its budget of pictures is used up" in done.stdout) == (last["status"] == "PAUSED")


def test_a_run_that_takes_too_long_goes_on_without_its_watcher(run: Run, campaigns: Service) -> None:
    campaigns.answers[f"GET /v1/campaigns/{ID}"] = document(run=run_document())
    done = run("campaign", "watch", ID, "--timeout", "1")
    assert (done.exit_code, "goes on without you" in done.stderr) == (1, True)


def test_a_dry_run_prints_its_price(run: Run, campaigns: Service) -> None:
    campaigns.answers[f"GET /v1/campaigns/{ID}"] = document()
    campaigns.answers[f"POST /v1/campaigns/{ID}/run"] = {
        "dry_run": True,
        "rows": 4,
        "pictures": 4,
        "estimated_seconds": 8.0,
        "estimated_dollars": 0.0028,
        "blocked": 1,
        "would_be_accepted": False,
        "refusal": "too_many_rows",
        "pauses": ["monthly_quota_reached"],
        "left_after": {"monthly_pictures": 0, "open_requests": None, "daily_pictures": None},
    }
    said = run("campaign", "run", ID, "--dry-run").stdout
    for words in ("4 pictures from 4 rows", "$0.0028", "block 1", "monthly_quota_reached", "too_many_rows"):
        assert words in said


@pytest.mark.parametrize("verb", ["resume", "retry"])
def test_going_on_may_bring_larger_bounds(run: Run, campaigns: Service, verb: str) -> None:
    campaigns.answers[f"GET /v1/campaigns/{ID}"] = document(run=run_document("PAUSED"))
    campaigns.answers[f"POST /v1/campaigns/{ID}/{verb}"] = run_document(leg=2)
    assert run("campaign", verb, ID, "--budget", "20", "--max-failures", "3").exit_code == 0
    assert sent(campaigns, "POST", f"/{verb}") == {"budget_pictures": 20, "max_failures": 3}


@pytest.mark.parametrize("verb", ["pause", "stop"])
def test_a_run_is_moved_and_says_how_it_stands(run: Run, campaigns: Service, verb: str) -> None:
    moved = run_document("PAUSED", reason="paused_by_owner")
    campaigns.answers |= {f"POST /v1/campaigns/{ID}/{verb}": moved, f"GET /v1/campaigns/{ID}": document(run=moved)}
    assert run("campaign", verb, ID).stdout == "paused: you have paused it\n"


def test_a_schedule_is_one_of_three_kinds(run: Run, campaigns: Service) -> None:
    planned = document(schedule={"expression": "cron(0 1 ? * SUN *)", "timezone": "Europe/Berlin"})
    campaigns.answers |= {
        f"GET /v1/campaigns/{ID}": document(),
        f"PUT /v1/campaigns/{ID}/schedule": planned,
        f"DELETE /v1/campaigns/{ID}/schedule": httpx.Response(204),
    }
    done = run("campaign", "schedule", ID, "--cron", "0 1 ? * SUN *", "-z", "Europe/Berlin")
    assert "cron(0 1 ? * SUN *), Europe/Berlin" in done.stdout
    assert sent(campaigns, "PUT", "/schedule") == planned["schedule"]
    assert run("campaign", "unschedule", ID).exit_code == 0
    assert run("campaign", "schedule", ID).exit_code == 2
    assert run("campaign", "schedule", ID, "--at", "x", "--rate", "y").exit_code == 2


def results(campaigns: Service) -> None:
    row = {"row": 1, "line": 2, "status": "SUCCEEDED", "job_id": JOB_ID, "seeds": [7], "prompt": "../A red / circle"}
    gone = row | {"row": 2, "job_id": "0" * 26}
    none = row | {"row": 3, "status": "FAILED", "job_id": None, "seeds": []}
    campaigns.answers |= {
        f"GET /v1/campaigns/{ID}": document(run=run_document("FINISHED", succeeded=2, failed=1)),
        f"GET /v1/campaigns/{ID}/results": {
            "run": run_document("FINISHED"),
            "files": [
                {"name": "manifest.jsonl", "url": f"{BUCKET}manifest.jsonl"},
                {"name": "sheet-01.jpg", "url": f"{BUCKET}sheet-01.jpg"},
            ],
            "sheets": 1,
        },
        "GET /bucket/manifest.jsonl": "".join(json.dumps(line) + "\n" for line in (row, gone, none)).encode(),
        "GET /bucket/sheet-01.jpg": b"\xff\xd8sheet",
        f"GET /v1/images/{JOB_ID}": job_document(),
        f"GET /v1/images/{'0' * 26}": problem(404, "job_not_found", "There is no such image request."),
    }


def test_results_are_saved_by_row_and_not_fetched_twice(run: Run, campaigns: Service) -> None:
    results(campaigns)
    done = run("campaign", "results", ID)
    assert done.exit_code == 0, done.output
    assert sorted(str(path) for path in Path("autumn").rglob("*.*")) == [
        "autumn/manifest.jsonl",
        "autumn/pictures/000001-a-red-circle.png",
        "autumn/sheet-01.jpg",
    ]
    assert Path("autumn/pictures/000001-a-red-circle.png").read_bytes() == PICTURE
    assert "1 pictures" in done.stdout and "1 rows have no pictures any more" in done.stdout
    campaigns.requests.clear()
    run("campaign", "results", ID)
    assert not [r for r in campaigns.requests if r.url.path.endswith(JOB_ID)], "it is there already"


def test_results_without_pictures_go_where_they_are_wanted(run: Run, campaigns: Service) -> None:
    results(campaigns)
    said = json.loads(run("campaign", "results", ID, "--no-pictures", "-o", "out", "--json").stdout)
    assert said == {"folder": "out", "files": ["manifest.jsonl", "sheet-01.jpg"], "pictures": 0}


def test_results_wait_for_contact_sheets_and_say_when_they_do_not_come(
    run: Run, campaigns: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.campaign_results.PAUSE_S", 0.001)
    results(campaigns)
    drawn = campaigns.answers[f"GET /v1/campaigns/{ID}/results"]
    undrawn = drawn | {"files": drawn["files"][:1]}
    campaigns.answers[f"GET /v1/campaigns/{ID}/results"] = [undrawn, undrawn, drawn]
    done = run("campaign", "results", ID)
    assert "sheet-01.jpg" in done.stdout and "not drawn" not in done.stdout
    campaigns.answers[f"GET /v1/campaigns/{ID}/results"] = undrawn
    assert "The contact sheet is not drawn yet" in run("campaign", "results", ID).stdout


def test_results_that_are_not_there_yet_lead_to_watch(run: Run, campaigns: Service) -> None:
    results(campaigns)
    campaigns.answers[f"GET /v1/campaigns/{ID}/results"] = {"run": run_document(), "files": [], "sheets": 0}
    done = run("campaign", "results", ID)
    assert (done.exit_code, "campaign watch" in done.stderr) == (1, True)


def test_zips_are_made_waited_for_and_saved(run: Run, campaigns: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.campaign_results.PAUSE_S", 0.001)
    results(campaigns)
    making = {"status": "making", "pictures": 0, "missing": 0, "code": None}
    ready = making | {"status": "ready", "pictures": 3}
    files = [{"name": "pictures-01.zip", "url": f"{BUCKET}pictures-01.zip"}]
    finished = {"run": run_document("FINISHED"), "files": files, "sheets": 0}
    campaigns.answers |= {
        f"POST /v1/campaigns/{ID}/zip": making,
        f"GET /v1/campaigns/{ID}/results": [
            finished | {"zip": None},
            finished | {"zip": making},
            finished | {"zip": ready},
        ],
        "GET /bucket/pictures-01.zip": b"PK",
    }
    done = run("campaign", "zip", ID)
    assert (done.exit_code, "3 pictures are packed" in done.stdout) == (0, True)
    assert Path("autumn/pictures-01.zip").read_bytes() == b"PK"
    failed = making | {"status": "failed", "code": "internal_error"}
    campaigns.answers[f"POST /v1/campaigns/{ID}/zip"] = failed
    assert run("campaign", "zip", ID).exit_code == 1


def test_results_are_waited_for_while_they_are_written(
    run: Run, campaigns: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.campaign_results.PAUSE_S", 0.001)
    results(campaigns)
    written = campaigns.answers[f"GET /v1/campaigns/{ID}/results"]
    campaigns.answers[f"GET /v1/campaigns/{ID}/results"] = [written | {"files": []}, written | {"files": []}, written]
    assert run("campaign", "results", ID).exit_code == 0


def test_the_list_says_how_each_stands(run: Run, campaigns: Service) -> None:
    page = {"items": [document(run=run_document("FINISHED", succeeded=4)), document("DRAFT")], "cursor": None}
    campaigns.answers["GET /v1/campaigns"] = page
    lines = run("campaign", "list", "--all").stdout.splitlines()
    assert lines[1].split() == [ID, "4", "finished", "4/4", "Autumn"]
    assert lines[2].split() == [ID, "draft", "Autumn"]
    assert dict(campaigns.requests[-1].url.params)["all"] == "true"


def test_deleting_asks_first_and_says_what_stays(run: Run, campaigns: Service) -> None:
    campaigns.answers |= {f"GET /v1/campaigns/{ID}": document(), f"DELETE /v1/campaigns/{ID}": httpx.Response(204)}
    assert run("campaign", "delete", ID, input="n\n").exit_code == 1
    assert not [request for request in campaigns.requests if request.method == "DELETE"]
    done = run("campaign", "delete", ID, "--yes")
    assert (done.exit_code, "among your requests" in done.stdout) == (0, True)
