"""The progress of a job is read from S3 at most once a second, and its absence is no error."""

from __future__ import annotations

from typing import Any

import boto3
from afterimage.adapters.s3_progress import S3Progress
from afterimage.contracts.codec import to_json
from afterimage.contracts.progress import GenerationProgress, progress_key
from afterimage.domain.job import JobId
from botocore.stub import Stubber
from fakes.samples import job_id

ONE, TWO = JobId(job_id(1)), JobId(job_id(2))


def progress(step: int) -> GenerationProgress:
    return GenerationProgress(step=step, steps=30, picture=0, pictures=1, at="2026-11-22T12:00:00.000+00:00")


class Clock:
    now = 1_000_000

    def __call__(self) -> int:
        return self.now


def test_it_is_read_once_a_second_for_one_job(s3: Any, bucket: str) -> None:
    clock = Clock()
    reader = S3Progress(s3, bucket, clock)
    assert reader.read_progress(ONE) is None
    s3.put_object(Bucket=bucket, Key=progress_key(ONE), Body=to_json(progress(3)).encode())
    assert reader.read_progress(ONE) is None, "within the second nothing is asked again"
    clock.now += 1_000
    assert reader.read_progress(ONE) == progress(3)
    s3.put_object(Bucket=bucket, Key=progress_key(TWO), Body=to_json(progress(9)).encode())
    assert reader.read_progress(TWO) == progress(9), "another job is another question"


def test_what_is_no_progress_is_none(s3: Any, bucket: str) -> None:
    for body in (b"", b"[]", b'{"step": "many"}', b"\xff"):
        s3.put_object(Bucket=bucket, Key=progress_key(ONE), Body=body)
        assert S3Progress(s3, bucket, Clock()).read_progress(ONE) is None


def test_a_store_that_does_not_answer_is_no_error() -> None:
    client = boto3.client(
        "s3", region_name="eu-central-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    with Stubber(client) as stubber:
        for code, status in (("SlowDown", 503), ("AccessDenied", 403)):
            stubber.add_client_error("get_object", code, http_status_code=status)
            assert S3Progress(client, "bucket", Clock()).read_progress(ONE) is None
