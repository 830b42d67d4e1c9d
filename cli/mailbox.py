"""The mails that the local sink holds: the oldest is number 1, so that a number stays what it is."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import cast

from cli.errors import CliError
from cli.terminal import command

_LINK = re.compile(r"https?://[^\s<>\"']+")
_REQUEST = re.compile(r"^Request ([0-9a-z]+)\.\s*$", re.MULTILINE)
_CID = re.compile(r"cid:([^\"'\s)>]+)")


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail. `links` are those of its text part, in order."""

    number: int
    path: Path
    subject: str
    sender: str
    recipient: str
    sent_at: datetime | None
    text: str
    links: tuple[str, ...]
    job_id: str | None
    message: EmailMessage = field(repr=False)


class Mailbox:
    """The folder of the local mail sink."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def mails(self) -> list[Mail]:
        """Every mail, the oldest first."""
        return [_read(number, path) for number, path in enumerate(self._paths(), start=1)]

    def mail(self, number: int | None) -> Mail:
        """Return that mail, or the newest. Raises CliError when there is none."""
        paths = self._paths()
        if not paths:
            raise CliError("No mail has arrived yet.", f"Ask for a picture: {command('demo')}")
        number = len(paths) if number is None else number
        if not 1 <= number <= len(paths):
            raise CliError(f"There is no mail {number}; the newest is {len(paths)}.")
        return _read(number, paths[number - 1])

    def about(self, job_id: str) -> Mail | None:
        """Return the newest mail about a request, or None."""
        newest_first = ((number, path) for number, path in reversed(list(enumerate(self._paths(), start=1))))
        mails = (_read(number, path) for number, path in newest_first)
        return next((mail for mail in mails if mail.job_id == job_id), None)

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.eml"))


def _read(number: int, path: Path) -> Mail:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    text = _part(message, "plain")
    found = _REQUEST.search(text)
    return Mail(
        number=number,
        path=path,
        subject=str(message["Subject"] or ""),
        sender=str(message["From"] or ""),
        recipient=str(message["To"] or ""),
        sent_at=_date(message),
        text=text,
        links=tuple(link.rstrip(".,;)") for link in _LINK.findall(text)),
        job_id=found[1] if found else None,
        message=message,
    )


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return str(part.get_content()) if part is not None else ""


def _date(message: EmailMessage) -> datetime | None:
    try:
        return parsedate_to_datetime(str(message["Date"]))
    except (TypeError, ValueError):
        return None


def write_page(mail: Mail, folder: Path) -> Path | None:
    """Write the HTML part as one file that a browser shows as a mail client would, and return it; None without HTML.

    A browser cannot follow `cid:`, so the inline parts become `data:` addresses.
    """
    page = _part(mail.message, "html")
    if not page:
        return None
    inline = dict(_inline_parts(mail.message))
    page = _CID.sub(lambda found: inline.get(html.unescape(found[1]), found[0]), page)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{mail.path.stem}.html"
    path.write_text(page, encoding="utf-8")
    return path


def _inline_parts(message: EmailMessage) -> Iterator[tuple[str, str]]:
    for part in message.walk():
        cid = str(part["Content-ID"] or "").strip("<> ")
        if cid:
            content = cast(bytes, part.get_payload(decode=True))
            yield cid, f"data:{part.get_content_type()};base64,{base64.b64encode(content).decode()}"
