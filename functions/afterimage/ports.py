"""What use cases ask of the outside. Adapters implement these; tests bring fakes that pass the same contract tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from afterimage.contracts.completion import Completion
from afterimage.contracts.generation import GenerationResult, ModelProblem
from afterimage.contracts.sealing import SealedPictures
from afterimage.domain.account import Account, PeoplePage, Person, Usage
from afterimage.domain.holds import Hold, Stage
from afterimage.domain.job import (
    Attempt,
    Failure,
    ImageSpec,
    InputPicture,
    Job,
    JobId,
    JobWarning,
    Notice,
    Picture,
    StatusChange,
)
from afterimage.domain.links import Link
from afterimage.domain.quotas import UNLIMITED, Quota, Quotas
from afterimage.domain.status import JobStatus
from afterimage.domain.suppression import Suppression
from afterimage.domain.verdicts import Decision, NamedText, Verdict

Clock = Callable[[], int]
"""Returns the time in milliseconds since 1970."""
Entropy = Callable[[int], bytes]
"""Returns so many unguessable bytes."""
Judged_contra = TypeVar("Judged_contra", contravariant=True)


@dataclass(frozen=True, kw_only=True)
class IdempotencyClaim:
    """That a key (hashed with its owner) belongs to a job; `body_digest` tells a replay from a misuse."""

    key_hash: str
    body_digest: str
    job_id: JobId
    expires_at_s: int


class KeyTakenError(Exception):
    """Raised by `JobStore.create` when a living claim already holds the key; not a product error, only a race lost."""


@dataclass(frozen=True, kw_only=True)
class JobChanges:
    """What one status write sets besides the status. None leaves a field as it is; decisions are added."""

    spec: ImageSpec | None = None
    decisions: tuple[Decision, ...] = ()
    pictures: tuple[Picture, ...] | None = None
    warnings: tuple[JobWarning, ...] | None = None
    failure: Failure | None = None
    notice: Notice | None = None

    def made_to(self, job: Job, to: JobStatus, at_ms: int) -> Job:
        """Return the record after this write of a status; entering one again adds nothing to the timeline."""
        given = {name: value for name in REPLACED if (value := getattr(self, name)) is not None}
        entered = () if job.status is to else (StatusChange(status=to, at_ms=at_ms),)
        return dataclasses.replace(
            job,
            status=to,
            updated_at_ms=at_ms,
            timeline=job.timeline + entered,
            decisions=job.decisions + self.decisions,
            **given,
        )


REPLACED = ("spec", "pictures", "warnings", "failure", "notice")
NO_CHANGES = JobChanges()


class Phase(StrEnum):
    """Where a job stands for the sweep: nobody has begun with it, somebody has, it waits for a person, or it has ended
    and nobody knows yet whether its owner was told. SUCCEEDED comes after the telling."""

    QUEUED = "QUEUED"
    WORKING = "WORKING"
    HELD = "HELD"
    UNTOLD = "UNTOLD"

    @classmethod
    def of(cls, status: JobStatus) -> Phase | None:
        """Return the phase that a status begins, None for none."""
        if status.is_final:
            return None if status is JobStatus.SUCCEEDED else cls.UNTOLD
        return {JobStatus.QUEUED: cls.QUEUED, JobStatus.HELD: cls.HELD}.get(status, cls.WORKING)


@dataclass(frozen=True, kw_only=True)
class HeldSince:
    """A job that waits for a person, as the index knows it."""

    job_id: JobId
    since_ms: int


class JobStore(Protocol):
    """Jobs, the claims on their keys, and the counters of what they take. Every method raises StoreUnavailableError
    when throttled."""

    def create(self, job: Job, claim: IdempotencyClaim | None, quotas: Quotas = UNLIMITED) -> None:
        """Put job and claim and count the job's charge, all or nothing. Raises KeyTakenError, which goes before
        QuotaExceededError: a replay is one, whatever is left."""

    def find_claim(self, key_hash: str, now_ms: int) -> IdempotencyClaim | None:
        """Return the living claim on a key."""

    def get(self, job_id: JobId, now_ms: int) -> Job:
        """Return a job that has not expired. Raises JobNotFoundError."""

    def list_by_owner(self, owner: str, limit: int, after: JobId | None, now_ms: int) -> tuple[Job, ...]:
        """Return up to `limit` jobs, newest first, those older than `after` only."""

    def list_open(self, phase: Phase, updated_before_ms: int, limit: int) -> tuple[JobId, ...]:
        """Return the ids of jobs of a phase that were not touched since, longest untouched first."""

    def list_held(self, limit: int, after: HeldSince | None) -> tuple[HeldSince, ...]:
        """Return up to `limit` jobs that wait for a person, longest waiting first, those behind `after` only."""

    def advance(
        self,
        job_id: JobId,
        to: JobStatus,
        at_ms: int,
        changes: JobChanges = NO_CHANGES,
        only_from: JobStatus | None = None,
        entered: int | None = None,
    ) -> Job:
        """Write a status where the table allows it and return the new record. An end gives back in the same write: the
        open request always, the pictures of month and day unless it SUCCEEDED; and one that is a strike is noted so.
        `only_from` narrows the table to one status: of several who would move a job out of it, one does. `entered`
        narrows it to a timeline that is still so long: whoever left the status and came back is another's to move.

        Raises JobClosedError where the table does not allow it, JobNotFoundError for no job.
        """

    def forget_ended(self, job_id: JobId) -> None:
        """Take a job out of the phase UNTOLD; one that stands elsewhere stays there."""

    def swap_notice(self, job_id: JobId, expected_state: str | None, notice: Notice | None) -> bool:
        """Replace the notice if its state is `expected_state` (None: there is none yet); tell whether it was.

        True as well when this very notice stands there: a call whose answer was lost is made again by the SDK.
        """

    def erase(self, job: Job) -> None:
        """Delete the claim on the job's key and then its record; what is gone already is as good."""


class OwnerStore(Protocol):
    """What is kept of an owner besides jobs. Every method raises StoreUnavailableError when throttled."""

    def begin_erasing(self, owner: str, at_ms: int) -> None:
        """Refuse every new job of the owner from now on: `JobStore.create` raises OwnerErasingError."""

    def erase(self, owner: str, at_ms: int) -> None:
        """Delete all that is counted of and decided about the owner, who is refused as disabled from then on: a token
        outlives its sign-in."""

    def end_erasing(self, owner: str) -> None:
        """Take new jobs again; what is counted and decided stays."""


class AccountStore(Protocol):
    """What admins decided about owners, and what owners have used. Every method raises StoreUnavailableError."""

    def find(self, owner: str) -> Account:
        """Return what was decided, read consistently; an empty account for an owner nobody decided about."""

    def usage(self, owner: str, at_ms: int) -> Usage:
        """Return what is counted at a moment."""

    def strikes(self, owner: str, at_ms: int) -> tuple[int, ...]:
        """Return when the newest requests that count as strikes were blocked, in no order; at most MOST_STRIKES."""

    def forgive(self, owner: str) -> None:
        """Forget every strike of an owner."""

    def set_override(self, owner: str, override: Quota | None) -> None:
        """Put bounds in place of the general ones; None takes them away."""

    def set_disabled(self, owner: str, disabled: bool) -> None:
        """Refuse an owner from now on, or no longer."""


class AttemptStore(Protocol):
    """Attempts with their task tokens, by (job, attempt)."""

    def register(self, attempt: Attempt) -> Attempt:
        """Put an attempt unless it is there; return what is there now."""

    def find(self, job_id: JobId, attempt_id: str) -> Attempt | None:
        """Return an attempt, read consistently: a completion may follow its registration by milliseconds."""

    def list_by_job(self, job_id: JobId) -> tuple[Attempt, ...]:
        """Return every attempt of a job, read consistently; a job has a handful."""

    def record_locations(self, attempt: Attempt, output_location: str, failure_location: str) -> None:
        """Note where SageMaker will write."""

    def settle(self, attempt: Attempt, outcome: str, output_location: str | None) -> Attempt:
        """Record the first outcome; a later one changes nothing. Return what is recorded now."""

    def erase(self, attempt: Attempt) -> None:
        """Delete an attempt; one that is gone already is as good."""


class HoldStore(Protocol):
    """Waits for a person with their task tokens, by job and stage. Every method raises StoreUnavailableError."""

    def register(self, hold: Hold) -> None:
        """Put a hold; a state that is tried again has another token, which replaces the one before."""

    def find(self, job_id: JobId, stage: Stage) -> Hold | None:
        """Return a hold, read consistently."""

    def erase(self, job_id: JobId) -> None:
        """Delete every hold of a job; none is as good."""


class LinkStore(Protocol):
    """Links by the hash of their token."""

    def put(self, link: Link) -> None:
        """Store a link so that it is found by its job as well."""

    def put_all(self, links: Sequence[Link]) -> None:
        """Store many, in order; when it raises, some may be there."""

    def find(self, token_hash: str) -> Link | None:
        """Return a link, expired or revoked ones too."""

    def list_by_job(self, job_id: JobId) -> tuple[str, ...]:
        """Return the hashes of every link of a job, expired and revoked ones too."""

    def count_living(self, job_id: JobId, now_ms: int) -> int:
        """Return how many links of a job have not expired."""

    def erase(self, job_id: JobId, token_hash: str) -> None:
        """Delete a link of a job; one that is gone already is as good."""


class SuppressionStore(Protocol):
    """Addresses that get no mail, by their hash. Every method raises StoreUnavailableError when throttled."""

    def put(self, suppression: Suppression) -> None:
        """Store one, unless one that holds as long is there."""

    def find(self, address_hash: str, now_ms: int) -> Suppression | None:
        """Return the suppression of an address that holds now."""

    def lift(self, address_hash: str) -> None:
        """Delete the suppression of an address; none is as good."""


class MailService(Protocol):
    """What sends our mail keeps a list of its own, of the whole account, behind ours."""

    def forgive(self, address: str) -> None:
        """Take an address off that list; one that is not on it is as good. Raises StoreUnavailableError."""


@dataclass(frozen=True, kw_only=True)
class StartedInference:
    """Where the result or the failure will be written, as `s3://` URIs."""

    output_location: str
    failure_location: str


class Engine(Protocol):
    """Something that makes pictures and answers later."""

    def start(self, job: Job, attempt: Attempt) -> StartedInference:
        """Hand the job over. Raises EngineUnavailableError or GenerationFailedError."""


class Workflow(Protocol):
    """The state machine, seen from outside. Every method raises WorkflowUnavailableError when throttled."""

    def start(self, job_id: JobId) -> None:
        """Start the execution named as the job; one that is there already is as good. Raises WorkflowUnavailableError
        for every refusal: the job is recorded, and its start is tried again until it is given up."""

    def status(self, job_id: JobId) -> str | None:
        """Return the status of the job's execution in Step Functions' words, None when it was never started."""

    def stop(self, job_id: JobId) -> None:
        """Abort the job's execution; one that has ended or was never started is as good."""

    def succeed(self, task_token: str, output: Mapping[str, str]) -> bool:
        """Resume a waiting state. False when the token is no longer waited for."""

    def fail(self, task_token: str, error: str, cause: str) -> bool:
        """Fail a waiting state. False when the token is no longer waited for."""


class Results(Protocol):
    """What the container and SageMaker wrote about one inference."""

    def read_result(self, location: str) -> GenerationResult:
        """Return the result document. Raises InvalidResultError."""

    def read_sealed(self, job_id: JobId, attempt_id: str) -> SealedPictures:
        """Return what SealPictures made of the pictures. Raises InvalidResultError."""

    def read_problem(self, location: str | None) -> ModelProblem | None:
        """Return what the container said when it failed, None when it said nothing that can be read."""

    def exists(self, location: str) -> bool:
        """Tell whether something was written there yet."""


class Gallery(Protocol):
    """The pictures: quarantined, and published."""

    def publish(self, quarantined_key: str, key: str, size_bytes: int | None, tags: Mapping[str, str]) -> None:
        """Copy an object out of quarantine with these tags. Raises InvalidResultError when it is not there or not of
        this size."""

    def read_thumbnail(self, key: str) -> bytes:
        """Return a published thumbnail (JPEG)."""


class Moderator(Protocol[Judged_contra]):
    """One layer of moderation."""

    @property
    def name(self) -> str:
        """Return what decisions and operators call it."""

    def judge(self, what: Judged_contra, /) -> Verdict:
        """Return its verdict. Raises ModeratorUnavailableError: no answer is not a yes."""


TextModerator = Moderator[tuple[NamedText, ...]]
"""Judges all the texts of a request at once."""
PictureModerator = Moderator[str]
"""Judges the picture under a key of our bucket: one in quarantine, or one that somebody sent. What it cannot look at,
because of its format or size, it has a person look at (HOLD, category `not_judged`)."""


class Quarantine(Protocol):
    """The pictures that nobody has released, for an admin who has to look at them."""

    def read(self, key: str) -> bytes:
        """Return a picture. Raises InvalidResultError when it is not there."""

    def read_input(self, job_id: JobId, start: int, most_bytes: int) -> bytes:
        """Return a part of the job's copy of the picture that it begins from. Raises InvalidResultError."""


class JobObjects(Protocol):
    """What lies in the bucket under one job."""

    def put_tombstone(self, job_id: JobId) -> None:
        """Tell the container to stop working on the job, and not to begin."""

    def erase(self, job_id: JobId, gallery: str, locations: tuple[str, ...]) -> None:
        """Delete job documents, quarantined and published pictures, and the objects at `locations` that SageMaker
        wrote. The tombstone stays."""


class Uploads(Protocol):
    """Input pictures, each its owner's, and a copy of its own for each job that begins from one."""

    def find(self, owner: str, upload_id: str, now_ms: int) -> InputPicture:
        """Return what an upload is. Raises UploadNotFoundError, also for another owner's, and InvalidRequestError when
        it is no picture."""

    def take(self, job: Job) -> None:
        """Copy the job's upload to where the container reads, once. Raises InputGoneError when it is not there any more
        or another picture than at the door."""

    def erase(self, owner: str, upload_id: str) -> None:
        """Delete an upload; one that is gone already is as good."""

    def erase_all(self, owner: str) -> None:
        """Delete every upload of an owner."""


class UploadCounter(Protocol):
    """How many forms for input pictures somebody gets."""

    def take(self, owner: str, at_ms: int) -> None:
        """Count one form of a day. Raises TooManyUploadsError, StoreUnavailableError."""


class Erasures(Protocol):
    """The state machines that erase, seen from outside."""

    def look_again(self, job_id: JobId, gallery: str) -> None:
        """Have what work under way still leaves of an erased job erased too; once asked is as good as twice."""

    def erase_owner(self, owner: str) -> None:
        """Start erasing everything of an owner; a second run beside it does no harm."""


class Mailer(Protocol):
    """Sends one mail about a job."""

    def send(
        self, job: Job, recipient: str, links: tuple[str, ...], expires_at_s: int, thumbnails: tuple[bytes, ...]
    ) -> None:
        """Send. Raises MailUnavailableError (certainly not sent) or MailRefusedError (never will be)."""


class People(Protocol):
    """The sign-in directory."""

    def confirmed_address(self, username: str) -> str | None:
        """Return the person's mail address, None unless it is confirmed."""

    def erase(self, username: str) -> None:
        """Delete the person's sign-in; one that is gone already is as good."""


class Directory(Protocol):
    """The sign-in directory, for admins. Every method raises StoreUnavailableError when throttled."""

    def list_people(self, limit: int, cursor: str | None) -> PeoplePage:
        """Return a page. Raises InvalidCursorError."""

    def find_person(self, username: str) -> Person | None:
        """Return somebody by user name or address."""

    def switch(self, username: str, enabled: bool) -> None:
        """Let somebody sign in, or sign them out and let them no more."""


class Closer(Protocol):
    """Closes a lost job, out of band of the caller."""

    def close(self, job_id: JobId, execution_status: str) -> None:
        """Ask for a job to be closed as its execution ended (FAILED, TIMED_OUT, ABORTED)."""


class Messenger(Protocol):
    """Says again what the endpoint said of an inference, out of band of the caller."""

    def repeat(self, completion: Completion) -> None:
        """Send the message to whoever hears the endpoint's."""


class Teller(Protocol):
    """Has the person told, out of band of the caller."""

    def tell(self, job_id: JobId) -> None:
        """Ask for the notification of a job that has ended."""
