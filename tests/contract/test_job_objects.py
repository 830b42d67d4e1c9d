"""What `ports.JobObjects` promises, of the fake and of S3 alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from afterimage.adapters.s3_job_objects import S3JobObjects
from afterimage.domain.errors import StoreUnavailableError
from afterimage.ports import JobObjects
from afterimage_model.storage import tombstone_key
from botocore.exceptions import ClientError
from fakes.outside import FakeJobObjects
from fakes.samples import job_id
from fakes.stubbed import UNREACHED, stubbed, unreached

GALLERY = "9" * 32
TOMBSTONE = f"jobs/{job_id(1)}/cancel"
OWN = {
    f"jobs/{job_id(1)}/a.json",
    f"jobs/{job_id(1)}/progress.json",
    f"quarantine/{job_id(1)}/a/0.png",
    f"quarantine/{job_id(1)}/b/0.png",
    f"images/{GALLERY}/0.png",
    f"images/{GALLERY}/0.jpg",
    "inference/output/a.out",
    "inference/failure/a-error.out",
}
FOREIGN = {
    f"jobs/{job_id(2)}/cancel",
    f"jobs/{job_id(1)}-not/a.json",
    f"quarantine/{job_id(2)}/a/0.png",
    f"images/{GALLERY}9/0.png",
    f"images/{'8' * 32}/0.png",
    "inference/output/b.out",
    "models/demo/weights",
}


@dataclass
class Shelf:
    """A bucket with these objects, and a way to see which are there."""

    objects: JobObjects
    bucket: str
    keys: Callable[[], set[str]]


@pytest.fixture(params=["fake", "s3"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    if request.param == "fake":
        fake = FakeJobObjects(*OWN, *FOREIGN)
        return Shelf(fake, "bucket", lambda: set(fake.keys))
    s3, bucket = request.getfixturevalue("s3"), request.getfixturevalue("bucket")
    for key in OWN | FOREIGN:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    return Shelf(
        S3JobObjects(s3, bucket),
        bucket,
        lambda: {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]},
    )


def locations(bucket: str) -> tuple[str, ...]:
    return tuple(f"s3://{bucket}/inference/{name}" for name in ("output/a.out", "failure/a-error.out"))


def test_the_tombstone_is_the_one_that_the_container_looks_for(shelf: Shelf) -> None:
    for _ in range(2):
        shelf.objects.put_tombstone(job_id(1))
    assert shelf.keys() == OWN | FOREIGN | {tombstone_key(job_id(1))}


def test_everything_of_a_job_is_erased_but_the_tombstone_and_nothing_else(shelf: Shelf) -> None:
    shelf.objects.put_tombstone(job_id(1))
    for _ in range(2):
        shelf.objects.erase(job_id(1), GALLERY, locations(shelf.bucket))
    assert shelf.keys() == FOREIGN | {TOMBSTONE}


def test_a_location_can_name_nothing_but_a_result_in_our_own_bucket(s3: Any, bucket: str) -> None:
    for key in FOREIGN:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    elsewhere = ("s3://other/inference/output/b.out", f"s3://{bucket}/models/demo/weights", f"s3://{bucket}", "x", "")
    S3JobObjects(s3, bucket).erase(job_id(1), GALLERY, elsewhere)
    assert {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]} == FOREIGN


def test_more_objects_than_fit_a_page_are_erased(s3: Any, bucket: str) -> None:
    for number in range(1001):
        s3.put_object(Bucket=bucket, Key=f"quarantine/{job_id(1)}/a/{number}.png", Body=b"")
    S3JobObjects(s3, bucket).erase(job_id(1), GALLERY, ())
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_an_object_that_s3_did_not_delete_is_told_though_it_answers_well() -> None:
    client, stubber = stubbed("s3")
    stubber.add_response("list_objects_v2", {"IsTruncated": False, "Contents": [{"Key": f"jobs/{job_id(1)}/a.json"}]})
    for _ in range(2):
        stubber.add_response("list_objects_v2", {"IsTruncated": False})
    stubber.add_response("delete_objects", {"Errors": [{"Key": f"jobs/{job_id(1)}/a.json", "Code": "SlowDown"}]})
    with pytest.raises(StoreUnavailableError):
        S3JobObjects(client, "bucket").erase(job_id(1), GALLERY, ())


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("SlowDown", 503, StoreUnavailableError),
        ("InternalError", 500, StoreUnavailableError),
        ("AccessDenied", 403, ClientError),
    ],
)
def test_what_may_pass_is_told_as_ours_and_another_refusal_is_passed_on(
    code: str, status: int, error: type[Exception]
) -> None:
    client, stubber = stubbed("s3")
    objects = S3JobObjects(client, "bucket")
    stubber.add_client_error("put_object", code, http_status_code=status)
    with pytest.raises(error):
        objects.put_tombstone(job_id(1))
    stubber.add_client_error("list_objects_v2", code, http_status_code=status)
    with pytest.raises(error):
        objects.erase(job_id(1), GALLERY, ())


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_store_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    objects = S3JobObjects(unreached("s3", error), "bucket")
    for call in (lambda: objects.put_tombstone(job_id(1)), lambda: objects.erase(job_id(1), GALLERY, ())):
        with pytest.raises(StoreUnavailableError):
            call()
