"""From acceptance to notice: the queue of the stand-in, with a real HTTP container and a remembered cloud."""

import asyncio
import datetime
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from local.sagemaker_runtime.endpoint import Endpoint
from local.sagemaker_runtime.invocation import Invocation
from local.sagemaker_runtime.runtime import Runtime


class Container(BaseHTTPRequestHandler):
    """Answers what its input document asks for, after the time that it asks for."""

    seen: ClassVar[list[str]] = []
    headers_seen: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        # Those of the test that asks: a request that nobody waited for ends in a later one.
        seen, headers_seen = self.seen, self.headers_seen
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(document.get("takes_s", 0))
        seen.append(document["name"])
        headers_seen.append({name.lower(): value for name, value in self.headers.items()})
        body = json.dumps({"made": document["name"]}).encode()
        self.send_response(document.get("status", 200))
        self.send_header("Content-Type", "application/json")
        if not document.get("chunked"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class FakeCloud:
    """Objects and notices in memory."""

    region = "us-east-1"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.notices: list[tuple[str, dict[str, Any]]] = []

    def forget_sessions(self) -> None:
        """Nothing to forget."""

    def read(self, endpoint: Endpoint, location: str) -> bytes:
        return self.objects[location]

    def write(self, endpoint: Endpoint, location: str, content: bytes, content_type: str) -> None:
        self.objects[location] = content

    def publish(self, endpoint: Endpoint, topic_arn: str, message: dict[str, Any]) -> None:
        self.notices.append((topic_arn, message))

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(message["inferenceId"], message["invocationStatus"]) for _, message in self.notices]


@pytest.fixture
def container() -> Iterator[str]:
    Container.seen, Container.headers_seen = [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Container)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def play(container: str, *requests: tuple[str, dict[str, Any]], faults: tuple[dict[str, Any], ...] = ()) -> FakeCloud:
    """Send the requests at once, in order, and return what the cloud saw once all of them have ended."""
    cloud = FakeCloud()
    endpoint = Endpoint(
        name="endpoint",
        arn="arn",
        role_arn="role",
        container_url=container,
        output_path="s3://bucket/out",
        failure_path="s3://bucket/fail",
        success_topic_arn="success",
        error_topic_arn="error",
    )

    async def run() -> None:
        runtime = Runtime(cloud)  # type: ignore[arg-type]
        await runtime.configure(endpoint)
        assert [topic for topic, _ in cloud.notices] == ["success", "error"]
        cloud.notices.clear()
        runtime.faults.replace(list(faults))
        for name, document in requests:
            asked = request(name)
            cloud.objects[asked.input_location] = json.dumps({"name": name, **document}).encode()
            runtime.accept(endpoint, asked)
        while runtime.waiting:
            await asyncio.sleep(0.01)

    asyncio.run(run())
    return cloud


def request(name: str) -> Invocation:
    return Invocation(
        endpoint_name="endpoint",
        inference_id=name,
        input_location=f"s3://bucket/jobs/{name}.json",
        output_location=f"s3://bucket/out/{name}",
        failure_location=f"s3://bucket/fail/{name}",
        content_type="application/json",
        accept="*/*",
        custom_attributes="attempt=1",
        ttl_s=60,
        timeout_s=60,
        received=datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.UTC),
    )


def test_the_answer_is_written_first_and_then_told_to_the_success_topic(container: str) -> None:
    cloud = play(container, ("a", {}))
    assert json.loads(cloud.objects["s3://bucket/out/a"]) == {"made": "a"}
    ((topic, message),) = cloud.notices
    assert (topic, message["responseParameters"]["outputLocation"]) == ("success", "s3://bucket/out/a")


def test_the_container_gets_the_headers_that_sagemaker_sends(container: str) -> None:
    play(container, ("a", {}))
    (headers,) = Container.headers_seen
    assert headers["content-type"] == "application/json"
    assert headers["x-amzn-sagemaker-custom-attributes"] == "attempt=1"


def test_requests_run_one_after_the_other_in_the_order_of_arrival(container: str) -> None:
    cloud = play(container, ("a", {"takes_s": 0.2}), ("b", {}), ("c", {}))
    assert Container.seen == ["a", "b", "c"]
    assert [name for name, _ in cloud.told] == ["a", "b", "c"]


@pytest.mark.parametrize(("status", "kind"), [(400, "ClientError"), (503, "InternalServerError")])
def test_an_error_of_the_container_becomes_a_failure_object_and_a_failure_notice(
    container: str, status: int, kind: str
) -> None:
    cloud = play(container, ("a", {"status": status}))
    assert json.loads(cloud.objects["s3://bucket/fail/a"]) == {"made": "a"}
    assert "s3://bucket/out/a" not in cloud.objects
    ((topic, message),) = cloud.notices
    assert topic == "error"
    assert message["failureReason"].startswith(f"{kind}: Received error ({status})")


def test_an_answer_without_content_length_fails(container: str) -> None:
    assert play(container, ("a", {"chunked": True})).told == [("a", "Failed")]


def test_a_container_that_is_too_slow_is_given_up_after_the_time_out(container: str) -> None:
    began = time.monotonic()
    cloud = play(container, ("a", {"takes_s": 1}), faults=({"kind": "timeout", "seconds": 0.2},))
    assert cloud.told == [("a", "Failed")]
    assert time.monotonic() - began < 5
    assert "responseParameters" not in cloud.notices[0][1]


def test_silence_lasts_until_the_time_out_and_the_container_is_never_asked(container: str) -> None:
    cloud = play(container, ("a", {}), faults=({"kind": "silence"}, {"kind": "timeout", "seconds": 0.2}))
    assert (cloud.told, Container.seen) == ([("a", "Failed")], [])


def test_a_request_that_waits_longer_than_its_ttl_fails_without_being_run(container: str) -> None:
    cloud = play(
        container, ("a", {"takes_s": 2.0}), ("b", {}), faults=({"kind": "ttl", "seconds": 0.1, "match": "jobs/b"},)
    )
    assert cloud.told == [("b", "Failed"), ("a", "Completed")]
    assert Container.seen == ["a"]


def test_an_input_that_cannot_be_read_is_a_failure(container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: FakeCloud, endpoint: Endpoint, location: str) -> bytes:
        raise PermissionError(location)

    monkeypatch.setattr(FakeCloud, "read", refuse)
    cloud = play(container, ("a", {}))
    assert (cloud.told, Container.seen) == ([("a", "Failed")], [])


def test_a_lost_notice_leaves_the_output_object(container: str) -> None:
    cloud = play(container, ("a", {}), faults=({"kind": "lose"},))
    assert cloud.told == []
    assert "s3://bucket/out/a" in cloud.objects


def test_a_duplicate_is_the_same_notice_again(container: str) -> None:
    cloud = play(container, ("a", {}), faults=({"kind": "duplicate", "copies": 2},))
    assert len(cloud.notices) == 3
    assert cloud.notices[0] == cloud.notices[1] == cloud.notices[2]


def test_a_reordered_notice_comes_after_the_next_one(container: str) -> None:
    cloud = play(container, ("a", {}), ("b", {}), faults=({"kind": "reorder", "match": "jobs/a"},))
    assert [name for name, _ in cloud.told] == ["b", "a"]


def test_a_reordered_notice_goes_out_alone_when_no_other_comes(container: str) -> None:
    cloud = play(container, ("a", {}), faults=({"kind": "reorder", "seconds": 0.1},))
    assert cloud.told == [("a", "Completed")]


@pytest.mark.parametrize(("at", "seen"), [("before", []), ("after", ["a"])])
def test_a_failure_comes_before_or_after_the_work(container: str, at: str, seen: list[str]) -> None:
    fault = {"kind": "fail", "at": at, "reason": "ClientError: told so", "body": "the reason at length"}
    cloud = play(container, ("a", {}), faults=(fault,))
    assert Container.seen == seen
    assert cloud.notices[0][1]["failureReason"] == "ClientError: told so"
    assert cloud.objects["s3://bucket/fail/a"] == b"the reason at length"


def test_garbage_replaces_the_output_of_a_success(container: str) -> None:
    cloud = play(container, ("a", {}), faults=({"kind": "garbage", "body": "{"},))
    assert (cloud.told, cloud.objects["s3://bucket/out/a"]) == ([("a", "Completed")], b"{")


@pytest.mark.parametrize("at", ["container", "notice"])
def test_a_delay_postpones_the_notice(container: str, at: str) -> None:
    began = time.monotonic()
    cloud = play(container, ("a", {}), faults=({"kind": "delay", "seconds": 0.3, "at": at},))
    assert cloud.told == [("a", "Completed")]
    assert time.monotonic() - began >= 0.3


def test_a_rule_for_a_document_is_judged_with_the_document_of_the_request(container: str) -> None:
    cloud = play(container, ("a", {}), ("b", {}), faults=({"kind": "lose", "document": '"name": "a"'},))
    assert [message["inferenceId"] for _, message in cloud.notices if "inferenceId" in message] == ["b"]
