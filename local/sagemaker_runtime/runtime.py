"""The queue of the endpoint: what happens to a request between its acceptance and its notice."""

from __future__ import annotations

import asyncio
import datetime
import http.client
import logging
from dataclasses import dataclass
from urllib.parse import urlsplit

from local.sagemaker_runtime.cloud import Cloud
from local.sagemaker_runtime.endpoint import Endpoint
from local.sagemaker_runtime.faults import Fault, FaultList
from local.sagemaker_runtime.invocation import Invocation
from local.sagemaker_runtime.messages import TEST_NOTIFICATION, failure_message, success_message

logger = logging.getLogger("afterimage.sagemaker_runtime")
_HOLD_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one inference ended. `reason` is None for success."""

    content: bytes | None
    content_type: str
    reason: str | None = None


class Runtime:
    """Runs accepted requests in order, as many at once as the endpoint allows."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.faults = FaultList()
        self._slots = asyncio.Semaphore(1)
        self._published = asyncio.Condition()
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.endpoint: Endpoint | None = None

    async def configure(self, endpoint: Endpoint) -> None:
        """Create or update the endpoint, and send the test notification that SageMaker sends then."""
        if self.endpoint is None or endpoint.concurrency != self.endpoint.concurrency:
            self._slots = asyncio.Semaphore(endpoint.concurrency)
        self.endpoint = endpoint
        self._cloud.forget_sessions()
        for topic in dict.fromkeys((endpoint.success_topic_arn, endpoint.error_topic_arn)):
            await asyncio.to_thread(self._cloud.publish, endpoint, topic, TEST_NOTIFICATION)

    @property
    def waiting(self) -> int:
        """Requests accepted and not yet told about."""
        return len(self._tasks)

    def accept(self, endpoint: Endpoint, invocation: Invocation) -> None:
        """Queue `invocation`."""
        taken = None if self.faults.ask_for_the_document else self.faults.take(invocation)
        task = asyncio.create_task(self._run(endpoint, invocation, taken))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, endpoint: Endpoint, invocation: Invocation, faults: dict[str, Fault] | None) -> None:
        try:
            if faults is None:
                document = await self._document(endpoint, invocation)
                faults = self.faults.take(invocation, document.decode(errors="replace"))
            outcome = await self._outcome(endpoint, invocation, faults)
            await self._tell(endpoint, invocation, outcome, faults)
        except Exception:
            # Here SageMaker would count NotificationFailures: nobody is told, and the log must say so.
            logger.exception("%s ended without a notice", invocation.inference_id)

    async def _outcome(self, endpoint: Endpoint, invocation: Invocation, faults: dict[str, Fault]) -> Outcome:
        slots = self._slots
        try:
            await asyncio.wait_for(slots.acquire(), _seconds(faults, "ttl", invocation.ttl_s))
        except TimeoutError:
            return Outcome(content=None, content_type="", reason="RequestTTLExceeded: expired in the queue")
        try:
            return await self._invoke(endpoint, invocation, faults)
        finally:
            slots.release()

    async def _invoke(self, endpoint: Endpoint, invocation: Invocation, faults: dict[str, Fault]) -> Outcome:
        delay, fail = faults.get("delay"), faults.get("fail")
        if delay and delay.at != "notice":
            await asyncio.sleep(delay.seconds or 0)
        if fail and fail.at != "after":
            return _failed(fail)
        limit_s = _seconds(faults, "timeout", invocation.timeout_s)
        try:
            async with asyncio.timeout(limit_s):
                if "silence" in faults:
                    await asyncio.Event().wait()
                document = await self._document(endpoint, invocation)
                outcome = await asyncio.to_thread(call_container, endpoint, invocation, document, limit_s)
        except TimeoutError:
            return Outcome(content=None, content_type="", reason=f"ModelError: no answer within {limit_s:g} seconds")
        except Exception as exc:
            logger.exception("%s was not invoked", invocation.inference_id)
            return Outcome(content=None, content_type="", reason=f"InternalServerError: {type(exc).__name__}")
        return _failed(fail) if fail else outcome

    async def _document(self, endpoint: Endpoint, invocation: Invocation) -> bytes:
        if invocation.body is not None:
            return invocation.body
        return await asyncio.to_thread(self._cloud.read, endpoint, invocation.input_location)

    async def _tell(
        self, endpoint: Endpoint, invocation: Invocation, outcome: Outcome, faults: dict[str, Fault]
    ) -> None:
        garbage = faults.get("garbage")
        if garbage and outcome.reason is None:
            outcome = Outcome(content=garbage.body.encode(), content_type=outcome.content_type)
        failed = outcome.reason is not None
        if outcome.content is not None:
            location = invocation.failure_location if failed else invocation.output_location
            await asyncio.to_thread(self._cloud.write, endpoint, location, outcome.content, outcome.content_type)
        now = datetime.datetime.now(datetime.UTC)
        region = self._cloud.region
        if outcome.reason is None:
            topic = endpoint.success_topic_arn
            message = success_message(invocation, region=region, now=now, content_type=outcome.content_type)
        else:
            topic, wrote = endpoint.error_topic_arn, outcome.content is not None
            message = failure_message(invocation, region=region, now=now, reason=outcome.reason, wrote_object=wrote)
        logger.info("%s %s", invocation.inference_id, message["invocationStatus"])
        delay, duplicate, reorder = faults.get("delay"), faults.get("duplicate"), faults.get("reorder")
        if delay and delay.at == "notice":
            await asyncio.sleep(delay.seconds or 0)
        if "lose" in faults:
            return
        if reorder:
            await self._wait_for_another(reorder.seconds or _HOLD_S)
        for _ in range(1 + (duplicate.copies if duplicate else 0)):
            await asyncio.to_thread(self._cloud.publish, endpoint, topic, message)
            async with self._published:
                self._count += 1
                self._published.notify_all()

    async def _wait_for_another(self, seconds: float) -> None:
        seen = self._count
        async with self._published:
            try:
                await asyncio.wait_for(self._published.wait_for(lambda: self._count > seen), seconds)
            except TimeoutError:
                logger.warning("no other notice within %g seconds, the held one goes out", seconds)


def call_container(endpoint: Endpoint, invocation: Invocation, document: bytes, timeout_s: float) -> Outcome:
    """POST `document` to the container's /invocations. Raises TimeoutError or OSError when it does not answer."""
    target = urlsplit(endpoint.container_url)
    connection = http.client.HTTPConnection(target.hostname or "127.0.0.1", target.port, timeout=timeout_s)
    headers = {
        "Content-Type": invocation.content_type,
        "Accept": invocation.accept,
        "X-Amzn-SageMaker-Inference-Id": invocation.inference_id,
    }
    if invocation.custom_attributes:
        headers["X-Amzn-SageMaker-Custom-Attributes"] = invocation.custom_attributes
    try:
        connection.request("POST", "/invocations", body=document, headers=headers)
        response = connection.getresponse()
        if response.headers.get("Content-Length") is None:
            # SageMaker fails answers without it; here too, or a chunked answer would be noticed only on AWS.
            return Outcome(content=None, content_type="", reason="InternalServerError: answer without Content-Length")
        content = response.read()
        content_type = response.headers.get("Content-Type", "application/octet-stream")
    finally:
        connection.close()
    if 200 <= response.status < 300:
        return Outcome(content=content, content_type=content_type)
    kind = "ClientError" if response.status < 500 else "InternalServerError"
    reason = f"{kind}: Received error ({response.status}) from model with message {content[:200]!r}"
    return Outcome(content=content, content_type=content_type, reason=reason)


def _failed(fault: Fault) -> Outcome:
    return Outcome(content=fault.body.encode(), content_type="application/json", reason=fault.reason)


def _seconds(faults: dict[str, Fault], kind: str, default: float) -> float:
    fault = faults.get(kind)
    return default if fault is None or fault.seconds is None else fault.seconds
