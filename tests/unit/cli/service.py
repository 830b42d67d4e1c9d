"""A service that answers the command line without a network, and the mails it would send."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

BASE = "http://localhost:4566/_aws/execute-api/a17e1a6e/$default"
JOB_ID = "01m81r2gphs3sdm6jwd27j442t"
ROUTE = ("QUEUED", "MODERATING", "GENERATING", "REVIEWING", "DELIVERING", "SUCCEEDED")


def png(colour: tuple[int, int, int] = (255, 0, 0), size: tuple[int, int] = (8, 8)) -> bytes:
    """A picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = png()


def job_document(*statuses: str, **changes: Any) -> dict[str, Any]:
    """What the API says of a request that entered `statuses`, half a second each."""
    statuses = statuses or ROUTE
    delivered = statuses[-1] in ("DELIVERING", "SUCCEEDED")
    timeline = [
        {"status": status, "at": f"2026-11-22T13:45:{30 + number / 2:06.3f}Z"} for number, status in enumerate(statuses)
    ]
    image = {
        "number": 0,
        "seed": 7,
        "width": 8,
        "height": 8,
        "size_bytes": len(PICTURE),
        "sha256": hashlib.sha256(PICTURE).hexdigest(),
        "url": "http://127.0.0.1:4566/bucket/images/abc/0.png?X-Amz-Signature=1",
        "thumbnail_url": "http://127.0.0.1:4566/bucket/images/abc/0.jpg?X-Amz-Signature=1",
    }
    return {
        "id": JOB_ID,
        "status": statuses[-1],
        "prompt": "a red circle",
        "model_prompt": "a red circle",
        "negative_prompt": "",
        "preset": None,
        "width": 8,
        "height": 8,
        "steps": 8,
        "guidance": 3.0,
        "scheduler": None,
        "seeds": [7],
        "created_at": "2026-11-22T13:45:30.000000Z",
        "expires_at": "2027-02-20T13:45:30Z",
        "timeline": timeline,
        "verdicts": [],
        "images": [image] if delivered else [],
        "warnings": [],
        "failure": None,
        "notice": None,
        "links": {"self": f"/v1/images/{JOB_ID}"},
    } | changes


@dataclass
class Service:
    """Answers by method and path; a list of answers is given one after another, and its last for ever."""

    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path.removeprefix("/_aws/execute-api/a17e1a6e/$default")
        answer = self.answers.get(f"{request.method} {path}")
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if answer is None:
            return httpx.Response(404, json={"message": "Not Found"})
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        if isinstance(answer, bytes):
            return httpx.Response(200, content=answer)
        return httpx.Response(200, json=answer)

    def bodies(self, method: str = "POST") -> list[Any]:
        """The JSON bodies of the requests so far."""
        return [json.loads(request.content) for request in self.requests if request.method == method]


def problem(status: int, code: str, detail: str = "A sentence.", **more: Any) -> httpx.Response:
    """An error document of the API."""
    document = {"type": "about:blank", "title": "", "status": status, "code": code, "detail": detail} | more
    return httpx.Response(status, json=document, headers={"Content-Type": "application/problem+json"})


class Tokens:
    """Gives `first` until it is refused, then `second`."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def access_token(self, *, refused: bool = False) -> str:
        self.given.append("second-token" if refused else "first-token")
        return self.given[-1]


def write_mail(folder: Path, number: int = 1, *, job_id: str = JOB_ID, link: str = f"{BASE}/i/secret") -> Path:
    """Put a mail as the service composes it into the sink's folder."""
    message = EmailMessage()
    message["Date"] = "Sun, 22 Nov 2026 13:45:38 -0000"
    message["Subject"] = "Your picture is ready"
    message["From"] = "studio@afterimage.example"
    message["To"] = "demo@afterimage.example"
    message.set_content(f"Your picture is ready\n\nPicture: {link}\n\n--\nRequest {job_id}.\n")
    message.add_alternative('<p><img src="cid:1@afterimage.invalid"></p>', subtype="html")
    *_, html = message.iter_parts()
    html.add_related(PICTURE, "image", "png", cid="<1@afterimage.invalid>")
    path = folder / f"20261122T134538.00000000{number}Z-000{number}.eml"
    path.write_bytes(message.as_bytes())
    return path
