"""Hostile prompts, generated: the mail that leaves is parsed as a mail client parses it, and its tags, links and
headers are those of an ordinary one."""

from __future__ import annotations

from typing import Any

import pytest
from afterimage.adapters.mail.compose import compose
from afterimage.adapters.mail.ses import SesMailer
from afterimage.domain.status import JobStatus
from fakes.mail import LINKIFIED, Mail, elements_of, parsed, read_mail
from fakes.samples import ADDRESS, EXPIRES_S, LINKS, THUMBNAILS, a_job, delivered, pictures
from hypothesis import given, settings
from hypothesis import strategies as st

SENDER = "afterimage@example.com"
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


class Outbox:
    """SES's client, as far as the mailer knows it: keeps the bytes that leave."""

    raw = b""

    def send_email(self, **call: Any) -> None:
        self.raw = call["Content"]["Raw"]["Data"]


def mail_of(prompt: str) -> Mail:
    """Send by the real mailer and read what left."""
    job = delivered(prompt)
    outbox = Outbox()
    SesMailer(outbox, SENDER, "mails").send(job, ADDRESS, LINKS, EXPIRES_S, THUMBNAILS)
    raw = outbox.raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    return read_mail(raw)


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
    assert elements_of(parsed(planted)) != ORDINARY.elements
    assert LINKIFIED.search("see evil.example")
