"""Write the mail about a job: HTML with inline thumbnails, and the same in plain text.

The prompt is hostile text: templates escape it, and it never reaches a subject or a header. A thumbnail is a `cid:`
part, because clients strip `data:` and a presigned URL would be dead; it cannot be revoked, and the mail says so.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from afterimage.domain.holds import PERSON
from afterimage.domain.job import Job
from afterimage.domain.moderation import Action, Decision
from afterimage.domain.status import JobStatus

_SHOWN_PX = 320
_SHOWN_CHANGES = 5
_MAX_PROMPT_SHOWN = 600
# Mail clients turn what looks like an address into a link of their own, in whatever script its dots are. An invisible
# break behind each mark that holds an address together leaves them words.
_HOLDS_ADDRESSES = re.compile(r"(?<=\S)([.:/@\\\u2024\u3002\uff0e\uff0f\uff1a\uff20\uff61])(?=\S)")
_BREAK = "\u200b"
_JOINERS = "\u200c\u200d"  # Persian is not spelt without the one, nor a family of emoji without the other


@dataclass(frozen=True, kw_only=True)
class _Tone:
    subject: str
    headline: str


_DELIVERED = (JobStatus.DELIVERING, JobStatus.SUCCEEDED)
_READY = _Tone(subject="Your picture is ready", headline="Your picture is ready")
_TONES = {
    JobStatus.DELIVERING: _READY,
    JobStatus.SUCCEEDED: _READY,
    JobStatus.BLOCKED: _Tone(subject="Your picture was not made", headline="We did not make this picture"),
    JobStatus.FAILED: _Tone(subject="Your picture could not be made", headline="Something went wrong"),
    JobStatus.CANCELLED: _Tone(subject="Your picture was cancelled", headline="The request was cancelled"),
    JobStatus.EXPIRED: _Tone(subject="Your picture was not made", headline="The request expired"),
}


@functools.cache
def templates() -> tuple[Environment, Environment]:
    """Return the environments for HTML (escaping everything) and for plain text (nothing to escape)."""
    loader = FileSystemLoader(Path(__file__).parent)
    html = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    # Nothing escapes text/plain, which has no markup.
    text = Environment(loader=loader, autoescape=False, trim_blocks=True)  # noqa: S701 # nosec B701
    return html, text


def compose(
    job: Job, sender: str, recipient: str, links: tuple[str, ...], expires_at_s: int, thumbnails: tuple[bytes, ...]
) -> EmailMessage:
    """Return the message. `links` and `thumbnails` (JPEG) go with `job.pictures`, one each."""
    tone = _TONES.get(job.status, _TONES[JobStatus.FAILED])
    plural = len(job.pictures) > 1 and job.status in _DELIVERED
    subject = tone.subject.replace("picture is", "pictures are") if plural else tone.subject
    cids = [make_msgid(domain="afterimage.invalid") for _ in links]
    fields = _fields(job, subject, links, expires_at_s, [cid[1:-1] for cid in cids])
    html, text = templates()
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = sender
    message["To"] = recipient
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text.get_template("message.txt.j2").render(fields))
    message.add_alternative(html.get_template("message.html.j2").render(fields), subtype="html")
    _, html_part = message.iter_parts()
    for number, (cid, thumbnail) in enumerate(zip(cids, thumbnails, strict=True), start=1):
        html_part.add_related(
            thumbnail, "image", "jpeg", cid=cid, filename=f"picture-{number}.jpg", disposition="inline"
        )
    return message


def _fields(job: Job, subject: str, links: tuple[str, ...], expires_at_s: int, cids: list[str]) -> dict[str, Any]:
    tone = _TONES.get(job.status, _TONES[JobStatus.FAILED])
    sentence = " ".join([job.failure.sentence if job.failure else _ready_sentence(job), *_categories(job)])
    pictures = [
        {"link": link, "cid": cid, "shown_width": width, "shown_height": height}
        for link, cid, (width, height) in zip(links, cids, map(_shown_size, _sizes(job, links)), strict=True)
    ]
    small_print = [f"Request {job.job_id}."]
    if links:
        until = datetime.fromtimestamp(expires_at_s, UTC).strftime("%-d %B %Y, %H:%M UTC")
        small_print = [
            f"{'The links work' if len(links) > 1 else 'The link works'} until {until}.",
            "The small picture in this mail is a copy: it stays when the link ends.",
            "Made by a machine-learning model.",
            *small_print,
        ]
    return {
        "subject": subject,
        "headline": subject if links else tone.headline,
        "preheader": sentence,
        "sentence": sentence,
        "pictures": pictures,
        # What was refused is not repeated to whoever reads along, and others get the copy without the prompt.
        "prompt": visible(job.spec.prompt) if job.status in _DELIVERED and job.is_mailed_to_owner else "",
        "note": _note_of_person(job),
        "warnings": _notes(job) if links else [],
        "small_print": small_print,
    }


def _note_of_person(job: Job) -> str:
    """What an admin wrote who looked at the request: free text, so as hostile as a prompt."""
    notes = [decision.note for decision in job.decisions if decision.stage == PERSON and decision.note]
    return visible(notes[-1]) if notes else ""


def _categories(job: Job) -> list[str]:
    """What was refused is told by its kind: of the whole request, or of pictures that stayed behind."""
    found = [name for d in job.decisions if d.action is Action.BLOCK for name in d.categories]
    names = ", ".join(dict.fromkeys(visible(name.replace("_", " ")) for name in found))
    return [f"Category: {names}."] if names else []


def _notes(job: Job) -> list[str]:
    """What to know about the pictures: how moderation changed the prompt, and the container's warnings."""
    softened = [
        _softened(decision, job) for decision in job.decisions if decision.action is Action.SOFTEN or decision.replaced
    ]
    return softened + [warning.message for warning in job.warnings]


def _softened(decision: Decision, job: Job) -> str:
    """The sentence and, where the mail shows the prompt, the change itself."""
    if not job.is_mailed_to_owner:
        return decision.sentence
    shown = decision.replaced[:_SHOWN_CHANGES]
    changes = [f"“{visible(change.found)}” became “{visible(change.put)}”" for change in shown]
    more = ["and more"] if len(decision.replaced) > _SHOWN_CHANGES else []
    return " ".join([decision.sentence, f"{', '.join(changes + more)}." if changes else ""]).strip()


def _ready_sentence(job: Job) -> str:
    asked, made = len(job.spec.seeds), len(job.pictures)
    if made < asked:
        return f"{made} of {asked} pictures passed our content review."
    return "The button below opens it." if made == 1 else "The buttons below open them."


def _sizes(job: Job, links: tuple[str, ...]) -> list[tuple[int, int]]:
    return [(picture.width, picture.height) for picture in job.pictures[: len(links)]]


def _shown_size(size: tuple[int, int]) -> tuple[int, int]:
    """Fit a picture into 320 pixels: mail clients want both numbers, and scale a small one up."""
    width, height = size
    scale = _SHOWN_PX / max(width, height)
    return round(width * scale), round(height * scale)


def visible(prompt: str) -> str:
    """Return the prompt without characters that reorder or hide text, cut to a length that a mail bears, and with
    nothing in it that a mail client would make a link of."""
    shown = "".join(
        " " if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and c not in _JOINERS else c for c in prompt
    )
    cut = shown if len(shown) <= _MAX_PROMPT_SHOWN else f"{shown[:_MAX_PROMPT_SHOWN]}…"
    return _HOLDS_ADDRESSES.sub(rf"\1{_BREAK}", cut)
