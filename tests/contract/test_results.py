"""What the container and SageMaker wrote, read from S3: only ours, only of the agreed shape, only of sane size."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from afterimage.adapters.s3_results import S3Results
from afterimage.contracts.codec import to_document, to_json
from afterimage.contracts.generation import ModelError, ModelProblem
from afterimage.domain.errors import InvalidResultError, StoreUnavailableError
from botocore.response import StreamingBody
from fakes.samples import a_job, a_result, an_attempt
from fakes.sealing import sealed
from fakes.stubbed import UNREACHED, stubbed, unreached
from urllib3.exceptions import ReadTimeoutError

RESULT = a_result(a_job(), an_attempt(a_job()))
PROBLEM = ModelProblem(code="outside_limits", message="Steps: at most 50.")


@pytest.fixture
def results(s3: Any, bucket: str) -> S3Results:
    return S3Results(s3, bucket)


def put(s3: Any, bucket: str, key: str, text: str | bytes) -> str:
    s3.put_object(Bucket=bucket, Key=key, Body=text if isinstance(text, bytes) else text.encode())
    return f"s3://{bucket}/{key}"


def test_a_result_is_read_as_the_container_wrote_it(results: S3Results, s3: Any, bucket: str) -> None:
    assert results.read_result(put(s3, bucket, "inference/output/1.out", to_json(RESULT))) == RESULT


@pytest.mark.parametrize(
    "text", ["", "not json", "{}", "[]", to_json(RESULT)[:-1], b"\xff\xfe", to_json(ModelError(error=PROBLEM))]
)
def test_a_result_of_another_shape_is_refused(results: S3Results, s3: Any, bucket: str, text: str | bytes) -> None:
    location = put(s3, bucket, "inference/output/1.out", text)
    with pytest.raises(InvalidResultError):
        results.read_result(location)


def test_a_result_without_measure_is_refused(results: S3Results, s3: Any, bucket: str) -> None:
    location = put(s3, bucket, "inference/output/1.out", to_json(RESULT) + " " * 1_000_000)
    with pytest.raises(InvalidResultError):
        results.read_result(location)


def test_a_result_elsewhere_is_not_even_read(results: S3Results, s3: Any, bucket: str) -> None:
    put(s3, bucket, "uploads/somebody/1.out", to_json(RESULT))
    put(s3, bucket, "inference/failure/1.out", to_json(RESULT))
    for location in (
        f"s3://{bucket}/uploads/somebody/1.out",
        f"s3://{bucket}/inference/failure/1.out",
        f"s3://another-{bucket}/inference/output/1.out",
        f"https://{bucket}/inference/output/1.out",
        "",
    ):
        with pytest.raises(InvalidResultError):
            results.read_result(location)


def test_a_missing_result_is_refused(results: S3Results, bucket: str) -> None:
    with pytest.raises(InvalidResultError):
        results.read_result(f"s3://{bucket}/inference/output/none.out")


def test_the_containers_own_words_are_read(results: S3Results, s3: Any, bucket: str) -> None:
    location = put(s3, bucket, "inference/failure/1.out", to_json(ModelError(error=PROBLEM)))
    assert results.read_problem(location) == PROBLEM


@pytest.mark.parametrize(
    "text",
    [
        f'Received server error (500) from primary with message "{to_json(ModelError(error=PROBLEM))}". See https://x '
        "in account 111122223333 for more information.",
        f'Received client error (400) from primary with message "{to_json(ModelError(error=PROBLEM))}"',
        to_json(ModelError(error=PROBLEM)) + "\n",
        "\n  " + to_json(ModelError(error=PROBLEM)),
        b"\xff" + to_json(ModelError(error=PROBLEM)).encode(),
        json.dumps(to_document(ModelError(error=PROBLEM)), indent=2),
    ],
    ids=["server error", "client error", "line end", "space before", "broken before", "indented"],
)
def test_the_containers_own_words_are_found_in_what_sagemaker_says_around_them(
    results: S3Results, s3: Any, bucket: str, text: str | bytes
) -> None:
    assert results.read_problem(put(s3, bucket, "inference/failure/1.out", text)) == PROBLEM


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Model timed out",
        "<html>",
        "[]",
        '{"error": "text"}',
        b"\xff\xfe",
        'Received server error (500) from primary with message "{"error": {"code": "busy", "mess". See more.',
        'Received server error (500) from primary with message "{"message": "text"}".',
        'Received server error (500) from primary with message "{"error": {"code": 5, "message": "text"}}".',
        'Received server error (0) from model with message "".',
    ],
)
def test_other_words_are_none(results: S3Results, s3: Any, bucket: str, text: str | bytes) -> None:
    assert results.read_problem(put(s3, bucket, "inference/failure/1.out", text)) is None


def test_no_words_are_none(results: S3Results, bucket: str) -> None:
    for location in (None, "", f"s3://{bucket}/inference/failure/none.out", "s3://another/inference/failure/1.out"):
        assert results.read_problem(location) is None


def test_what_was_written_exists_and_nothing_else_does(results: S3Results, s3: Any, bucket: str) -> None:
    for folder in ("output", "failure"):
        location = put(s3, bucket, f"inference/{folder}/there.out", "anything")
        assert results.exists(location)
        assert not results.exists(location.replace("there", "none"))
    put(s3, bucket, "uploads/somebody/1.out", "anything")
    for location in (f"s3://{bucket}/uploads/somebody/1.out", "s3://another/inference/output/there.out", ""):
        assert not results.exists(location)


def test_a_role_that_may_not_list_hears_a_bare_403_of_a_missing_key() -> None:
    client, stubber = stubbed("s3")
    stubber.add_client_error("head_object", "403", http_status_code=403)
    assert not S3Results(client, "pictures").exists("s3://pictures/inference/output/none.out")


@pytest.mark.parametrize(("code", "status"), [("503", 503), ("500", 500), ("TooManyRequests", 429)])
def test_a_store_that_cannot_say_whether_is_told_as_ours(code: str, status: int) -> None:
    client, stubber = stubbed("s3")
    stubber.add_client_error("head_object", code, http_status_code=status)
    with pytest.raises(StoreUnavailableError):
        S3Results(client, "pictures").exists("s3://pictures/inference/output/none.out")


def test_a_role_that_may_not_list_hears_access_denied_of_a_missing_key() -> None:
    """Raised, it would be delivered again in vain while the state waits for hours."""
    client, stubber = stubbed("s3")
    results = S3Results(client, "pictures")
    stubber.add_client_error("get_object", "AccessDenied", http_status_code=403)
    assert results.read_problem("s3://pictures/inference/failure/none.out") is None
    stubber.add_client_error("get_object", "AccessDenied", http_status_code=403)
    with pytest.raises(InvalidResultError):
        results.read_result("s3://pictures/inference/output/none.out")


@pytest.mark.parametrize(("code", "status"), [("SlowDown", 503), ("InternalError", 500), ("TooManyRequests", 429)])
def test_what_may_pass_is_told_as_ours(code: str, status: int) -> None:
    client, stubber = stubbed("s3")
    results = S3Results(client, "pictures")
    for _ in range(2):
        stubber.add_client_error("get_object", code, http_status_code=status)
    with pytest.raises(StoreUnavailableError):
        results.read_problem("s3://pictures/inference/failure/1.out")
    with pytest.raises(StoreUnavailableError):
        results.read_result("s3://pictures/inference/output/1.out")


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_store_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    results = S3Results(unreached("s3", error), "pictures")
    with pytest.raises(StoreUnavailableError):
        results.read_problem("s3://pictures/inference/failure/1.out")
    with pytest.raises(StoreUnavailableError):
        results.read_result("s3://pictures/inference/output/1.out")


def test_an_answer_that_breaks_off_while_it_is_read_is_told_as_ours() -> None:
    class BreaksOff(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise ReadTimeoutError(None, "s3", "no more came")  # type: ignore[arg-type]

    client, stubber = stubbed("s3")
    body = StreamingBody(BreaksOff(), 100)  # type: ignore[arg-type]
    stubber.add_response("get_object", {"Body": body})
    with pytest.raises(StoreUnavailableError):
        S3Results(client, "pictures").read_problem("s3://pictures/inference/failure/1.out")


def test_the_sealed_copies_are_read_where_their_attempt_lies_and_in_their_shape_only(
    results: S3Results, s3: Any, bucket: str
) -> None:
    found = sealed(RESULT)
    put(s3, bucket, f"quarantine/{found.job_id}/{found.attempt_id}/sealed/sealed.json", to_json(found))
    assert results.read_sealed(a_job().job_id, found.attempt_id) == found
    for text in ("", "{}", to_json(found)[:-1], to_json(RESULT)):
        put(s3, bucket, f"quarantine/{found.job_id}/b/sealed/sealed.json", text)
        with pytest.raises(InvalidResultError):
            results.read_sealed(a_job().job_id, "b")
    with pytest.raises(InvalidResultError):
        results.read_sealed(a_job().job_id, "nowhere")
