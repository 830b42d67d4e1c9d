"""The two routes SageMaker calls, and /metrics. Every answer has a Content-Length; none is chunked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from afterimage.contracts.codec import ContractError, from_json, to_json
from afterimage.contracts.generation import GenerationJob, GenerationResult
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from afterimage_model.errors import BodyTooLarge, InvalidDocument, ModelFault, WrongContentType
from afterimage_model.orders import Order
from afterimage_model.serve.metrics import CONTENT_TYPE
from afterimage_model.serve.runner import Runner, State

RETRY_AFTER_S = 5


def create_app(runner: Runner, *, max_body_bytes: int) -> Starlette:
    """The application; it only reads the runner's state and hands jobs to it."""

    async def ping(request: Request) -> Response:
        state = "stopping" if runner.closed else str(runner.state)
        healthy = not runner.closed and runner.state in (State.READY, State.BUSY)
        return _json(200 if healthy else 503, {"state": state, "reason": runner.reason})

    async def metrics(request: Request) -> Response:
        ready = not runner.closed and runner.state in (State.READY, State.BUSY)
        body = runner.metrics.text(waiting=runner.waiting, in_hand=runner.in_hand, ready=ready)
        return Response(body, media_type=CONTENT_TYPE)

    async def invocations(request: Request) -> Response:
        try:
            order = runner.submit(await read_job(request, max_body_bytes))
        except ModelFault as fault:  # turned away at the door; what comes later is counted by the runner
            runner.metrics.answered(fault.code, 0, 0.0)
            return answer_fault(fault)
        try:
            return _json(200, await made_or_left(request, runner, order))
        except ModelFault as fault:
            return answer_fault(fault)

    async def unknown_route(request: Request, exc: Exception) -> Response:
        status, headers = (exc.status_code, exc.headers) if isinstance(exc, HTTPException) else (500, None)
        return _json(
            status, InvalidDocument("there are GET /ping, GET /metrics and POST /invocations").document(), headers
        )

    routes = [
        Route("/ping", ping, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
        Route("/invocations", invocations, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: unknown_route})


async def read_job(request: Request, max_body_bytes: int) -> GenerationJob:
    """Read and decode the body. Raises WrongContentType, BodyTooLarge or InvalidDocument."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise WrongContentType(f"the body must be application/json, not {content_type or 'untyped'}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_body_bytes:
            raise BodyTooLarge(f"the body must have at most {max_body_bytes} bytes")
    try:
        return from_json(GenerationJob, bytes(body))
    except (ContractError, RecursionError) as exc:
        raise InvalidDocument(str(exc)) from exc


async def made_or_left(request: Request, runner: Runner, order: Order) -> GenerationResult:
    """Wait for the answer, and drop the order when the client closes the connection first."""
    left = asyncio.ensure_future(_disconnected(request))
    made = asyncio.wrap_future(order.future)
    try:
        await asyncio.wait((made, left), return_when=asyncio.FIRST_COMPLETED)
        if not made.done():
            runner.drop(order)
        return await made
    finally:
        left.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass  # the body is read, so nothing else is to come


def answer_fault(fault: ModelFault) -> Response:
    """The fault as its status and ModelError; what may work later says when."""
    headers = {"retry-after": str(RETRY_AFTER_S)} if fault.status == 503 else None
    return _json(fault.status, fault.document(), headers)


def _json(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    return Response(to_json(value), status_code=status, headers=headers, media_type="application/json")
