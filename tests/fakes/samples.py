"""Jobs, results and callers, complete and ordinary; a test changes only what it is about."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

from afterimage.contracts.generation import GeneratedImage, GenerationResult, GenerationWarning
from afterimage.domain.holds import HOLD_KEPT_S, Hold, Stage
from afterimage.domain.job import Attempt, ImageSpec, Job, JobId, Picture, ShareCopy, StatusChange, new_job_id
from afterimage.domain.moderation import Action, Decision, packaged_policy
from afterimage.domain.recipients import Caller
from afterimage.domain.status import JobStatus
from afterimage.usecases.price_request import PriceList

from fakes.outside import NOW_MS
from fakes.sealing import sealed

PRICES = PriceList(policy=packaged_policy, dollars_per_hour=3.6)
PROMPT = "a lighthouse at dusk"
# An operator's own: ducks wait for a person.
HOLDING_POLICY = json.dumps(
    {
        "version": "ducks-1",
        "categories": [
            {"name": "ducks", "action": "hold", "sentence": "A person looks at every duck.", "terms": ["duck"]}
        ],
    }
)
OWNER = "user#ada"
ADDRESS = "ada@example.com"
DAY_S = 86_400
# What a mail is written with.
LINKS = ("https://api.example.com/i/" + "A" * 43, "https://api.example.com/i/" + "B" * 43)
THUMBNAILS = (b"\xff\xd8one", b"\xff\xd8two")
EXPIRES_S = int(datetime(2026, 12, 3, 17, 5, tzinfo=UTC).timestamp())

ADA = Caller(owner=OWNER, username="ada", scopes=frozenset({"aws.cognito.signin.user.admin"}))
BOB = Caller(owner="user#bob", username="bob", scopes=frozenset({"aws.cognito.signin.user.admin"}))
MACHINE = Caller(owner="client#nightly", username=None, scopes=frozenset({"afterimage/images"}))

SPEC = ImageSpec(
    prompt=PROMPT,
    model_prompt=PROMPT,
    negative_prompt="",
    preset=None,
    width=64,
    height=64,
    steps=8,
    guidance=3.0,
    scheduler=None,
    seeds=(7, 8),
)


def job_id(number: int = 1, at_ms: int = NOW_MS) -> JobId:
    """Return the id of a job accepted at a time."""
    return new_job_id(at_ms, number.to_bytes(10, "big"))


def a_job(status: JobStatus = JobStatus.QUEUED, number: int = 1, **changes: Any) -> Job:
    """Return a job as it stands in `status`."""
    job = Job(
        job_id=job_id(number),
        owner=OWNER,
        status=status,
        spec=SPEC,
        gallery="9" * 32,
        created_at_ms=NOW_MS,
        updated_at_ms=NOW_MS,
        expires_at_s=NOW_MS // 1000 + 90 * DAY_S,
        timeline=(StatusChange(status=status, at_ms=NOW_MS),),
        recipient=ADDRESS,
    )
    return dataclasses.replace(job, **changes)


HOLDING = Decision(
    stage="prompt",
    action=Action.HOLD,
    policy_version="ducks-1",
    at_ms=NOW_MS,
    categories=("ducks",),
    sentence="A person looks at every duck.",
    scores={"duck": 0.9},
    threshold=0.5,
)
ADMIN = Caller(owner="user#grace", username="grace", scopes=frozenset(), groups=frozenset({"admin"}))


def a_held_job(stage: Stage = Stage.PROMPT, number: int = 1, **changes: Any) -> Job:
    """Return a job that waits for a person."""
    before = JobStatus.MODERATING if stage is Stage.PROMPT else JobStatus.REVIEWING
    timeline = tuple(StatusChange(status=status, at_ms=NOW_MS) for status in (before, JobStatus.HELD))
    decision = dataclasses.replace(HOLDING, stage=stage.value)
    return a_job(JobStatus.HELD, number, timeline=timeline, **({"decisions": (decision,)} | changes))


def a_hold(job: Job, stage: Stage = Stage.PROMPT, **changes: Any) -> Hold:
    """Return the wait of a job."""
    hold = Hold(
        job_id=job.job_id,
        stage=stage,
        task_token="held-token",
        held_at_ms=NOW_MS,
        expires_at_s=NOW_MS // 1000 + HOLD_KEPT_S,
    )
    return dataclasses.replace(hold, **changes)


def pictures(count: int = 2, **changes: Any) -> tuple[Picture, ...]:
    """Return delivered pictures."""
    ordinary: dict[str, Any] = {"width": 64, "height": 64, "size_bytes": 100, "sha256": "ab" * 32}
    return tuple(
        Picture(
            number=number,
            seed=7 + number,
            key=f"images/{'9' * 32}/{number}.png",
            thumbnail_key=f"images/{'9' * 32}/{number}.jpg",
            share=ShareCopy(key=f"images/{'9' * 32}/{number}-share.png", size_bytes=90, sha256="cd" * 32),
            signed=True,
            **(ordinary | changes),
        )
        for number in range(count)
    )


def an_attempt(of: Job, attempt_id: str = "a" * 16, **changes: Any) -> Attempt:
    """Return a registered attempt whose locations are known."""
    attempt = Attempt(
        job_id=of.job_id,
        attempt_id=attempt_id,
        task_token="token-of-a-state",
        started_at_ms=NOW_MS,
        expires_at_s=NOW_MS // 1000 + 2 * DAY_S,
        output_location=f"s3://bucket/inference/output/{attempt_id}.out",
        failure_location=f"s3://bucket/inference/failure/{attempt_id}.out",
    )
    return dataclasses.replace(attempt, **changes)


def a_result(of: Job, attempt: Attempt, **changes: Any) -> GenerationResult:
    """Return what the container answers for a job, one picture per seed."""
    prefix = f"quarantine/{of.job_id}/{attempt.attempt_id}/"
    result = GenerationResult(
        job_id=of.job_id,
        images=tuple(
            GeneratedImage(
                seed=seed,
                width=64,
                height=64,
                size_bytes=100 + number,
                sha256="ab" * 32,
                content_type="image/png",
                key=f"{prefix}{number}.png",
                thumbnail_key=f"{prefix}{number}.jpg",
                flagged=False,
            )
            for number, seed in enumerate(of.spec.seeds)
        ),
        width=64,
        height=64,
        steps=8,
        guidance=3.0,
        scheduler="DDIMScheduler",
        warnings=(GenerationWarning(code="prompt_cut", message="The end was not read.", detail="at dusk"),),
        timings_s={"denoise": 0.5},
        versions={"model": "demo-1", "torch": "2.13.0"},
    )
    return dataclasses.replace(result, **changes)


def quarantined(result: GenerationResult) -> dict[str, int]:
    """Return key and size of each object that the container and SealPictures wrote."""
    objects: dict[str, int] = {}
    for image in result.images:
        objects[image.key or ""] = image.size_bytes
        objects[image.thumbnail_key or ""] = 10
    # `quarantine/{job}/{attempt}/0.png`, unless a test has changed it
    attempt_id = next((key.split("/")[2] for key in objects if key.startswith(f"quarantine/{result.job_id}/")), "")
    for picture in sealed(result, attempt_id).pictures:
        objects |= {copy.key: copy.size_bytes for copy in (picture.own, picture.share)}
    return objects


def delivered(prompt: str = PROMPT, **changes: Any) -> Job:
    """Return a job of that prompt whose pictures are to be mailed."""
    spec = dataclasses.replace(SPEC, prompt=prompt, model_prompt=prompt)
    return a_job(JobStatus.DELIVERING, spec=spec, **({"pictures": pictures()} | changes))
