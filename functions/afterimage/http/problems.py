"""Errors as RFC 9457 problem documents with stable machine codes."""

from __future__ import annotations

import json
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from afterimage.domain.errors import (
    AccessTokenNeededError,
    AccountDisabledError,
    AdminOnlyError,
    AdmissionClosedError,
    AfterimageError,
    AlreadyDecidedError,
    CampaignNotFoundError,
    CampaignStateError,
    IdempotencyConflictError,
    JobClosedError,
    JobNotFoundError,
    LinkExpiredError,
    LinkNotFoundError,
    NotHeldError,
    NothingToShareError,
    OwnAccountError,
    OwnerErasingError,
    PersonNotFoundError,
    ProgramErasureError,
    QuotaExceededError,
    RecipientNotPermittedError,
    RejectedError,
    TooManyLinksError,
    TransientError,
    UploadNotFoundError,
)
from afterimage.http.schemas import FieldProblem, Problem

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

# The first class that fits decides, so special ones stand before general ones.
_STATUS: tuple[tuple[type[AfterimageError], HTTPStatus], ...] = (
    (AccessTokenNeededError, HTTPStatus.UNAUTHORIZED),
    (AccountDisabledError, HTTPStatus.FORBIDDEN),
    (AdminOnlyError, HTTPStatus.FORBIDDEN),
    (ProgramErasureError, HTTPStatus.FORBIDDEN),
    (RecipientNotPermittedError, HTTPStatus.FORBIDDEN),
    (OwnerErasingError, HTTPStatus.FORBIDDEN),
    (PersonNotFoundError, HTTPStatus.NOT_FOUND),
    (JobNotFoundError, HTTPStatus.NOT_FOUND),
    (LinkNotFoundError, HTTPStatus.NOT_FOUND),
    (CampaignNotFoundError, HTTPStatus.NOT_FOUND),
    (UploadNotFoundError, HTTPStatus.NOT_FOUND),
    (LinkExpiredError, HTTPStatus.GONE),
    (JobClosedError, HTTPStatus.CONFLICT),
    (NotHeldError, HTTPStatus.CONFLICT),
    (AlreadyDecidedError, HTTPStatus.CONFLICT),
    (CampaignStateError, HTTPStatus.CONFLICT),
    (NothingToShareError, HTTPStatus.CONFLICT),
    (TooManyLinksError, HTTPStatus.CONFLICT),
    (OwnAccountError, HTTPStatus.CONFLICT),
    (IdempotencyConflictError, HTTPStatus.CONFLICT),
    (AdmissionClosedError, HTTPStatus.SERVICE_UNAVAILABLE),
    (QuotaExceededError, HTTPStatus.TOO_MANY_REQUESTS),
    (RejectedError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TransientError, HTTPStatus.SERVICE_UNAVAILABLE),
    (AfterimageError, HTTPStatus.INTERNAL_SERVER_ERROR),
)


def status_of(error: AfterimageError) -> HTTPStatus:
    """Return the HTTP status that stands for `error`."""
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def problem_response(
    status: HTTPStatus,
    code: str,
    sentence: str,
    fields: tuple[FieldProblem, ...] = (),
    retry_after_s: int | None = None,
) -> Response[str]:
    """Return a problem document. A 503 always says when to come back."""
    problem = Problem(
        type=f"https://afterimage.invalid/problems/{code}",
        title=status.phrase,
        status=status.value,
        detail=sentence,
        code=code,
        errors=list(fields),
    )
    headers = {"Cache-Control": "no-store"}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        retry_after_s = RETRY_AFTER_S
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    body = problem.model_dump(exclude_defaults=not fields)
    return Response(status_code=status.value, content_type=CONTENT_TYPE, body=json.dumps(body), headers=headers)


def response_for(error: AfterimageError) -> Response[str]:
    """Return the problem document of an error of ours."""
    retry_after_s = error.retry_after_s if isinstance(error, QuotaExceededError) else None
    return problem_response(status_of(error), error.code, error.sentence, retry_after_s=retry_after_s)
