"""A job: one request from acceptance to its end, with everything that was decided about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from afterimage.domain.moderation import Decision
from afterimage.domain.quotas import Charge
from afterimage.domain.row_ref import RowRef
from afterimage.domain.status import JobStatus

JobId = NewType("JobId", str)

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
JOB_ID_LENGTH = 26


def new_job_id(now_ms: int, entropy: bytes) -> JobId:
    """Return a ULID in lower case: 48 bits of time, then 80 of `entropy` (10 bytes), so that ids sort by time.

    26 characters leave room in SageMaker's 64-character inference id for the attempt.
    """
    number = (now_ms << 80) | int.from_bytes(entropy[:10], "big")
    return JobId("".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5)))


def accepted_at_ms(job_id: JobId) -> int:
    """Return the time in a job id, so that the age of a job is known whether or not its record can be read."""
    number = 0
    for character in job_id:
        number = number * 32 + _CROCKFORD.index(character)
    return number >> 80


def is_job_id(text: str) -> bool:
    """True for the form of a job id; saves a look-up for anything else."""
    return len(text) == JOB_ID_LENGTH and all(character in _CROCKFORD for character in text)


@dataclass(frozen=True, kw_only=True)
class InputPicture:
    """The upload that a picture begins from, as it was when the request was taken; by its `etag` another is told."""

    upload: str
    etag: str
    size_bytes: int
    content_type: str


def input_key(job_id: JobId) -> str:
    """Return where the job's own copy of its input picture lies; the container reads below its job only."""
    return f"jobs/{job_id}/input"


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """What is to be made, complete: nothing is left to a default further on, so a replay makes the same picture.

    `prompt` is what the person wrote, `model_prompt` what the model reads: framed by the preset, perhaps softened.
    `strength` (0 to 1, how much of the input picture is changed) goes with `input`. `adapter` names a LoRA that an
    operator has published. Records of before have none of the three.
    """

    prompt: str
    model_prompt: str
    negative_prompt: str
    preset: str | None
    width: int
    height: int
    steps: int
    guidance: float
    scheduler: str | None
    seeds: tuple[int, ...]
    input: InputPicture | None = None
    strength: float | None = None
    adapter: str | None = None


@dataclass(frozen=True, kw_only=True)
class StatusChange:
    """One entry of the timeline."""

    status: JobStatus
    at_ms: int


@dataclass(frozen=True, kw_only=True)
class ShareCopy:
    """The same pixels in a file that says nothing of prompt, owner or request."""

    key: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One delivered picture. Keys name neither owner nor job, because a redirect shows them.

    `key`, `size_bytes` and `sha256` are those of the owner's copy. A picture of a version without provenance has no
    `share` and no `signed`, which tells whether the copies carry a signed manifest.
    """

    number: int
    seed: int
    width: int
    height: int
    size_bytes: int
    sha256: str
    key: str
    thumbnail_key: str
    share: ShareCopy | None = None
    signed: bool | None = None

    @property
    def share_key(self) -> str:
        """What anybody but its owner gets to see."""
        return self.share.key if self.share else self.key


@dataclass(frozen=True, kw_only=True)
class JobWarning:
    """Something the person should know about the result: the container's words, passed on."""

    code: str
    message: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a job ended without a picture: a stable code and a sentence for the person."""

    code: str
    sentence: str


NOTICE_SENDING = "sending"
NOTICE_SENT = "sent"
NOTICE_FAILED = "failed"
NOTICE_UNCERTAIN = "uncertain"
NOTICE_NONE = "not_wanted"
NOTICE_BOUNCED = "bounced"
NOTICE_COMPLAINED = "complained"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """How the person was told. `sending` is the intent, written before the mail leaves; a crash after it leaves
    `uncertain`, never a second mail. `bounced` and `complained` is what SES reports afterwards. `claim` is the
    run's own mark: whoever finds it there again has written it."""

    state: str
    at_ms: int
    failure_code: str | None = None
    claim: str | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """The record of one request. `owner` is `user#sub`, `client#id` or `schedule#name`. A job of a version without
    quotas has no `charge` and gives nothing back. `claim_hash` is the hash of its Idempotency-Key, by which the claim
    is found when the job is erased. `row` says for which row of a campaign it was made."""

    job_id: JobId
    owner: str
    status: JobStatus
    spec: ImageSpec
    gallery: str
    created_at_ms: int
    updated_at_ms: int
    expires_at_s: int
    timeline: tuple[StatusChange, ...]
    recipient: str | None = None
    decisions: tuple[Decision, ...] = ()
    pictures: tuple[Picture, ...] = ()
    warnings: tuple[JobWarning, ...] = ()
    failure: Failure | None = None
    notice: Notice | None = None
    charge: Charge | None = None
    claim_hash: str | None = None
    row: RowRef | None = None

    @property
    def is_mailed_to_owner(self) -> bool:
        """A person's mail goes to their own confirmed address (`recipients.py`), that of programs and schedules to
        whomever these name."""
        return self.owner.startswith("user#")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One inference of a job, known by the digest of its task token and retry count: a repeat is the same attempt.

    `output_location` and `failure_location` are where SageMaker said it would write; `outcome` is set once.
    `trace` is the tracing header of the call that started it.
    """

    job_id: JobId
    attempt_id: str
    task_token: str
    started_at_ms: int
    expires_at_s: int
    output_location: str | None = None
    failure_location: str | None = None
    outcome: str | None = None
    trace: str | None = None

    @property
    def inference_id(self) -> str:
        """What travels through SageMaker: 43 of its 64 characters."""
        return f"{self.job_id}.{self.attempt_id}"


def split_inference_id(inference_id: str) -> tuple[JobId, str] | None:
    """Return job and attempt of an inference id that we made, None for any other text."""
    job_id, dot, attempt_id = inference_id.partition(".")
    return (JobId(job_id), attempt_id) if dot and attempt_id and is_job_id(job_id) else None
