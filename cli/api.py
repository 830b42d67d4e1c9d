"""The HTTP API from the caller's side: authorised, patient with what passes, clear about what does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO, Any, Protocol
from urllib.parse import quote

import httpx

from cli.errors import CliError, ProblemError
from cli.stacks import Stack
from cli.terminal import command

TRIES = 4
PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
_PASSING = {429, 502, 503, 504}
_LASTING = (
    b"admission_closed",
    b"monthly_quota_reached",
    b"daily_cap_reached",
    b"too_many_open_requests",
    b"too_many_uploads",
    b"cooling_down",
)
_HINTS = {
    "unknown_preset": f"See which there are: {command('presets')}",
    "job_not_found": f"See your requests: {command('jobs')}",
    "upload_not_found": "Send the picture again, with --from.",
    "too_many_uploads": "The service counts anew from midnight, UTC.",
    "input_not_a_picture": "Send a PNG, JPEG or WebP file.",
    "strength_without_input": "Name the picture to begin from, with --from.",
    "job_closed": "Its pictures are there, or it has ended. To remove it, delete it.",
    "nothing_to_share": "Wait for its pictures first, with show ID --wait.",
    "being_erased": "It takes some minutes. Afterwards there is no sign-in either; ask an operator for a new one.",
    "recipient_not_permitted": "Leave --email out, and the mail goes to the address of your sign-in.",
    "monthly_quota_reached": f"See what is left: {command('me')}",
    "cooling_down": f"See until when: {command('me')}",
    "daily_cap_reached": "The service counts anew from midnight, UTC.",
    "too_many_open_requests": f"See which are open: {command('jobs')}",
    "admin_only": f"Somebody with rights in the account makes an admin: {command('admin grant --help')}",
    "campaign_not_found": f"See your campaigns: {command('campaign list')}",
    "campaign_not_ready": f"Send other rows, or have them checked again: {command('campaign check --help')}",
    "run_active": f"Watch it, or stop it first: {command('campaign watch --help')}",
    "not_held": f"See what waits: {command('admin held')}",
    "admission_closed": "An operator has closed the door for new requests; ask them, or come back later.",
}


class TokenSource(Protocol):
    """Gives access tokens; `cli.sign_in.Session` does."""

    def access_token(self, *, refused: bool = False) -> str:
        """Return a token, a new one when the last was `refused`."""
        ...


class Api:
    """One stack's API for one person. Every request may be repeated: a GET by nature, a POST by its key."""

    def __init__(
        self,
        stack: Stack,
        tokens: TokenSource,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.stack = stack
        self._tokens = tokens
        self._sleep = sleep
        # A proxy of the person must not stand in front of the loopback.
        self._http = httpx.Client(transport=transport, timeout=30.0, trust_env=not stack.is_local)

    def create(self, body: dict[str, Any], idempotency_key: str) -> dict[str, Any]:
        """Ask for pictures and return the request as accepted."""
        return self._json("POST", "/v1/images", json=body, headers={"Idempotency-Key": idempotency_key})

    def price(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return what a request would take, without making it."""
        return self._json("POST", "/v1/images", json={**body, "dry_run": True})

    def me(self) -> dict[str, Any]:
        """Return the person's own quota and use."""
        return self._json("GET", "/v1/me")

    def admin(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        """Do something below /v1/admin; every change there can be repeated."""
        return self._json(method, f"/v1/admin/{path}", **content)

    def campaigns(self, method: str, path: str = "", **content: Any) -> dict[str, Any]:
        """Do something with campaigns. Every POST there can be repeated, those that make something by their key."""
        return self._json(method, f"/v1/campaigns{path}", **content)

    def without(self, path: str) -> None:
        """Delete a campaign, or something of it."""
        self._done("DELETE", f"/v1/campaigns{path}")

    def upload_form(self, content_type: str) -> dict[str, Any]:
        """Return a form to send an input picture with; one that is not used leaves nothing behind."""
        return self._json("POST", "/v1/uploads", json={"content_type": content_type})

    def send_form(self, url: str, fields: dict[str, str], content: bytes | IO[bytes], name: str = "rows") -> None:
        """Send a file to a presigned form, which carries its own permission."""
        response = self._send("POST", url, data=fields, files={"file": (name, content, fields.get("Content-Type"))})
        if not response.is_success:
            raise CliError(f"The upload was not taken: its address answered {response.status_code}.")

    @staticmethod
    def of_user(who: str, what: str = "") -> str:
        """Return the path of somebody, or of something about them."""
        return f"users/{quote(who, safe='')}" + (f"/{what}" if what else "")

    @staticmethod
    def of_suppression(address: str) -> str:
        """Return the path of the suppression of an address."""
        return f"suppressions/{quote(address, safe='')}"

    def job(self, job_id: str) -> dict[str, Any]:
        """Return the request as it stands, with fresh links."""
        return self._json("GET", _path(job_id))

    def jobs(self, limit: int, cursor: str | None = None) -> dict[str, Any]:
        """Return a page of the person's requests, newest first."""
        return self._json("GET", "/v1/images", params={"limit": limit} | ({"cursor": cursor} if cursor else {}))

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Stop a request for good and return it as it stands."""
        return self._json("POST", f"{_path(job_id)}/cancel")

    def delete(self, job_id: str) -> None:
        """Erase a request and everything of it."""
        self._done("DELETE", _path(job_id))

    def share(self, job_id: str, wishes: dict[str, int]) -> list[dict[str, Any]]:
        """Make links that anybody may follow. A repeat after a lost answer only makes more of them."""
        items: list[dict[str, Any]] = self._json("POST", f"{_path(job_id)}/share", json=wishes)["items"]
        return items

    def unshare(self, job_id: str) -> None:
        """End every link to a request's pictures."""
        self._done("DELETE", f"{_path(job_id)}/share")

    def erase_me(self) -> None:
        """Have everything of the person's erased."""
        self._json("DELETE", "/v1/me")

    def presets(self) -> list[dict[str, Any]]:
        """Return every style."""
        items: list[dict[str, Any]] = self._json("GET", "/v1/presets")["items"]
        return items

    def health(self) -> None:
        """Return when the API answers. Raises CliError."""
        _answer(self._send("GET", self.stack.api_base + "/v1/health"))

    def download(self, url: str) -> bytes:
        """Return what a presigned address holds. It carries its own permission, so no token goes with it."""
        response = self._send("GET", url)
        if response.status_code != 200:
            raise CliError(f"The picture could not be fetched: its address answered {response.status_code}.")
        return response.content

    def follow(self, link: str) -> tuple[int, httpx.Response]:
        """Open a mailed link as its reader does, without a token; return the link's own status and the last answer."""
        first = self._send("GET", link)
        if not first.is_redirect:
            return first.status_code, first
        return first.status_code, self._send("GET", first.headers["Location"])

    def _json(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        return _answer(self._call(method, path, **content))

    def _done(self, method: str, path: str) -> None:
        """Send what is answered without a body. Raises ProblemError."""
        response = self._call(method, path)
        if response.status_code != httpx.codes.NO_CONTENT:
            _answer(response)

    def _call(self, method: str, path: str, **content: Any) -> httpx.Response:
        url = self.stack.api_base + path
        headers = dict(content.pop("headers", {}))
        response = self._authorised(method, url, headers, content, refused=False)
        if response.status_code == 401:
            response = self._authorised(method, url, headers, content, refused=True)
        return response

    def _authorised(
        self, method: str, url: str, headers: dict[str, str], content: dict[str, Any], *, refused: bool
    ) -> httpx.Response:
        token = self._tokens.access_token(refused=refused)
        return self._send(method, url, headers=headers | {"Authorization": f"Bearer {token}"}, **content)

    def _send(self, method: str, url: str, **content: Any) -> httpx.Response:
        """Send, and send again while it is the network's or the service's passing trouble."""
        pause = PAUSE_S
        for attempt in range(1, TRIES + 1):
            wait = pause
            try:
                response = self._http.request(method, url, **content)
                if not _passes(response) or attempt == TRIES:
                    return response
                wait = _retry_after(response, pause)
            except httpx.TransportError as exc:
                if attempt == TRIES or (self.stack.is_local and isinstance(exc, httpx.ConnectError)):
                    raise self._unreachable(exc) from exc
            self._sleep(min(wait, LONGEST_PAUSE_S))
            pause *= 2
        raise AssertionError("the last attempt returns or raises")

    def _unreachable(self, exc: httpx.TransportError) -> CliError:
        if self.stack.is_local:
            return CliError("The local cloud does not answer.", f"See what is wrong: {command('doctor')}")
        host = httpx.URL(self.stack.api_base).host
        return CliError(
            f"{host} does not answer: {exc}", "Check the network. If the stack was deployed anew, sign in again."
        )


def _path(job_id: str) -> str:
    return f"/v1/images/{quote(job_id, safe='')}"


def _passes(response: httpx.Response) -> bool:
    """True for an error that another try may not meet. A closed door and a quota stay as they are for longer than a
    person waits."""
    return response.status_code in _PASSING and not any(code in response.content for code in _LASTING)


def _retry_after(response: httpx.Response, otherwise: float) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else otherwise


def _answer(response: httpx.Response) -> dict[str, Any]:
    """Return the document. Raises ProblemError for an error, whether the API or the gateway before it wrote it."""
    try:
        document = response.json()
    except ValueError:
        document = None
    if response.is_success and isinstance(document, dict):
        return document
    problem = document if isinstance(document, dict) else {}
    code = str(problem.get("code") or f"http_{response.status_code}")
    detail = str(problem.get("detail") or problem.get("message") or f"The API answered {response.status_code}.")
    if fields := problem.get("errors"):
        detail = " ".join(f"{str(field['field']).removeprefix('body.')}: {field['message']}." for field in fields)
    if response.is_success:
        code, detail = "not_json", "What answered is not an Afterimage API."
    raise ProblemError(response.status_code, code, detail, _HINTS.get(code, ""))
