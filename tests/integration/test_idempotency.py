"""One key is one request, however many ask with it at once: at the use case's door and over HTTP."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from afterimage.domain.errors import IdempotencyConflictError
from afterimage.domain.quotas import UNLIMITED
from afterimage.domain.request import ImageRequest
from afterimage.telemetry import now_ms
from afterimage.usecases.create_request import create_request
from integration.doors import a_door, a_program
from integration.journey import attempts_of, mails_to, person, wait_for_end

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

CALLS, POSTS = 50, 10


def test_fifty_calls_at_once_with_one_key_make_one_job_that_is_counted_once(cloud: LocalCloud) -> None:
    door, caller = a_door(cloud, UNLIMITED, CALLS), a_program()
    asked = ImageRequest(prompt="a boat", email=person())
    with ThreadPoolExecutor(max_workers=CALLS) as pool:
        found = list(pool.map(lambda _: create_request(asked, caller, "one key", door), range(CALLS)))
    assert len({acceptance.job.job_id for acceptance in found}) == 1
    assert Counter(acceptance.replayed for acceptance in found) == {False: 1, True: CALLS - 1}
    usage = door.accounts.usage(caller.owner, now_ms())
    assert (usage.monthly_pictures, usage.open_requests) == (1, 1)
    with pytest.raises(IdempotencyConflictError):
        create_request(dataclasses.replace(asked, prompt="a house"), caller, "one key", door)
    other = create_request(asked, dataclasses.replace(caller, owner=f"client#{person()}"), "one key", door)
    assert (other.replayed, other.job.job_id == found[0].job.job_id) == (False, False)


def test_ten_posts_at_once_with_one_key_make_one_request_one_picture_and_one_mail(cloud: LocalCloud) -> None:
    address = person()
    token = cloud.token(address)

    def post(body: dict[str, Any]) -> httpx.Response:
        """Asked again as long as it is the emulator's own crowd that refuses, as `test_quotas.py` does. An answer that
        did not come is not asked for again: it might have been the one that was no replay."""
        while True:
            answer = cloud.http("POST", "/v1/images", token=token, body=body, headers={"Idempotency-Key": "one key"})
            if "ConcurrentInvocationLimitExceeded" not in answer.text:
                return answer
            time.sleep(0.2)

    with ThreadPoolExecutor(max_workers=POSTS) as pool:
        answers = list(pool.map(post, [{"prompt": "a boat"}] * POSTS))
    assert {answer.status_code for answer in answers} == {202}
    assert Counter(answer.headers["idempotency-replayed"] for answer in answers) == {"false": 1, "true": POSTS - 1}
    (job_id,) = {answer.json()["id"] for answer in answers}

    view = wait_for_end(cloud, address, job_id)
    assert (view["status"], len(view["images"])) == ("SUCCEEDED", 1)
    listed = cloud.http("GET", "/v1/images", token=token).json()["items"]
    assert [item["id"] for item in listed] == [job_id]
    assert len(attempts_of(cloud, job_id)) == 1
    assert len(mails_to(cloud, address)) == 1
    used = cloud.http("GET", "/v1/me", token=token).json()["used"]
    assert used == {"monthly_pictures": 1, "open_requests": 0}

    late = post({"prompt": "a boat"})
    assert (late.status_code, late.headers["idempotency-replayed"], late.json()["id"]) == (202, "true", job_id)
    other = post({"prompt": "a house"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert len(mails_to(cloud, address)) == 1
