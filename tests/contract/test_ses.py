"""Mail: what the adapter asks AWS, and what it makes of its refusals."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from afterimage.adapters import aws
from afterimage.adapters.mail.ses import ONE_TRY, SesMailer
from afterimage.domain.errors import (
    MailRefusedError,
    MailUnavailableError,
)
from afterimage.domain.status import JobStatus
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.stub import ANY
from fakes.samples import ADDRESS, SPEC, a_job, pictures
from fakes.stubbed import UNREACHED, stubbed, unreached

SENDER = "afterimage@example.com"


def send(code: str | None = None, http_status: int = 400) -> None:
    client, stubber = stubbed("sesv2")
    if code:
        stubber.add_client_error("send_email", code, f"quotes {ADDRESS}", http_status_code=http_status)
    else:
        stubber.add_response(
            "send_email",
            {"MessageId": "m"},
            {
                "FromEmailAddress": SENDER,
                "Destination": {"ToAddresses": [ADDRESS]},
                "Content": {"Raw": {"Data": ANY}},
                "ConfigurationSetName": "a-set",
                "EmailTags": [{"Name": "afterimage-job", "Value": a_job().job_id}],
            },
        )
    SesMailer(client, SENDER, "a-set").send(a_job(JobStatus.FAILED), ADDRESS, (), 0, ())
    stubber.assert_no_pending_responses()


def test_a_mail_goes_to_its_one_recipient() -> None:
    send()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("TooManyRequestsException", 429),
        ("LimitExceededException", 429),
        ("ThrottlingException", 429),
        ("ThrottlingException", 400),
        ("TooManyRequestsException", 400),
    ],
)
def test_a_mail_that_was_certainly_not_sent_may_be_tried_again(code: str, status: int) -> None:
    with pytest.raises(MailUnavailableError):
        send(code, status)


@pytest.mark.parametrize(
    "code",
    [
        "MessageRejected",
        "MailFromDomainNotVerifiedException",
        "AccountSuspendedException",
        "BadRequestException",
        "LimitExceededException",
    ],
)
def test_a_refused_mail_is_told_by_its_code_without_the_address(code: str) -> None:
    with pytest.raises(MailRefusedError) as caught:
        send(code)
    assert caught.value.code == code
    assert ADDRESS not in str(caught.value)
    assert caught.value.__cause__ is None  # a traceback would quote it
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(("code", "status"), [("InternalServiceErrorException", 500), ("ServiceUnavailable", 503)])
def test_an_error_of_the_service_leaves_open_whether_it_was_sent(code: str, status: int) -> None:
    with pytest.raises(ClientError):
        send(code, status)


@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_service_without_an_answer_leaves_open_whether_it_was_sent(error: Exception) -> None:
    with pytest.raises(type(error)):
        SesMailer(unreached("sesv2", error), SENDER, "a-set").send(a_job(JobStatus.FAILED), ADDRESS, (), 0, ())


class _Answering(BaseHTTPRequestHandler):
    """Takes each request whole, notes it, and answers with the status of the server; with none for 0."""

    def do_POST(self) -> None:
        server = cast("Service", self.server)
        server.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
        if server.status:
            self.send_response(server.status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class Service(ThreadingHTTPServer):
    """An HTTP server in place of AWS, and what it was asked."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.status = status
        self.asked: list[bytes] = []


@contextmanager
def serving(status: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Have every client that is made meanwhile ask a server that answers with this status."""
    server = Service(status)
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None),
        (400, MailRefusedError),
        (429, MailUnavailableError),
        (500, ClientError),
        (503, ClientError),
        (0, ConnectionClosedError),
    ],
)
def test_a_mail_is_handed_to_the_service_exactly_once_whatever_it_answers(
    status: int, error: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(status, monkeypatch) as service:
        mailer = SesMailer(aws.client("sesv2", ONE_TRY), SENDER, "a-set")
        with pytest.raises(error) if error else nullcontext():
            mailer.send(a_job(JobStatus.FAILED), ADDRESS, (), 0, ())
    assert len(service.asked) == 1


def test_a_call_that_may_be_repeated_is_tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(500, monkeypatch) as service, pytest.raises(ClientError):
        aws.client("sesv2").send_email(Content={})
    assert len(service.asked) == 2


def test_a_mail_is_seven_bits_with_the_line_ends_of_smtp() -> None:
    sent: dict[str, Any] = {}

    class Taking:
        def send_email(self, **arguments: Any) -> None:
            sent.update(arguments)

    spec = dataclasses.replace(SPEC, prompt="Mädchen 🦊")
    job = a_job(JobStatus.DELIVERING, spec=spec, pictures=pictures(1))
    SesMailer(Taking(), SENDER, "a-set").send(
        job, ADDRESS, ("https://api.example.com/i/x",), 1, (bytes(range(256)) * 40,)
    )
    raw = sent["Content"]["Raw"]["Data"]
    assert raw.isascii()
    assert b"\r\n" in raw
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = cast(EmailMessage, email.message_from_bytes(raw, policy=email.policy.default))
    assert not message.defects
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert {part["Content-Transfer-Encoding"] for part in parts} <= {"7bit", "quoted-printable", "base64"}
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        assert "Mädchen 🦊" in body.get_content()
    (thumbnail,) = [part for part in parts if part.get_content_type() == "image/jpeg"]
    assert thumbnail.get_content() == bytes(range(256)) * 40
