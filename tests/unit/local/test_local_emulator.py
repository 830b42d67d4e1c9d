"""What the emulator is corrected to do: name a raised exception, judge a sender, relay a raw message as it is."""

import base64
import email
import traceback
from email.message import EmailMessage
from typing import Any

import pytest

from local.emulator import (
    error_type,
    with_concurrency_path,
    with_error_type,
    with_guardrail,
    with_metric_math,
    with_patience,
    with_raw_messages,
    with_schedule_group,
    with_scheduled_time,
    with_sender_identity,
)


class TransientError(Exception):
    """Stands for one of ours."""


def trace_of(error: Exception, cause: Exception | None = None) -> str:
    try:
        if cause is None:
            raise error
        try:
            raise cause
        except Exception as exc:
            raise error from exc
    except Exception:
        return traceback.format_exc()


@pytest.mark.parametrize(
    ("log", "name"),
    [
        (trace_of(TransientError("later")), "TransientError"),
        (trace_of(TransientError()), "TransientError"),
        (trace_of(TransientError("two\nlines: ValueError: no")), "TransientError"),
        (trace_of(KeyError("x")), "KeyError"),
        (trace_of(TransientError("later"), cause=ValueError("first")), "TransientError"),
        ("a log line\nanother: one\n" + trace_of(TransientError("later")), "TransientError"),
        ("no traceback here", None),
        ("", None),
    ],
)
def test_the_class_is_read_from_the_last_traceback(log: str, name: str | None) -> None:
    assert error_type(log) == name


def result(error: bool, kind: str) -> dict[str, Any]:
    return {"error": error, "body": {"errorType": kind}, "log": trace_of(TransientError("later"))}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (result(True, "Runtime.HandlerError"), "TransientError"),
        (result(True, "Sandbox.Timedout"), "Sandbox.Timedout"),
        (result(False, "Runtime.HandlerError"), "Runtime.HandlerError"),
    ],
)
def test_only_the_generic_type_of_an_error_is_replaced(given: dict[str, Any], expected: str) -> None:
    assert with_error_type(lambda *_: given)({}, {}, "id")["body"]["errorType"] == expected


def any_resource(*_: object) -> str:
    return "*"


def test_sending_is_judged_on_the_senders_identity() -> None:
    resource_arn = with_sender_identity(any_resource)
    body = b'{"FromEmailAddress": "studio@example.com"}'
    arn = resource_arn("POST", "/v2/email/outbound-emails", body, "us-east-1", "000000000000")
    assert arn == "arn:aws:ses:us-east-1:000000000000:identity/studio@example.com"


@pytest.mark.parametrize(("path", "body"), [("/v2/email/identities", b"{}"), ("/v2/email/outbound-emails", b"")])
def test_every_other_call_is_judged_as_before(path: str, body: bytes) -> None:
    assert with_sender_identity(any_resource)("POST", path, body, "us-east-1", "000000000000") == "*"


def test_a_raw_message_is_relayed_with_its_pictures_and_the_services_own_message_id() -> None:
    message = EmailMessage()
    message["Message-ID"] = "<ours@example.com>"
    message["Subject"] = "A picture"
    message.set_content("text")
    message.add_alternative("<img src='cid:a'>", subtype="html")
    list(message.iter_parts())[1].add_related(b"jpeg", "image", "jpeg", cid="<a>")
    parse, build = with_raw_messages(lambda raw: {"Subject": "parsed"}, lambda *fields: "rebuilt")
    assert parse(base64.b64encode(message.as_bytes()).decode()) == {"Subject": "parsed"}
    relayed = email.message_from_string(build("source", ["to"], [], [], "subject", "text", "html", "id@ses"))
    assert relayed.get_all("Message-ID") == ["<id@ses>"]
    assert relayed["Date"]
    assert [part.get_content_type() for part in relayed.walk() if not part.is_multipart()] == [
        "text/plain",
        "text/html",
        "image/jpeg",
    ]


def test_a_message_that_is_not_raw_is_built_as_before() -> None:
    _, build = with_raw_messages(lambda raw: {}, lambda *fields: "rebuilt")
    assert build("source", ["to"], [], [], "subject", "text", "html", "id@ses") == "rebuilt"


def test_an_alarm_on_an_expression_is_kept_and_never_evaluated() -> None:
    def record(name: str, props: dict[str, Any]) -> dict[str, Any]:
        if props.get("Metrics"):
            raise ValueError("metric math")
        return {"AlarmName": name, **props}

    metrics = [{"Id": "share", "Expression": "a / b"}]
    alarm = with_metric_math(record)("share", {"Threshold": 80, "Metrics": metrics})
    # The emulator evaluates only what has a namespace.
    assert alarm == {"AlarmName": "share", "Threshold": 80, "Metrics": metrics, "Namespace": "", "MetricName": ""}
    plain = {"Namespace": "AWS/SQS", "MetricName": "m", "Threshold": 1}
    assert with_metric_math(record)("plain", plain) == {"AlarmName": "plain", **plain}


@pytest.mark.parametrize(
    ("answers", "given"),
    [
        ([("slot", None)], ("slot", None)),
        ([(None, "account"), (None, "account"), ("slot", None)], ("slot", None)),
        ([(None, "function"), ("slot", None)], (None, "function")),  # a limit that the template sets is a throttle
    ],
)
def test_a_call_waits_for_a_process_of_the_account_only(
    answers: list[tuple[str | None, str | None]], given: tuple[str | None, str | None]
) -> None:
    left = list(answers)
    assert with_patience(lambda function, config: left.pop(0))({}, {}) == given


def test_a_call_does_not_wait_for_ever() -> None:
    assert with_patience(lambda function, config: (None, "account"), patience_s=0)({}, {}) == (None, "account")


def test_the_bound_of_a_map_is_taken_from_its_input_where_the_definition_says_so() -> None:
    seen: list[Any] = []
    run_map = with_concurrency_path(
        lambda state, raw, effective, *rest: seen.append((state.get("MaxConcurrency"), rest))
    )
    run_map({"MaxConcurrencyPath": "$.concurrency"}, {}, {"concurrency": 3}, "more")
    run_map({"MaxConcurrency": 5}, {}, {}, "more")
    assert seen == [(3, ("more",)), (5, ("more",))]


@pytest.mark.parametrize(
    ("body", "query", "group"),
    [
        (b'{"GroupName": "ours"}', {}, "ours"),
        (b"", {"groupName": ["ours"]}, "ours"),
        (b"", {"groupName": "ours"}, "ours"),
        (b"{}", {}, "default"),
    ],
)
def test_a_schedule_is_named_with_its_group(body: bytes, query: dict[str, Any], group: str) -> None:
    arn = "arn:aws:scheduler:r:1:schedule/default/nightly"
    extract = with_schedule_group(lambda *arguments: arn)
    assert extract("scheduler", "POST", "/schedules/nightly", {}, body, query) == arn.replace("default", group)
    assert extract("s3", "POST", "/", {}, b"no json", {}) == arn


def test_a_guardrail_is_named_as_what_is_applied() -> None:
    extract = with_guardrail(lambda *arguments: "*")
    path = "/guardrail/abc1/version/DRAFT/apply"
    assert extract("bedrock-runtime", "POST", path, {}, b"", {}, "r", "1") == "arn:aws:bedrock:r:1:guardrail/abc1"
    assert extract("bedrock-runtime", "POST", "/model/x/invoke", {}, b"", {}, "r", "1") == "*"
    assert extract("s3", "POST", path, {}, b"", {}, "r", "1") == "*"


@pytest.mark.parametrize(
    ("expression", "sent"),
    [
        ("at(2026-11-22T07:00:00)", "2026-11-22T07:00:00Z"),
        ("cron(0 7 * * ? *)", "2026-11-22T07:00:00Z"),
        ("rate(15 minutes)", "2026-11-22T07:00:42Z"),
    ],
)
def test_a_schedule_sends_the_time_for_which_it_was_planned(expression: str, sent: str) -> None:
    seen: list[Any] = []
    invoke = with_scheduled_time(lambda target, *rest: seen.append(target["Input"]))
    target = {"Input": '{"at": "<aws.scheduler.scheduled-time>"}'}
    event = {"Source": "aws.scheduler", "Time": 1_795_330_842.9}  # 07:00:42
    invoke(target, event, {"ScheduleExpression": expression})
    invoke(target, {"Source": "aws.events"}, {})
    assert seen == [f'{{"at": "{sent}"}}', target["Input"]]
