"""The mail about a run, as it leaves: its headers, its parts, and whatever a campaign is called."""

from __future__ import annotations

import dataclasses
import email
import email.policy
from email.message import EmailMessage
from typing import Any, cast
from xml.etree.ElementTree import Element

import html5lib
import pytest
from afterimage.adapters.mail.ses import SesMailer
from afterimage.contracts.mail_event import CAMPAIGN_TAG
from afterimage.domain.campaign import BUDGET_DOLLARS, RUN_FAILED, RunStatus
from afterimage.domain.campaign_digest import Digest
from fakes.campaigns import CAMPAIGN_ID, RUN_ID, a_run
from fakes.outside import NOW_MS
from fakes.samples import ADDRESS
from unit.test_mail_hostile import FRAGMENTS, LINKIFIED

URL = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/u/" + "U" * 43
RUN = a_run(
    rows=500,
    status=RunStatus.FINISHED,
    claimed=500,
    succeeded=480,
    failed=12,
    blocked=8,
    pictures=481,
    micros=1_234_567,
    ended_at_ms=NOW_MS + 4_000_000,
)
DIGEST = Digest(
    name="Autumn catalogue",
    run=RUN,
    reasons=((12, "The image model failed while making the picture."), (8, "It was not allowed.")),
    manifest_link="https://api.example.com/i/" + "M" * 43,
    sheet_links=("https://api.example.com/i/" + "S" * 43, "https://api.example.com/i/" + "T" * 43),
    sheet=b"\xff\xd8a sheet",
    links_expire_at_s=NOW_MS // 1000 + 86_400,
)


class Outbox:
    """SES's client: keeps the call."""

    call: dict[str, Any]

    def send_email(self, **call: Any) -> None:
        self.call = call


def sent(digest: Digest) -> tuple[dict[str, Any], EmailMessage]:
    outbox = Outbox()
    SesMailer(outbox, "afterimage@example.com", "mails").send_digest(digest, ADDRESS, URL)
    raw = outbox.call["Content"]["Raw"]["Data"]
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = cast(EmailMessage, email.message_from_bytes(raw, policy=email.policy.default))
    assert not [part.defects for part in message.walk() if part.defects]
    return outbox.call, message


def parts(digest: Digest) -> tuple[str, Element]:
    _, message = sent(digest)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), cast(Element, html5lib.parse(html.get_content(), namespaceHTMLElements=False))


def shape(page: Element) -> list[tuple[str, dict[str, str]]]:
    return [
        (str(e.tag), {name: value for name, value in e.attrib.items() if not value.startswith("cid:")})
        for e in page.iter()
    ]


def test_the_headers_are_those_of_one_click_unsubscribing() -> None:
    call, message = sent(DIGEST)
    assert f"<{URL}>".encode() in call["Content"]["Raw"]["Data"], "as it is, not encoded"
    assert message["List-Unsubscribe"] == f"<{URL}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Subject"] == "Your campaign is finished: 480 of 500 rows"
    assert call["EmailTags"] == [{"Name": CAMPAIGN_TAG, "Value": f"{CAMPAIGN_ID}_{RUN_ID}_1"}]


def test_both_parts_say_the_same() -> None:
    plain, page = parts(DIGEST)
    shown = " ".join("".join(page.itertext()).split())
    for text in ("480 of 500 rows have pictures.", "481", "12 rows", "8 rows", "$1.23", "Autumn catalogue"):
        assert text in plain, text
        assert text in shown, text
    links = {e.attrib["href"] for e in page.iter() if "href" in e.attrib}
    assert links == {DIGEST.manifest_link, *DIGEST.sheet_links, URL}
    assert all(str(link) in plain for link in links)


def test_the_sheet_is_inline() -> None:
    _, message = sent(DIGEST)
    (image,) = [part for part in message.walk() if part.get_content_type() == "image/jpeg"]
    assert image.get_content() == DIGEST.sheet
    html = message.get_body(("html",))
    assert html is not None
    assert f"cid:{image['Content-ID'][1:-1]}" in html.get_content()


@pytest.mark.parametrize("reason", [BUDGET_DOLLARS, RUN_FAILED, "monthly_quota_reached", None])
def test_a_pause_says_why_and_what_to_do(reason: str | None) -> None:
    run = dataclasses.replace(RUN, status=RunStatus.PAUSED, reason=reason, succeeded=3, failed=1, blocked=0)
    plain, page = parts(dataclasses.replace(DIGEST, run=run, sheet=None, manifest_link=None, sheet_links=()))
    assert "has paused" in plain
    assert f"afterimage campaign resume {CAMPAIGN_ID}" in plain
    assert "Rows not begun: 496" in plain
    assert [e for e in page.iter() if e.tag == "img"] == []


ORDINARY = shape(parts(DIGEST)[1])


@pytest.mark.parametrize("name", [*FRAGMENTS, ""], ids=range(len(FRAGMENTS) + 1))
def test_a_hostile_name_leaves_no_tag_no_link_and_no_header(name: str) -> None:
    _, message = sent(dataclasses.replace(DIGEST, name=f"a{name}b"))
    plain, page = parts(dataclasses.replace(DIGEST, name=f"a{name}b"))
    assert shape(page) == ORDINARY
    assert set(message.keys()) == set(sent(DIGEST)[1].keys())
    assert message["Subject"] == "Your campaign is finished: 480 of 500 rows"
    (shown,) = ["".join(e.itertext()) for e in page.iter() if e.get("dir") == "auto"]
    assert not LINKIFIED.search(shown), shown
    assert not LINKIFIED.search(plain.splitlines()[2]), plain.splitlines()[2]
