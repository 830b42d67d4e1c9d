"""Who signed a request, and may they invoke the endpoint?

The emulator has no SageMaker, so nothing there would notice a function without `sagemaker:InvokeEndpointAsync`. The
stand-in therefore checks the signature itself and asks the emulator's policy simulator about the caller's role.

The emulator gives the session of a function's role keys that derive from function and role (`execution_credentials` in
its `core/lambda_runtime.py`), so key, secret and token of every function can be computed from the list of functions.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.sagemaker_runtime.cloud import Cloud
from local.sagemaker_runtime.invocation import ServiceError

ACTION = "sagemaker:InvokeEndpointAsync"
ROOT_KEY = "test"
_AUTHORIZATION = re.compile(
    r"^AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, ?"
    r"SignedHeaders=(?P<signed>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})$"
)
_SKEW = datetime.timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a signature covers. Header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Keys of a caller; `role_arn` is None for the emulator's root, who may do everything."""

    name: str
    credentials: Credentials
    role_arn: str | None


class Callers:
    """Knows the callers of the emulator. Blocking: call it in a thread."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._known = {ROOT_KEY: Principal(name="root", credentials=Credentials(ROOT_KEY, ROOT_KEY), role_arn=None)}

    def authorize(self, request: Request, endpoint_arn: str, now: datetime.datetime) -> Principal:
        """Return who calls. Raises ServiceError when the signature is wrong or the permission is missing."""
        match = _AUTHORIZATION.match(request.headers.get("authorization", ""))
        if match is None:
            raise ServiceError(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        principal = self._principal(match["key"])
        _check_signature(request, match, principal.credentials, now)
        if principal.role_arn is not None and not self._allowed(principal.role_arn, endpoint_arn):
            raise ServiceError(
                403,
                "AccessDeniedException",
                f"User: {principal.name} is not authorized to perform: {ACTION} on resource: {endpoint_arn} "
                f"because no identity-based policy allows the {ACTION} action",
            )
        return principal

    def _principal(self, key: str) -> Principal:
        if key not in self._known:
            self.learn_functions()
        try:
            return self._known[key]
        except KeyError:
            message = "The security token included in the request is invalid."
            raise ServiceError(403, "UnrecognizedClientException", message) from None

    def learn_functions(self) -> None:
        """Compute the keys of every function that exists now."""
        for page in self._cloud.functions.get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                principal = function_principal(function["FunctionArn"], function["Role"])
                self._known[principal.credentials.access_key] = principal

    def _allowed(self, role_arn: str, endpoint_arn: str) -> bool:
        # Asked every time: a test may take the permission away between two calls.
        answer = self._cloud.iam.simulate_principal_policy(
            PolicySourceArn=role_arn, ActionNames=[ACTION], ResourceArns=[endpoint_arn]
        )
        return all(result["EvalDecision"] == "allowed" for result in answer["EvaluationResults"])


def function_principal(function_arn: str, role_arn: str) -> Principal:
    """Compute the keys that the emulator gives to a function."""
    digest = hashlib.sha256(f"{function_arn}:{role_arn}".encode()).hexdigest()
    account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    return Principal(
        name=f"arn:aws:sts::{account}:assumed-role/{role}/{function_arn.rsplit(':', 1)[-1]}",
        credentials=Credentials(
            f"ASIA{digest[:16].upper()}",
            hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
            hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
        ),
        role_arn=role_arn,
    )


def _check_signature(request: Request, match: re.Match[str], credentials: Credentials, now: datetime.datetime) -> None:
    invalid = ServiceError(403, "InvalidSignatureException", "The request signature we calculated does not match.")
    if not hmac.compare_digest(request.headers.get("x-amz-security-token", ""), credentials.token or ""):
        raise ServiceError(403, "UnrecognizedClientException", "The security token in the request is invalid.")
    timestamp = request.headers.get("x-amz-date", "")
    try:
        moment = datetime.datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    except ValueError:
        raise invalid from None
    if abs(now - moment) > _SKEW:
        raise ServiceError(403, "InvalidSignatureException", "Signature expired or not yet current.")
    names = match["signed"].split(";")
    signed = AWSRequest(
        method=request.method,
        url=request.url,
        headers={name: request.headers.get(name, "") for name in names},
        data=request.body,
    )
    signed.context["timestamp"] = timestamp
    auth = SigV4Auth(credentials, match["service"], match["region"])
    expected = auth.signature(auth.string_to_sign(signed, auth.canonical_request(signed)), signed)
    if not hmac.compare_digest(expected, match["signature"]):
        raise invalid
