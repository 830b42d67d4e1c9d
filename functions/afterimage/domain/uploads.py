"""Input pictures on their way in: an upload belongs to its owner by its key, and is good for a day."""

from __future__ import annotations

import hashlib
from typing import NewType

from afterimage.domain.errors import InvalidRequestError, TooManyUploadsError
from afterimage.domain.job import JobId, accepted_at_ms, is_job_id, new_job_id
from afterimage.domain.model_profiles import ModelProfile
from afterimage.domain.quotas import next_day_ms

UploadId = NewType("UploadId", str)

FORM_TTL_S = 900
UPLOAD_TTL_S = 86_400
# What is sent lies for two days: so much a person can fill, and no more.
FORMS_A_DAY = 200
# What the container reads is a little more; managed judges of pictures read no more than this.
MAX_INPUT_BYTES = 10_000_000
CONTENT_TYPES = ("image/jpeg", "image/png", "image/webp")
HEAD_BYTES = 12
"""So many bytes from its beginning tell what kind of picture a file says it is."""


def new_upload_id(now_ms: int, entropy: bytes) -> UploadId:
    """Return an id of the form of a job's: sorted by time, which says until when the upload is good."""
    return UploadId(new_job_id(now_ms, entropy))


def too_many_forms(at_ms: int) -> TooManyUploadsError:
    """Return the refusal of one form too many in a day (UTC)."""
    return TooManyUploadsError(retry_after_s=max(1, -(-(next_day_ms(at_ms) - at_ms) // 1000)))


def is_living_upload(upload_id: str, now_ms: int) -> bool:
    """True for an id of our form that is not older than a day, nor of the future."""
    return is_job_id(upload_id) and 0 <= now_ms - accepted_at_ms(JobId(upload_id)) < UPLOAD_TTL_S * 1000


def uploads_prefix(owner: str) -> str:
    """Return the folder of an owner, whose name a form would otherwise show."""
    return f"uploads/{hashlib.sha256(owner.encode()).hexdigest()[:32]}/"


def upload_key(owner: str, upload_id: str) -> str:
    """Return where an upload lies. Another owner's id leads to a place where nothing is."""
    return f"{uploads_prefix(owner)}{upload_id}"


def kind_of(head: bytes) -> str:
    """Return the content type that a file's beginning says. Raises InvalidRequestError for none of the three.

    Whether the rest is a picture only the container finds out, where a hostile file can do the least.
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    raise InvalidRequestError("The input picture must be a PNG, JPEG or WebP file.", code="input_not_a_picture")


def strength_of(upload: str | None, strength: float | None, steps: int, profile: ModelProfile) -> float | None:
    """Return how much of an input picture is changed, None without one. Raises InvalidRequestError."""
    if upload is None:
        if strength is not None:
            raise InvalidRequestError("strength goes with an input picture.", code="strength_without_input")
        return None
    if not profile.img2img:
        raise InvalidRequestError("The model of this service begins from no picture.", code="mode_not_supported")
    strength = max(profile.default_strength, 1 / steps) if strength is None else strength
    # With less than one step left nothing would be changed, and the container refuses that.
    if not 0.0 < strength <= 1.0 or int(steps * strength) < 1:
        raise InvalidRequestError(
            f"strength must lie above 0, up to 1, and leave at least one of {steps} steps; {strength:g} does not.",
            code="strength_out_of_bounds",
        )
    return strength
