"""Judge what was made, publish both sealed copies of what passes, leave the rest to the quarantine's lifecycle."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from afterimage.contracts.generation import GeneratedImage, GenerationResult
from afterimage.contracts.sealing import SealedPictures
from afterimage.domain.errors import InvalidResultError, JobClosedError
from afterimage.domain.holds import NEEDS_REVIEW, OF_A_CAMPAIGN, Ruling, Stage, decided
from afterimage.domain.job import Failure, Job, JobId, JobWarning, Picture, ShareCopy
from afterimage.domain.moderation import INPUT
from afterimage.domain.status import JobStatus
from afterimage.domain.verdicts import Action, Decision, Verdict, decide
from afterimage.ports import AttemptStore, Clock, Gallery, JobChanges, JobStore, PictureModerator, Results
from afterimage.usecases.ask_moderators import ask_moderators

STAGE = "picture"
CHECKED = "safety-checker-1"
_REVIEWED = (JobStatus.DELIVERING, JobStatus.SUCCEEDED, JobStatus.BLOCKED)
_INPUT_BLOCKED = Failure(code="input_blocked", sentence="The input picture did not pass our content review.")
_NEEDS_REVIEW = Failure(code=NEEDS_REVIEW, sentence=OF_A_CAMPAIGN)
_BLOCKED = Failure(code="pictures_blocked", sentence="The pictures did not pass our content review.")


def review_images(
    job_id: JobId,
    attempt_id: str,
    *,
    jobs: JobStore,
    attempts: AttemptStore,
    results: Results,
    gallery: Gallery,
    moderators: Sequence[PictureModerator] = (),
    fail_open: bool = False,
    clock: Clock,
) -> Job:
    """Return the job as DELIVERING, BLOCKED when nothing passed, or REVIEWING when a person has to look: the decisions
    are on record then, and the run after the release publishes by them. A second run finds it so and changes nothing.

    Raises InvalidResultError when the result is not one of this attempt, JobClosedError for a job that ended otherwise,
    ModeratorUnavailableError.
    """
    try:
        job = jobs.advance(job_id, JobStatus.REVIEWING, clock())
    except JobClosedError:
        job = jobs.get(job_id, clock())
        if job.status in _REVIEWED and any(decision.stage in (STAGE, INPUT) for decision in job.decisions):
            return job
        raise
    attempt = attempts.find(job_id, attempt_id)
    if attempt is None or attempt.output_location is None:
        raise InvalidResultError()
    result = results.read_result(attempt.output_location)
    folder = f"quarantine/{job_id}/{attempt_id}/"
    _check_is_of(result, job, folder)
    of_input = _judge_input(job, result, clock())
    if result.input_flagged:
        changes = JobChanges(decisions=of_input, failure=_INPUT_BLOCKED)
        return jobs.advance(job_id, JobStatus.BLOCKED, clock(), changes)
    sealed = results.read_sealed(job_id, attempt_id)
    if sealed.attempt_id != attempt_id or not sealed.is_of(result, folder):
        raise InvalidResultError()
    # One for each picture; a write that the SDK made twice has added them twice.
    recorded = tuple(decision for decision in job.decisions if decision.stage == STAGE)[: len(result.images)]
    of_pictures = recorded or tuple(
        ask_moderators(
            STAGE, image.key or "", moderators, clock(), said=container_verdict(image.flagged), fail_open=fail_open
        )
        for image in result.images
    )
    new = () if recorded else of_input + of_pictures
    passing = _passing(job, of_pictures)
    if not passing:
        return jobs.advance(job_id, JobStatus.REVIEWING, clock(), JobChanges(decisions=new))
    pictures = tuple(
        _publish(number, image, sealed, job, result, decision, gallery)
        for number, (image, decision) in enumerate(zip(result.images, of_pictures, strict=True))
        if decision.action in passing
    )
    if not pictures:
        held = any(decision.action is Action.HOLD for decision in of_pictures)
        failure = _NEEDS_REVIEW if held else _BLOCKED
        return jobs.advance(job_id, JobStatus.BLOCKED, clock(), JobChanges(decisions=new, failure=failure))
    warnings = tuple(JobWarning(code=w.code, message=w.message, detail=w.detail) for w in result.warnings)
    changes = JobChanges(decisions=new, pictures=pictures, warnings=warnings)
    return jobs.advance(job_id, JobStatus.DELIVERING, clock(), changes)


def _passing(job: Job, decisions: tuple[Decision, ...]) -> frozenset[Action]:
    """Return by which decisions pictures are published now; none of them while a person has to look at one. A campaign
    waits for nobody: what is held there stays in quarantine."""
    if all(decision.action is not Action.HOLD for decision in decisions) or job.row:
        return frozenset({Action.ALLOW})
    released = decided(job, Stage.PICTURE) is Ruling.RELEASE
    return frozenset({Action.ALLOW, Action.HOLD}) if released else frozenset()


def _check_is_of(result: GenerationResult, job: Job, prefix: str) -> None:
    """A result must be the one that was asked for: the container is ours, the object that it wrote may not be."""
    seeds = tuple(image.seed for image in result.images)
    keys = [key for image in result.images for key in (image.key, image.thumbnail_key)]
    if result.job_id == job.job_id and result.input_flagged and not result.images and job.spec.input is not None:
        return  # nothing is made from such a picture
    if result.job_id != job.job_id or seeds != job.spec.seeds:
        raise InvalidResultError()
    if not all(key and key.startswith(prefix) and ".." not in key for key in keys):
        raise InvalidResultError()


def _judge_input(job: Job, result: GenerationResult, at_ms: int) -> tuple[Decision, ...]:
    """What the container saw of the picture that it was to begin from, beside what others said before it was asked."""
    judged_before = any(decision.stage == INPUT for decision in job.decisions)
    if job.spec.input is None or (result.input_flagged is None and judged_before):
        return ()
    return (decide(INPUT, container_verdict(result.input_flagged, _INPUT_BLOCKED.sentence), at_ms),)


def container_verdict(flagged: bool | None, sentence: str = _BLOCKED.sentence) -> tuple[Verdict, ...]:
    """Return what the container's own checker said of a picture: nothing where the model folder has none."""
    if flagged is None:
        return ()
    passed = Verdict(layer="container", version=CHECKED)
    if not flagged:
        return (passed,)
    return (dataclasses.replace(passed, action=Action.BLOCK, categories=("unsafe_picture",), sentence=sentence),)


def _review_tag(decision: Decision) -> str:
    if decision.action is Action.HOLD:
        return "released"
    return "passed" if decision.layers and not decision.not_judged_by else "not-judged"


def _publish(
    number: int,
    image: GeneratedImage,
    sealed: SealedPictures,
    job: Job,
    result: GenerationResult,
    decision: Decision,
    gallery: Gallery,
) -> Picture:
    copies = sealed.pictures[number]
    own, share = (f"images/{job.gallery}/{number}-{copy.sha256[:32]}.png" for copy in (copies.own, copies.share))
    thumbnail_key = f"images/{job.gallery}/{number}.jpg"
    tags = {
        "job": job.job_id,
        "seed": str(image.seed),
        "preset": job.spec.preset or "none",
        "model": result.versions.get("model", "unknown"),
        "review": _review_tag(decision),
        "origin": "trained-algorithmic-media",
    }
    # Named by its digest, a published file never becomes another, and one copy's key does not give the other's.
    gallery.publish(copies.own.key, own, copies.own.size_bytes, tags)
    gallery.publish(copies.share.key, share, copies.share.size_bytes, tags)
    gallery.publish(image.thumbnail_key or "", thumbnail_key, None, tags)
    return Picture(
        number=number,
        seed=image.seed,
        width=image.width,
        height=image.height,
        size_bytes=copies.own.size_bytes,
        sha256=copies.own.sha256,
        key=own,
        thumbnail_key=thumbnail_key,
        share=ShareCopy(key=share, size_bytes=copies.share.size_bytes, sha256=copies.share.sha256),
        signed=sealed.certificate_sha256 is not None,
    )
