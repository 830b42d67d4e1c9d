"""Ids of jobs and inferences: sorted by time, short enough for SageMaker, told from any other text."""

from __future__ import annotations

import pytest
from afterimage.domain.expiry import is_expired
from afterimage.domain.job import is_job_id, new_job_id, split_inference_id
from fakes.samples import a_job, an_attempt
from hypothesis import given
from hypothesis import strategies as st

TIMES = st.integers(0, 2**48 - 1)
ENTROPY = st.binary(min_size=10, max_size=10)
ATTEMPTS = st.text("0123456789abcdef", min_size=16, max_size=16)


@given(TIMES, ENTROPY)
def test_a_new_id_is_recognised(now_ms: int, entropy: bytes) -> None:
    assert is_job_id(new_job_id(now_ms, entropy))


@given(TIMES, TIMES, ENTROPY, ENTROPY)
def test_ids_sort_by_time(one_ms: int, other_ms: int, one: bytes, other: bytes) -> None:
    if one_ms < other_ms:
        assert new_job_id(one_ms, one) < new_job_id(other_ms, other)


@given(TIMES, ENTROPY, ENTROPY)
def test_of_one_moment_only_chance_tells_ids_apart(now_ms: int, one: bytes, other: bytes) -> None:
    assert (new_job_id(now_ms, one) == new_job_id(now_ms, other)) == (one == other)


def test_an_id_fits_the_name_of_an_execution_and_of_a_metric() -> None:
    assert len(a_job().job_id) <= 80
    assert a_job().job_id.isalnum()


@given(st.text(max_size=30))
def test_any_text_is_judged_without_an_error(text: str) -> None:
    assert is_job_id(text) == (len(text) == 26 and set(text) <= set("0123456789abcdefghjkmnpqrstvwxyz"))


@given(TIMES, ENTROPY, ATTEMPTS)
def test_an_inference_id_fits_sagemaker_and_can_be_split_again(now_ms: int, entropy: bytes, attempt_id: str) -> None:
    attempt = an_attempt(a_job(job_id=new_job_id(now_ms, entropy)), attempt_id)
    assert len(attempt.inference_id) <= 64
    assert attempt.inference_id.isascii()
    assert split_inference_id(attempt.inference_id) == (attempt.job_id, attempt_id)


@pytest.mark.parametrize("text", ["", ".", "x", "x.y", a_job().job_id, f"{a_job().job_id}.", f".{'a' * 16}"])
def test_another_text_is_no_inference_of_ours(text: str) -> None:
    assert split_inference_id(text) is None


def test_expiry_begins_at_the_stated_second() -> None:
    assert not is_expired(100, 99_999)
    assert is_expired(100, 100_000)
