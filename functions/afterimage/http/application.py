"""The resolver that every HTTP Lambda starts from: our problem documents instead of the library's own errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from afterimage.domain.errors import AfterimageError
from afterimage.http.problems import CONTENT_TYPE, problem_response, response_for
from afterimage.http.schemas import FieldProblem, Problem
from afterimage.telemetry import logger


def application() -> APIGatewayHttpResolver:
    """Return a resolver that validates, and that answers every error as a problem document."""
    app = APIGatewayHttpResolver(enable_validation=True)

    @app.exception_handler(RequestValidationError)
    def refuse_shape(error: RequestValidationError) -> Response[str]:
        return _shape_problem(error)

    @app.exception_handler(AfterimageError)
    def refuse(error: AfterimageError) -> Response[str]:
        logger.info("request refused", code=error.code)
        return response_for(error)

    @app.exception_handler(Exception)
    def fail(error: Exception) -> Response[str]:
        # The type only: a message of the SDK may quote the request.
        logger.error("request failed", error=type(error).__name__)
        return response_for(AfterimageError())

    @app.not_found
    def no_route(_: Exception) -> Response[str]:
        return problem_response(HTTPStatus.NOT_FOUND, "route_not_found", "There is no such route.")

    return app


def problems(*statuses: int) -> dict[int, Any]:
    """Return OpenAPI responses that declare a problem document for each status."""
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {CONTENT_TYPE: {"model": Problem}}}
        for status in statuses
    }


def _shape_problem(error: RequestValidationError) -> Response[str]:
    """Name each wrong field and why, never its value: a value may be a prompt or an address."""
    found = error.errors()
    if any(entry["type"] == "json_invalid" for entry in found):
        return problem_response(HTTPStatus.BAD_REQUEST, "invalid_json", "The body is not JSON.")
    fields = tuple(
        FieldProblem(field=".".join(str(part) for part in entry["loc"]), message=entry["msg"]) for entry in found
    )
    sentence = f"{fields[0].field}: {fields[0].message}" if fields else "The request is not valid."
    return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", sentence, fields)
