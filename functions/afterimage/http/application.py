"""The resolver that every HTTP Lambda starts from: our problem documents instead of the library's own errors."""

from __future__ import annotations

import base64
import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from afterimage.domain.errors import AfterimageError
from afterimage.http.problems import CONTENT_TYPE, problem_response, response_for
from afterimage.http.schemas import FieldProblem, Problem
from afterimage.telemetry import count, facts_of, logger

_JSON = "application/json"
# On every answer: presigned URLs and prompts stand in bodies, so no cache keeps one, no browser takes it for something
# else or runs what is in it, and no page that is reached from it learns its address.
_CLOSED = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class _Resolver(APIGatewayHttpResolver):
    """Refuses what is no JSON before the library sees it, which answers some such bodies with a failure of ours."""

    def resolve(self, event: dict[str, Any], context: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return the response to an HTTP API event (payload version 2)."""
        if event.get("body"):
            try:
                event = _with_json_body(event)
            except _BodyRefusedError as exc:
                refusal = problem_response(exc.status, exc.code, exc.sentence)
                headers = {**_CLOSED, **refusal.headers}
                return {"statusCode": refusal.status_code, "headers": headers, "body": refusal.body}
        response: dict[str, Any] = super().resolve(event, context)
        return response | {"headers": _CLOSED | response["headers"]}


class _BodyRefusedError(Exception):
    def __init__(self, status: HTTPStatus, code: str, sentence: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.sentence = sentence


def _with_json_body(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event with its body as JSON text, which API Gateway may have encoded."""
    headers = event.get("headers") or {}
    if headers.get("content-type", _JSON).partition(";")[0].strip().lower() not in ("", _JSON):
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        raise _BodyRefusedError(status, "unsupported_media_type", f"Send the body as {_JSON}.")
    text = event["body"]
    try:
        if event.get("isBase64Encoded"):
            text = base64.b64decode(text, validate=True).decode()
        json.loads(text)
    except (ValueError, RecursionError) as exc:  # no base64, no UTF-8, no JSON, or JSON without measure
        raise _BodyRefusedError(HTTPStatus.BAD_REQUEST, "invalid_json", "The body is not JSON.") from exc
    return {**event, "headers": {**headers, "content-type": _JSON}, "body": text, "isBase64Encoded": False}


def application() -> APIGatewayHttpResolver:
    """Return a resolver that validates, and that answers every error as a problem document."""
    # Without debug=False, POWERTOOLS_DEV would print each event and answer a fault with its traceback.
    app = _Resolver(enable_validation=True, debug=False)

    @app.exception_handler(RequestValidationError)
    def refuse_shape(error: RequestValidationError) -> Response[str]:
        return _shape_problem(error)

    @app.exception_handler(AfterimageError)
    def refuse(error: AfterimageError) -> Response[str]:
        logger.info("request refused", code=error.code)
        return response_for(error)

    @app.exception_handler(Exception)
    def fail(error: Exception) -> Response[str]:
        logger.error("request failed", **facts_of(error))
        count("UnforeseenError")
        return response_for(AfterimageError())

    @app.not_found
    def no_route(_: Exception) -> Response[str]:
        return problem_response(HTTPStatus.NOT_FOUND, "route_not_found", "There is no such route.")

    return app


def answer(body: Any, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None) -> Response[Any]:
    """Return an answer as JSON; the headers that keep it closed come with every answer."""
    return Response(status_code=status.value, content_type=_JSON, body=body, headers=headers or {})


def problems(*statuses: int) -> dict[int, Any]:
    """Return OpenAPI responses that declare a problem document for each status."""
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {CONTENT_TYPE: {"model": Problem}}}
        for status in statuses
    }


def _shape_problem(error: RequestValidationError) -> Response[str]:
    """Name each wrong field and why, never its value: a value may be a prompt or an address."""
    found = error.errors()
    fields = tuple(
        FieldProblem(field=".".join(str(part) for part in entry["loc"]), message=entry["msg"]) for entry in found
    )
    sentence = f"{fields[0].field}: {fields[0].message}" if fields else "The request is not valid."
    return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", sentence, fields)
