"""HTTP API events (payload version 2) and their responses, each held against the description of the API."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
from afterimage.adapters.s3_gallery import PRESIGN_CONFIG, S3Gallery
from afterimage.adapters.s3_progress import S3Progress
from afterimage.contracts.progress import GenerationProgress
from afterimage.domain.job import JobId
from openapi_schema_validator import OAS31Validator

ROOT = Path(__file__).parents[2]
_EVENTS = {
    "person": json.loads((ROOT / "events" / "http_post_image.json").read_text(encoding="utf-8")),
    "nobody": json.loads((ROOT / "events" / "http_get_link.json").read_text(encoding="utf-8")),
}
OPENAPI = json.loads((ROOT / "functions" / "afterimage" / "http" / "openapi.json").read_text(encoding="utf-8"))

PERSON = {"sub": "ada", "username": "ada", "token_use": "access", "scope": "aws.cognito.signin.user.admin"}
STRANGER = {"sub": "bob", "username": "bob", "token_use": "access", "scope": "aws.cognito.signin.user.admin"}
MACHINE = {"sub": "nightly", "client_id": "nightly", "token_use": "access", "scope": "afterimage/images"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response, decoded."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")


def an_event(
    method: str,
    path: str,
    *,
    body: Any = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    claims: Mapping[str, str] | None = PERSON,
    base64_encoded: bool = False,
) -> dict[str, Any]:
    """Return an event. A `body` that is no text is sent as JSON; `claims` are what the authorizer found, None for a
    route without one. API Gateway gives headers in lower case and decodes the query."""
    event = copy.deepcopy(_EVENTS["person" if claims is not None else "nobody"])
    event.pop("body", None)
    event.pop("pathParameters", None)
    event["routeKey"] = event["requestContext"]["routeKey"] = f"{method} {path}"
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["http"]["method"] = method
    event["rawQueryString"] = urlencode(query or {})
    if query:
        event["queryStringParameters"] = dict(query)
    event["headers"].pop("idempotency-key", None)
    if body is None:
        event["headers"].pop("content-type", None)
        event["headers"].pop("content-length", None)
    else:
        text = body if isinstance(body, str) else json.dumps(body)
        event["body"] = base64.b64encode(text.encode()).decode() if base64_encoded else text
        event["isBase64Encoded"] = base64_encoded
    event["headers"].update({name.lower(): value for name, value in (headers or {}).items() if value})
    for name, value in (headers or {}).items():
        if not value:
            event["headers"].pop(name.lower(), None)
    if claims is not None:
        event["requestContext"]["authorizer"]["jwt"]["claims"] = dict(claims)
    return event


def answer(handle: Callable[[dict[str, Any]], dict[str, Any]], event: dict[str, Any]) -> Answer:
    """Have an event handled and hold the response against the description: its status is declared for the route, its
    body is of the declared shape, and every error is a problem document with a code."""
    response = handle(event)
    headers = {name.lower(): value for name, value in response["headers"].items()}
    found = Answer(status=response["statusCode"], headers=headers, text=response.get("body") or "")
    if found.status >= 400:
        assert found.content_type == "application/problem+json", found
        assert found.body["code"] and found.body["detail"], found
        assert found.body["status"] == found.status
        assert headers["cache-control"] == "no-store"
    if found.status != 404 or found.body["code"] != "route_not_found":
        _check_declared(event["requestContext"]["http"]["method"], event["rawPath"], found)
    return found


def _check_declared(method: str, path: str, found: Answer) -> None:
    template = next(known for known in OPENAPI["paths"] if _fits(path, known))
    declared = OPENAPI["paths"][template][method.lower()]["responses"]
    assert str(found.status) in declared, f"{method} {template} does not declare {found.status}: {found.text}"
    contents = declared[str(found.status)].get("content", {})
    if found.content_type in contents and found.text:
        schema = contents[found.content_type]["schema"] | {"components": OPENAPI["components"]}
        OAS31Validator(schema).validate(found.body)
    elif found.status >= 400:
        raise AssertionError(f"{method} {template} does not declare {found.content_type} for {found.status}")


def _fits(path: str, template: str) -> bool:
    steps, known = path.split("/"), template.split("/")
    return len(steps) == len(known) and all(k.startswith("{") or k == s for s, k in zip(steps, known, strict=True))


class News:
    """In place of S3Progress: what the container wrote of which job, nothing at first."""

    def __init__(self) -> None:
        self.written: dict[str, GenerationProgress] = {}

    def read_progress(self, job_id: JobId) -> GenerationProgress | None:
        return self.written.get(job_id)


def news() -> S3Progress:
    """Return a News where the real one is asked for."""
    return News()  # type: ignore[return-value]


def a_presigning_gallery() -> S3Gallery:
    """Return the real one: presigning asks nobody, so it needs no fake."""
    client = boto3.client(
        "s3",
        config=PRESIGN_CONFIG,
        region_name="eu-central-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        aws_session_token="testing",
    )
    return S3Gallery(client, "pictures")
