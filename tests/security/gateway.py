"""The HTTP API without a network: routes, authorizer and integrations as the template has them, functions in this
process with their real dependencies, and moto for AWS.

What API Gateway does before a function is asked is done here as its documentation says: the path is decoded, header
names are in lower case, repeated query fields are joined by commas, and a route that asks for a token is not reached
without one.
"""

from __future__ import annotations

import base64
import importlib
import itertools
import json
import os
import re
import types
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, unquote, urlsplit

import boto3
import requests
from fakes.template import create_table
from moto import mock_aws
from moto.awslambda.responses import LambdaResponse
from moto.core.exceptions import AWSError, InvalidToken
from moto.sesv2.responses import SESV2Response
from security.template import functions, resources, template

NOBODY = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_REGION": "eu-central-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
ACCOUNT = "123456789012"
STACK = "afterimage"
MACHINE = f"arn:aws:states:eu-central-1:{ACCOUNT}:stateMachine"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/states"
CONTEXT = types.SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=512,
    invoked_function_arn="arn",
    aws_request_id="request",
    log_stream_name="stream",
    get_remaining_time_in_millis=lambda: 30_000,
)


@dataclass(frozen=True)
class Reply:
    """What a caller gets. `route` is the one that a function answered; None is an answer of the gateway's own."""

    status: int
    headers: dict[str, str]
    body: bytes
    route: str | None

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Gateway:
    """One deployed API. `people` are its users by the word that stands in for a token."""

    pool: str
    parameters: dict[str, str]
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def person(self, name: str, *groups: str) -> str:
        """Create a person with a confirmed address; return the word that stands in for the token."""
        client = boto3.client("cognito-idp")
        address = f"{name}@afterimage.example"
        attributes = [{"Name": "email", "Value": address}, {"Name": "email_verified", "Value": "true"}]
        user = client.admin_create_user(UserPoolId=self.pool, Username=address, UserAttributes=attributes)["User"]
        claims = {"sub": user["Username"], "username": user["Username"], "client_id": "app", "token_use": "access"}
        claims |= {"scope": "aws.cognito.signin.user.admin"}
        if groups:  # API Gateway writes a list claim like this
            claims["cognito:groups"] = f"[{' '.join(groups)}]"
        self.people[name] = claims
        return name

    def set_parameters(self) -> None:
        """Give every parameter of an operator the value of the deployment, whatever an admin has made of it."""
        for name, value in self.parameters.items():
            boto3.client("ssm").put_parameter(Name=name, Type="String", Value=value, Overwrite=True)

    @contextmanager
    def forgetting(self) -> Iterator[None]:
        """Take out of the table what came into it: moto copies all of a table for each transaction."""
        before = self._keys()
        yield
        gone = [{"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}} for pk, sk in self._keys() - before]
        for first in range(0, len(gone), 25):
            boto3.client("dynamodb").batch_write_item(RequestItems={STACK: gone[first : first + 25]})

    def _keys(self) -> set[tuple[str, str]]:
        pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=STACK)
        return {(item["pk"]["S"], item["sk"]["S"]) for page in pages for item in page["Items"]}

    def send(self, prepared: requests.PreparedRequest) -> Reply:
        """Answer a request as it would go over the wire."""
        parts = urlsplit(str(prepared.url))
        headers = {name.lower(): _text(value) for name, value in prepared.headers.items()}
        body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
        return self.request(str(prepared.method), parts.path, query=parts.query, headers=headers, body=body)

    def request(
        self, method: str, raw_path: str, *, query: str = "", headers: Mapping[str, str] = {}, body: bytes = b""
    ) -> Reply:
        """Answer one request: the route, the token, the function."""
        path = unquote(raw_path, errors="replace")
        found = _route(method, path)
        if found is None:
            return _own(404, "Not Found")
        route, parameters = found
        claims = self.people.get(headers.get("authorization", "").removeprefix("Bearer "))
        if route["AuthorizationType"] == "JWT":
            if claims is None:
                return _own(401, "Unauthorized")
            if not set(route["AuthorizationScopes"]) & set(claims["scope"].split()):
                return _own(403, "Forbidden")
        event = self._event(route["RouteKey"], method, path, query, headers, body, parameters)
        if route["AuthorizationType"] == "JWT":
            event["requestContext"]["authorizer"] = {"jwt": {"claims": dict(claims or {}), "scopes": None}}
        function = re.sub(r"Integration$", "Function", re.findall(r"\$\{(\w+)\}", route["Target"]["Sub"])[0])
        return _reply(route["RouteKey"], _handler(function).lambda_handler(event, CONTEXT))

    def _event(
        self,
        route_key: str,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        parameters: dict[str, str],
    ) -> dict[str, Any]:
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"host": "api.example", **headers},
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": "a17e1a6e",
                "domainName": "api.example",
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
                "requestId": f"r{next(self.numbers)}",
                "routeKey": route_key,
                "stage": "$default",
                "timeEpoch": 1_795_336_200_000,
            },
            "isBase64Encoded": False,
        }
        if parameters:
            event["pathParameters"] = parameters
        joined: dict[str, str] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        if joined:
            event["queryStringParameters"] = joined
        if body:
            try:
                event["body"] = body.decode()
            except UnicodeDecodeError:
                event["body"], event["isBase64Encoded"] = base64.b64encode(body).decode(), True
        return event


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _own(status: int, message: str) -> Reply:
    content = json.dumps({"message": message}).encode()
    return Reply(status, {"content-type": "application/json"}, content, None)


def _reply(route: str, response: dict[str, Any]) -> Reply:
    headers = {name.lower(): str(value) for name, value in response["headers"].items()}
    for name, values in (response.get("multiValueHeaders") or {}).items():
        headers[name.lower()] = ", ".join(values)
    text = response.get("body") or ""
    body = base64.b64decode(text) if response.get("isBase64Encoded") else text.encode()
    return Reply(response["statusCode"], headers, body, route)


def _route(method: str, path: str) -> tuple[dict[str, Any], dict[str, str]] | None:
    """The route of the template that fits, a fixed segment before a parameter."""
    fitting = []
    for resource in resources("AWS::ApiGatewayV2::Route").values():
        wanted, _, pattern = resource["Properties"]["RouteKey"].partition(" ")
        expression = "/".join(
            f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part) for part in pattern.split("/")
        )
        match = re.fullmatch(expression, path, re.DOTALL)
        if match and wanted == method:
            fitting.append((pattern.count("{"), resource["Properties"], match.groupdict()))
    if not fitting:
        return None
    _, properties, parameters = min(fitting, key=lambda found: found[0])
    return properties, parameters


def _handler(function: str) -> Any:
    return importlib.import_module(functions()[function]["Handler"].rpartition(".")[0])


def served() -> list[str]:
    """The functions behind the routes."""
    targets = (route["Properties"]["Target"]["Sub"] for route in resources("AWS::ApiGatewayV2::Route").values())
    return sorted({re.sub(r"Integration$", "Function", re.findall(r"\$\{(\w+)\}", text)[0]) for text in targets})


@contextmanager
def deployed(quotas: str) -> Iterator[Gateway]:
    """What the template says, as far as the functions behind the routes need it, on an empty AWS."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, NOBODY))
        stack.enter_context(mock_aws())
        stack.enter_context(mock.patch.object(InvalidToken, "__init__", _unknown_page))
        # moto knows no list of suppressed addresses; on AWS, to take one off that is not on it is no more than this.
        forgiven = mock.patch.object(SESV2Response, "delete_suppressed_destination", lambda _: "{}", create=True)
        stack.enter_context(forgiven)
        # Nobody reads rows here: a check that is begun stays so.
        stack.enter_context(mock.patch.object(LambdaResponse, "invoke", lambda _: (202, {}, b"")))
        names = _resources_by_name()
        parameters = _parameters(names, quotas)
        for function in served():
            _handler(function).dependencies.cache_clear()
        variables: dict[str, str] = {}
        for function in served():
            for name, value in functions()[function]["Environment"]["Variables"].items():
                resolved = _resolved(value, names)
                assert variables.setdefault(name, resolved) == resolved, name
        stack.enter_context(mock.patch.dict(os.environ, variables))
        stack.callback(lambda: [_handler(function).dependencies.cache_clear() for function in served()])
        api = Gateway(names["UserPool"], parameters)
        api.set_parameters()
        yield api


def _unknown_page(self: AWSError, message: str = "") -> None:
    """Name a page that is none as Cognito does; moto has a word of its own."""
    AWSError.__init__(self, message, "InvalidParameterException")


def _resources_by_name() -> dict[str, str]:
    """Create what the functions speak to; return logical id → name or ARN, as Ref gives it."""
    names = {"Table": STACK, "Bucket": "pictures"}
    create_table(boto3.client("dynamodb"), STACK)
    boto3.client("s3").create_bucket(
        Bucket="pictures", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    pool = boto3.client("cognito-idp").create_user_pool(PoolName=STACK, UsernameAttributes=["email"])
    names["UserPool"] = pool["UserPool"]["Id"]
    definition = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 9, "End": True}}})
    for logical in resources("AWS::Serverless::StateMachine"):
        made = boto3.client("stepfunctions").create_state_machine(name=logical, definition=definition, roleArn=ROLE)
        names[logical] = made["stateMachineArn"]
    boto3.client("scheduler").create_schedule_group(Name=STACK)
    names["CampaignSchedules"] = STACK
    return names


def _parameters(names: dict[str, str], quotas: str) -> dict[str, str]:
    """Name to value of every parameter, with `quotas` instead of the template's; `names` learns the names."""
    values: dict[str, str] = {}
    for logical, resource in resources("AWS::SSM::Parameter").items():
        properties = resource["Properties"]
        names[logical] = name = properties["Name"]["Sub"].replace("${AWS::StackName}", STACK)
        values[name] = quotas if name.endswith("/quotas") else _resolved(properties["Value"], names)
    return values


def _resolved(value: Any, names: Mapping[str, str]) -> str:
    """A value of the template as CloudFormation would give it, as far as it is one of ours."""
    if not isinstance(value, dict):
        return str(value)
    ((kind, of),) = value.items()
    if kind == "Ref":
        return names.get(of) or str(template()["Parameters"].get(of, {}).get("Default", of))
    if kind == "GetAtt":
        return names.get(of.partition(".")[0]) or of.replace(".", "-")
    if kind == "If":
        return "https://api.example" if "Url" in json.dumps(of) else _resolved(of[2], names)
    return re.sub(
        r"\$\{([A-Za-z0-9.:]+)\}", lambda found: names.get(found[1], found[1]), of if isinstance(of, str) else of[0]
    )
