"""boto3 against a small S3 of our own on loopback: what goes over the wire, and what each answer becomes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from afterimage_model.errors import StorageFailed
from afterimage_model.storage import S3Storage


class SmallS3(BaseHTTPRequestHandler):
    """Answers HEAD, GET and PUT; the first path segment below `quarantine` or `jobs` chooses the status."""

    seen: list[tuple[str, str, str | None, bytes]] = []  # noqa: RUF012  shared on purpose, cleared per test

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append(("PUT", self.path, self.headers["content-type"], body))
        self._answer(400 if "refused" in self.path else 200)

    def do_HEAD(self) -> None:
        self.seen.append(("HEAD", self.path, None, b""))
        named = [status for status in (403, 404, 400) if f"/{status}/" in self.path]
        self._answer(named[0] if named else 200)

    def do_GET(self) -> None:
        named = [status for status in (403, 404, 400) if f"/{status}/" in self.path]
        self._answer(named[0] if named else 200, b"" if named else b"ten bytes!")

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Storage]:
    SmallS3.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), SmallS3)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    yield S3Storage()
    server.shutdown()
    server.server_close()


def test_a_picture_is_put_with_its_content_type(storage: S3Storage) -> None:
    storage.put("pictures", "quarantine/j-1/0.png", b"picture", "image/png")
    ((method, path, content_type, body),) = SmallS3.seen
    assert (method, path, content_type) == ("PUT", "/pictures/quarantine/j-1/0.png", "image/png")
    assert b"picture" in body


def test_a_tombstone_exists_or_not(storage: S3Storage) -> None:
    assert storage.exists("pictures", "jobs/j-1/cancel")
    assert not storage.exists("pictures", "jobs/404/cancel")
    assert not storage.exists("pictures", "jobs/403/cancel")  # S3's answer for a missing object without ListBucket
    assert len(SmallS3.seen) == 3


def test_an_object_is_read_up_to_a_bound_or_is_not_there(storage: S3Storage) -> None:
    assert storage.get("pictures", "jobs/j-1/input", 100) == b"ten bytes!"
    assert storage.get("pictures", "jobs/j-1/input", 3) == b"ten "  # one more than the bound, so that it shows
    assert storage.get("pictures", "jobs/404/input", 100) is None
    assert storage.get("pictures", "jobs/403/input", 100) is None
    with pytest.raises(StorageFailed):
        storage.get("pictures", "jobs/400/input", 100)


def test_what_s3_refuses_is_a_storage_fault_with_its_cause(storage: S3Storage) -> None:
    with pytest.raises(StorageFailed) as caught:
        storage.put("pictures", "quarantine/refused/0.png", b"picture", "image/png")
    assert "ClientError" in repr(caught.value.__cause__)
    with pytest.raises(StorageFailed):
        storage.exists("pictures", "jobs/400/cancel")


def test_a_store_without_credentials_is_a_storage_fault(storage: S3Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(StorageFailed):
        S3Storage().put("pictures", "quarantine/j-1/0.png", b"picture", "image/png")
    assert SmallS3.seen == []
