"""Start the emulator (`python -m local.emulator`) with the corrections without which it would prove the wrong thing.

Each correction stands for one deviation of the pinned version from AWS that a state machine or a test would notice.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

ResourceArn = Callable[[str, str, bytes, str, str], str]
Acquire = Callable[[dict[str, Any], dict[str, Any]], tuple[str | None, str | None]]
Execute = Callable[[dict[str, Any], Any, str], dict[str, Any]]
AlarmRecord = Callable[[str, dict[str, Any]], dict[str, Any]]
RunMap = Callable[..., Any]
InvokeTarget = Callable[..., Any]
_SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
_GENERIC = "Runtime.HandlerError"
_GUARDRAIL = re.compile(r"/guardrail/([^/]+)/version/[^/]+/apply$")
_TRACE = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"^(?:[\w<>]+\.)*(\w+)(?::|$)")


def error_type(log: str) -> str | None:
    """Return the name of the exception class that ended the last traceback in `log`, as Lambda's `errorType` has it."""
    _, found, frames = log.rpartition(_TRACE)
    if not found:
        return None
    last = next((line for line in frames.splitlines() if line and not line.startswith(" ")), "")
    match = _EXCEPTION.match(last)
    return match.group(1) if match else None


def with_error_type(execute: Execute) -> Execute:
    """Answer the class of a raised exception where the emulator says Runtime.HandlerError for all of them.

    Retry and Catch of the state machine name these classes; without this, none of them would ever match locally.
    """

    def corrected(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result = execute(function, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == _GENERIC:
            body["errorType"] = error_type(result.get("log") or "") or _GENERIC
        return result

    return corrected


def with_sender_identity(resource_arn: ResourceArn) -> ResourceArn:
    """Name the sender's identity as what SendEmail of SES v2 touches, as AWS does, where the emulator says `*`.

    Without this, a policy narrowed to identities would deny every mail locally.
    """

    def corrected(method: str, path: str, body: bytes, region: str, account_id: str) -> str:
        if path.rstrip("/") == "/v2/email/outbound-emails":
            sender = json.loads(body or b"{}").get("FromEmailAddress")
            if sender:
                return f"arn:aws:ses:{region}:{account_id}:identity/{sender}"
        return resource_arn(method, path, body, region, account_id)

    return corrected


def with_raw_messages(
    parse: Callable[[Any], Any], build: Callable[..., str]
) -> tuple[Callable[..., Any], Callable[..., str]]:
    """Relay a raw message of SES v2 as it was sent; the emulator rebuilds it from its texts and drops inline pictures.

    Both functions are called one after the other on one thread within one SendEmail; what the first sees the second
    returns, with the Message-ID and Date that SES puts in.
    """
    seen = threading.local()

    def parse_and_keep(raw: str) -> Any:
        seen.message = base64.b64decode(raw).decode("ascii", "surrogateescape")
        return parse(raw)

    def build_from_kept(*fields: Any) -> str:
        message = seen.__dict__.pop("message", None)
        if message is None:
            return build(*fields)
        kept = [line for line in message.splitlines(keepends=True) if not line.lower().startswith("message-id:")]
        return f"Message-ID: <{fields[-1]}>\nDate: {formatdate()}\n{''.join(kept)}"

    return parse_and_keep, build_from_kept


def with_metric_math(record: AlarmRecord) -> AlarmRecord:
    """Take an alarm on an expression over metrics, as AWS does, where the emulator refuses the whole stack.

    It is kept as it is written and never evaluated; SetAlarmState moves it, and its actions run.
    """

    def corrected(name: str, props: dict[str, Any]) -> dict[str, Any]:
        metrics = props.get("Metrics")
        if not metrics:
            return record(name, props)
        rest = {key: value for key, value in props.items() if key != "Metrics"}
        alarm = record(name, {**rest, "Namespace": "none", "MetricName": "none"})
        return {**alarm, "Metrics": metrics, "Namespace": "", "MetricName": ""}

    return corrected


def with_concurrency_path(run_map: RunMap) -> RunMap:
    """Take the bound of a Distributed Map from its input where the definition says so (`MaxConcurrencyPath`), as AWS
    does; the emulator would run sixty-four children at a time."""

    def corrected(state: dict[str, Any], raw_input: Any, effective: Any, *rest: Any) -> Any:
        path = state.get("MaxConcurrencyPath")
        if path:
            state = {**state, "MaxConcurrency": effective[path.removeprefix("$.")]}
        return run_map(state, raw_input, effective, *rest)

    return corrected


def with_schedule_group(extract: Callable[..., str]) -> Callable[..., str]:
    """Name a schedule with its group as what a call touches, as AWS does, where the emulator says `default`.

    Without this, a policy narrowed to the group of a stack would deny every schedule locally.
    """

    def corrected(
        service: str, method: str, path: str, headers: Any, body: bytes, query: dict[str, Any], *rest: Any
    ) -> str:
        arn = extract(service, method, path, headers, body, query, *rest)
        if service != "scheduler" or ":schedule/default/" not in arn:
            return arn
        asked = query.get("groupName") or json.loads(body or b"{}").get("GroupName") or "default"
        group = asked[0] if isinstance(asked, list) else asked
        return arn.replace(":schedule/default/", f":schedule/{group}/")

    return corrected


def with_guardrail(extract: Callable[..., str]) -> Callable[..., str]:
    """Name a guardrail as what ApplyGuardrail touches, as AWS does, where the emulator says `*`.

    Without this, a policy narrowed to one guardrail would deny every judgement locally.
    """

    def corrected(
        service: str, method: str, path: str, headers: Any, body: bytes, query: dict[str, Any], *rest: Any
    ) -> str:
        arn = extract(service, method, path, headers, body, query, *rest)
        applied = _GUARDRAIL.match(path) if service.startswith("bedrock") else None
        if applied is None:
            return arn
        region, account_id = rest[:2]
        return f"arn:aws:bedrock:{region}:{account_id}:guardrail/{applied[1]}"

    return corrected


def with_scheduled_time(invoke: InvokeTarget) -> InvokeTarget:
    """Put the time for which it was planned into what a schedule sends, as AWS does, where the emulator sends the
    keyword itself: every time would be the same one. A cron expression means a minute, another one a second."""

    def corrected(target: dict[str, Any], event: dict[str, Any], schedule: dict[str, Any], *rest: Any) -> Any:
        text = target.get("Input") or ""
        if event.get("Source") == "aws.scheduler" and _SCHEDULED_TIME in text:
            expression = str(schedule.get("ScheduleExpression", ""))
            fired = datetime.fromtimestamp(event["Time"], UTC)
            moment = fired.replace(second=0) if expression.startswith("cron") else fired
            planned = expression[3:-1] + "Z" if expression.startswith("at(") else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
            target = {**target, "Input": text.replace(_SCHEDULED_TIME, planned)}
        return invoke(target, event, schedule, *rest)

    return corrected


def with_patience(acquire: Acquire, patience_s: float = 20.0) -> Acquire:
    """Let a call wait for a free process where the emulator throttles it at once: its cap keeps a laptop alive and
    stands for nothing on AWS.

    Without this, a burst loses what SNS and EventBridge bring, which they do once there, and leaves a state waiting for
    a token that its function never got.
    """

    def corrected(function: dict[str, Any], config: dict[str, Any]) -> tuple[str | None, str | None]:
        deadline = time.monotonic() + patience_s
        while True:
            slot, limit = acquire(function, config)
            if slot is not None or limit != "account" or time.monotonic() > deadline:
                return slot, limit
            time.sleep(0.05)

    return corrected


def main() -> None:
    from ministack.app import main as serve
    from ministack.core import iam_actions
    from ministack.services import eventbridge, lambda_svc, ses_v2, stepfunctions
    from ministack.services.cloudformation import provisioners

    iam_actions._ses_v2_resource_arn = with_sender_identity(iam_actions._ses_v2_resource_arn)
    ses_v2._parse_raw_mime, ses_v2._build_mime_message = with_raw_messages(
        ses_v2._parse_raw_mime, ses_v2._build_mime_message
    )
    lambda_svc._acquire_execution_slot = with_patience(lambda_svc._acquire_execution_slot)
    lambda_svc._execute_function_warm = with_error_type(lambda_svc._execute_function_warm)
    stepfunctions._run_distributed_map = with_concurrency_path(stepfunctions._run_distributed_map)
    iam_actions.extract_resource_arn = with_schedule_group(iam_actions.extract_resource_arn)
    iam_actions.extract_resource_arn = with_guardrail(iam_actions.extract_resource_arn)
    eventbridge._invoke_target = with_scheduled_time(eventbridge._invoke_target)
    provisioners._cw_metric_alarm_record = with_metric_math(provisioners._cw_metric_alarm_record)
    serve()


if __name__ == "__main__":
    main()
