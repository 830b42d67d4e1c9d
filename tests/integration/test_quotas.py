"""Quotas on the local cloud: exactly as many as may pass do, however many ask at once, and admins change what holds."""

from __future__ import annotations

import dataclasses
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from afterimage.domain.errors import (
    JobClosedError,
    MonthlyQuotaReachedError,
    QuotaExceededError,
    TooManyOpenRequestsError,
)
from afterimage.domain.quotas import UNLIMITED
from afterimage.domain.request import ImageRequest
from afterimage.domain.status import JobStatus
from afterimage.telemetry import now_ms
from afterimage.usecases.create_request import create_request
from integration.doors import a_door, a_program
from integration.journey import admin_token, ask, job_item, person, wait_for_end

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

ASKED = ImageRequest(prompt="a boat")
QUOTA, THREADS = 10, 40


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Call all in parallel and return what each returned or raised."""

    def outcome(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (QuotaExceededError, JobClosedError) as exc:
            return exc

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        return list(pool.map(outcome, calls))


@pytest.mark.parametrize(
    ("bound", "refusal"),
    [("monthly_pictures", MonthlyQuotaReachedError), ("concurrent_jobs", TooManyOpenRequestsError)],
)
def test_of_two_hundred_at_once_exactly_ten_pass_and_what_they_took_comes_back_once(
    cloud: LocalCloud, bound: str, refusal: type[QuotaExceededError]
) -> None:
    door = a_door(cloud, dataclasses.replace(UNLIMITED, **{bound: QUOTA}), THREADS)
    caller = a_program()
    found = at_once([lambda: create_request(dataclasses.replace(ASKED, email=person()), caller, None, door)] * 200)
    accepted = [outcome.job for outcome in found if not isinstance(outcome, Exception)]
    refused = [outcome for outcome in found if isinstance(outcome, Exception)]
    assert len(accepted) == QUOTA
    assert {type(outcome) for outcome in refused} == {refusal}
    assert len(refused) == 200 - QUOTA
    usage = door.accounts.usage(caller.owner, now_ms())
    assert (usage.monthly_pictures, usage.open_requests) == (QUOTA, QUOTA)

    # Each is ended ten times at once, as a cancel, the event and the sweep may: one end counts.
    ends = [job.job_id for job in accepted for _ in range(10)]
    random.Random(7).shuffle(ends)
    told = at_once([lambda job_id=job_id: door.jobs.advance(job_id, JobStatus.CANCELLED, now_ms()) for job_id in ends])
    assert Counter(isinstance(outcome, JobClosedError) for outcome in told) == {False: QUOTA, True: 9 * QUOTA}
    usage = door.accounts.usage(caller.owner, now_ms())
    assert (usage.monthly_pictures, usage.open_requests) == (0, 0)


@pytest.fixture
def admin(cloud: LocalCloud) -> str:
    return admin_token(cloud)


def test_of_twenty_at_once_over_http_exactly_ten_are_accepted(cloud: LocalCloud, admin: str) -> None:
    address = person()
    token = cloud.token(address)
    bounds = {"monthly_pictures": QUOTA, "concurrent_jobs": None, "campaign_rows": None}
    changed = cloud.http("PUT", f"/v1/admin/users/{address}/quota", token=admin, body=bounds)
    assert changed.status_code == 200, changed.text

    def post(number: int) -> httpx.Response:
        """The emulator runs sixteen functions at a time and refuses more with an error of Lambda's own, so each call
        has a key and is repeated until our API has answered it."""
        while True:
            try:
                answer = cloud.http(
                    "POST",
                    "/v1/images",
                    token=token,
                    body={"prompt": "a boat"},
                    headers={"Idempotency-Key": f"call-{number}"},
                )
            except httpx.TimeoutException:
                continue
            if "ConcurrentInvocationLimitExceeded" not in answer.text:
                return answer
            time.sleep(0.2)

    with ThreadPoolExecutor(max_workers=20) as pool:
        answers = list(pool.map(post, range(20)))
    assert Counter(answer.status_code for answer in answers) == {202: QUOTA, 429: QUOTA}
    for answer in answers:
        if answer.status_code == 429:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"] == "monthly_quota_reached"
            assert 0 < int(answer.headers["retry-after"]) <= 31 * 86_400
    me = cloud.http("GET", "/v1/me", token=token).json()
    assert (me["used"]["monthly_pictures"], me["left"]["monthly_pictures"]) == (QUOTA, 0)

    def all_ended() -> bool:
        """Ten at once are more than the emulator likes: an answer of 503 is asked for again."""
        now = cloud.http("GET", "/v1/me", token=token)
        return now.status_code == 200 and now.json()["used"]["open_requests"] == 0

    cloud.wait_until(all_ended, "the end of ten requests", 240)
    me = cloud.http("GET", "/v1/me", token=token).json()
    assert (me["used"]["monthly_pictures"], me["used"]["open_requests"]) == (QUOTA, 0)


def test_a_failed_request_costs_nothing(cloud: LocalCloud) -> None:
    """By its seed: what other tests recorded and never started the sweep starts, and it would meet the fault first."""
    address, seed = person(), 700_123_456
    cloud.faults({"kind": "fail", "at": "before", "document": str(seed)})
    job_id = ask(cloud, address, {"prompt": "a boat", "seed": seed})
    assert wait_for_end(cloud, address, job_id)["status"] == "FAILED"
    assert "charge" in job_item(cloud, job_id)
    me = cloud.http("GET", "/v1/me", token=cloud.token(address)).json()
    assert me["used"] == {"monthly_pictures": 0, "open_requests": 0}


def test_a_dry_run_is_answered_and_leaves_nothing(cloud: LocalCloud) -> None:
    token = cloud.token(person())
    answer = cloud.http("POST", "/v1/images", token=token, body={"prompt": "a boat", "count": 2, "dry_run": True})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["pictures"], answer.json()["would_be_accepted"]) == (2, True)
    # The sign-in goes before the mark that refuses its owner does.
    cloud.wait_until(
        lambda: cloud.http("GET", "/v1/images", token=token).json().get("items") == [], "an empty gallery", 180
    )
    assert cloud.http("GET", "/v1/me", token=token).json()["used"] == {"monthly_pictures": 0, "open_requests": 0}


def test_who_is_no_admin_is_told_so(cloud: LocalCloud) -> None:
    answer = cloud.http("GET", "/v1/admin/users", token=cloud.token(person()))
    assert (answer.status_code, answer.json()["code"]) == (403, "admin_only")


def test_somebody_who_is_disabled_is_refused_with_a_token_that_is_still_valid(cloud: LocalCloud, admin: str) -> None:
    address = person()
    token = cloud.token(address)
    assert cloud.http("GET", "/v1/me", token=token).status_code == 200
    assert cloud.http("POST", f"/v1/admin/users/{address}/disable", token=admin).json()["disabled"] is True
    refused = cloud.http("GET", "/v1/me", token=token)
    assert (refused.status_code, refused.json()["code"]) == (403, "account_disabled")
    listed = cloud.http("GET", "/v1/admin/users?limit=50", token=admin).json()["items"]
    assert all(item["enabled"] is False for item in listed if item["email"] == address)
    assert cloud.http("POST", f"/v1/admin/users/{address}/enable", token=admin).json()["disabled"] is False
    assert cloud.http("GET", "/v1/me", token=token).status_code == 200


def test_an_admin_stops_admission_with_one_switch(cloud: LocalCloud, admin: str) -> None:
    token = cloud.token(person())
    closed = cloud.http("PUT", "/v1/admin/admission", token=admin, body={"state": "closed", "reason": "a test"})
    assert (closed.status_code, closed.json()["state"]) == (200, "closed")
    try:
        assert cloud.http("GET", "/v1/admin/admission", token=admin).json()["note"].endswith("a test")

        def refused() -> bool:
            answer = cloud.http("POST", "/v1/images", token=token, body={"prompt": "a boat"})
            return answer.status_code == 503 and answer.json()["code"] == "admission_closed"

        cloud.wait_until(refused, "a closed door")
    finally:
        cloud.http("PUT", "/v1/admin/admission", token=admin, body={"state": "open"})
    # What a door in use remembers of the switch is half a minute old at most.
    cloud.wait_until(
        lambda: cloud.http("POST", "/v1/images", token=token, body={"prompt": "a boat"}).status_code == 202,
        "an open door",
    )


def test_an_admin_sees_the_general_quotas_and_open_requests(cloud: LocalCloud, admin: str) -> None:
    general = cloud.http("GET", "/v1/admin/quotas", token=admin).json()
    assert set(general) == {"monthly_pictures", "concurrent_jobs", "campaign_rows", "daily_pictures"}
    assert cloud.http("PUT", "/v1/admin/quotas", token=admin, body=general).json() == general
    assert cloud.http("GET", "/v1/admin/jobs", token=admin).status_code == 200


def test_an_admin_has_somebody_erased(cloud: LocalCloud, admin: str) -> None:
    address = person()
    token = cloud.token(address)
    job_id = ask(cloud, address)
    begun = cloud.http("DELETE", f"/v1/admin/users/{address}", token=admin)
    assert (begun.status_code, begun.json()) == (202, {"status": "erasing"})

    def nobody() -> bool:
        found = cloud.http("GET", f"/v1/admin/users/{address}/quota", token=admin)
        return found.status_code == 404 and found.json()["code"] == "person_not_found"

    cloud.wait_until(nobody, "the end of the sign-in", 180)

    def refused() -> bool:
        answer = cloud.http("GET", "/v1/images", token=token)
        return answer.status_code == 403 and answer.json()["code"] == "account_disabled"

    cloud.wait_until(refused, "the refusal of a token that outlives its owner")
    assert cloud.http("GET", f"/v1/admin/jobs/{job_id}", token=admin).status_code == 404
