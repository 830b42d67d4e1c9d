"""Bodies of the routes about what waits for a person. Scores are for admins: no owner sees one."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from afterimage.domain.holds import MAX_NOTE_CHARACTERS, Stage, held_for, held_since_ms, held_stage, held_until_ms
from afterimage.domain.job import Job
from afterimage.domain.status import JobStatus
from afterimage.domain.verdicts import Action, Decision
from afterimage.usecases.look_at_held import HeldInput, HeldPicture


class DecisionBody(BaseModel):
    """What the decision is about, and what the owner is told beside it, in the mail and with the request."""

    model_config = ConfigDict(extra="forbid", strict=True)

    stage: Annotated[Stage, Field(strict=False, description="The stage that was looked at; no other is decided.")]
    note: Annotated[str | None, Field(min_length=1, max_length=MAX_NOTE_CHARACTERS)] = None


class HeldItem(BaseModel):
    """A request that waits for a person, without its prompt. At `until` it is refused."""

    id: str
    owner: str
    stage: Annotated[Stage, Field(description="Whether its prompt waits or its pictures.")]
    categories: list[str]
    sentence: str
    pictures: int
    since: datetime
    until: datetime


class HeldList(BaseModel):
    """A page of what waits, longest first. `cursor` asks for the next page and is null on the last."""

    items: list[HeldItem]
    cursor: str | None


class DecisionView(BaseModel):
    """A decision as it was recorded, with the scores behind it. One of stage `person` names the admin."""

    stage: str
    action: Action
    policy_version: str
    categories: list[str]
    sentence: str
    scores: dict[str, float] | None
    threshold: float | None
    by: str | None
    note: str | None
    at: datetime


class HeldDetail(HeldItem):
    """A request that waits for a person, with all that its decision needs. `held_pictures` are the numbers of those
    that nobody has passed or refused yet."""

    prompt: str
    model_prompt: str
    negative_prompt: str
    preset: str | None
    adapter: str | None
    begins_from_picture: bool
    decisions: list[DecisionView]
    held_pictures: list[int]


class HeldInputView(BaseModel):
    """A part of the picture that a held request begins from, from its byte `start` on; `size_bytes` is all of it."""

    content_type: str
    size_bytes: int
    start: int
    base64: str


class HeldPictureView(BaseModel):
    """A picture in quarantine. `whole` is false for a thumbnail, which stands for a picture too large for an answer."""

    number: int
    content_type: str
    whole: bool
    base64: str


class DecidedView(BaseModel):
    """What was decided, by this call or an earlier one."""

    id: str
    status: JobStatus
    decision: Literal["release", "refuse"]


def held_item(job: Job) -> HeldItem:
    """Return a held request as a list shows it."""
    stage = held_stage(job)
    about = held_for(job, stage)
    return HeldItem(
        id=job.job_id,
        owner=job.owner,
        stage=stage,
        categories=list(about.categories) if about else [],
        sentence=about.sentence if about else "",
        pictures=len(job.spec.seeds),
        since=_moment(held_since_ms(job) or job.updated_at_ms),
        until=_moment(held_until_ms(job) or job.updated_at_ms),
    )


def held_detail(job: Job) -> HeldDetail:
    """Return a held request as its decision needs it."""
    spec = job.spec
    # One for each picture; a write that the SDK made twice has added them twice.
    pictures = [decision for decision in job.decisions if decision.stage == Stage.PICTURE.value][: len(spec.seeds)]
    return HeldDetail(
        **dict(held_item(job)),
        prompt=spec.prompt,
        model_prompt=spec.model_prompt,
        negative_prompt=spec.negative_prompt,
        preset=spec.preset,
        adapter=spec.adapter,
        begins_from_picture=spec.input is not None,
        decisions=[_decision(decision) for decision in job.decisions],
        held_pictures=[number for number, decision in enumerate(pictures) if decision.action is Action.HOLD],
    )


def held_input_view(part: HeldInput) -> HeldInputView:
    """Return a part of an input picture as it fits into JSON."""
    return HeldInputView(
        content_type=part.picture.content_type,
        size_bytes=part.picture.size_bytes,
        start=part.start,
        base64=base64.b64encode(part.content).decode(),
    )


def held_picture_view(number: int, picture: HeldPicture) -> HeldPictureView:
    """Return a picture in words."""
    return HeldPictureView(
        number=number,
        content_type=picture.content_type,
        whole=picture.is_whole,
        base64=base64.b64encode(picture.content).decode(),
    )


def _decision(decision: Decision) -> DecisionView:
    return DecisionView(
        stage=decision.stage,
        action=decision.action,
        policy_version=decision.policy_version,
        categories=list(decision.categories),
        sentence=decision.sentence,
        scores=decision.scores,
        threshold=decision.threshold,
        by=decision.by,
        note=decision.note,
        at=_moment(decision.at_ms),
    )


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
