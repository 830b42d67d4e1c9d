"""No function that reads objects may list the bucket: S3 does not tell them a missing object from a forbidden one."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from afterimage.adapters.s3_gallery import S3Gallery
from afterimage.adapters.s3_results import S3Results
from afterimage.domain.errors import InvalidResultError
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from security.iam_table import GRANTS
from security.template import functions

BUCKET = "pictures"


def forbidding(operation: str, code: str) -> tuple[Any, Stubber]:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    stubber = Stubber(client)
    stubber.add_client_error(operation, service_error_code=code, http_status_code=403)
    stubber.activate()
    return client, stubber


# The door of campaigns says which files a run has left, and erases a campaign's folder; a test below holds it to that.
LIST_AND_READ = {"ModelRole", "CampaignsApiFunction"}


def test_no_function_that_reads_objects_may_list_the_bucket() -> None:
    lists = {grant.holder for grant in GRANTS if grant.action == "s3:ListBucket"}
    reads = {grant.holder for grant in GRANTS if grant.action == "s3:GetObject"}
    assert lists & reads == LIST_AND_READ
    assert (
        lists - LIST_AND_READ == {grant.holder for grant in GRANTS if grant.action == "s3:DeleteObject"} - LIST_AND_READ
    )


def test_the_door_of_campaigns_lists_their_folders_only() -> None:
    (policies,) = [policy["Statement"] for policy in functions()["CampaignsApiFunction"]["Policies"]]
    (listing,) = [statement for statement in policies if statement["Action"] == "s3:ListBucket"]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["campaigns/*"]}}


def test_a_failure_object_that_is_not_there_leaves_the_failure_without_words() -> None:
    # A request that expired in the queue has none. The token must be answered all the same.
    client, stubber = forbidding("get_object", "AccessDenied")
    assert S3Results(client, BUCKET).read_problem(f"s3://{BUCKET}/inference/failure/a.out") is None
    stubber.assert_no_pending_responses()


def test_a_result_that_is_not_there_is_an_invalid_result() -> None:
    client, _ = forbidding("get_object", "AccessDenied")
    with pytest.raises(InvalidResultError):
        S3Results(client, BUCKET).read_result(f"s3://{BUCKET}/inference/output/a.out")


def test_a_picture_that_is_not_there_is_an_invalid_result() -> None:
    client, _ = forbidding("head_object", "403")
    with pytest.raises(InvalidResultError):
        S3Gallery(client, BUCKET).publish("quarantine/a/0.png", "images/b/0.png", 10, {})


def test_a_picture_that_may_not_be_published_is_our_fault_and_not_the_container_s() -> None:
    client, _ = forbidding("copy_object", "AccessDenied")
    with pytest.raises(ClientError):
        S3Gallery(client, BUCKET).publish("quarantine/a/0.png", "images/b/0.png", None, {})
