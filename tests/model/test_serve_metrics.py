"""GET /metrics: what has happened is counted once, under its code, and nothing of a job shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from afterimage.contracts.codec import to_json
from afterimage.contracts.generation import GeneratedImage, GenerationJob, GenerationResult
from afterimage_model.errors import OutsideLimits
from afterimage_model.orders import Order
from afterimage_model.predictor import Predictor
from afterimage_model.serve.app import create_app
from afterimage_model.serve.metrics import Metrics
from afterimage_model.serve.runner import Runner, State, Work
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

Values = dict[tuple[str, str], float]


def image(seed: int) -> GeneratedImage:
    return GeneratedImage(seed=seed, width=1, height=1, size_bytes=1, sha256="", content_type="image/png")


def make(orders: Sequence[Order]) -> None:
    """Refuse what asks for 99 steps, raise at 98, make the rest."""
    for order in orders:
        if order.job.steps == 99:
            order.answer(OutsideLimits("too many steps"))
        elif order.job.steps == 98:
            order.answer(RuntimeError("a secret wish"))
        else:
            order.answer(
                GenerationResult(
                    job_id=order.job.job_id,
                    images=tuple(image(seed) for seed in order.job.seeds),
                    width=1,
                    height=1,
                    steps=1,
                    guidance=1.0,
                    scheduler="x",
                    timings_s={},
                    versions={},
                )
            )


@pytest.fixture
def client(until: Callable[[Callable[[], bool]], None]) -> Iterator[TestClient]:
    runner = Runner(lambda: Work(make=make), queue_size=4)
    runner.start()
    with TestClient(create_app(runner, max_body_bytes=4096)) as client:
        until(lambda: runner.state is State.READY)
        yield client
    runner.close()
    assert runner.join(30)


def values(client: TestClient) -> Values:
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert int(response.headers["content-length"]) == len(response.content)
    families = text_string_to_metric_families(response.text)
    return {(s.name, s.labels.get("code", "")): s.value for family in families for s in family.samples}


def post(client: TestClient, **more: object) -> int:
    job = GenerationJob(job_id="j-1", prompt="a secret wish", seeds=(1, 2), **more)  # type: ignore[arg-type]
    return client.post("/invocations", content=to_json(job), headers={"content-type": "application/json"}).status_code


def test_jobs_are_counted_by_code_and_pictures_where_they_were_delivered(client: TestClient) -> None:
    assert [post(client), post(client), post(client, steps=99), post(client, steps=98)] == [200, 200, 400, 500]
    found = values(client)
    assert found["afterimage_jobs_total", "made"] == 2
    assert found["afterimage_jobs_total", "outside_limits"] == 1
    assert found["afterimage_jobs_total", "generation_failed"] == 1
    assert found["afterimage_pictures_total", ""] == 4
    assert found["afterimage_queued_seconds_count", ""] == 4
    assert (found["afterimage_jobs_waiting", ""], found["afterimage_jobs_in_hand", ""]) == (0, 0)
    assert found["afterimage_ready", ""] == 1
    assert found["process_resident_memory_bytes", ""] > 1e6
    assert "secret" not in client.get("/metrics").text


def test_what_is_turned_away_at_the_door_is_counted_too(client: TestClient) -> None:
    assert client.post("/invocations", content="{", headers={"content-type": "application/json"}).status_code == 400
    assert client.post("/invocations", content="{}", headers={"content-type": "text/plain"}).status_code == 415
    assert values(client)["afterimage_jobs_total", "invalid_document"] == 2


def test_a_server_that_is_not_ready_says_so() -> None:
    runner = Runner(lambda: Work(make=make), queue_size=4)
    with TestClient(create_app(runner, max_body_bytes=4096)) as client:
        assert values(client)["afterimage_ready", ""] == 0


def test_batches_and_steps_are_measured_by_the_predictor(tiny_folder: object) -> None:
    metrics = Metrics()
    predictor = Predictor(
        str(tiny_folder), device="cpu", threads=1, warm_up=False, max_batch=1, measured=metrics.batch_made
    )
    predictor.setup()
    predictor.predict(GenerationJob(job_id="j-1", prompt="a", seeds=(1, 2), steps=3))
    text = metrics.text(waiting=0, in_hand=0, ready=True).decode()
    families = text_string_to_metric_families(text)
    found = {sample.name: sample.value for family in families for sample in family.samples}
    assert found["afterimage_batch_pictures_count"] == 2
    assert found["afterimage_batch_pictures_sum"] == 2
    assert found["afterimage_step_seconds_count"] == 6
    assert found["afterimage_step_seconds_sum"] > 0
