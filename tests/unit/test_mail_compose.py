"""The mail: what a person needs is in both parts, and nothing that a prompt says becomes mark-up, header or link."""

from __future__ import annotations

import dataclasses
import email
import email.policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import cast

import pytest
from afterimage.adapters.mail.compose import compose
from afterimage.domain.job import Failure, Job, JobWarning
from afterimage.domain.status import JobStatus
from afterimage.domain.verdicts import Action, Decision, Replaced
from fakes.samples import ADDRESS, EXPIRES_S, LINKS, SPEC, THUMBNAILS, a_job, delivered, job_id, pictures
from hypothesis import given, settings
from hypothesis import strategies as st

SENDER = "afterimage@example.com"
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</p></td><script>alert(1)</script>",
    "\"><a href='https://evil.example/'>click</a>",
    "<a href=https://evil.example/>click</a>",
    "<style>body{display:none}</style>",
    "<!-- ",
    "]]><![CDATA[",
    "{{ 7 * 7 }} {% for x in y %} {{ config }}",
    "&lt;b&gt; &amp; &#60;",
    "a cat\r\nBcc: everybody@example.com",
    "a cat\n\n--boundary\nContent-Type: text/html\n\n<b>x</b>",
    "a cat\n.\nMAIL FROM:<x@example.com>",
    "\u202egnp.tac\u202c \u2066isolated\u2069",
    "a\u2028b\u2029c\x0bd\x0ce\x85f",
    "x" * 2000,
    "<" * 1000,
    "é🌋" * 500,
    "=?utf-8?q?Subject=3A_x?=",
    "javascript:alert(1) data:text/html,x cid:evil@example.com",
]


class Page(HTMLParser):
    """The tags of a mail's HTML, their links, and its visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def of(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@dataclasses.dataclass(frozen=True)
class Mail:
    """A mail as a client reads it from the wire."""

    message: EmailMessage
    plain: str
    page: Page
    inline: dict[str, EmailMessage]


def mail_about(job: Job, links: tuple[str, ...] = LINKS, thumbnails: tuple[bytes, ...] = THUMBNAILS) -> Mail:
    raw = compose(job, SENDER, ADDRESS, links, EXPIRES_S, thumbnails).as_bytes()
    assert max(map(len, raw.splitlines())) <= 998  # RFC 5322, 2.1.1
    message = cast(EmailMessage, email.message_from_bytes(raw, policy=email.policy.default))
    assert not message.defects
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    inline = {part["Content-ID"]: part for part in message.walk() if part["Content-ID"]}
    return Mail(message=message, plain=plain.get_content(), page=Page(html.get_content()), inline=inline)


ORDINARY = mail_about(delivered())


def test_both_parts_hold_both_links_and_no_other_address() -> None:
    assert all(link in ORDINARY.plain for link in LINKS)
    assert set(ORDINARY.page.of("href")) == set(LINKS)
    assert ORDINARY.plain.count("http") == 2


def test_both_parts_say_when_the_links_end() -> None:
    for text in (ORDINARY.plain, ORDINARY.page.text):
        assert "until 3 December 2026, 17:05 UTC" in text
        assert "The small picture in this mail is a copy" in text


def test_both_parts_say_the_prompt_and_the_request() -> None:
    for text in (ORDINARY.plain, ORDINARY.page.text):
        assert SPEC.prompt in text
        assert job_id(1) in text
        assert "machine-learning model" in text


@pytest.mark.parametrize("owner", ["client#batch", "schedule#nightly"])
def test_others_than_the_owner_get_no_prompt_as_their_copy_has_none(owner: str) -> None:
    soft = Decision(
        stage="prompt",
        action=Action.SOFTEN,
        policy_version="1",
        at_ms=1,
        sentence="Words were replaced.",
        replaced=(Replaced(found="bloody", put="dramatic"),),
    )
    mail = mail_about(dataclasses.replace(delivered(), owner=owner, decisions=(soft,)))
    for text in (mail.plain, mail.page.text):
        assert SPEC.prompt not in text and "bloody" not in text
        assert "Words were replaced." in text


def test_each_shown_picture_is_an_inline_part_of_the_same_mail() -> None:
    shown = ORDINARY.page.of("src")
    assert [source.removeprefix("cid:") for source in shown] == [cid[1:-1] for cid in ORDINARY.inline]
    assert [part.get_content() for part in ORDINARY.inline.values()] == list(THUMBNAILS)
    for part in ORDINARY.inline.values():
        assert (part.get_content_type(), part.get_content_disposition()) == ("image/jpeg", "inline")


def test_nothing_in_the_mail_is_fetched_from_elsewhere() -> None:
    assert all(source.startswith("cid:") for source in ORDINARY.page.of("src"))
    assert not {"script", "iframe", "link", "form", "object", "base"} & set(ORDINARY.page.tags)
    assert "url(" not in ORDINARY.message.as_string()


def test_every_picture_has_words_for_those_who_do_not_see_it() -> None:
    assert len(ORDINARY.page.of("alt")) == len(LINKS)
    assert all(ORDINARY.page.of("alt"))


def test_the_headers_are_ours() -> None:
    headers = ORDINARY.message
    assert (headers["From"], headers["To"]) == (SENDER, ADDRESS)
    assert headers["Subject"] == "Your pictures are ready"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert set(headers.keys()) == {"Subject", "From", "To", "Auto-Submitted", "MIME-Version", "Content-Type"}


def test_a_single_picture_is_spoken_of_as_one() -> None:
    mail = mail_about(delivered(pictures=pictures(1)), LINKS[:1], THUMBNAILS[:1])
    assert mail.message["Subject"] == "Your picture is ready"
    assert "The link works until" in mail.plain


def test_a_tall_picture_keeps_its_shape() -> None:
    mail = mail_about(delivered(pictures=pictures(1, width=512, height=768)), LINKS[:1], THUMBNAILS[:1])
    sizes = [value for name, value in mail.page.attributes if name in ("width", "height")]
    assert {"213", "320"} <= set(sizes)


@pytest.mark.parametrize("prompt", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_prompt_changes_no_tag_no_link_and_no_header(prompt: str) -> None:
    mail = mail_about(delivered(prompt))
    assert mail.page.tags == ORDINARY.page.tags
    assert set(mail.page.of("href")) == set(LINKS)
    assert all(source.startswith("cid:") and "evil" not in source for source in mail.page.of("src"))
    assert {name for name, _ in mail.page.attributes} == {name for name, _ in ORDINARY.page.attributes}
    assert mail.message.keys() == ORDINARY.message.keys()
    assert mail.message["Subject"] == ORDINARY.message["Subject"]
    assert [part.get_content_type() for part in mail.message.walk()] == [
        part.get_content_type() for part in ORDINARY.message.walk()
    ]


@settings(max_examples=40)
@given(st.text(min_size=1, max_size=200).filter(lambda text: text.isprintable() or "\n" in text))
def test_any_prompt_at_all_changes_no_tag_and_no_header(prompt: str) -> None:
    mail = mail_about(delivered(prompt))
    assert mail.page.tags == ORDINARY.page.tags
    assert mail.message.keys() == ORDINARY.message.keys()


@pytest.mark.parametrize("prompt", [text for text in HOSTILE if "\n" in text or "\u2028" in text])
def test_a_prompt_is_one_line_of_the_text_part(prompt: str) -> None:
    mail = mail_about(delivered(prompt))
    assert len(mail.plain.splitlines()) == len(ORDINARY.plain.splitlines())


def test_a_prompt_cannot_turn_the_text_around() -> None:
    mail = mail_about(delivered("\u202egnp.tac \u2066x\u2069 \u200fy\u061c"))
    for text in (mail.plain, mail.page.text):
        assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


@pytest.mark.parametrize(
    "prompt", ["منارة عند الغروب", "مى\u200cخواهم", "灯台", "👩\u200d👩\u200d👧 at the sea", "<3 & >2 {x}"]
)
def test_an_honest_prompt_is_shown_as_it_was_written(prompt: str) -> None:
    mail = mail_about(delivered(prompt))
    assert prompt in mail.plain
    assert prompt in mail.page.text


def test_a_very_long_prompt_is_cut_and_says_so() -> None:
    mail = mail_about(delivered("y" * 2000))
    for text in (mail.plain, mail.page.text):
        assert "y" * 600 + "…" in text
        assert "y" * 601 not in text


def test_words_of_the_container_are_escaped_as_well() -> None:
    warning = JobWarning(code="prompt_cut", message="<b>cut</b> <img src=x>", detail="secret detail")
    mail = mail_about(delivered(warnings=(warning,)))
    assert "b" not in mail.page.tags
    assert mail.page.tags.count("img") == 2
    assert "Note: <b>cut</b>" in mail.page.text
    assert "Note: <b>cut</b>" in mail.plain


SOFTENED = Decision(
    stage="prompt",
    action=Action.SOFTEN,
    policy_version="1",
    at_ms=1,
    sentence="Blood was left out & <more>.",
    scores={"policy.x": 0.875},
    replaced=(Replaced(found="<Bloody>", put="dramatic"), Replaced(found="http://blood.example", put="dramatic")),
)


def test_a_prompt_that_was_softened_is_noted_before_the_words_of_the_container() -> None:
    allowed = Decision(stage="picture", action=Action.ALLOW, policy_version="1", at_ms=1, sentence="never shown")
    blocked = Decision(stage="picture", action=Action.BLOCK, policy_version="1", at_ms=1, sentence="not shown either")
    warning = JobWarning(code="prompt_cut", message="The end was not read.")
    mail = mail_about(delivered(decisions=(SOFTENED, allowed, blocked), warnings=(warning,)))
    for text in (mail.plain, mail.page.text):
        assert "Note: Blood was left out & <more>." in text
        assert text.index("Blood was left out") < text.index("The end was not read.")
        assert "shown" not in text
        assert "0.875" not in text


def test_the_change_of_a_softened_prompt_is_shown_as_text() -> None:
    mail = mail_about(delivered(decisions=(SOFTENED,)))
    for text in (mail.plain, mail.page.text):
        assert "“<Bloody>” became “dramatic”, “http" in text
        assert "http://blood.example" not in text  # no client makes a link of it
    many = dataclasses.replace(SOFTENED, replaced=tuple(Replaced(found=f"word{n}", put="x") for n in range(7)))
    assert "“word4” became “x”, and more." in mail_about(delivered(decisions=(many,))).plain


def test_what_was_refused_is_told_by_its_kind_and_never_by_a_score() -> None:
    refused = Decision(
        stage="prompt",
        action=Action.BLOCK,
        policy_version="1",
        at_ms=1,
        categories=("graphic_violence", "<mine>"),
        scores={"guardrail.graphic_violence": 0.875},
        layers=("policy", "guardrail"),
    )
    job = a_job(JobStatus.BLOCKED, decisions=(refused,), failure=Failure(code="prompt_blocked", sentence="Not here."))
    mail = mail_about(job, (), ())
    for text in (mail.plain, mail.page.text):
        assert "Not here. Category: graphic violence, <mine>." in text
        assert not [hidden for hidden in ("0.875", "guardrail", "policy") if hidden in text]


def test_pictures_that_stayed_behind_are_told_with_their_category() -> None:
    refused = Decision(
        stage="picture", action=Action.BLOCK, policy_version="1", at_ms=1, categories=("unsafe_picture",)
    )
    job = delivered(decisions=(refused,), pictures=pictures(1))
    assert (
        "1 of 2 pictures passed our content review. Category: unsafe picture."
        in mail_about(job, LINKS[:1], THUMBNAILS[:1]).plain
    )


def test_an_end_without_pictures_has_no_notes() -> None:
    job = a_job(JobStatus.FAILED, decisions=(SOFTENED,), failure=Failure(code="why", sentence="Because."))
    mail = mail_about(job, (), ())
    assert "Blood was left out" not in mail.plain + mail.page.text


@pytest.mark.parametrize("count", [1, 2])
def test_a_success_is_told_in_the_same_words_as_a_delivery(count: int) -> None:
    delivering = delivered(pictures=pictures(count))
    succeeded = dataclasses.replace(delivering, status=JobStatus.SUCCEEDED)
    first, second = (mail_about(job, LINKS[:count], THUMBNAILS[:count]) for job in (delivering, succeeded))
    assert first.message["Subject"] == second.message["Subject"]
    assert "ready" in second.message["Subject"]
    assert first.plain == second.plain
    assert first.page.text == second.page.text


def test_fewer_pictures_than_asked_are_explained() -> None:
    job = delivered(pictures=pictures(1))
    for text in (
        mail_about(job, LINKS[:1], THUMBNAILS[:1]).plain,
        mail_about(job, LINKS[:1], THUMBNAILS[:1]).page.text,
    ):
        assert "1 of 2 pictures passed our content review." in text


ENDS = [status for status in JobStatus if status.is_final and status is not JobStatus.SUCCEEDED]


@pytest.mark.parametrize("status", ENDS)
def test_an_end_without_pictures_holds_the_reason_but_no_prompt_and_no_link(status: JobStatus) -> None:
    failure = Failure(code="why", sentence="Because of <something>.")
    job = dataclasses.replace(delivered("hideous-words"), status=status, pictures=(), failure=failure)
    mail = mail_about(job, (), ())
    assert "hideous-words" not in mail.message.as_string()
    for text in (mail.plain, mail.page.text):
        assert "hideous-words" not in text
        assert "Because of <something>." in text
        assert "http" not in text
        assert "until" not in text
        assert job_id(1) in text
    assert (mail.page.of("href"), mail.page.of("src"), mail.inline) == ([], [], {})
    assert "ready" not in mail.message["Subject"]


def test_each_end_has_a_subject_of_its_own_kind() -> None:
    subjects = {mail_about(a_job(status), (), ()).message["Subject"] for status in ENDS}
    assert len(subjects) >= 3


def test_a_link_without_a_thumbnail_is_a_defect_of_ours() -> None:
    with pytest.raises(ValueError, match="zip"):
        compose(delivered(), SENDER, ADDRESS, LINKS, EXPIRES_S, THUMBNAILS[:1])


HOSTILE_NOTE = "<b>Ducks <i> see http://evil.example\u202e now {{ 7*7 }}"


@pytest.mark.parametrize("ended", [False, True])
def test_what_a_person_wrote_is_told_as_words_and_nothing_else(ended: bool) -> None:
    person = dataclasses.replace(SOFTENED, stage="person", action=Action.BLOCK, sentence="", note=HOSTILE_NOTE)
    failure = Failure(code="review_refused", sentence="No ducks.")
    refused = a_job(JobStatus.BLOCKED, decisions=(person,), failure=failure)
    mail = mail_about(refused, (), ()) if ended else mail_about(delivered(decisions=(person,)))
    assert not {"b", "i"} & set(mail.page.tags)
    for text in (mail.plain, mail.page.text):
        assert "<b>Ducks <i>" in text
        assert "{{ 7*7 }}" in text
        assert "http://evil.example" not in text
        assert "\u202e" not in text
    assert "Ducks" not in str(mail.message["Subject"])


def test_without_a_person_nobody_is_quoted() -> None:
    mail = mail_about(delivered())
    assert "person who looked" not in mail.plain + mail.page.text
