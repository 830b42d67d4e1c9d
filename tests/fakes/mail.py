"""A mail read as a mail client reads it, and what of it may not change with a prompt."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import re
from email.message import EmailMessage
from typing import cast
from xml.etree.ElementTree import Element

import html5lib

# What clients and their libraries take for an address, more widely than any of them.
LINKIFIED = re.compile(
    r"\w+[:\uff1a][/\uff0f]{2}|[/\uff0f]{2}\w|www[.\u3002\uff0e\uff61]\w|\w[.\u3002\uff0e\uff61]\w|\w[@\uff20]\w|\w+:\w|\\\\\w"
)


@dataclasses.dataclass(frozen=True)
class Mail:
    """A mail from the wire: headers, parts, and the page's elements with their attributes in order."""

    headers: list[tuple[str, str]]
    parts: list[str]
    elements: list[tuple[str, dict[str, str]]]
    plain: str
    prompts: tuple[str, str]  # as the text part and the page show it


def read_mail(raw: bytes) -> Mail:
    """Read what left, or arrived."""
    message = cast(EmailMessage, email.message_from_bytes(raw, policy=email.policy.default))
    assert not [part.defects for part in message.walk() if part.defects]
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    page = parsed(html.get_content())
    return Mail(
        headers=[(name, re.sub(r'boundary="[^"]*"', "", value)) for name, value in message.items()],
        parts=[part.get_content_type() for part in message.walk()],
        elements=elements_of(page),
        plain=str(plain.get_content()),
        prompts=(_prompt_line(str(plain.get_content())), _prompt_paragraph(page)),
    )


def parsed(html: str) -> Element:
    """A page as a browser understands it."""
    return cast(Element, html5lib.parse(html, namespaceHTMLElements=False))


def elements_of(page: Element) -> list[tuple[str, dict[str, str]]]:
    """Tags with their attributes, without what differs from mail to mail: ids of inline pictures, tokens of links."""
    changing = re.compile(r"^(cid:)\S+@afterimage\.invalid$|(?<=/i/)[\w-]{43}$")
    return [
        (str(element.tag), {name: changing.sub(r"\1", value) for name, value in element.attrib.items()})
        for element in page.iter()
    ]


def _prompt_line(plain: str) -> str:
    (line,) = [line for line in plain.splitlines() if line.startswith("Your prompt: ")]
    return line.removeprefix("Your prompt: ")


def _prompt_paragraph(page: Element) -> str:
    (paragraph,) = [element for element in page.iter() if element.get("dir") == "auto"]
    return "".join(paragraph.itertext())
