"""A hostile prompt through the real door: the mail that arrives is an ordinary one with other words in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from afterimage.domain.request import MAX_PROMPT_CHARACTERS
from fakes.mail import LINKIFIED, Mail, read_mail
from integration.journey import ask, mails_to, person, read, wait_for_end

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

TRICKS = (
    "a lighthouse <img src=x onerror=alert(1)></p></td></table><a href='https://lure.example/'>click</a>"
    "\r\nBcc: everybody@lure.example\r\nContent-Type: text/html\r\n\r\n<b>x</b>"
    " \u202egnp.tac\u202c https://lure.example/ www.lure.example <!-- {{ 7*7 }} "
)
HOSTILE = TRICKS + "x" * (MAX_PROMPT_CHARACTERS - len(TRICKS))
# What SES, or who stands in for it, writes above a mail of ours; and what names this one mail.
OF_ONE_MAIL = {"to", "date", "message-id", "x-peer", "x-mailfrom", "x-rcptto"}


def mailed(cloud: LocalCloud, prompt: str) -> tuple[str, Mail]:
    """Have a picture made of a prompt; return to whom it was mailed, and the mail."""
    address = person()
    job_id = ask(cloud, address, {"prompt": prompt})
    assert wait_for_end(cloud, address, job_id)["status"] == "SUCCEEDED"
    assert read(cloud, address, job_id)["prompt"] == " ".join(prompt.split()), "it is kept as it was asked for"
    (message,) = mails_to(cloud, address)
    return address, read_mail(message.as_bytes())


def test_a_hostile_prompt_brings_no_tag_no_link_and_no_header_into_the_mail(cloud: LocalCloud) -> None:
    # As long as the other, so that it comes with the same notes about what the model has read of it.
    _, ordinary = mailed(cloud, "a lighthouse at dusk " * 45)
    address, mail = mailed(cloud, HOSTILE)
    assert mail.elements == ordinary.elements
    assert mail.parts == ordinary.parts
    assert [name for name, _ in mail.headers] == [name for name, _ in ordinary.headers]
    steady = [[header for header in one.headers if header[0].lower() not in OF_ONE_MAIL] for one in (mail, ordinary)]
    assert steady[0] == steady[1]
    assert dict(mail.headers)["To"] == address
    links = {attributes["href"] for _, attributes in mail.elements if "href" in attributes}
    assert links == {f"{cloud.api_base}/i/"}
    assert len(mail.plain.splitlines()) == len(ordinary.plain.splitlines())
    for text in mail.prompts:
        assert text.startswith("a lighthouse <img src=x onerror=alert(1)>"), "said, not obeyed"
        assert not LINKIFIED.search(text), text


def test_control_characters_and_two_thousand_characters_are_refused_at_the_door(cloud: LocalCloud) -> None:
    token = cloud.token(person())
    for prompt in ("a\x00b", "a\x1b[31mb", TRICKS + "x" * (2000 - len(TRICKS))):
        answer = cloud.http("POST", "/v1/images", token=token, body={"prompt": prompt})
        assert answer.status_code == 422, answer.text
        assert "lure.example" not in answer.text, "what was refused is not said back"
