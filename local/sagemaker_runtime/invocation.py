"""One InvokeEndpointAsync request, read from its headers and held to the bounds of the service model."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "x-amzn-sagemaker-"
MAX_BODY_BYTES = 128_000
DEFAULT_TTL_S = 21_600
DEFAULT_TIMEOUT_S = 900
_LOCATION = re.compile(r"^(https|s3)://([^/]+)/?(.*)$")
_INFERENCE_ID = re.compile(r"\A\S[\x20-\x7e]*\Z")


class ServiceError(Exception):
    """An error of the service as a client sees it: HTTP status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def validation_error(message: str) -> ServiceError:
    return ServiceError(400, "ValidationError", message)


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """An accepted request. Either `body` is set or `input_location` names an object in S3."""

    endpoint_name: str
    inference_id: str
    input_location: str
    output_location: str
    failure_location: str
    content_type: str
    accept: str
    custom_attributes: str
    ttl_s: float
    timeout_s: float
    received: datetime.datetime
    body: bytes | None = None


def parse_invocation(
    endpoint_name: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    output_path: str,
    failure_path: str,
    now: datetime.datetime,
) -> Invocation:
    """Read one request. `output_path` and `failure_path` are `s3://bucket/prefix` without a closing slash.

    Raises ServiceError (ValidationError) where SageMaker does.
    """

    def header(name: str, default: str = "", longest: int = 1024) -> str:
        value = headers.get(PREFIX + name, default)
        if len(value) > longest:
            raise validation_error(f"Value for {name} must have length less than or equal to {longest}")
        return value

    location = header("inputlocation")
    if bool(location) == bool(body):
        raise validation_error("Exactly one of InputLocation and Body must be given")
    if location and not _LOCATION.match(location):
        raise validation_error("InputLocation must be an s3:// or https:// location")
    if len(body) > MAX_BODY_BYTES:
        raise validation_error(f"Body must have length less than or equal to {MAX_BODY_BYTES}")
    inference_id = header("inference-id", str(uuid.uuid4()), longest=64)
    if not _INFERENCE_ID.match(inference_id):
        raise validation_error("InferenceId must be 1 to 64 printable characters that do not begin with a space")
    name = str(uuid.uuid4())
    return Invocation(
        endpoint_name=endpoint_name,
        inference_id=inference_id,
        input_location=location,
        output_location=f"{output_path}/{name}.out",
        failure_location=f"{failure_path}/{name}-error.out",
        content_type=header("content-type", "application/octet-stream"),
        accept=header("accept", "*/*"),
        custom_attributes=header("custom-attributes"),
        ttl_s=_bounded(header("requestttlseconds", str(DEFAULT_TTL_S)), "RequestTTLSeconds", 60, 21_600),
        timeout_s=_bounded(
            header("invocationtimeoutseconds", str(DEFAULT_TIMEOUT_S)), "InvocationTimeoutSeconds", 1, 3_600
        ),
        received=now,
        body=body or None,
    )


def _bounded(text: str, name: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise validation_error(f"{name} must be a whole number between {least} and {most}")
    return int(text)
