"""Hostile prompts, generated: the mail that leaves is parsed as a mail client parses it, and its tags, links and
headers are those of an ordinary one."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, cast
from xml.etree.ElementTree import Element

import html5lib
import pytest
from afterimage.adapters.mail.compose import compose
from afterimage.adapters.mail.ses import SesMailer
from afterimage.domain.status import JobStatus
from fakes.samples import ADDRESS, SPEC, a_job, pictures
from hypothesis import given, settings
from hypothesis import strategies as st

SENDER = "afterimage@example.com"
LINKS = ("https://api.example.com/i/" + "A" * 43, "https://api.example.com/i/" + "B" * 43)
THUMBNAILS = (b"\xff\xd8one", b"\xff\xd8two")
EXPIRES_S = int(datetime(2026, 12, 3, 17, 5, tzinfo=UTC).timestamp())
FRAGMENTS = [
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</td></tr></table></body></html>",
    "<a href='https://evil.example/'>",
    "<base href=//evil.example>",
    "<!--",
    "-->",
    "<![CDATA[",
    "<title>",
    "<style>",
    "</style><script>",
    "<plaintext>",
    "<math><mi><table><mglyph><style>",
    "<noscript>",
    "<!doctype html>",
    "&lt;script&gt;",
    "&#x3c;b&#62;",
    "\"'`=>",
    "{{ self.__init__ }}",
    "{% include 'x' %}",
    "{# #}",
    "${7*7}",
    "\r\nBcc: everybody@evil.example",
    "\n\n<html>",
    "\n.\r\n",
    "\r\n--===============",
    "\r\nContent-Type: text/html\r\n\r\n",
    "=?utf-8?b?PGI+?=",
    "=3Cb=3E",
    "\u202e",
    "\u2066",
    "\u2028",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u00ad",
    "\U000e0041",
    "\x00",
    "\x1b[31m",
    "https://evil.example/",
    "HTTP://EVIL.EXAMPLE",
    "//evil.example",
    "www.evil.example",
    "evil.example",
    "ev\u0456l.ex\u0430mple",
    "evil\u3002example",
    "evil\uff0eexample",
    "https\uff1a\uff0f\uff0fevil\uff61example",
    "someone@evil.example",
    "mailto:someone@evil.example",
    "javascript:alert(1)",
    "192.0.2.1/x",
    "\\\\evil\\share",
    "x" * 700,
    "<" * 300,
    "\U0001f30b",
    "\u0301" * 40,
]
PROMPTS = (
    st.lists(
        st.sampled_from(FRAGMENTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        min_size=1,
        max_size=12,
    )
    .map(lambda parts: "".join(parts)[:2000])
    .filter(bool)
)
# What clients and their libraries take for an address, more widely than any of them.
LINKIFIED = re.compile(
    r"\w+[:\uff1a][/\uff0f]{2}|[/\uff0f]{2}\w|www[.\u3002\uff0e\uff61]\w|\w[.\u3002\uff0e\uff61]\w|\w[@\uff20]\w|\w+:\w|\\\\\w"
)


class Outbox:
    """SES's client, as far as the mailer knows it: keeps the bytes that leave."""

    raw = b""

    def send_email(self, **call: Any) -> None:
        self.raw = call["Content"]["Raw"]["Data"]


@dataclasses.dataclass(frozen=True)
class Mail:
    """A mail from the wire: headers, parts, and the page's elements with their attributes in order."""

    headers: list[tuple[str, str]]
    parts: list[str]
    elements: list[tuple[str, dict[str, str]]]
    plain: str
    prompts: tuple[str, str]  # as the text part and the page show it


def mail_of(prompt: str) -> Mail:
    """Send by the real mailer and read what left."""
    spec = dataclasses.replace(SPEC, prompt=prompt, model_prompt=prompt)
    job = a_job(JobStatus.DELIVERING, spec=spec, pictures=pictures())
    outbox = Outbox()
    SesMailer(outbox, SENDER, "mails").send(job, ADDRESS, LINKS, EXPIRES_S, THUMBNAILS)
    raw = outbox.raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = cast(EmailMessage, email.message_from_bytes(raw, policy=email.policy.default))
    assert not [part.defects for part in message.walk() if part.defects]
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    page = cast(Element, html5lib.parse(html.get_content(), namespaceHTMLElements=False))
    return Mail(
        headers=[(name, _without_boundary(value)) for name, value in message.items()],
        parts=[part.get_content_type() for part in message.walk()],
        elements=[(str(element.tag), _without_cid(element)) for element in page.iter()],
        plain=str(plain.get_content()),
        prompts=(_prompt_line(str(plain.get_content())), _prompt_paragraph(page)),
    )


def _prompt_line(plain: str) -> str:
    (line,) = [line for line in plain.splitlines() if line.startswith("Your prompt: ")]
    return line.removeprefix("Your prompt: ")


def _prompt_paragraph(page: Element) -> str:
    (paragraph,) = [element for element in page.iter() if element.get("dir") == "auto"]
    return "".join(paragraph.itertext())


def _without_boundary(value: str) -> str:
    return re.sub(r'boundary="[^"]*"', "", value)


def _without_cid(element: Element) -> dict[str, str]:
    return {name: re.sub(r"^cid:\S+@afterimage\.invalid$", "cid:", value) for name, value in element.attrib.items()}


ORDINARY = mail_of("a lighthouse at dusk")


def hold(prompt: str) -> None:
    """The mail about `prompt` is the ordinary one, with other words in one place."""
    mail = mail_of(prompt)
    assert mail.elements == ORDINARY.elements
    assert mail.headers == ORDINARY.headers
    assert mail.parts == ORDINARY.parts
    assert len(mail.plain.splitlines()) == len(ORDINARY.plain.splitlines())
    for text in mail.prompts:
        assert not LINKIFIED.search(text), text


@settings(max_examples=150, deadline=None)
@given(PROMPTS)
def test_a_generated_prompt_leaves_no_tag_no_link_and_no_header(prompt: str) -> None:
    hold(prompt)


@pytest.mark.parametrize("prompt", FRAGMENTS, ids=range(len(FRAGMENTS)))
def test_each_fragment_by_itself(prompt: str) -> None:
    hold(f"a{prompt}b")


def test_an_address_in_a_prompt_is_still_read_as_it_was_written() -> None:
    mail = mail_of("a poster of www.example.org, f/2.8")
    for text in mail.prompts:
        assert text.replace("\u200b", "") == "a poster of www.example.org, f/2.8"


def test_the_parser_sees_what_a_mail_client_would() -> None:
    message = compose(a_job(JobStatus.DELIVERING, pictures=pictures()), SENDER, ADDRESS, LINKS, EXPIRES_S, THUMBNAILS)
    html = message.get_body(("html",))
    assert html is not None
    planted = html.get_content().replace("Your prompt", "Your prompt<img src=x onerror=alert(1)>")
    page = cast(Element, html5lib.parse(planted, namespaceHTMLElements=False))
    assert [(str(e.tag), _without_cid(e)) for e in page.iter()] != ORDINARY.elements
    assert LINKIFIED.search("see evil.example")
