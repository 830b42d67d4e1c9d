"""Everything else outside the process: workflow, engine, results, gallery, mail, directory, time. Calls are kept."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from afterimage.contracts.completion import Completion
from afterimage.contracts.generation import GenerationResult, ModelProblem
from afterimage.contracts.sealing import SealedPictures
from afterimage.domain.errors import InputGoneError, InvalidResultError, UploadNotFoundError
from afterimage.domain.job import Attempt, InputPicture, Job, JobId
from afterimage.ports import StartedInference

from fakes.faults import Faulty, breakable
from fakes.sealing import sealed

NOW_MS = 1_795_000_000_000


class Ticker:
    """A clock that advances by one millisecond per reading, or by as much as it is told."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        self.now_ms += 1
        return self.now_ms

    def pass_s(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)


class Dice:
    """Entropy that never repeats and is the same in every run."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def __call__(self, count: int) -> bytes:
        return next(self._numbers).to_bytes(count, "big")


class FakeWorkflow(Faulty):
    """Implements `ports.Workflow`; tokens that were answered are no longer waited for."""

    def __init__(self, *waiting: str, running: tuple[JobId, ...] = ()) -> None:
        super().__init__()
        self.started: list[JobId] = []
        self.stopped: list[JobId] = []
        self.statuses = dict.fromkeys(running, "RUNNING")
        self.waiting = set(waiting)
        self.succeeded: list[tuple[str, dict[str, str]]] = []
        self.failed: list[tuple[str, str, str]] = []

    @breakable
    def start(self, job_id: JobId) -> None:
        self.started.append(job_id)
        self.statuses[job_id] = "RUNNING"

    @breakable
    def status(self, job_id: JobId) -> str | None:
        return self.statuses.get(job_id)

    @breakable
    def stop(self, job_id: JobId) -> None:
        self.stopped.append(job_id)
        if self.statuses.get(job_id) == "RUNNING":
            self.statuses[job_id] = "ABORTED"

    @breakable
    def succeed(self, task_token: str, output: Mapping[str, str]) -> bool:
        if task_token not in self.waiting:
            return False
        self.waiting.remove(task_token)
        self.succeeded.append((task_token, dict(output)))
        return True

    @breakable
    def fail(self, task_token: str, error: str, cause: str) -> bool:
        if task_token not in self.waiting:
            return False
        self.waiting.remove(task_token)
        self.failed.append((task_token, error, cause))
        return True


class FakeEngine(Faulty):
    """Implements `ports.Engine`."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Attempt] = []

    @breakable
    def start(self, job: Job, attempt: Attempt) -> StartedInference:
        self.started.append(attempt)
        return StartedInference(
            output_location=f"s3://bucket/inference/output/{attempt.inference_id}.out",
            failure_location=f"s3://bucket/inference/failure/{attempt.inference_id}.out",
        )


class FakeResults(Faulty):
    """Implements `ports.Results`."""

    def __init__(
        self,
        results: Mapping[str, GenerationResult] | None = None,
        problems: Mapping[str | None, ModelProblem] | None = None,
        sealed: SealedPictures | None = None,
    ) -> None:
        super().__init__()
        self.results = dict(results or {})
        self.sealed = sealed
        self.problems = dict(problems or {})

    @breakable
    def read_result(self, location: str) -> GenerationResult:
        if location not in self.results:
            raise InvalidResultError()
        return self.results[location]

    @breakable
    def read_sealed(self, job_id: JobId, attempt_id: str) -> SealedPictures:
        if self.sealed:
            return self.sealed
        made = [result for result in self.results.values() if result.job_id == job_id]
        if not made:
            raise InvalidResultError()
        return sealed(made[0], attempt_id)

    @breakable
    def read_problem(self, location: str | None) -> ModelProblem | None:
        return self.problems.get(location)

    @breakable
    def exists(self, location: str) -> bool:
        return location in self.results or location in self.problems


class FakeGallery(Faulty):
    """Implements `ports.Gallery`. `quarantined` maps keys to sizes."""

    def __init__(self, quarantined: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self.quarantined = dict(quarantined or {})
        self.published: dict[str, tuple[str, dict[str, str]]] = {}

    @breakable
    def publish(self, quarantined_key: str, key: str, size_bytes: int | None, tags: Mapping[str, str]) -> None:
        size = self.quarantined.get(quarantined_key)
        if size is None or (size_bytes is not None and size != size_bytes):
            raise InvalidResultError()
        self.published[key] = (quarantined_key, dict(tags))

    @breakable
    def read_thumbnail(self, key: str) -> bytes:
        return b"\xff\xd8thumbnail of " + key.encode()


class FakeJobObjects(Faulty):
    """Implements `ports.JobObjects`: the keys that lie in the bucket."""

    def __init__(self, *keys: str) -> None:
        super().__init__()
        self.keys = set(keys)

    @breakable
    def put_tombstone(self, job_id: JobId) -> None:
        self.keys.add(f"jobs/{job_id}/cancel")

    @breakable
    def erase(self, job_id: JobId, gallery: str, locations: tuple[str, ...]) -> None:
        prefixes = (f"jobs/{job_id}/", f"quarantine/{job_id}/", f"images/{gallery}/")
        named = {location.removeprefix("s3://bucket/") for location in locations}
        doomed = {key for key in self.keys if key.startswith(prefixes) or key in named}
        self.keys -= doomed - {f"jobs/{job_id}/cancel"}


class FakeUploads(Faulty):
    """Implements `ports.Uploads`: pictures by owner and upload, and the jobs that have a copy."""

    def __init__(self, **etags: str) -> None:
        """Each upload of Ada's by its id, with its tag."""
        super().__init__()
        self.etags = {("user#ada", upload): etag for upload, etag in etags.items()}
        self.taken: dict[JobId, str] = {}

    @breakable
    def find(self, owner: str, upload_id: str, now_ms: int) -> InputPicture:
        if (owner, upload_id) not in self.etags:
            raise UploadNotFoundError()
        etag = self.etags[owner, upload_id]
        return InputPicture(upload=upload_id, etag=etag, size_bytes=1000, content_type="image/png")

    @breakable
    def take(self, job: Job) -> None:
        picture = job.spec.input
        if picture is None or job.job_id in self.taken:
            return
        if self.etags.get((job.owner, picture.upload)) != picture.etag:
            raise InputGoneError()
        self.taken[job.job_id] = picture.etag

    @breakable
    def erase(self, owner: str, upload_id: str) -> None:
        self.etags.pop((owner, upload_id), None)

    @breakable
    def erase_all(self, owner: str) -> None:
        self.etags = {key: etag for key, etag in self.etags.items() if key[0] != owner}


class FakeErasures(Faulty):
    """Implements `ports.Erasures`."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: dict[JobId, str] = {}
        self.owners: list[str] = []

    @breakable
    def look_again(self, job_id: JobId, gallery: str) -> None:
        self.looks[job_id] = gallery

    @breakable
    def erase_owner(self, owner: str) -> None:
        self.owners.append(owner)


@dataclass(frozen=True, kw_only=True)
class SentMail:
    """One call of `Mailer.send`."""

    job: Job
    recipient: str
    links: tuple[str, ...]
    expires_at_s: int
    thumbnails: tuple[bytes, ...]


class FakeMailer(Faulty):
    """Implements `ports.Mailer`."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[SentMail] = []

    @breakable
    def send(
        self, job: Job, recipient: str, links: tuple[str, ...], expires_at_s: int, thumbnails: tuple[bytes, ...]
    ) -> None:
        self.sent.append(
            SentMail(job=job, recipient=recipient, links=links, expires_at_s=expires_at_s, thumbnails=thumbnails)
        )


class FakePeople(Faulty):
    """Implements `ports.People`."""

    def __init__(self, **addresses: str) -> None:
        super().__init__()
        self.addresses = addresses

    @breakable
    def confirmed_address(self, username: str) -> str | None:
        return self.addresses.get(username)

    @breakable
    def erase(self, username: str) -> None:
        self.addresses.pop(username, None)


class FakeCloser(Faulty):
    """Implements `ports.Closer`."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: list[tuple[JobId, str]] = []

    @breakable
    def close(self, job_id: JobId, execution_status: str) -> None:
        self.closed.append((job_id, execution_status))


class FakeMessenger(Faulty):
    """Implements `ports.Messenger`."""

    def __init__(self) -> None:
        super().__init__()
        self.repeated: list[Completion] = []

    @breakable
    def repeat(self, completion: Completion) -> None:
        self.repeated.append(completion)


class FakeTeller(Faulty):
    """Implements `ports.Teller`."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[JobId] = []

    @breakable
    def tell(self, job_id: JobId) -> None:
        self.told.append(job_id)
