"""Runs in the environment `sagemaker`: `python -m cli.models.upload` with a plan on stdin, a line of JSON per file.

An object that is there with the same size and digest is kept, so an upload that was cut goes on where it stopped. The
list of digests goes last: a prefix that has one is whole.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

Send = Callable[..., Any]
DIGEST = "sha256"  # the object's own metadata


class UploadError(Exception):
    """Raised when an object is not in S3 as it was sent."""


def upload(plan: dict[str, Any], send: Send, head: Callable[[str, str], dict[str, Any] | None]) -> None:
    """Send every file of the plan that is not there yet, and look at each afterwards. Raises UploadError.

    `send` is the SDK's `Session.upload_data`; `head` gives size and metadata of an object, None when there is none.
    """
    for file in plan["files"]:
        bucket, key = plan["bucket"], f"{plan['prefix']}{file['name']}"
        if _is_there(head(bucket, key), file):
            _tell({"kept": file["name"]})
            continue
        metadata = {"Metadata": {DIGEST: file["sha256"]}}
        send(path=file["path"], bucket=bucket, key_prefix=key.rpartition("/")[0], extra_args=metadata)
        if not _is_there(head(bucket, key), file):
            raise UploadError(f"{file['name']} is not in S3 as it was sent")
        _tell({"sent": file["name"], "size": file["size"]})


def _is_there(found: dict[str, Any] | None, file: dict[str, Any]) -> bool:
    if found is None:
        return False
    return bool(found["ContentLength"] == file["size"] and found.get("Metadata", {}).get(DIGEST) == file["sha256"])


def _tell(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def main() -> int:
    """Upload; the last line is `{"error": …}` when it did not work."""
    plan = json.load(sys.stdin)
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    # The SDK greets and warns on stdout's side of things: what it prints must not look like ours.
    ours, sys.stdout = sys.stdout, sys.stderr
    from sagemaker.core.helper.session_helper import Session  # type: ignore[import-not-found,unused-ignore]

    try:
        boto = boto3.Session(profile_name=plan["profile"], region_name=plan["region"])
        client = boto.client("s3")

        def head(bucket: str, key: str) -> dict[str, Any] | None:
            try:
                found: dict[str, Any] = client.head_object(Bucket=bucket, Key=key)
            except ClientError as exc:
                if exc.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return None
                raise
            return found

        session = Session(boto_session=boto)
        sys.stdout = ours
        upload(plan, session.upload_data, head)
    except (BotoCoreError, ClientError, UploadError, OSError) as exc:
        sys.stdout = ours
        _tell({"error": f"{type(exc).__name__}: {exc}"})
        return 1
    except Exception as exc:  # boto3's own S3UploadFailedError, and whatever the SDK raises
        sys.stdout = ours
        _tell({"error": f"{type(exc).__name__}: {exc}"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
