"""Amazon Bedrock Guardrails: texts, and pictures where the guardrail's filters look at pictures.

What is found and how strictly is set in the guardrail. What it was told to mask is refused here: a masked prompt is
not what somebody asked for. Its findings quote the text, so only their kinds are taken over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.adapters.moderators.pictures import picture_at
from afterimage.domain.errors import ModeratorUnavailableError
from afterimage.domain.verdicts import OF_A_PICTURE, OF_A_TEXT, Action, NamedText, Verdict, not_judged

NAME = "guardrail"
# Its filters → categories of ours, so that a person reads the same word whoever found it.
_FILTERS = {
    "SEXUAL": "sexual",
    "VIOLENCE": "graphic_violence",
    "HATE": "hate",
    "INSULTS": "harassment",
    "MISCONDUCT": "misconduct",
    "PROMPT_ATTACK": "prompt_attack",
}
# It says in words how sure it is, where others give a number.
_CONFIDENCE = {"NONE": 0.0, "LOW": 0.33, "MEDIUM": 0.67, "HIGH": 1.0}
_MAX_PICTURE_BYTES = 4 * 1024 * 1024
_MAX_PICTURE_SIDE = 8000


@dataclass(frozen=True, kw_only=True)
class Guardrail:
    """A guardrail by its id, and a published version of it or DRAFT."""

    id: str
    version: str

    @property
    def name(self) -> str:
        """Return what decisions call it."""
        return f"guardrail:{self.id}:{self.version}"


class GuardrailTexts:
    """Judges what is wanted of a picture. A negative prompt asks for absence and is left to the policy."""

    name = NAME

    def __init__(self, client: Any, guardrail: Guardrail) -> None:
        self._client = client
        self._guardrail = guardrail

    def judge(self, texts: tuple[NamedText, ...], /) -> Verdict:
        """Return its verdict on all wanted texts. Raises ModeratorUnavailableError."""
        content = [{"text": {"text": text.text}} for text in texts if text.wanted]
        with unavailable_as(ModeratorUnavailableError):
            answer = self._client.apply_guardrail(
                guardrailIdentifier=self._guardrail.id,
                guardrailVersion=self._guardrail.version,
                source="INPUT",
                content=content,
            )
        return _verdict(answer, self._guardrail, OF_A_TEXT)


class GuardrailPictures:
    """Judges pictures: `source` is OUTPUT for those that were made, INPUT for those that somebody sent."""

    name = NAME

    def __init__(self, client: Any, s3: Any, bucket: str, guardrail: Guardrail, source: str = "OUTPUT") -> None:
        self._client = client
        self._s3 = s3
        self._bucket = bucket
        self._guardrail = guardrail
        self._source = source

    def judge(self, key: str, /) -> Verdict:
        """Return its verdict, or that a person has to look: for what it does not take, and where its filters are set to
        look at texts alone. Raises ModeratorUnavailableError."""
        picture = picture_at(self._s3, self._bucket, key, _MAX_PICTURE_BYTES)
        if picture is None or max(picture.sides) > _MAX_PICTURE_SIDE:
            return not_judged(NAME, self._guardrail.name)
        image = {"format": picture.format, "source": {"bytes": picture.body}}
        with unavailable_as(ModeratorUnavailableError):
            answer = self._client.apply_guardrail(
                guardrailIdentifier=self._guardrail.id,
                guardrailVersion=self._guardrail.version,
                source=self._source,
                content=[{"image": image}],
            )
        if not answer.get("guardrailCoverage", {}).get("images", {}).get("guarded"):
            return not_judged(NAME, self._guardrail.name)
        return _verdict(answer, self._guardrail, OF_A_PICTURE)


def _verdict(answer: dict[str, Any], guardrail: Guardrail, sentences: dict[Action, str]) -> Verdict:
    found = dict(pair for assessment in answer.get("assessments", []) for pair in _found(assessment))
    action = Action.BLOCK if answer["action"] == "GUARDRAIL_INTERVENED" else Action.ALLOW
    return Verdict(
        layer=NAME,
        version=guardrail.name,
        action=action,
        categories=tuple(sorted(found)) if action is Action.BLOCK else (),
        sentence=sentences[action],
        scores=found or None,
    )


def _found(assessment: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Categories of what was acted on, with its confidence; what was only detected changes nothing."""
    for finding in assessment.get("contentPolicy", {}).get("filters", []):
        if finding["action"] != "NONE":
            yield _FILTERS.get(finding["type"], finding["type"].lower()), _CONFIDENCE.get(finding["confidence"], 1.0)
    kinds = (
        ("topicPolicy", "topics", "denied_topic"),
        ("wordPolicy", "customWords", "denied_word"),
        ("wordPolicy", "managedWordLists", "profanity"),
        ("sensitiveInformationPolicy", "piiEntities", "personal_data"),
        ("sensitiveInformationPolicy", "regexes", "personal_data"),
    )
    for policy, findings, category in kinds:
        if any(finding["action"] != "NONE" for finding in assessment.get(policy, {}).get(findings, [])):
            yield category, 1.0
