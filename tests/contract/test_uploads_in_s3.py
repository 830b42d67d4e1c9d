"""Uploads in S3: the form, the look at the door, the job's own copy, and the erasing, for the fake and on moto."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import boto3
import pytest
from afterimage.adapters.s3_gallery import PRESIGN_CONFIG
from afterimage.adapters.s3_uploads import S3Uploads
from afterimage.domain.errors import InputGoneError, InvalidRequestError, StoreUnavailableError, UploadNotFoundError
from afterimage.domain.job import InputPicture, Job, input_key
from afterimage.domain.uploads import MAX_INPUT_BYTES, UploadId, new_upload_id, upload_key
from botocore.exceptions import ClientError
from botocore.stub import ANY
from fakes.outside import NOW_MS
from fakes.samples import OWNER, SPEC, a_job
from fakes.stubbed import stubbed

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
UPLOAD = new_upload_id(NOW_MS, b"0123456789")


class World:
    """A bucket with an upload of Ada's."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self.s3, self.bucket = s3, bucket
        self.uploads = S3Uploads(s3, bucket)
        self.put(upload_key(OWNER, UPLOAD), PNG)

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="image/jpeg", Tagging="a=b")

    def keys(self) -> set[str]:
        return {entry["Key"] for entry in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", ())}

    def read(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def job(self, **changes: Any) -> Job:
        picture = self.uploads.find(OWNER, UPLOAD, NOW_MS)
        return a_job(spec=dataclasses.replace(SPEC, input=dataclasses.replace(picture, **changes), strength=0.6))


@pytest.fixture
def world(s3: Any, bucket: str) -> World:
    return World(s3, bucket)


def test_the_door_sees_size_tag_and_what_the_file_itself_says_it_is(world: World) -> None:
    found = world.uploads.find(OWNER, UPLOAD, NOW_MS)
    etag = world.s3.head_object(Bucket=world.bucket, Key=upload_key(OWNER, UPLOAD))["ETag"]
    assert found == InputPicture(upload=UPLOAD, etag=etag, size_bytes=len(PNG), content_type="image/png")


@pytest.mark.parametrize(
    ("owner", "upload_id", "at_ms"),
    [
        ("user#bob", UPLOAD, NOW_MS),
        (OWNER, new_upload_id(NOW_MS, b"another-id"), NOW_MS),
        (OWNER, UPLOAD, NOW_MS + 86_400_000),
        (OWNER, f"../{UPLOAD}", NOW_MS),
    ],
    ids=["another's", "never sent", "a day old", "no id"],
)
def test_what_is_not_ones_own_and_living_is_not_there(world: World, owner: str, upload_id: str, at_ms: int) -> None:
    with pytest.raises(UploadNotFoundError):
        world.uploads.find(owner, upload_id, at_ms)


def test_what_is_no_picture_is_refused_at_the_door(world: World) -> None:
    world.put(upload_key(OWNER, UPLOAD), b"%PDF-1.7 of some length")
    with pytest.raises(InvalidRequestError) as caught:
        world.uploads.find(OWNER, UPLOAD, NOW_MS)
    assert caught.value.code == "input_not_a_picture"


def test_a_short_file_is_no_picture_and_no_fault(world: World) -> None:
    world.put(upload_key(OWNER, UPLOAD), b"x")
    with pytest.raises(InvalidRequestError):
        world.uploads.find(OWNER, UPLOAD, NOW_MS)


def test_a_job_gets_a_copy_that_outlives_the_upload(world: World) -> None:
    job = world.job()
    world.uploads.take(job)
    world.uploads.erase(OWNER, UPLOAD)
    world.uploads.take(job)  # the state runs again
    assert world.keys() == {input_key(job.job_id)}
    assert world.read(input_key(job.job_id)) == PNG
    tags = world.s3.get_object_tagging(Bucket=world.bucket, Key=input_key(job.job_id))["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"job": job.job_id, "origin": "upload"}


def test_a_copy_is_never_made_anew_from_what_the_upload_became(world: World) -> None:
    job = world.job()
    world.uploads.take(job)
    world.put(upload_key(OWNER, UPLOAD), PNG + b"another")
    world.uploads.take(job)
    assert world.read(input_key(job.job_id)) == PNG


def test_an_upload_that_went_before_the_copy_ends_the_job(world: World) -> None:
    job = world.job()
    world.uploads.erase(OWNER, UPLOAD)
    with pytest.raises(InputGoneError):
        world.uploads.take(job)
    assert world.keys() == set()


def test_an_upload_that_was_replaced_before_the_copy_ends_the_job() -> None:
    # moto heeds no x-amz-copy-source-if-match; the emulator does, see tests/integration/test_input_pictures.py.
    s3, stub = stubbed("s3")
    picture = InputPicture(upload=UPLOAD, etag='"1"', size_bytes=9, content_type="image/png")
    job = a_job(spec=dataclasses.replace(SPEC, input=picture))
    stub.add_client_error("head_object", service_error_code="403", http_status_code=403)
    expected = {
        "Bucket": "pictures",
        "Key": input_key(job.job_id),
        "CopySource": {"Bucket": "pictures", "Key": upload_key(OWNER, UPLOAD)},
        "CopySourceIfMatch": '"1"',
        "TaggingDirective": "REPLACE",
        "Tagging": ANY,
    }
    stub.add_client_error("copy_object", "PreconditionFailed", http_status_code=412, expected_params=expected)
    with pytest.raises(InputGoneError):
        S3Uploads(s3, "pictures").take(job)
    stub.assert_no_pending_responses()


@pytest.mark.parametrize("operation", ["head_object", "copy_object"])
def test_a_store_that_throttles_is_asked_again_and_a_fault_is_not_hidden(operation: str) -> None:
    for code, status, error in (("SlowDown", 503, StoreUnavailableError), ("InvalidRequest", 400, ClientError)):
        s3, stub = stubbed("s3")
        if operation == "copy_object":
            stub.add_client_error("head_object", service_error_code="404", http_status_code=404)
        stub.add_client_error(operation, service_error_code=code, http_status_code=status)
        picture = InputPicture(upload=UPLOAD, etag='"1"', size_bytes=9, content_type="image/png")
        with pytest.raises(error):
            S3Uploads(s3, "pictures").take(a_job(spec=dataclasses.replace(SPEC, input=picture)))


def test_a_job_without_an_input_asks_nobody() -> None:
    s3, stub = stubbed("s3")
    S3Uploads(s3, "pictures").take(a_job())
    stub.assert_no_pending_responses()


def test_everything_of_an_owner_goes_and_nothing_of_others(world: World) -> None:
    second, theirs = new_upload_id(NOW_MS, b"second-one"), upload_key("user#bob", UPLOAD)
    world.put(upload_key(OWNER, second), PNG)
    world.put(theirs, PNG)
    world.uploads.erase_all(OWNER)
    world.uploads.erase_all(OWNER)
    assert world.keys() == {theirs}


def test_the_form_bounds_key_type_size_and_time() -> None:
    client = boto3.client("s3", "eu-central-1", aws_access_key_id="x", aws_secret_access_key="x", config=PRESIGN_CONFIG)
    url, fields = S3Uploads(client, "pictures").form(OWNER, UploadId(UPLOAD), "image/jpeg")
    policy = json.loads(base64.b64decode(fields["policy"]))
    assert url == "https://pictures.s3.eu-central-1.amazonaws.com/"
    assert (fields["key"], fields["Content-Type"]) == (upload_key(OWNER, UPLOAD), "image/jpeg")
    assert ["content-length-range", 1, MAX_INPUT_BYTES] in policy["conditions"]
    assert {"Content-Type": "image/jpeg"} in policy["conditions"]
    assert {"key": fields["key"]} in policy["conditions"]
    assert "tagging" not in str(policy)
