"""`afterimage jobs`, `show` and `presets`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from tests.unit.cli.service import JOB_ID, PICTURE, Service, job_document, problem

Run = Callable[..., Result]


def test_jobs_are_listed_with_status_and_prompt(run: Run, service: Service) -> None:
    service.answers["GET /v1/images"] = {"items": [job_document(), job_document("QUEUED", "BLOCKED")], "cursor": None}
    lines = run("jobs").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [[JOB_ID, "succeeded"], [JOB_ID, "blocked"]]
    assert "2.5 s" in lines[1]
    assert "a red circle" in lines[1]


def test_jobs_follow_the_cursor_until_there_are_enough(run: Run, service: Service) -> None:
    page = {"items": [job_document()] * 50, "cursor": "next"}
    service.answers["GET /v1/images"] = [page, {"items": [job_document()] * 20, "cursor": "more"}]
    document = json.loads(run("jobs", "--limit", "70", "--json").stdout)
    assert (len(document["items"]), document["cursor"]) == (70, "more")
    assert [dict(request.url.params) for request in service.requests] == [
        {"limit": "50"},
        {"limit": "20", "cursor": "next"},
    ]


def test_no_jobs_yet_says_how_to_make_one(run: Run, service: Service) -> None:
    service.answers["GET /v1/images"] = {"items": [], "cursor": None}
    assert "afterimage generate" in run("jobs").stdout


def test_show_tells_request_states_and_a_fresh_link(run: Run) -> None:
    shown = run("show", JOB_ID).stdout
    for part in ("a red circle", "seed 7", "generating", "0.50 s", "succeeded", "X-Amz-Signature"):
        assert part in shown
    assert list(Path().iterdir()) == []


def test_show_saves_pictures_where_it_is_told(run: Run) -> None:
    assert run("show", JOB_ID, "--output", "here").exit_code == 0
    assert [path.read_bytes() for path in Path("here").iterdir()] == [PICTURE]


def test_show_waits_when_asked(run: Run, service: Service) -> None:
    service.answers[f"GET /v1/images/{JOB_ID}"] = [job_document("QUEUED"), job_document("QUEUED"), job_document()]
    done = run("show", JOB_ID, "--wait", "--json")
    assert json.loads(done.stdout)["status"] == "SUCCEEDED"
    assert len(list(Path().iterdir())) == 1


def test_waiting_for_what_is_done_saves_its_pictures_at_once(run: Run) -> None:
    assert run("show", JOB_ID, "--wait").exit_code == 0
    assert [path.read_bytes() for path in Path().iterdir()] == [PICTURE]


def test_an_unknown_id_leads_to_the_list(run: Run, service: Service) -> None:
    service.answers[f"GET /v1/images/{JOB_ID}"] = problem(404, "job_not_found", "There is no such request.")
    done = run("show", JOB_ID)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[0] == "error: There is no such request. (job_not_found)"
    assert "afterimage jobs" in done.stderr


def test_presets_are_listed_by_the_name_that_generate_takes(run: Run, service: Service) -> None:
    preset = {"name": "movie-poster", "title": "Movie poster", "description": "Tall.", "aspect": "2:3"}
    service.answers["GET /v1/presets"] = {"items": [preset]}
    assert run("presets").stdout.splitlines()[1].split() == ["movie-poster", "2:3", "Tall."]
    assert json.loads(run("presets", "--json").stdout) == {"items": [preset]}
