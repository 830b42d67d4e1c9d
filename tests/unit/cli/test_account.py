"""`afterimage me`, and what a request would take: `generate --dry-run`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.unit.cli.service import Service, problem

Run = Callable[..., Result]
ME: dict[str, Any] = {
    "kind": "person",
    "admin": False,
    "month": "2026-11",
    "renews_at": "2026-12-01T00:00:00Z",
    "quota": {"monthly_pictures": 500, "concurrent_jobs": None, "campaign_rows": 500},
    "used": {"monthly_pictures": 7, "open_requests": 2},
    "left": {"monthly_pictures": 493, "open_requests": None, "daily_pictures": 0},
}
PRICE: dict[str, Any] = {
    "pictures": 2,
    "width": 512,
    "height": 768,
    "steps": 25,
    "estimated_seconds": 12.5,
    "estimated_dollars": {"model": 0.0049, "services": 0.0002, "total": 0.0051},
    "moderation": {"action": "allow", "categories": [], "sentence": "", "model_prompt": "a boat"},
    "warnings": [],
    "would_be_accepted": True,
    "refusal": None,
    "left_after": {"monthly_pictures": 491, "open_requests": None, "daily_pictures": 0},
}


def test_me_shows_use_bound_and_what_is_left(run: Run, service: Service) -> None:
    service.answers["GET /v1/me"] = ME
    lines = [line.rstrip() for line in run("me").stdout.splitlines()]
    assert lines[1].split() == ["pictures", "this", "month", "7", "500", "493"]
    assert lines[2].split() == ["open", "requests", "2", "no", "bound", "no", "bound"]
    assert lines[3].split() == ["everybody's", "pictures", "today", "0"]
    assert lines[-1] == "You are a person. The month 2026-11 ends 2026-12-01."


def test_me_says_who_is_an_admin(run: Run, service: Service) -> None:
    service.answers["GET /v1/me"] = ME | {"admin": True}
    assert "You are a person, and an admin." in run("me").stdout


@pytest.mark.parametrize(
    ("strikes", "said"),
    [
        ({"recent": 2, "bound": 3, "cooling_until": None}, "2 of 3 blocked requests that begin a cool-down."),
        ({"recent": 0, "bound": 3, "cooling_until": "2026-11-22T14:45:30Z"}, "not taken until 2026-11-22 14:45 UTC"),
    ],
)
def test_me_tells_strikes_and_a_cool_down(run: Run, service: Service, strikes: Any, said: str) -> None:
    service.answers["GET /v1/me"] = ME | {"strikes": strikes}
    assert said in run("me").stdout


def test_me_says_nothing_of_strikes_that_are_none(run: Run, service: Service) -> None:
    service.answers["GET /v1/me"] = ME | {"strikes": {"recent": 0, "bound": 3, "cooling_until": None}}
    assert run("me").stdout.splitlines()[-1].startswith("You are a person.")


def test_me_as_json_is_what_the_service_said(run: Run, service: Service) -> None:
    service.answers["GET /v1/me"] = ME
    assert json.loads(run("me", "--json").stdout) == ME


def test_somebody_who_is_disabled_is_told_so(run: Run, service: Service) -> None:
    service.answers["GET /v1/me"] = problem(403, "account_disabled", "This account is disabled.")
    done = run("me")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: This account is disabled. (account_disabled)")


def test_a_dry_run_says_what_it_would_take_and_makes_nothing(run: Run, service: Service) -> None:
    service.answers["POST /v1/images"] = PRICE
    done = run("generate", "a boat", "--count", "2", "--size", "512x768", "--dry-run")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "Estimate: 2 of 512×768, 25 steps.",
        "About 12.5 s of the model and $0.0051: $0.0049 for the model, $0.0002 for the services around it.",
        "The content policy would allow it.",
    ]
    assert service.bodies() == [{"prompt": "a boat", "count": 2, "width": 512, "height": 768, "dry_run": True}]
    assert "Idempotency-Key" not in service.requests[0].headers
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"would_be_accepted": False, "refusal": "monthly_quota_reached"}, "refused now: monthly_quota_reached."),
        ({"warnings": [{"code": "c", "message": "It will be [slow].", "detail": None}]}, "It will be [slow]."),
        (
            {"moderation": PRICE["moderation"] | {"action": "block", "sentence": "No\x1b[2J gore."}},
            "The content policy would block it. No [2J gore.",
        ),
    ],
)
def test_a_dry_run_says_what_speaks_against_it(run: Run, service: Service, change: dict[str, Any], line: str) -> None:
    service.answers["POST /v1/images"] = PRICE | change
    assert run("generate", "a boat", "--dry-run").stdout.splitlines()[-1].endswith(line)


def test_a_dry_run_as_json_is_what_the_service_said(run: Run, service: Service) -> None:
    service.answers["POST /v1/images"] = PRICE
    assert json.loads(run("generate", "a boat", "--dry-run", "--json").stdout) == PRICE


def test_without_dry_run_nothing_is_asked_to_be_dry(run: Run, service: Service) -> None:
    run("generate", "a boat")
    assert "dry_run" not in service.bodies()[0]
