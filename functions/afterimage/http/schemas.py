"""Bodies of the HTTP API. OpenAPI is generated from these, so descriptions are written for its readers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from afterimage.contracts.progress import GenerationProgress
from afterimage.domain.holds import PERSON, Stage, held_since_ms, held_stage, held_until_ms
from afterimage.domain.job import InputPicture, Job
from afterimage.domain.links import SharedPicture
from afterimage.domain.moderation import Action
from afterimage.domain.presets import Preset
from afterimage.domain.request import MAX_COUNT, MAX_PROMPT_CHARACTERS, ImageRequest
from afterimage.domain.status import JobStatus


class _Body(BaseModel):
    """Strict: a field that we do not know is a mistake of the caller's, not something to ignore."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Notify(_Body):
    """Whom to tell. Without it, your own confirmed address."""

    email: Annotated[str | None, Field(description="Another address needs the scope `mail:any`.", max_length=254)] = (
        None
    )


class InputBody(_Body):
    """The picture to begin from."""

    upload: Annotated[str, Field(description="The id that `POST /v1/uploads` gave; good for a day.", max_length=64)]


class ImageRequestBody(_Body):
    """A picture to be made. Only the prompt is needed; what is left out comes from the preset or the model."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"prompt": "a lighthouse at dusk", "preset": "movie-poster", "count": 2}]},
    )

    prompt: Annotated[str, Field(description="What to draw.", min_length=1, max_length=MAX_PROMPT_CHARACTERS)]
    negative_prompt: Annotated[str | None, Field(description="What to keep out.", max_length=MAX_PROMPT_CHARACTERS)] = (
        None
    )
    preset: Annotated[
        str | None, Field(description="A style by name; `GET /v1/presets` lists them.", max_length=64)
    ] = None
    count: Annotated[int, Field(description="How many pictures, each with the next seed.", ge=1, le=MAX_COUNT)] = 1
    seed: Annotated[
        int | None,
        Field(description="Seed of the first picture; drawn and returned when left out.", ge=0, le=2**32 - 1),
    ] = None
    width: Annotated[int | None, Field(description="Pixels; goes with height.", ge=8, le=4096)] = None
    height: Annotated[int | None, Field(description="Pixels; goes with width.", ge=8, le=4096)] = None
    steps: Annotated[int | None, Field(description="Denoising steps.", ge=1, le=1000)] = None
    guidance: Annotated[float | None, Field(description="How closely to follow the prompt.", ge=0, le=100)] = None
    scheduler: Annotated[str | None, Field(description="A scheduler by diffusers' class name.", max_length=64)] = None
    adapter: Annotated[
        str | None, Field(description="A LoRA by the name under which an operator has published it.", max_length=64)
    ] = None
    input: Annotated[InputBody | None, Field(description="A picture of yours to begin from.")] = None
    strength: Annotated[
        float | None,
        Field(description="How much of the input picture is changed; left out, what suits the model.", ge=0, le=1),
    ] = None
    notify: Notify = Notify()
    dry_run: Annotated[
        bool,
        Field(description="Only say what it would take: 200 with an estimate; nothing is recorded, no key is used."),
    ] = False

    def to_request(self) -> ImageRequest:
        """Return what use cases understand."""
        said = self.model_dump(exclude={"notify", "dry_run", "input"})
        return ImageRequest(**said, upload=self.input.upload if self.input else None, email=self.notify.email)


class TimelineEntry(BaseModel):
    """A status and when the request entered it."""

    status: JobStatus
    at: datetime


class ReplacedView(BaseModel):
    """Words of the prompt, and what the model reads in their place."""

    found: str
    put: str


class Verdict(BaseModel):
    """A judgement on prompt, input picture or picture: categories and a sentence, never a score. One of stage `person`
    is that of whoever had to look."""

    stage: Literal["prompt", "input", "picture", "person"]
    action: Action
    categories: list[str]
    sentence: str
    replaced: Annotated[list[ReplacedView], Field(description="What `soften` changed.")] = []
    note: Annotated[str | None, Field(description="What that person wrote to you.")] = None
    at: datetime


class HeldView(BaseModel):
    """That the request waits for a person to look at its prompt or its pictures, and when it is refused without one."""

    stage: Stage
    since: datetime
    until: datetime


class PictureView(BaseModel):
    """A delivered picture. The URLs open it for a few minutes; ask again for fresh ones."""

    number: int
    seed: int
    width: int
    height: int
    size_bytes: int
    sha256: str
    url: str
    thumbnail_url: str
    provenance: Annotated[
        Literal["c2pa", "xmp", "none"],
        Field(
            description="What the file says of itself: a signed manifest and XMP, XMP alone, or nothing (older ones)."
        ),
    ]


class WarningView(BaseModel):
    """Something worth knowing about the result."""

    code: str
    message: str
    detail: str


class FailureView(BaseModel):
    """Why there is no picture."""

    code: str
    sentence: str


class NoticeView(BaseModel):
    """What became of the mail: `sending`, `sent`, `failed`, `uncertain` or `not_wanted`, and later perhaps `bounced` or
    `complained`."""

    state: str
    at: datetime


class ProgressView(BaseModel):
    """How far the model is: `step` of `steps` over all pictures, `picture` of `pictures` finished; a second old."""

    step: int
    steps: int
    picture: int
    pictures: int


class InputView(BaseModel):
    """The picture that was begun from, as it was when the request was taken."""

    upload: str
    content_type: str
    size_bytes: int


class ImageView(BaseModel):
    """An image request as it stands."""

    id: str
    status: JobStatus
    prompt: Annotated[str, Field(description="What you wrote.")]
    model_prompt: Annotated[str, Field(description="What the model read: framed by the preset, softened if need be.")]
    negative_prompt: str
    preset: str | None
    width: int
    height: int
    steps: int
    guidance: float
    scheduler: str | None
    seeds: list[int]
    adapter: str | None
    input: InputView | None
    strength: float | None
    created_at: datetime
    expires_at: datetime
    timeline: list[TimelineEntry]
    verdicts: list[Verdict]
    images: list[PictureView]
    warnings: list[WarningView]
    failure: FailureView | None
    notice: NoticeView | None
    progress: Annotated[
        ProgressView | None, Field(description="Of one request while GENERATING, once there is news; never in a list.")
    ] = None
    held: Annotated[HeldView | None, Field(description="While it is HELD.")] = None
    links: dict[str, str]


class ImageList(BaseModel):
    """A page of requests, newest first. `cursor` asks for the next page and is null on the last."""

    items: list[ImageView]
    cursor: str | None


class ShareBody(_Body):
    """What to share. Nothing said shares every picture for a week."""

    picture: Annotated[
        int | None, Field(description="One picture by its number; every one when left out.", ge=0, le=MAX_COUNT - 1)
    ] = None
    days: Annotated[
        int, Field(description="How long the links work, never longer than the request is kept.", ge=1, le=3650)
    ] = 7


class SharedPictureView(BaseModel):
    """A link that anybody may follow. It is told this once: only its hash is kept."""

    picture: int
    url: str
    expires_at: datetime


class ShareView(BaseModel):
    """The new links."""

    items: list[SharedPictureView]


class Erasing(BaseModel):
    """Erasing has begun; nothing new is accepted meanwhile."""

    status: Literal["erasing"]


class PresetView(BaseModel):
    """A style that can be named in a request."""

    name: str
    title: str
    description: str
    frame: str
    negative_prompt: str
    aspect: str


class PresetList(BaseModel):
    """Every preset."""

    items: list[PresetView]


class Health(BaseModel):
    """The API answers."""

    status: Literal["ok"]


class FieldProblem(BaseModel):
    """One field that is wrong."""

    field: str
    message: str


class Problem(BaseModel):
    """An RFC 9457 problem document. `code` is stable and meant for machines, `detail` for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] = []


def view_of(job: Job, pictures: list[PictureView], progress: GenerationProgress | None = None) -> ImageView:
    """Return what the owner of a job sees of it."""
    spec = job.spec
    return ImageView(
        id=job.job_id,
        status=job.status,
        prompt=spec.prompt,
        model_prompt=spec.model_prompt,
        negative_prompt=spec.negative_prompt,
        preset=spec.preset,
        width=spec.width,
        height=spec.height,
        steps=spec.steps,
        guidance=spec.guidance,
        scheduler=spec.scheduler,
        seeds=list(spec.seeds),
        adapter=spec.adapter,
        input=_input_view(spec.input),
        strength=spec.strength,
        created_at=_moment(job.created_at_ms),
        expires_at=_moment(job.expires_at_s * 1000),
        timeline=[TimelineEntry(status=change.status, at=_moment(change.at_ms)) for change in job.timeline],
        verdicts=[
            Verdict(
                stage=_stage(decision.stage),
                action=decision.action,
                categories=list(decision.categories),
                sentence=decision.sentence,
                replaced=[ReplacedView(found=change.found, put=change.put) for change in decision.replaced],
                note=decision.note,
                at=_moment(decision.at_ms),
            )
            for decision in job.decisions
        ],
        images=pictures,
        warnings=[WarningView(code=w.code, message=w.message, detail=w.detail) for w in job.warnings],
        failure=FailureView(code=job.failure.code, sentence=job.failure.sentence) if job.failure else None,
        notice=NoticeView(state=job.notice.state, at=_moment(job.notice.at_ms)) if job.notice else None,
        progress=progress_view(job, progress),
        held=held_view(job),
        links={"self": f"/v1/images/{job.job_id}"},
    )


def held_view(job: Job) -> HeldView | None:
    """Return what the owner of a job that waits for a person is told of the wait."""
    since_ms, until_ms = held_since_ms(job), held_until_ms(job)
    if since_ms is None or until_ms is None:
        return None
    return HeldView(stage=held_stage(job), since=_moment(since_ms), until=_moment(until_ms))


def _stage(stage: str) -> Literal["prompt", "input", "picture", "person"]:
    if stage == "input":
        return "input"
    if stage == PERSON:
        return "person"
    return "picture" if stage == "picture" else "prompt"


def _input_view(picture: InputPicture | None) -> InputView | None:
    if picture is None:
        return None
    return InputView(upload=picture.upload, content_type=picture.content_type, size_bytes=picture.size_bytes)


def progress_view(job: Job, progress: GenerationProgress | None) -> ProgressView | None:
    """Return the news of the attempt that runs; what an earlier one wrote is none."""
    if progress is None or job.status is not JobStatus.GENERATING:
        return None
    try:
        written = datetime.fromisoformat(progress.at)
    except ValueError:
        return None
    if written.tzinfo is None or written < _moment(job.timeline[-1].at_ms):
        return None
    return ProgressView(step=progress.step, steps=progress.steps, picture=progress.picture, pictures=progress.pictures)


def preset_view(name: str, preset: Preset) -> PresetView:
    """Return a preset as the API shows it."""
    across, down = preset.aspect
    return PresetView(
        name=name,
        title=preset.title,
        description=preset.description,
        frame=preset.frame,
        negative_prompt=preset.negative_prompt,
        aspect=f"{across}:{down}",
    )


def share_view(shared: tuple[SharedPicture, ...]) -> ShareView:
    """Return what the caller gets to pass on."""
    return ShareView(
        items=[
            SharedPictureView(picture=one.number, url=one.url, expires_at=_moment(one.expires_at_s * 1000))
            for one in shared
        ]
    )


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
