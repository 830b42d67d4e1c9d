"""S3, SNS and STS of the emulator, as SageMaker uses them: with a session of the container's role.

So a missing permission of that role fails here as it fails on AWS. The same session is handed to the model server.
"""

from __future__ import annotations

import datetime
import json
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from local.sagemaker_runtime.endpoint import Endpoint

_RENEW_BEFORE = datetime.timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class RoleSession:
    """Temporary credentials of the container's role, with clients that use them."""

    access_key_id: str
    secret_access_key: str
    token: str
    expiration: datetime.datetime
    s3: Any
    sns: Any


class Cloud:
    """Access to the emulator. Thread-safe; boto3's clients are."""

    def __init__(self, endpoint_url: str, region: str) -> None:
        self.endpoint_url, self.region = endpoint_url, region
        self._lock = threading.Lock()
        self._sessions: dict[str, RoleSession] = {}
        root = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=region)
        self._sts = root.client("sts", endpoint_url=endpoint_url)
        self.iam = root.client("iam", endpoint_url=endpoint_url)
        self.functions = root.client("lambda", endpoint_url=endpoint_url)

    def session(self, role_arn: str) -> RoleSession:
        """Return a session of `role_arn` that lasts at least ten more minutes."""
        with self._lock:
            known = self._sessions.get(role_arn)
            if known is None or known.expiration - datetime.datetime.now(datetime.UTC) < _RENEW_BEFORE:
                known = self._sessions[role_arn] = self._assume(role_arn)
            return known

    def forget_sessions(self) -> None:
        """Drop all credentials: after a new deployment the roles behind them may be other ones."""
        with self._lock:
            self._sessions.clear()

    def _assume(self, role_arn: str) -> RoleSession:
        credentials = self._sts.assume_role(RoleArn=role_arn, RoleSessionName="SageMaker")["Credentials"]
        session = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=self.region,
        )
        paths = Config(s3={"addressing_style": "path"}, signature_version="s3v4", max_pool_connections=32)
        return RoleSession(
            access_key_id=credentials["AccessKeyId"],
            secret_access_key=credentials["SecretAccessKey"],
            token=credentials["SessionToken"],
            expiration=credentials["Expiration"],
            s3=session.client("s3", endpoint_url=self.endpoint_url, config=paths),
            sns=session.client("sns", endpoint_url=self.endpoint_url),
        )

    def read(self, endpoint: Endpoint, location: str) -> bytes:
        bucket, key = split_location(location)
        body: bytes = self.session(endpoint.role_arn).s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def write(self, endpoint: Endpoint, location: str, content: bytes, content_type: str) -> None:
        bucket, key = split_location(location)
        s3 = self.session(endpoint.role_arn).s3
        s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)

    def publish(self, endpoint: Endpoint, topic_arn: str, message: dict[str, Any]) -> None:
        self.session(endpoint.role_arn).sns.publish(TopicArn=topic_arn, Message=json.dumps(message))


def split_location(location: str) -> tuple[str, str]:
    """Split `s3://bucket/key`."""
    parts = urlsplit(location)
    return parts.netloc, parts.path.lstrip("/")
