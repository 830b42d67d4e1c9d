"""A campaign's files in S3 by moto: of any size, a part in memory at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from afterimage.adapters.s3_campaign_files import PART_BYTES, S3CampaignFiles
from afterimage.domain.errors import CampaignNotFoundError, StoreUnavailableError
from botocore.exceptions import ClientError
from fakes.stubbed import UNREACHED, stubbed, unreached

KEY = "campaigns/c/checks/1/rows.jsonl"


@pytest.fixture
def files(s3: Any, bucket: str) -> S3CampaignFiles:
    return S3CampaignFiles(s3, bucket)


def of_size(size: int) -> bytes:
    return bytes(itertools.islice(itertools.cycle(range(251)), size))


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 2 * PART_BYTES + 5])
def test_a_file_comes_back_as_it_was_written(files: S3CampaignFiles, size: int) -> None:
    body = of_size(size)
    pieces = (body[start : start + 1_000_003] for start in range(0, size, 1_000_003))
    files.write(KEY, pieces, "application/x-ndjson")
    assert b"".join(files.read(KEY)) == body
    assert files.size(KEY) == size


@pytest.mark.parametrize("size", [10, PART_BYTES + 10])
def test_a_file_says_what_it_is(files: S3CampaignFiles, s3: Any, bucket: str, size: int) -> None:
    files.write(KEY, [of_size(size)], "text/csv; charset=utf-8")
    assert s3.head_object(Bucket=bucket, Key=KEY)["ContentType"] == "text/csv; charset=utf-8"


def test_a_file_is_written_over(files: S3CampaignFiles) -> None:
    files.write(KEY, [b"first and longer"], "text/csv")
    files.write(KEY, [b"second"], "text/csv")
    assert b"".join(files.read(KEY)) == b"second"


def test_a_part_of_a_file_is_read_alone(files: S3CampaignFiles) -> None:
    files.write(KEY, [b"0123456789"], "text/csv")
    assert files.read_range(KEY, 2, 3) == b"234"
    assert files.read_range(KEY, 9, 1) == b"9"
    assert files.read_range(KEY, 4, 0) == b""


@pytest.mark.parametrize("reading", [lambda files: files.read(KEY), lambda files: files.read_range(KEY, 0, 1)])
def test_a_file_that_is_not_there_is_told_at_the_call(
    files: S3CampaignFiles, reading: Callable[[S3CampaignFiles], object]
) -> None:
    with pytest.raises(CampaignNotFoundError):
        reading(files)
    assert files.size(KEY) is None


@pytest.mark.parametrize("bytes_before", [0, 10, PART_BYTES + 10, 2 * PART_BYTES + 10])
def test_a_writer_that_fails_leaves_nothing_behind(
    files: S3CampaignFiles, s3: Any, bucket: str, bytes_before: int
) -> None:
    def failing() -> Iterator[bytes]:
        yield of_size(bytes_before)
        raise RuntimeError("the reader died")

    with pytest.raises(RuntimeError, match="the reader died"):
        files.write(KEY, failing(), "text/csv")
    assert files.size(KEY) is None
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_a_prefix_is_erased_and_nothing_beside_it(files: S3CampaignFiles, s3: Any, bucket: str) -> None:
    own = [f"campaigns/a/{number}" for number in range(1001)]
    for key in [*own, "campaigns/ab/1", "campaigns/b/1"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for _ in range(2):
        files.erase("campaigns/a/")
    assert {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]} == {
        "campaigns/ab/1",
        "campaigns/b/1",
    }


def test_an_object_that_s3_did_not_delete_is_told_though_it_answers_well() -> None:
    client, stubber = stubbed("s3")
    stubber.add_response("list_objects_v2", {"IsTruncated": False, "Contents": [{"Key": KEY}]})
    stubber.add_response("delete_objects", {"Errors": [{"Key": KEY, "Code": "SlowDown"}]})
    with pytest.raises(StoreUnavailableError):
        S3CampaignFiles(client, "bucket").erase("campaigns/c/")


CALLS: dict[str, tuple[str, Callable[[S3CampaignFiles], object]]] = {
    "read": ("get_object", lambda files: files.read(KEY)),
    "read_range": ("get_object", lambda files: files.read_range(KEY, 0, 1)),
    "size": ("head_object", lambda files: files.size(KEY)),
    "write": ("put_object", lambda files: files.write(KEY, [b"x"], "text/csv")),
    "write_parts": ("create_multipart_upload", lambda files: files.write(KEY, [bytes(PART_BYTES + 1)], "text/csv")),
    "erase": ("list_objects_v2", lambda files: files.erase("campaigns/c/")),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_may_pass_is_told_as_ours(name: str) -> None:
    operation, call = CALLS[name]
    client, stubber = stubbed("s3")
    stubber.add_client_error(operation, "SlowDown", http_status_code=503)
    with pytest.raises(StoreUnavailableError):
        call(S3CampaignFiles(client, "bucket"))
    for error in UNREACHED:
        with pytest.raises(StoreUnavailableError):
            call(S3CampaignFiles(unreached("s3", error), "bucket"))


@pytest.mark.parametrize("name", ["write", "write_parts", "erase"])
def test_another_refusal_is_passed_on(name: str) -> None:
    operation, call = CALLS[name]
    client, stubber = stubbed("s3")
    stubber.add_client_error(operation, "AccessDenied", http_status_code=403)
    with pytest.raises(ClientError):
        call(S3CampaignFiles(client, "bucket"))


@pytest.mark.parametrize("name", ["read", "read_range"])
def test_a_file_that_is_not_there_is_forbidden_to_who_may_not_list(name: str) -> None:
    client, stubber = stubbed("s3")
    stubber.add_client_error("get_object", "AccessDenied", http_status_code=403)
    with pytest.raises(CampaignNotFoundError):
        CALLS[name][1](S3CampaignFiles(client, "bucket"))
