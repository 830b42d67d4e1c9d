"""`afterimage admin held`, and what the owner of a held request sees."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console
from typer.testing import Result

from cli.jobs import parse_job
from cli.progress import Waterfall, show
from cli.watch import StillRunningError
from tests.unit.cli.service import JOB_ID, PICTURE, Service, job_document, problem

Run = Callable[..., Result]
PATH = f"/v1/admin/held/{JOB_ID}"
ITEM = {
    "id": JOB_ID,
    "owner": "user#ada",
    "stage": "picture",
    "categories": ["ducks"],
    "sentence": "Is it a duck?",
    "pictures": 2,
    "since": "2026-11-22T13:45:30Z",
    "until": "2026-11-24T13:45:30Z",
}
DECISION = {
    "stage": "picture",
    "action": "hold",
    "policy_version": "1",
    "categories": ["ducks"],
    "sentence": "Is it a duck?",
    "scores": {"unsure.duck": 0.91},
    "threshold": 0.5,
    "by": None,
    "note": None,
    "at": "2026-11-22T13:45:30Z",
}
DETAIL = ITEM | {
    "prompt": "a \x1b[31mduck",
    "model_prompt": "a duck, film",
    "negative_prompt": "",
    "preset": None,
    "adapter": "ink",
    "begins_from_picture": False,
    "decisions": [DECISION],
    "held_pictures": [1],
}
SHOWN = {"number": 1, "content_type": "image/png", "whole": True, "base64": base64.b64encode(PICTURE).decode()}


def test_without_a_word_it_lists_every_page(run: Run, service: Service) -> None:
    service.answers["GET /v1/admin/held"] = [{"items": [ITEM], "cursor": "next"}, {"items": [ITEM], "cursor": None}]
    lines = run("admin", "held").stdout.splitlines()
    assert len(lines) == 3
    assert "the pictures" in lines[1]
    assert "2026-11-24 13:45 UTC" in lines[1]
    assert dict(service.requests[1].url.params) == {"limit": "50", "cursor": "next"}


def test_an_empty_list_says_so(run: Run, service: Service) -> None:
    service.answers["GET /v1/admin/held"] = {"items": [], "cursor": None}
    assert run("admin", "held", "list").stdout == "Nothing waits for a person.\n"
    assert json.loads(run("admin", "held", "list", "--json").stdout) == {"items": []}


def test_one_is_shown_with_scores_and_without_control_characters(run: Run, service: Service, tmp_path: Path) -> None:
    service.answers |= {f"GET {PATH}": DETAIL, f"GET {PATH}/pictures/1": SHOWN}
    shown = run("admin", "held", "show", JOB_ID, "--output", str(tmp_path / "seen")).stdout
    assert "unsure.duck 0.91" in shown
    assert "\x1b" not in shown
    (saved,) = (tmp_path / "seen").iterdir()
    assert (saved.name, saved.read_bytes()) == (f"held-{JOB_ID[-6:]}-2.png", PICTURE)
    assert f"admin held release {JOB_ID} --stage picture" in shown.replace("\n", " ")


@pytest.mark.parametrize(("verb", "said"), [("release", "goes on"), ("refuse", "is refused")])
@pytest.mark.parametrize("note", [None, "It is only a duck."])
def test_a_decision_goes_with_its_note(run: Run, service: Service, verb: str, said: str, note: str | None) -> None:
    service.answers[f"GET {PATH}"] = DETAIL
    service.answers[f"POST {PATH}/{verb}"] = {"id": JOB_ID, "status": "MODERATING", "decision": verb}
    words = ["--note", note] if note else []
    assert said in run("admin", "held", verb, JOB_ID, *words).stdout
    assert service.bodies() == [{"stage": "picture"} | ({"note": note} if note else {})]


@pytest.mark.parametrize("verb", ["release", "refuse"])
def test_a_lost_answer_is_asked_for_again_about_the_same_stage(run: Run, service: Service, verb: str) -> None:
    service.answers[f"GET {PATH}"] = [DETAIL | {"stage": "prompt"}, DETAIL]
    decided = {"id": JOB_ID, "status": "HELD", "decision": verb}
    service.answers[f"POST {PATH}/{verb}"] = [
        httpx.ReadTimeout("lost"),
        problem(503, "temporarily_unavailable"),
        decided,
    ]
    assert run("admin", "held", verb, JOB_ID).exit_code == 0
    assert service.bodies() == [{"stage": "prompt"}] * 3


@pytest.mark.parametrize("verb", ["release", "refuse"])
def test_a_decision_about_what_was_looked_at_does_not_look_again(run: Run, service: Service, verb: str) -> None:
    service.answers |= {f"GET {PATH}": DETAIL, f"POST {PATH}/{verb}": {"id": JOB_ID}}
    assert run("admin", "held", verb, JOB_ID, "--stage", "prompt").exit_code == 0
    assert service.bodies() == [{"stage": "prompt"}]
    assert [request.method for request in service.requests] == ["POST"]


def test_what_does_not_wait_is_told_with_a_hint(run: Run, service: Service) -> None:
    service.answers[f"GET {PATH}"] = problem(409, "not_held", "This request does not wait for a person.")
    done = run("admin", "held", "release", JOB_ID)
    assert done.exit_code == 1
    assert "does not wait for a person" in done.stderr
    assert "admin held" in done.stderr


VERDICT = {"stage": "prompt", "action": "hold", "categories": ["ducks"], "sentence": "Is it a duck?", "note": None}
HELD: dict[str, Any] = {
    "verdicts": [VERDICT | {"at": "2026-11-22T13:45:31Z"}],
    "held": {"stage": "prompt", "since": "2026-11-22T13:45:31Z", "until": "2026-11-24T13:45:31Z"},
}


@pytest.mark.parametrize("lively", [True, False])
def test_a_held_request_says_what_it_waits_for_and_until_when(lively: bool) -> None:
    job = parse_job(job_document("QUEUED", "MODERATING", "HELD", **HELD))
    console = Console(file=io.StringIO(), width=200, color_system=None)
    with console.capture() as capture:
        if lively:
            console.print(Waterfall(job))
        else:
            show([job, job], console)
    until = "Without one it is refused at 2026-11-24 13:45 UTC."
    assert capture.get().count(f"Waiting for a person to look at it (ducks: Is it a duck?). {until}") == 1


def test_whoever_stops_waiting_is_told_that_a_mail_will_come() -> None:
    job = parse_job(job_document("QUEUED", "MODERATING", "HELD", **HELD))
    assert "it waits for a person, and you get a mail" in str(StillRunningError(job, 5))


def test_the_picture_that_a_held_request_begins_from_comes_in_parts_and_is_saved(run: Run, service: Service) -> None:
    parts = [
        {
            "content_type": "image/png",
            "size_bytes": len(PICTURE),
            "start": start,
            "base64": base64.b64encode(part).decode(),
        }
        for start, part in ((0, PICTURE[:40]), (40, PICTURE[40:]))
    ]
    service.answers |= {
        f"GET {PATH}": DETAIL | {"stage": "prompt", "held_pictures": [], "begins_from_picture": True},
        f"GET {PATH}/input": parts,
    }
    done = run("admin", "held", "show", JOB_ID, "--output", "looks")
    assert done.exit_code == 0, done.output
    assert Path(f"looks/held-{JOB_ID[-6:]}-input.png").read_bytes() == PICTURE
    assert [sent.url.params["start"] for sent in service.requests if sent.url.path.endswith("/input")] == ["0", "40"]
    assert "adapter" in done.stdout
