"""The HTTP contract with SageMaker, held with a runner whose work is a function of the test."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from afterimage.contracts.codec import from_json, to_json
from afterimage.contracts.generation import GenerationJob, GenerationResult, ModelError
from afterimage_model.errors import Cancelled, DeviceError, ModelFolderError, OutOfMemory, OutsideLimits, StorageFailed
from afterimage_model.orders import Order
from afterimage_model.serve.app import create_app
from afterimage_model.serve.runner import Runner, State, Work
from starlette.testclient import TestClient

JOB = GenerationJob(job_id="j-1", prompt="a secret wish", seeds=(1,))
JSON = {"content-type": "application/json"}
Until = Callable[[Callable[[], bool]], None]


def result_of(job: GenerationJob) -> GenerationResult:
    return GenerationResult(
        job_id=job.job_id,
        images=(),
        width=64,
        height=64,
        steps=1,
        guidance=7.5,
        scheduler="EulerDiscreteScheduler",
        timings_s={"total": 0.1},
        versions={"model": "fake"},
    )


def each(make: Callable[[GenerationJob], GenerationResult]) -> Work:
    """Work that makes one job after the other."""

    def make_all(orders: Sequence[Order]) -> None:
        for order in orders:
            try:
                order.answer(make(order.job))
            except Exception as exc:
                order.answer(exc)

    return Work(make=make_all)


@contextmanager
def serving(
    set_up: Callable[[], Work], queue_size: int = 1, max_body_bytes: int = 4096
) -> Iterator[tuple[TestClient, Runner]]:
    runner = Runner(set_up, queue_size=queue_size)
    runner.start()
    with TestClient(create_app(runner, max_body_bytes=max_body_bytes)) as client:
        yield client, runner
    runner.close()
    assert runner.join(30)


@pytest.fixture
def ready(until: Until) -> Iterator[TestClient]:
    with serving(lambda: each(result_of)) as (client, runner):
        until(lambda: runner.state is State.READY)
        yield client


class Gate:
    """Work that waits until the test lets it go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def work(self, job: GenerationJob) -> GenerationResult:
        self.entered.set()
        assert self.open.wait(30)
        return result_of(job)


def post(client: TestClient, body: str | bytes | None = None, headers: dict[str, str] | None = None) -> Any:
    return client.post("/invocations", content=to_json(JOB) if body is None else body, headers=headers or JSON)


def problem(response: Any) -> tuple[int, str, bool]:
    error = from_json(ModelError, response.content).error
    assert response.headers["content-type"] == "application/json"
    assert int(response.headers["content-length"]) == len(response.content)
    return response.status_code, error.code, error.retryable


def test_a_job_is_answered_with_a_result_that_the_contract_decodes(ready: TestClient) -> None:
    response = post(ready)
    assert response.status_code == 200
    assert from_json(GenerationResult, response.content) == result_of(JOB)
    assert response.headers["content-type"] == "application/json"
    assert int(response.headers["content-length"]) == len(response.content)
    assert "transfer-encoding" not in response.headers


def test_a_charset_in_the_content_type_is_fine(ready: TestClient) -> None:
    assert post(ready, headers={"content-type": "Application/JSON; charset=utf-8"}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"job_id":"j-1","prompt":"a cat"}',
        b'{"job_id":"j-1","prompt":"a cat","seeds":[]}',
        b'{"job_id":"j-1","prompt":"a cat","seeds":[-1]}',
        b'{"job_id":"j-1","prompt":"a cat","seeds":[1],"sneeds":2}',
        b'{"job_id":"j-1","prompt":7,"seeds":[1]}',
        b"[" * 4000,
    ],
)
def test_a_broken_document_is_refused(ready: TestClient, body: bytes) -> None:
    assert problem(post(ready, body)) == (400, "invalid_document", False)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-npy", ""])
def test_another_content_type_is_refused(ready: TestClient, content_type: str) -> None:
    assert problem(post(ready, headers={"content-type": content_type})) == (415, "invalid_document", False)


def test_a_body_over_the_bound_is_refused(ready: TestClient) -> None:
    assert problem(post(ready, b" " * 4097)) == (413, "invalid_document", False)
    assert problem(post(ready, b" " * 4096)) == (400, "invalid_document", False)


def test_another_route_or_method_is_answered_as_a_problem(ready: TestClient) -> None:
    assert problem(ready.get("/"))[0] == 404
    assert problem(ready.get("/invocations"))[0] == 405


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (OutsideLimits("steps must lie between 1 and 50, not 80"), (400, "outside_limits", False)),
        (StorageFailed("a picture could not be stored"), (500, "storage_failed", True)),
        (Cancelled("the job was cancelled"), (409, "cancelled", False)),
        (OutOfMemory("too large"), (507, "out_of_memory", True)),
        (RuntimeError("cuDNN at 0x7f: a secret wish"), (500, "generation_failed", False)),
    ],
)
def test_each_fault_has_its_status_and_code(
    fault: Exception, answer: tuple[int, str, bool], until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    def work(job: GenerationJob) -> GenerationResult:
        raise fault

    caplog.set_level(logging.INFO)
    with serving(lambda: each(work)) as (client, runner):
        until(lambda: runner.state is State.READY)
        response = post(client)
        assert problem(response) == answer
        assert b"cuDNN" not in response.content
        assert client.get("/ping").status_code == 200
    (record,) = [record for record in caplog.records if record.getMessage() == "job_refused"]
    assert record.fields["job_id"] == "j-1"  # type: ignore[attr-defined]
    assert "a secret wish" not in str(record.fields)  # type: ignore[attr-defined]
    assert ("traceback" in record.fields) == (answer[0] >= 500)  # type: ignore[attr-defined]


def test_ping_answers_quickly_while_a_picture_is_made(until: Until) -> None:
    gate = Gate()
    with serving(lambda: each(gate.work)) as (client, runner), ThreadPoolExecutor() as pool:
        until(lambda: runner.state is State.READY)
        running = pool.submit(post, client)
        assert gate.entered.wait(30)
        before = time.monotonic()
        response = client.get("/ping")
        assert time.monotonic() - before < 2
        assert (response.status_code, response.json()["state"]) == (200, "busy")
        assert not running.done()
        gate.open.set()
        assert running.result().status_code == 200
        assert client.get("/ping").json()["state"] == "ready"


def test_a_full_queue_turns_jobs_away_with_retry_after(until: Until) -> None:
    gate = Gate()
    with serving(lambda: each(gate.work), queue_size=1) as (client, runner), ThreadPoolExecutor() as pool:
        until(lambda: runner.state is State.READY)
        first = pool.submit(post, client)
        assert gate.entered.wait(30)
        second = pool.submit(post, client)
        until(lambda: runner.waiting == 1)
        third = post(client)
        assert problem(third) == (503, "busy", True)
        assert int(third.headers["retry-after"]) > 0
        gate.open.set()
        assert (first.result().status_code, second.result().status_code) == (200, 200)


def test_without_a_queue_the_next_job_is_taken_as_soon_as_the_last_is_answered(until: Until) -> None:
    with serving(lambda: each(result_of), queue_size=0) as (client, runner):
        until(lambda: runner.state is State.READY)
        assert [post(client).status_code for _ in range(20)] == [200] * 20


def test_until_the_weights_are_there_ping_and_invocations_say_so(until: Until) -> None:
    go_on = threading.Event()

    def set_up() -> Work:
        assert go_on.wait(30)
        return each(result_of)

    with serving(set_up) as (client, _):
        assert (client.get("/ping").status_code, client.get("/ping").json()["state"]) == (503, "starting")
        response = post(client)
        assert problem(response) == (503, "not_ready", True)
        assert "retry-after" in response.headers
        go_on.set()
        until(lambda: client.get("/ping").status_code == 200)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ModelFolderError("unet/x.bin is a pickle"), "unet/x.bin is a pickle"),
        (DeviceError("torch cannot use the GPU"), "torch cannot use the GPU"),
        (ValueError("at 0x7f"), "the set-up failed with ValueError; the log has the details"),
    ],
)
def test_a_failed_set_up_is_a_state_that_is_reported(error: Exception, reason: str, until: Until) -> None:
    def set_up() -> Work:
        raise error

    with serving(set_up) as (client, runner):
        until(lambda: runner.state is State.FAILED)
        response = client.get("/ping")
        assert (response.status_code, response.json()) == (503, {"state": "failed", "reason": reason})
        assert problem(post(client)) == (503, "not_ready", True)


def test_out_of_memory_twice_in_a_row_turns_ping_red(until: Until) -> None:
    memory = iter([False, True, False, False])

    def work(job: GenerationJob) -> GenerationResult:
        if not next(memory):
            raise OutOfMemory("no memory left")
        return result_of(job)

    with serving(lambda: each(work)) as (client, runner):
        until(lambda: runner.state is State.READY)
        answers = []
        for _ in range(4):
            answers.append((post(client).status_code, client.get("/ping").status_code))
        assert answers == [(507, 200), (200, 200), (507, 200), (507, 503)]
        assert client.get("/ping").json() == {"state": "failed", "reason": "out of memory 2 times in a row"}
        assert problem(post(client)) == (503, "not_ready", True)


def test_closing_finishes_what_runs_and_turns_away_the_rest(until: Until) -> None:
    gate = Gate()
    with serving(lambda: each(gate.work), queue_size=1) as (client, runner), ThreadPoolExecutor() as pool:
        until(lambda: runner.state is State.READY)
        running = pool.submit(post, client)
        assert gate.entered.wait(30)
        waiting = pool.submit(post, client)
        until(lambda: runner.waiting == 1)
        runner.close()
        assert problem(waiting.result()) == (503, "not_ready", True)
        assert problem(post(client)) == (503, "not_ready", True)
        assert (client.get("/ping").status_code, client.get("/ping").json()["state"]) == (503, "stopping")
        gate.open.set()
        assert running.result().status_code == 200
