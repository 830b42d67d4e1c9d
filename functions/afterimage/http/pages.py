"""The two small pages of unsubscribing. Nothing of a request is on them, so nothing has to be escaped."""

from __future__ import annotations

import base64
import hashlib
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

_STYLE = (
    "body{margin:0;background:#f3f4f7;color:#14171f;font:16px/24px -apple-system,'Segoe UI',Roboto,Helvetica,Arial,"
    "sans-serif}main{max-width:420px;margin:12vh auto;padding:32px;background:#fff;border:1px solid #e3e5ea;"
    "border-radius:12px}h1{font-size:22px;line-height:28px;margin:0 0 12px}p{margin:0 0 24px}button{font:inherit;"
    "font-weight:600;padding:11px 22px;border:0;border-radius:8px;background:#3b5bdb;color:#fff;cursor:pointer}"
    "@media(prefers-color-scheme:dark){body{background:#16181d;color:#eceef2}main{background:#20232a;"
    "border-color:#343842}}@media(max-width:480px){main{margin:16px;padding:24px}}"
)
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# RFC 8058: the same field that a mail program sends. The address of the form is the page's own.
_FORM = (
    '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
    '<button type="submit">Unsubscribe</button></form>'
)


def unsubscribe_page() -> Response[str]:
    """Return the page that asks."""
    return _page("No more mail of campaigns?", "You will still get mail about requests that you make yourself.", _FORM)


def unsubscribed_page() -> Response[str]:
    """Return the page that says it is done."""
    return _page("You are unsubscribed", "No campaign sends mail to this address any more.")


def _page(title: str, sentence: str, more: str = "") -> Response[str]:
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{title}</title><style>{_STYLE}</style><main><h1>{title}</h1><p>{sentence}</p>{more}</main></html>"
    )
    return Response(
        status_code=HTTPStatus.OK.value,
        content_type="text/html; charset=utf-8",
        body=body,
        headers={"Content-Security-Policy": _POLICY},
    )
