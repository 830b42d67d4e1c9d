"""Managed moderators: what is asked of AWS, what becomes of its answers, its silence and what it does not take.

The answers are played, in the shapes of botocore's service models; only the guardrail's word lists are run for real,
against the emulator (tests/integration/test_guardrail.py).
"""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from afterimage.adapters.moderators.comprehend import ComprehendTexts
from afterimage.adapters.moderators.guardrail import Guardrail, GuardrailPictures, GuardrailTexts
from afterimage.adapters.moderators.rekognition import RekognitionPictures
from afterimage.domain.errors import ModeratorUnavailableError
from afterimage.domain.moderation import texts_of
from afterimage.domain.verdicts import Action, NamedText, Thresholds, Verdict
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import ANY
from fakes.stubbed import UNREACHED, stubbed, unreached

GUARDRAIL = Guardrail(id="abc123", version="2")
NAMED = {"guardrailIdentifier": "abc123", "guardrailVersion": "2"}
THRESHOLDS = Thresholds(hold_at=0.6, block_at=0.85)
TEXTS = texts_of("a lighthouse", "blurry")
UNITS = dict.fromkeys(
    (
        "topicPolicyUnits",
        "contentPolicyUnits",
        "wordPolicyUnits",
        "sensitiveInformationPolicyUnits",
        "sensitiveInformationPolicyFreeUnits",
        "contextualGroundingPolicyUnits",
    ),
    1,
)
KEY = "quarantine/1/0.png"


def words(**found: list[dict[str, str]]) -> dict[str, Any]:
    return {"wordPolicy": {"customWords": [], "managedWordLists": []} | found}


def png(width: int = 512, height: int = 512) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height) + b"rest"


def jpeg(width: int = 512, height: int = 512) -> bytes:
    table = b"\xff\xdb" + struct.pack(">H", 67) + bytes(65)
    return b"\xff\xd8" + table + b"\xff\xc0" + struct.pack(">HBHH", 11, 8, height, width) + bytes(6)


def guardrail_answer(intervened: bool, assessment: dict[str, Any], guarded: int | None = None) -> dict[str, Any]:
    coverage = {} if guarded is None else {"guardrailCoverage": {"images": {"guarded": guarded, "total": 1}}}
    action = "GUARDRAIL_INTERVENED" if intervened else "NONE"
    return {"usage": UNITS, "action": action, "outputs": [], "assessments": [assessment], **coverage}


def judged_text(answer: dict[str, Any], texts: tuple[NamedText, ...] = TEXTS) -> Verdict:
    client, stubber = stubbed("bedrock-runtime")
    content = [{"text": {"text": "a lighthouse"}}]
    stubber.add_response("apply_guardrail", answer, {**NAMED, "source": "INPUT", "content": content})
    return GuardrailTexts(client, GUARDRAIL).judge(texts)


def test_a_guardrail_is_asked_about_what_is_wanted_and_not_about_what_is_not() -> None:
    assert judged_text(guardrail_answer(False, {})) == Verdict(layer="guardrail", version="guardrail:abc123:2")


@pytest.mark.parametrize(
    ("assessment", "category"),
    [
        (
            {"contentPolicy": {"filters": [{"type": "SEXUAL", "confidence": "HIGH", "action": "BLOCKED"}]}},
            "sexual",
        ),
        ({"topicPolicy": {"topics": [{"name": "duck hunting", "type": "DENY", "action": "BLOCKED"}]}}, "denied_topic"),
        (words(customWords=[{"match": "duck", "action": "BLOCKED"}]), "denied_word"),
        (
            words(managedWordLists=[{"match": "duck", "type": "PROFANITY", "action": "BLOCKED"}]),
            "profanity",
        ),
        (
            {
                "sensitiveInformationPolicy": {
                    "piiEntities": [{"match": "duck", "type": "EMAIL", "action": "ANONYMIZED"}],
                    "regexes": [],
                }
            },
            "personal_data",
        ),
    ],
)
def test_what_a_guardrail_refuses_or_masks_is_refused_by_its_kind_and_never_quoted(
    assessment: dict[str, Any], category: str
) -> None:
    verdict = judged_text(guardrail_answer(True, assessment))
    assert (verdict.action, verdict.categories, verdict.scores) == (Action.BLOCK, (category,), {category: 1.0})
    assert "duck" not in str(verdict)


def test_what_a_guardrail_only_detects_changes_nothing() -> None:
    found = {"type": "HATE", "confidence": "LOW", "action": "NONE", "detected": True}
    verdict = judged_text(guardrail_answer(False, {"contentPolicy": {"filters": [found]}}))
    assert (verdict.action, verdict.categories, verdict.scores) == (Action.ALLOW, (), None)


def picture_of(body: bytes, *answers: dict[str, Any], source: str = "OUTPUT") -> tuple[Verdict, Any]:
    s3, stored = stubbed("s3")
    stored.add_response(
        "get_object", {"Body": StreamingBody(io.BytesIO(body), len(body))}, {"Bucket": "bucket", "Key": KEY}
    )
    client, stubber = stubbed("bedrock-runtime")
    kind = "jpeg" if body.startswith(b"\xff") else "png"
    for answer in answers:
        image = {"format": kind, "source": {"bytes": body}}
        stubber.add_response("apply_guardrail", answer, {**NAMED, "source": source, "content": [{"image": image}]})
    return GuardrailPictures(client, s3, "bucket", GUARDRAIL, source).judge(KEY), stubber


@pytest.mark.parametrize("body", [png(), jpeg()])
@pytest.mark.parametrize("source", ["OUTPUT", "INPUT"])
def test_a_guardrail_gets_a_picture_as_what_it_is(body: bytes, source: str) -> None:
    filters = [{"type": "VIOLENCE", "confidence": "MEDIUM", "action": "BLOCKED"}]
    answer = guardrail_answer(True, {"contentPolicy": {"filters": filters}}, guarded=1)
    verdict, stubber = picture_of(body, answer, source=source)
    stubber.assert_no_pending_responses()
    assert (verdict.action, verdict.categories) == (Action.BLOCK, ("graphic_violence",))
    assert verdict.scores == {"graphic_violence": 0.67}


@pytest.mark.parametrize(
    "body",
    [
        b"GIF89a",
        b"",
        png()[:18],
        jpeg()[:20],
        b"\xff\xd8\x00\x00\x00\x00",
        png(8001, 8),
        jpeg(8, 8001),
        png() + bytes(4 * 1024 * 1024),
    ],
    ids=["gif", "empty", "short png", "short jpeg", "no jpeg", "wide", "high", "heavy"],
)
def test_a_picture_that_a_guardrail_does_not_take_waits_for_a_person(body: bytes) -> None:
    verdict, _ = picture_of(body)
    assert (verdict.action, verdict.categories) == (Action.HOLD, ("not_judged",))


@pytest.mark.parametrize("guarded", [None, 0])
def test_a_guardrail_that_looks_at_texts_alone_has_not_judged_a_picture(guarded: int | None) -> None:
    verdict, _ = picture_of(png(), guardrail_answer(False, {}, guarded))
    assert (verdict.action, verdict.categories) == (Action.HOLD, ("not_judged",))


# ── Rekognition ────────────────────────────────────────────────────────────────────────────────────────────────────


def rekognition(*labels: tuple[str, float]) -> Verdict:
    client, stubber = stubbed("rekognition")
    answer = {
        "ModerationLabels": [{"Name": name, "ParentName": "", "Confidence": sure} for name, sure in labels],
        "ModerationModelVersion": "7.0",
    }
    expected = {"Image": {"S3Object": {"Bucket": "bucket", "Name": KEY}}, "MinConfidence": 60.0}
    stubber.add_response("detect_moderation_labels", answer, expected)
    return RekognitionPictures(client, "bucket", THRESHOLDS).judge(KEY)


@pytest.mark.parametrize(
    ("labels", "action", "categories"),
    [
        ([], Action.ALLOW, ()),
        ([("Swimwear or Underwear", 99.0), ("Alcohol", 99.0), ("Weapons", 99.0)], Action.ALLOW, ()),
        ([("Explicit", 84.9)], Action.HOLD, ("sexual",)),
        ([("Explicit", 85.0)], Action.BLOCK, ("sexual",)),
        ([("Graphic Violence", 70.0), ("Death and Emaciation", 97.0)], Action.BLOCK, ("graphic_violence",)),
        ([("Hate Symbols", 90.0), ("Self-Harm", 91.0)], Action.BLOCK, ("hate", "self_harm")),
    ],
)
def test_labels_are_judged_by_the_thresholds(
    labels: list[tuple[str, float]], action: Action, categories: tuple[str, ...]
) -> None:
    verdict = rekognition(*labels)
    assert (verdict.action, verdict.categories, verdict.version) == (action, categories, "rekognition-7.0")


@pytest.mark.parametrize("code", ["InvalidImageFormatException", "ImageTooLargeException", "InvalidParameterException"])
def test_a_picture_that_rekognition_does_not_take_waits_for_a_person(code: str) -> None:
    client, stubber = stubbed("rekognition")
    stubber.add_client_error("detect_moderation_labels", code, http_status_code=400)
    verdict = RekognitionPictures(client, "bucket", THRESHOLDS).judge(KEY)
    assert (verdict.action, verdict.categories) == (Action.HOLD, ("not_judged",))


# ── Comprehend ─────────────────────────────────────────────────────────────────────────────────────────────────────


def comprehend(texts: tuple[NamedText, ...], *answers: list[dict[str, float]]) -> tuple[Verdict, list[list[str]]]:
    client, stubber = stubbed("comprehend")
    sent: list[list[str]] = []
    client.meta.events.register(
        "provide-client-params.comprehend.DetectToxicContent",
        lambda params, **_: sent.append([segment["Text"] for segment in params["TextSegments"]]),
    )
    for results in answers:
        shown = [
            {"Labels": [{"Name": name, "Score": score} for name, score in labels.items()], "Toxicity": 0.1}
            for labels in results
        ]
        stubber.add_response("detect_toxic_content", {"ResultList": shown}, {"TextSegments": ANY, "LanguageCode": "en"})
    return ComprehendTexts(client, THRESHOLDS).judge(texts), sent


def test_the_highest_score_of_any_part_counts() -> None:
    verdict, sent = comprehend(TEXTS, [{"SEXUAL": 0.2, "HATE_SPEECH": 0.61}, {"SEXUAL": 0.9}])
    assert sent == [["a lighthouse"]]
    assert (verdict.action, verdict.categories) == (Action.BLOCK, ("sexual",))
    assert verdict.scores == {"sexual": 0.9, "hate": 0.61}


def test_a_long_text_is_cut_between_words_into_parts_that_are_taken() -> None:
    text = " ".join(["lighthouse", "灯台", "x" * 1500] * 60)
    verdict, sent = comprehend((NamedText(name="prompt", text=text),), *[[{"HATE_SPEECH": 0.1}]] * 20)
    assert len(sent) > 1
    assert all(len(call) <= 10 for call in sent)
    parts = [part for call in sent for part in call]
    assert all(0 < len(part.encode()) <= 1000 for part in parts)
    assert "".join(parts).replace(" ", "") == text.replace(" ", "")
    assert verdict.action is Action.ALLOW


# ── No answer ──────────────────────────────────────────────────────────────────────────────────────────────────────

ALL = [
    ("bedrock-runtime", "apply_guardrail", lambda client: GuardrailTexts(client, GUARDRAIL).judge(TEXTS)),
    ("rekognition", "detect_moderation_labels", lambda c: RekognitionPictures(c, "bucket", THRESHOLDS).judge(KEY)),
    ("comprehend", "detect_toxic_content", lambda client: ComprehendTexts(client, THRESHOLDS).judge(TEXTS)),
    ("s3", "get_object", lambda client: GuardrailPictures(None, client, "bucket", GUARDRAIL).judge(KEY)),
]


@pytest.mark.parametrize(("service", "operation", "judge"), ALL, ids=[name for name, *_ in ALL])
@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 429), ("InternalServerException", 500)])
def test_a_moderator_that_does_not_answer_may_be_asked_again(
    service: str, operation: str, judge: Any, code: str, status: int
) -> None:
    client, stubber = stubbed(service)
    stubber.add_client_error(operation, code, http_status_code=status)
    with pytest.raises(ModeratorUnavailableError):
        judge(client)


@pytest.mark.parametrize(("service", "operation", "judge"), ALL, ids=[name for name, *_ in ALL])
@pytest.mark.parametrize("error", UNREACHED, ids=lambda error: type(error).__name__)
def test_a_moderator_that_is_not_reached_may_be_asked_again(
    service: str, operation: str, judge: Any, error: Exception
) -> None:
    with pytest.raises(ModeratorUnavailableError):
        judge(unreached(service, error))


@pytest.mark.parametrize(("service", "operation", "judge"), ALL, ids=[name for name, *_ in ALL])
def test_a_right_that_is_missing_is_no_silence_that_a_setting_may_overlook(
    service: str, operation: str, judge: Any
) -> None:
    client, stubber = stubbed(service)
    stubber.add_client_error(operation, "AccessDeniedException", http_status_code=403)
    with pytest.raises(ClientError):
        judge(client)
