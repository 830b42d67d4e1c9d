"""Whatever is sent, the answer is a result or a refusal with a code: never a failure of ours, never silence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import pytest
from afterimage.contracts.codec import from_json
from afterimage.contracts.generation import GenerationJob, GenerationResult, ModelError
from afterimage_model.generate import generate_together
from afterimage_model.orders import Order
from afterimage_model.predictor import Predictor
from afterimage_model.serve.app import create_app
from afterimage_model.serve.runner import Runner, State, Work
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

VALID: dict[str, Any] = {"job_id": "j-1", "prompt": "a cat", "seeds": [1], "steps": 1}
FIELDS = [field.name for field in fields(GenerationJob)]

texts = st.text(max_size=20) | st.sampled_from(
    [
        "",
        "\ud83d",
        "../x",
        "EulerDiscreteScheduler",
        "PNDMScheduler",
        "img2img",
        "webp",
        "s3://b/quarantine/x/",
        "jobs/j-1/x",
    ]
)
numbers = st.integers() | st.integers(0, 80) | st.floats() | st.sampled_from([10**400, -1, 0, 64, 1e308])
scalars = st.none() | st.booleans() | numbers | texts
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=8
)
few_seeds = st.lists(st.integers(0, 2**32 - 1) | scalars, max_size=3)
nearly_valid = st.fixed_dictionaries(
    {}, optional={name: few_seeds if name == "seeds" else scalars for name in FIELDS}
).map(lambda changed: VALID | changed)


class NoStore:
    """Takes everything and has nothing."""

    def put(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        pass

    def exists(self, bucket: str, key: str) -> bool:
        return False

    def get(self, bucket: str, key: str, most_bytes: int) -> bytes | None:
        return None


@pytest.fixture(scope="module")
def client(predictor: Predictor, until: Callable[[Callable[[], bool]], None]) -> Iterator[TestClient]:
    def make(orders: Sequence[Order]) -> None:
        generate_together(orders, predictor, NoStore())

    runner = Runner(lambda: Work(make=make, largest_batch=4), queue_size=4)
    runner.start()
    with TestClient(create_app(runner, max_body_bytes=262144)) as client:
        until(lambda: runner.state is State.READY)
        yield client
        assert runner.state is State.READY
    runner.close()
    assert runner.join(30)


def check(client: TestClient, body: bytes) -> int:
    response = client.post("/invocations", content=body, headers={"content-type": "application/json"})
    assert int(response.headers["content-length"]) == len(response.content)
    assert client.get("/ping").status_code == 200
    if response.status_code == 200:
        from_json(GenerationResult, response.content)
    else:
        assert 400 <= response.status_code < 500, response.text
        assert from_json(ModelError, response.content).error.code
    return response.status_code


unhurried = settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@unhurried
@given(document=anything)
@example(document={"\ud800": 1})
@example(document=[[[[]]]])
def test_any_json_is_refused_with_a_code(client: TestClient, document: Any) -> None:
    check(client, json.dumps(document).encode())


@unhurried
@given(document=nearly_valid)
@example(document=VALID)
@example(document=VALID | {"guidance": 10**400})
@example(document=VALID | {"guidance": float("nan")})
@example(document=VALID | {"width": 10**4000})
@example(document=VALID | {"scheduler": "\ud800"})
@example(document=VALID | {"mode": "img2img", "input_key": "jobs/j-1/input", "strength": 1})
def test_a_document_with_anything_in_its_fields_is_made_or_refused(client: TestClient, document: Any) -> None:
    check(client, json.dumps(document).encode())


@unhurried
@given(body=st.binary(max_size=200))
@example(body=b'{"a":' * 20000)
@example(body=b"1" * 5000)
def test_any_bytes_are_refused_with_a_code(client: TestClient, body: bytes) -> None:
    assert check(client, body) == 400


def test_what_is_valid_is_made(client: TestClient) -> None:
    assert check(client, json.dumps(VALID).encode()) == 200
