"""The API client: authorised, patient with what passes, clear about what does not."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from cli.api import TRIES, Api
from cli.errors import CliError, ProblemError
from cli.stacks import Choice
from tests.unit.cli.service import JOB_ID, Service, Tokens, job_document, problem

DEPLOYED = Choice(stack="prod")


def test_every_call_carries_the_access_token(make_api: Callable[..., Api], service: Service) -> None:
    make_api().job(JOB_ID)
    assert service.requests[0].headers["Authorization"] == "Bearer first-token"


def test_a_refused_token_is_replaced_once(make_api: Callable[..., Api], service: Service, tokens: Tokens) -> None:
    service.answers[f"GET /v1/images/{JOB_ID}"] = [
        httpx.Response(401, json={"message": "Unauthorized"}),
        job_document(),
    ]
    assert make_api().job(JOB_ID)["id"] == JOB_ID
    assert tokens.given == ["first-token", "second-token"]


def test_a_token_that_stays_refused_is_an_error(make_api: Callable[..., Api], service: Service) -> None:
    service.answers["GET /v1/presets"] = httpx.Response(401, json={"message": "Unauthorized"})
    with pytest.raises(ProblemError) as caught:
        make_api().presets()
    assert (caught.value.status, caught.value.code, caught.value.sentence) == (401, "http_401", "Unauthorized")
    assert len(service.requests) == 2


def test_a_problem_document_gives_code_and_detail(make_api: Callable[..., Api], service: Service) -> None:
    service.answers["POST /v1/images"] = problem(422, "unknown_preset", "There is no such preset.")
    with pytest.raises(ProblemError) as caught:
        make_api().create({"prompt": "x"}, "key")
    assert (caught.value.code, caught.value.sentence) == ("unknown_preset", "There is no such preset.")
    assert "presets" in caught.value.hint


def test_wrong_fields_are_named_without_the_word_body(make_api: Callable[..., Api], service: Service) -> None:
    errors = [{"field": "body.prompt", "message": "too short"}]
    service.answers["POST /v1/images"] = problem(422, "invalid_request", "body.prompt: too short", errors=errors)
    with pytest.raises(ProblemError, match=r"^prompt: too short\.$"):
        make_api().create({"prompt": ""}, "key")


def test_what_passes_is_tried_again_with_the_same_key(make_api: Callable[..., Api], service: Service) -> None:
    sleeps: list[float] = []
    busy = httpx.Response(503, json={"code": "temporarily_unavailable"}, headers={"Retry-After": "3"})
    service.answers["POST /v1/images"] = [busy, httpx.ReadTimeout("slow"), job_document("QUEUED")]
    assert make_api(DEPLOYED, sleeps).create({"prompt": "x"}, "one-key")["id"] == JOB_ID
    assert {request.headers["Idempotency-Key"] for request in service.requests} == {"one-key"}
    assert sleeps == [3.0, 1.0]


def test_what_does_not_pass_is_given_up(make_api: Callable[..., Api], service: Service) -> None:
    service.answers["GET /v1/presets"] = problem(503, "temporarily_unavailable")
    with pytest.raises(ProblemError):
        make_api().presets()
    assert len(service.requests) == TRIES


def test_a_closed_door_is_not_knocked_at_again(make_api: Callable[..., Api], service: Service) -> None:
    service.answers["POST /v1/images"] = problem(503, "admission_closed")
    with pytest.raises(ProblemError):
        make_api().create({"prompt": "x"}, "key")
    assert len(service.requests) == 1


def test_a_local_cloud_that_is_down_is_told_at_once(make_api: Callable[..., Api], service: Service) -> None:
    service.answers["GET /v1/presets"] = httpx.ConnectError("refused")
    with pytest.raises(CliError, match="local cloud does not answer"):
        make_api().presets()
    assert len(service.requests) == 1


def test_an_id_cannot_leave_its_path(make_api: Callable[..., Api], service: Service) -> None:
    with pytest.raises(ProblemError):
        make_api().job("../presets?x=1")
    assert service.requests[0].url.raw_path.endswith(b"/v1/images/..%2Fpresets%3Fx%3D1")


def test_downloads_carry_no_token(make_api: Callable[..., Api], service: Service) -> None:
    make_api().download("http://127.0.0.1:4566/bucket/images/abc/0.png?X-Amz-Signature=1")
    assert "Authorization" not in service.requests[0].headers


def test_a_page_that_is_no_api_is_recognised(make_api: Callable[..., Api], service: Service) -> None:
    service.answers["GET /v1/health"] = b"<html>"
    with pytest.raises(ProblemError, match="not an Afterimage API"):
        make_api().health()
