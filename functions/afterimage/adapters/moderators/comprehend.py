"""Amazon Comprehend's detection of toxic content, which reads English: what another language says it does not see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from afterimage.adapters.aws import unavailable_as
from afterimage.domain.errors import ModeratorUnavailableError
from afterimage.domain.verdicts import OF_A_TEXT, NamedText, Thresholds, Verdict

NAME = "comprehend"
_LABELS = {
    "SEXUAL": "sexual",
    "GRAPHIC": "graphic_violence",
    "VIOLENCE_OR_THREAT": "violence",
    "HATE_SPEECH": "hate",
    "HARASSMENT_OR_ABUSE": "harassment",
    "INSULT": "harassment",
    "PROFANITY": "profanity",
}
_MAX_SEGMENT_BYTES = 1000  # of a kilobyte
_MAX_SEGMENTS = 10


class ComprehendTexts:
    """Judges what is wanted of a picture, by the highest score of any part."""

    name = NAME

    def __init__(self, client: Any, thresholds: Thresholds) -> None:
        self._client = client
        self._thresholds = thresholds

    def judge(self, texts: tuple[NamedText, ...], /) -> Verdict:
        """Return its verdict. Raises ModeratorUnavailableError."""
        segments = [{"Text": part} for text in texts if text.wanted for part in _parts(text.text)]
        scores: dict[str, float] = {}
        for first in range(0, len(segments), _MAX_SEGMENTS):
            with unavailable_as(ModeratorUnavailableError):
                answer = self._client.detect_toxic_content(
                    TextSegments=segments[first : first + _MAX_SEGMENTS], LanguageCode="en"
                )
            for label in (label for result in answer["ResultList"] for label in result["Labels"]):
                category = _LABELS.get(label["Name"], label["Name"].lower())
                scores[category] = max(scores.get(category, 0.0), round(label["Score"], 4))
        return self._thresholds.verdict(NAME, f"{NAME}-toxicity", scores, OF_A_TEXT)


def _parts(text: str) -> Iterator[str]:
    """Cut between words where that is possible, so that no word is hidden by a cut."""
    part = ""
    for word in text.split(" "):
        longer = f"{part} {word}" if part else word
        if part and len(longer.encode()) > _MAX_SEGMENT_BYTES:
            yield part
            longer = word
        while len(longer.encode()) > _MAX_SEGMENT_BYTES:
            cut = len(longer.encode()[:_MAX_SEGMENT_BYTES].decode(errors="ignore"))
            yield longer[:cut]
            longer = longer[cut:]
        part = longer
    if part:
        yield part
