"""Write the mail about a run: what became of its rows, the first contact sheet, and ways to the rest.

Its recipients need not be signed in, so its links are secrets as those of a picture's mail are: whoever has the mail
has the manifest, in which every picture has a link, until they end. What strangers wrote (the campaign's name) is
cleaned as a prompt is; prompts and columns are not in the mail at all.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any

from afterimage.adapters.mail.compose import templates, visible
from afterimage.domain.campaign import (
    ADMISSION_CLOSED,
    BUDGET_DOLLARS,
    BUDGET_PICTURES,
    MICROS,
    RUN_FAILED,
    TOO_MANY_FAILURES,
    Run,
    RunStatus,
)
from afterimage.domain.campaign_digest import Digest

_SHOWN_REASONS = 6
_WHY = {
    BUDGET_PICTURES: ("Its budget of pictures is used up.", "To go on, give it a larger budget and resume it:"),
    BUDGET_DOLLARS: ("Its budget in dollars is used up.", "To go on, give it a larger budget and resume it:"),
    TOO_MANY_FAILURES: (
        "More rows failed than it may bear.",
        "Look at the reasons below. To go on with the rows that are left, resume it:",
    ),
    ADMISSION_CLOSED: ("New requests are not being accepted right now.", "Once they are again, resume it:"),
    RUN_FAILED: ("Something went wrong on our side.", "What was made is kept. To go on, resume it:"),
}
_OTHERWISE = ("A quota or a bound was reached.", "When there is room again, resume it:")


def compose_digest(digest: Digest, sender: str, recipient: str, unsubscribe_url: str) -> EmailMessage:
    """Return the message, with the headers of one-click unsubscribing (RFC 8058)."""
    fields = _fields(digest) | {"unsubscribe_url": unsubscribe_url}
    cid = make_msgid(domain="afterimage.invalid")
    if digest.sheet:
        fields["cid"] = cid[1:-1]
    html, text = templates()
    message = EmailMessage()
    message["Subject"] = fields["subject"]
    message["From"] = sender
    message["To"] = recipient
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<{unsubscribe_url}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(text.get_template("digest.txt.j2").render(fields))
    message.add_alternative(html.get_template("digest.html.j2").render(fields), subtype="html")
    if digest.sheet:
        _, page = message.iter_parts()
        page.add_related(digest.sheet, "image", "jpeg", cid=cid, filename="contact-sheet.jpg", disposition="inline")
    return message


def _fields(digest: Digest) -> dict[str, Any]:
    run = digest.run
    paused = run.status is RunStatus.PAUSED
    why, what_to_do = _WHY.get(run.reason or "", _OTHERWISE) if paused else ("", "")
    made = f"{run.succeeded:,} of {_rows(run.rows)} {'has' if run.succeeded == 1 else 'have'} pictures."
    return {
        "subject": f"Your campaign {'has paused' if paused else 'is finished'}: {run.succeeded:,} of {_rows(run.rows)}",
        "headline": f"Your campaign {'has paused' if paused else 'is finished'}",
        "name": visible(digest.name),
        "preheader": f"{why} {made}".strip(),
        "sentence": f"{why} {made}".strip(),
        "what_to_do": what_to_do,
        "command": f"afterimage campaign resume {run.campaign_id}" if paused else "",
        "counts": _counts(run),
        "reasons": [(_rows(rows), sentence) for rows, sentence in digest.reasons[:_SHOWN_REASONS]],
        "facts": _facts(run),
        "manifest_link": digest.manifest_link,
        "sheet_links": digest.sheet_links,
        "small_print": _small_print(digest),
    }


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _counts(run: Run) -> list[tuple[str, str]]:
    """What the rows came to, without what no row came to."""
    left = run.rows - run.settled
    named = [
        ("Pictures made", run.pictures),
        ("Rows with pictures", run.succeeded),
        ("Rows that failed", run.failed),
        ("Rows that were blocked", run.blocked),
        ("Rows that were cancelled", run.cancelled),
        ("Rows not begun", left),
    ]
    return [(name, f"{count:,}") for name, count in named if count or name == "Pictures made"]


def _facts(run: Run) -> list[tuple[str, str]]:
    ended_ms = run.ended_at_ms or run.updated_at_ms
    return [
        ("Began", _moment(run.started_at_ms)),
        ("Paused" if run.status is RunStatus.PAUSED else "Ended", _moment(ended_ms)),
        ("Cost, estimated", f"${run.micros / MICROS:,.2f}"),
    ]


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%-d %B %Y, %H:%M UTC")


def _small_print(digest: Digest) -> list[str]:
    lines = [f"Campaign {digest.run.campaign_id}, run {digest.run.run_id}."]
    if digest.manifest_link:
        lines = [
            f"The links work until {_moment(digest.links_expire_at_s * 1000)}, for everybody who has them.",
            "The list has a link to every picture. The sheet in this mail is a copy: it stays when the links end.",
            "Made by a machine-learning model.",
            *lines,
        ]
    return lines
