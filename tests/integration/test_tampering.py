"""Altered tokens, paths, headers and cursors against the deployed API, as bytes on the wire, which no client tidies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from integration.journey import PROMPT, ask, links_in, mails_to, person, wait_for_end

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def wire(
    cloud: LocalCloud, method: str, path: str, *headers: tuple[str, str], body: bytes = b""
) -> tuple[int, Any, str]:
    """Send these very bytes; return status, headers and text."""
    base = urlsplit(cloud.api_base)
    connection = http.client.HTTPConnection(str(base.hostname), base.port, timeout=60)
    connection._validate_path = lambda url: None  # type: ignore[attr-defined] - what it refuses is sent here
    try:
        connection.putrequest(method, base.path + path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode(errors="replace")
    finally:
        connection.close()


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    head, claims, signature = token.split(".")
    return _read(head), _read(claims), signature


def _read(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=="))
    return found


def signed(head: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token like Cognito's, by a key that is not Cognito's."""
    text = f"{part(head)}.{part(claims)}"
    mark = OTHER_KEY.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


def id_token(cloud: LocalCloud, address: str) -> str:
    answer = cloud.client("cognito-idp").initiate_auth(
        ClientId=cloud.outputs["UserPoolClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": cloud.user(address), "PASSWORD": "Aa1-integration-tests"},
    )
    return str(answer["AuthenticationResult"]["IdToken"])


def forgeries(cloud: LocalCloud, mine: str, theirs: str) -> dict[str, str]:
    """Tokens that Cognito did not give for this use, by what is wrong with each."""
    head, claims, signature = parts_of(cloud.token(mine))
    _, other, _ = parts_of(cloud.token(theirs))
    hs256 = f"{part(head | {'alg': 'HS256'})}.{part(other)}"
    mark = hmac.new(b"secret", hs256.encode(), hashlib.sha256).digest()
    return {
        "no algorithm": f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(other)}.",
        "no algorithm, and a signature": f"{part(head | {'alg': 'none'})}.{part(other)}.{signature}",
        "another's claims under my signature": f"{part(head)}.{part(other)}.{signature}",
        "another key": signed(head, other),
        "another key by its own name": signed(head | {"kid": "mine"}, other),
        "a shared secret": f"{hs256}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}",
        "another pool": signed(head, claims | {"iss": claims["iss"] + "x"}),
        "expired": signed(head, claims | {"exp": int(time.time()) - 60}),
        "an ID token": id_token(cloud, mine),
        "cut short": cloud.token(mine)[:-8],
        "nothing": "",
        "no token": "x",
    }


def test_no_forged_token_opens_anything(cloud: LocalCloud) -> None:
    mine, theirs = person(), person()
    job_id = ask(cloud, theirs)
    let_in = {}
    for name, token in forgeries(cloud, mine, theirs).items():
        for method, path in (("GET", "/v1/images"), ("GET", f"/v1/images/{job_id}"), ("POST", "/v1/images")):
            body = json.dumps({"prompt": PROMPT}).encode() if method == "POST" else b""
            status, _, text = wire(
                cloud,
                method,
                path,
                ("Authorization", f"Bearer {token}"),
                ("Content-Type", "application/json"),
                body=body,
            )
            assert job_id not in text, name
            if status not in (401, 403):
                let_in[f"{name}: {method} {path}"] = status
    assert let_in == {}
    wait_for_end(cloud, theirs, job_id)


PATHS = [
    "/v1/images/{id}",
    "/v1/images/%7Bid%7D/../{id}",
    "/v1/images/x/..%2f{id}",
    "/v1/images/%2e%2e/images/{id}",
    "/v1/images/%252e%252e%252f{id}",
    "/v1/presets/../images/{id}",
    "/v1//images/{id}",
    "/v1/images/{id}/",
    "/v1/images/{id}%00",
    "/v1/images/{id}%0d%0aX-Injected:%20yes",
    "/v1/images/{id}%20",
    "/v1/images/{id};x=y",
    "/v1/images/{id}?owner=someone",
    "/V1/IMAGES/{id}",
    "/v1/images/%ff%fe{id}",
    "/i/..%2fv1%2fimages%2f{id}",
    "/i/{id}",
    "/i/%2e%2e%2f%2e%2e%2fimages%2fx%2f0.png",
    "/v1/images?cursor={id}",
    "/v1/images?cursor={id}&cursor={id}",
    "/v1/images?limit=1&limit=50",
    "/v1/images?limit=%00",
    "/v1/images/" + "a" * 3000,
    "/v1/images?cursor=" + "a" * 3000,
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:44])
def test_no_path_leads_to_another_person_s_request(cloud: LocalCloud, path: str) -> None:
    theirs, mine = "owner@afterimage.example", "stranger@afterimage.example"
    job_id, prompt = theirs_once(cloud, theirs)
    status, headers, text = wire(
        cloud, "GET", path.replace("{id}", job_id), ("Authorization", f"Bearer {cloud.token(mine)}")
    )
    assert status < 500, text
    assert prompt not in text
    assert "X-Injected" not in headers
    if status == 200 and "/i/" not in path:
        assert json.loads(text)["items"] == [], "a list of one's own"


THEIRS: dict[int, tuple[str, str]] = {}


def theirs_once(cloud: LocalCloud, address: str) -> tuple[str, str]:
    """A request of somebody else's, asked for once."""
    if cloud.settings.emulator_port not in THEIRS:
        prompt = f"theirs {secrets.token_hex(6)}"
        THEIRS[cloud.settings.emulator_port] = (ask(cloud, address, {"prompt": prompt}), prompt)
    return THEIRS[cloud.settings.emulator_port]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "NONSENSE"])
@pytest.mark.parametrize("path", ["/v1/images", "/v1/presets", "/i/x"])
def test_a_method_that_is_not_described_does_nothing(cloud: LocalCloud, method: str, path: str) -> None:
    token = ("Authorization", f"Bearer {cloud.token('stranger@afterimage.example')}")
    status, _, text = wire(cloud, method, path, token)
    assert status in (204, 400, 403, 404, 405, 501), text
    assert "items" not in text


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer x")],
        [("X-Amz-Date", "20261122T000000Z"), ("X-Forwarded-For", "127.0.0.1"), ("X-Original-URL", "/v1/admin/users")],
        [("Cookie", "a=" + "b" * 4000)],
        [(f"X-{number}", "y" * 100) for number in range(60)],
        [("Idempotency-Key", "k" * 3000)],
        [("Content-Type", "application/json"), ("Content-Type", "text/html")],
        [("Content-Type", "application/json; charset=utf-7")],
    ],
    ids=["two tokens", "forwarded", "cookie", "many", "long key", "two types", "charset"],
)
def test_headers_move_nobody(cloud: LocalCloud, headers: list[tuple[str, str]]) -> None:
    token = ("Authorization", f"Bearer {cloud.token('stranger@afterimage.example')}")
    _, prompt = theirs_once(cloud, "owner@afterimage.example")
    for method, body in (("GET", b""), ("POST", b'{"prompt": ""}')):
        status, _, text = wire(cloud, method, "/v1/images", token, *headers, body=body)
        assert status < 500, text
        assert prompt not in text


def test_a_large_body_is_refused_and_not_a_fault(cloud: LocalCloud) -> None:
    token = ("Authorization", f"Bearer {cloud.token('stranger@afterimage.example')}")
    kind = ("Content-Type", "application/json")
    status, _, text = wire(
        cloud, "POST", "/v1/images", token, kind, body=json.dumps({"prompt": "x" * 900_000}).encode()
    )
    assert status == 422
    assert len(text) < 2000, "it is not said back"


def test_a_link_that_was_guessed_or_altered_leads_nowhere(cloud: LocalCloud) -> None:
    address = person()
    wait_for_end(cloud, address, ask(cloud, address))
    (link,) = links_in(mails_to(cloud, address)[0])
    token = link.rpartition("/")[2]
    assert wire(cloud, "GET", f"/i/{token}")[0] == 302
    other = "B" if token[5] == "A" else "A"
    for altered in (
        token[:-1],
        token + "A",
        token[:5] + other + token[6:],
        token.swapcase(),
        token + "%00",
        "%2e%2e/" + token,
    ):
        status, headers, _ = wire(cloud, "GET", f"/i/{altered}")
        assert status in (400, 404), altered
        assert "Location" not in headers


@pytest.mark.parametrize(
    "path", ["/v1/health", "/v1/openapi.json", "/v1/presets", "/v1/images", "/v1/images/x", "/i/x"]
)
def test_every_answer_of_a_function_is_closed(cloud: LocalCloud, path: str) -> None:
    _, headers, _ = wire(cloud, "GET", path, ("Authorization", f"Bearer {cloud.token('stranger@afterimage.example')}"))
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
