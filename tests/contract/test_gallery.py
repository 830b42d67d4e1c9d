"""What `ports.Gallery` promises, of the fake and of S3 alike."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from afterimage.adapters.s3_gallery import PRESIGN_CONFIG, S3Gallery
from afterimage.domain.errors import InvalidResultError, StoreUnavailableError
from afterimage.ports import Gallery
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from fakes.outside import FakeGallery
from fakes.stubbed import UNREACHED, stubbed, unreached

SOURCE, KEY = "quarantine/1/a/0.png", "images/9/0.png"
TAGS = {"job": "1", "seed": "7", "model": "demo 1.2_a+b-c=d:e/f@g"}


class Shelf:
    """A gallery with one object of five bytes in quarantine, and what was published of it."""

    def __init__(self, gallery: Gallery, tags_of: Callable[[str], dict[str, str] | None]) -> None:
        self.gallery = gallery
        self.tags_of = tags_of


@pytest.fixture(params=["fake", "s3"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    if request.param == "fake":
        fake = FakeGallery({SOURCE: 5})
        return Shelf(fake, lambda key: fake.published[key][1] if key in fake.published else None)
    s3, bucket = request.getfixturevalue("s3"), request.getfixturevalue("bucket")
    s3.put_object(Bucket=bucket, Key=SOURCE, Body=b"12345", Tagging="state=raw")

    def tags_of(key: str) -> dict[str, str] | None:
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]]
        if key not in keys:
            return None
        return {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]}

    return Shelf(S3Gallery(s3, bucket), tags_of)


@pytest.mark.parametrize("size_bytes", [5, None])
def test_an_object_is_published_with_exactly_these_tags(shelf: Shelf, size_bytes: int | None) -> None:
    shelf.gallery.publish(SOURCE, KEY, size_bytes, TAGS)
    assert shelf.tags_of(KEY) == TAGS


@pytest.mark.parametrize(
    ("name", "tag"),
    [("Modell (größe) & 'x'", "Modell -gr--e- - -x-"), ("模型", "--"), ("m" * 300, "m" * 256), ("", "")],
)
def test_whatever_a_model_is_called_its_pictures_are_published(s3: Any, bucket: str, name: str, tag: str) -> None:
    s3.put_object(Bucket=bucket, Key=SOURCE, Body=b"12345")
    S3Gallery(s3, bucket).publish(SOURCE, KEY, 5, {"model": name})
    assert s3.get_object_tagging(Bucket=bucket, Key=KEY)["TagSet"] == [{"Key": "model", "Value": tag}]


def test_publishing_again_gives_the_same(shelf: Shelf) -> None:
    shelf.gallery.publish(SOURCE, KEY, 5, {"job": "0"})
    shelf.gallery.publish(SOURCE, KEY, 5, TAGS)
    assert shelf.tags_of(KEY) == TAGS


def test_an_object_of_another_size_is_not_published(shelf: Shelf) -> None:
    with pytest.raises(InvalidResultError):
        shelf.gallery.publish(SOURCE, KEY, 6, TAGS)
    assert shelf.tags_of(KEY) is None


@pytest.mark.parametrize("size_bytes", [5, None])
def test_an_object_that_is_not_there_is_not_published(shelf: Shelf, size_bytes: int | None) -> None:
    with pytest.raises(InvalidResultError):
        shelf.gallery.publish("quarantine/1/a/9.png", KEY, size_bytes, TAGS)
    assert shelf.tags_of(KEY) is None


def test_a_thumbnail_is_read_as_it_was_published(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="images/9/0.jpg", Body=b"\xff\xd8small")
    assert S3Gallery(s3, bucket).read_thumbnail("images/9/0.jpg") == b"\xff\xd8small"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("SlowDown", 503),
        ("ServiceUnavailable", 503),
        ("InternalError", 500),
        # The answer to HEAD has no body, so botocore knows no more than the number.
        ("503", 503),
        ("500", 500),
        ("429", 429),
    ],
)
def test_what_may_pass_is_told_as_ours(code: str, status: int) -> None:
    client, stubber = stubbed("s3")
    gallery = S3Gallery(client, "pictures")
    stubber.add_client_error("head_object", code, http_status_code=status)
    with pytest.raises(StoreUnavailableError):
        gallery.publish(SOURCE, KEY, 5, TAGS)
    stubber.add_client_error("get_object", code, http_status_code=status)
    with pytest.raises(StoreUnavailableError):
        gallery.read_thumbnail(KEY)
    stubber.add_response("head_object", {"ContentLength": 5}, {"Bucket": "pictures", "Key": SOURCE})
    stubber.add_client_error("copy_object", code, http_status_code=status)
    with pytest.raises(StoreUnavailableError):
        gallery.publish(SOURCE, KEY, 5, TAGS)


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_store_that_is_not_reached_is_told_as_ours(error: Exception) -> None:
    gallery = S3Gallery(unreached("s3", error), "pictures")
    for size_bytes in (5, None):
        with pytest.raises(StoreUnavailableError):
            gallery.publish(SOURCE, KEY, size_bytes, TAGS)
    with pytest.raises(StoreUnavailableError):
        gallery.read_thumbnail(KEY)


def test_a_thumbnail_that_breaks_off_is_told_as_ours() -> None:
    client, stubber = stubbed("s3")
    stubber.add_response("get_object", {"Body": StreamingBody(io.BytesIO(b"\xff\xd8"), 100)})  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailableError):
        S3Gallery(client, "pictures").read_thumbnail(KEY)


def test_another_refusal_is_passed_on() -> None:
    client, stubber = stubbed("s3")
    stubber.add_client_error("get_object", "InvalidObjectState", http_status_code=400)
    with pytest.raises(ClientError):
        S3Gallery(client, "pictures").read_thumbnail(KEY)


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-southeast-2"])
def test_a_signed_url_is_sigv4_regional_and_short_lived(region: str) -> None:
    client = boto3.client(
        "s3",
        config=PRESIGN_CONFIG,
        region_name=region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    url = urlsplit(S3Gallery(client, "pictures").presign("images/9/ä b.png"))
    query = parse_qs(url.query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert f"/{region}/s3/" in query["X-Amz-Credential"][0]
    assert int(query["X-Amz-Expires"][0]) <= 300
    assert url.hostname is not None
    assert region in url.hostname
    assert url.path == "/images/9/%C3%A4%20b.png"


def test_a_cloud_behind_an_address_keeps_the_bucket_in_the_path() -> None:
    client = boto3.client(
        "s3",
        config=PRESIGN_CONFIG,
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:4566",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    assert S3Gallery(client, "pictures").presign(KEY).startswith(f"http://127.0.0.1:4566/pictures/{KEY}?")
