"""HTTP of the stand-in: the one operation of the service, and control routes that begin with an underscore."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import hmac
import json
import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.sagemaker_runtime.caller import Callers, Request
from local.sagemaker_runtime.cloud import Cloud
from local.sagemaker_runtime.endpoint import Endpoint
from local.sagemaker_runtime.faults import FaultError
from local.sagemaker_runtime.invocation import ServiceError, parse_invocation, validation_error
from local.sagemaker_runtime.runtime import Runtime

logger = logging.getLogger("afterimage.sagemaker_runtime")


def build_app(cloud: Cloud, credentials_token: str) -> Starlette:
    """Return the application. `credentials_token` is what the model server shows to get the role's credentials."""
    runtime = Runtime(cloud)
    callers = Callers(cloud)

    async def invoke(request: HttpRequest) -> Response:
        try:
            return await _invoke(request, runtime, callers)
        except ServiceError as error:
            logger.warning("refused: %s %s", error.code, error.message)
            return JSONResponse(
                {"message": error.message}, status_code=error.status, headers={"x-amzn-ErrorType": error.code}
            )

    async def endpoint(request: HttpRequest) -> Response:
        if request.method == "GET":
            return JSONResponse(dataclasses.asdict(runtime.endpoint) if runtime.endpoint else None)
        try:
            wanted = Endpoint.from_document(await request.json())
        except (ValueError, TypeError) as exc:
            return JSONResponse({"message": str(exc)}, status_code=400)
        try:
            await runtime.configure(wanted)
            await asyncio.to_thread(callers.learn_functions)  # now rather than while the first request waits
        except (BotoCoreError, ClientError) as exc:
            # SageMaker, too, refuses an endpoint whose role it cannot take on or whose topics it cannot publish to.
            return JSONResponse({"message": str(exc)}, status_code=400)
        return JSONResponse({"endpoint": wanted.name})

    async def faults(request: HttpRequest) -> Response:
        if request.method == "PUT":
            try:
                runtime.faults.replace(await request.json())
            except (FaultError, ValueError, TypeError) as exc:
                return JSONResponse({"message": str(exc)}, status_code=400)
        elif request.method == "DELETE":
            runtime.faults.clear()
        return JSONResponse(runtime.faults.remaining())

    async def health(request: HttpRequest) -> Response:
        name = runtime.endpoint.name if runtime.endpoint else None
        return JSONResponse({"endpoint": name, "waiting": runtime.waiting})

    async def credentials(request: HttpRequest) -> Response:
        shown = request.headers.get("authorization", "")
        if not hmac.compare_digest(shown.encode(), credentials_token.encode()):
            return JSONResponse({"message": "wrong authorization token"}, status_code=403)
        if runtime.endpoint is None:
            return JSONResponse({"message": "no endpoint yet"}, status_code=503)
        return JSONResponse(await asyncio.to_thread(_credentials_document, cloud, runtime.endpoint.role_arn))

    return Starlette(
        routes=[
            Route("/endpoints/{name}/async-invocations", invoke, methods=["POST"]),
            Route("/_endpoint", endpoint, methods=["GET", "PUT"]),
            Route("/_faults", faults, methods=["GET", "PUT", "DELETE"]),
            Route("/_health", health, methods=["GET"]),
            Route("/_credentials", credentials, methods=["GET"]),
        ]
    )


async def _invoke(request: HttpRequest, runtime: Runtime, callers: Callers) -> Response:
    body = await request.body()
    name = request.path_params["name"]
    endpoint = runtime.endpoint
    now = datetime.datetime.now(datetime.UTC)
    if endpoint is None or endpoint.name != name:
        raise validation_error(f"Endpoint {name} of account 000000000000 not found.")
    signed = Request(method=request.method, url=str(request.url), headers=dict(request.headers), body=body)
    await asyncio.to_thread(callers.authorize, signed, endpoint.arn, now)
    invocation = parse_invocation(
        name,
        request.headers,
        body,
        output_path=endpoint.output_path,
        failure_path=endpoint.failure_path,
        now=now,
    )
    runtime.accept(endpoint, invocation)
    return Response(
        json.dumps({"InferenceId": invocation.inference_id}),
        status_code=202,
        media_type="application/json",
        headers={
            "X-Amzn-SageMaker-OutputLocation": invocation.output_location,
            "X-Amzn-SageMaker-FailureLocation": invocation.failure_location,
        },
    )


def _credentials_document(cloud: Cloud, role_arn: str) -> dict[str, Any]:
    """The answer that AWS_CONTAINER_CREDENTIALS_FULL_URI promises to every SDK."""
    session = cloud.session(role_arn)
    return {
        "RoleArn": role_arn,
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "Token": session.token,
        "Expiration": session.expiration.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
