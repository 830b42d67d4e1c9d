"""Amazon Rekognition's content moderation: made pictures and sent ones, read by the service from our bucket."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from afterimage.adapters.aws import error_code, unavailable_as
from afterimage.domain.errors import ModeratorUnavailableError
from afterimage.domain.verdicts import OF_A_PICTURE, Thresholds, Verdict, not_judged

NAME = "rekognition"
# Labels of its taxonomy (version 7) that are forbidden here → categories of ours. Of violence only the graphic kind: a
# knight has a sword. What the service calls suggestive, swimwear, alcohol or gambling is nobody's business here.
_LABELS = {
    "Explicit": "sexual",
    "Explicit Nudity": "sexual",
    "Graphic Violence": "graphic_violence",
    "Death and Emaciation": "graphic_violence",
    "Self-Harm": "self_harm",
    "Hate Symbols": "hate",
}
# Too small (a side below 80 pixels), too large (10,000 pixels, 15 MB), or no picture that it can read.
_DECLINED = frozenset({"InvalidImageFormatException", "ImageTooLargeException", "InvalidParameterException"})


class RekognitionPictures:
    """Judges a picture by its labels."""

    name = NAME

    def __init__(self, client: Any, bucket: str, thresholds: Thresholds) -> None:
        self._client = client
        self._bucket = bucket
        self._thresholds = thresholds

    def judge(self, key: str, /) -> Verdict:
        """Return its verdict, or that a person has to look: at what it does not take. Raises
        ModeratorUnavailableError."""
        try:
            with unavailable_as(ModeratorUnavailableError):
                answer = self._client.detect_moderation_labels(
                    Image={"S3Object": {"Bucket": self._bucket, "Name": key}},
                    MinConfidence=min(self._thresholds.hold_at, self._thresholds.block_at) * 100,
                )
        except ClientError as exc:
            if error_code(exc) in _DECLINED:
                return not_judged(NAME, NAME)
            raise
        scores: dict[str, float] = {}
        for label in answer["ModerationLabels"]:
            if category := _LABELS.get(label["Name"]):
                scores[category] = max(scores.get(category, 0.0), round(label["Confidence"] / 100, 4))
        version = f"{NAME}-{answer.get('ModerationModelVersion', 'unknown')}"
        return self._thresholds.verdict(NAME, version, scores, OF_A_PICTURE)
