"""Bodies of the route that takes input pictures."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from afterimage.domain.job import JobId, accepted_at_ms
from afterimage.domain.uploads import FORM_TTL_S, MAX_INPUT_BYTES, UPLOAD_TTL_S, UploadId


class InputUploadBody(BaseModel):
    """What will be sent."""

    model_config = ConfigDict(extra="forbid", strict=True)

    content_type: Annotated[Literal["image/jpeg", "image/png", "image/webp"], Field(description="Of the file.")]


class InputUploadView(BaseModel):
    """A form: POST `fields` and, last, the file as `file` to `url`, as multipart/form-data. Whoever has the form may
    send this one file."""

    id: Annotated[str, Field(description="Names the picture in `input` of `POST /v1/images`.")]
    url: str
    fields: dict[str, str]
    max_bytes: int
    form_expires_at: Annotated[datetime, Field(description="The form is taken until then.")]
    expires_at: Annotated[datetime, Field(description="Requests may begin from the picture until then.")]


def upload_view(upload_id: UploadId, url: str, fields: dict[str, str]) -> InputUploadView:
    """Return a new form."""
    began_at_ms = accepted_at_ms(JobId(upload_id))
    return InputUploadView(
        id=upload_id,
        url=url,
        fields=fields,
        max_bytes=MAX_INPUT_BYTES,
        form_expires_at=_moment(began_at_ms + FORM_TTL_S * 1000),
        expires_at=_moment(began_at_ms + UPLOAD_TTL_S * 1000),
    )


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
