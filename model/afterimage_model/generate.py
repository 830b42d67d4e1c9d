"""One job from document to result: predict, encode, store. Every door (HTTP, queue) does exactly this."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from typing import Protocol

from afterimage.contracts.generation import GeneratedImage, GenerationJob, GenerationResult

from afterimage_model.cancel import CancelWatch
from afterimage_model.images import PictureFile, encode_picture, encode_thumbnail, picture_facts
from afterimage_model.predictor import OnStep, Picture, Prediction
from afterimage_model.storage import Destination, Storage, parse_destination, tombstone_key


class Predicts(Protocol):
    """The half of the predictor that is needed here."""

    def predict(self, job: GenerationJob, on_step: OnStep | None = None) -> Prediction:
        """Make the pictures of one job."""


def generate(
    job: GenerationJob, predictor: Predicts, storage: Storage, *, bucket: str | None = None
) -> GenerationResult:
    """Make and store the pictures of `job`, or return them inline when it has no output prefix.

    `bucket` is the one this server may write to and where tombstones lie; None takes the prefix's own. Running it
    again writes the same objects again. Raises ModelFaults.
    """
    started = time.monotonic()
    tombstone = tombstone_key(job.job_id)
    destination = parse_destination(job.output_prefix, bucket) if job.output_prefix else None
    look = _look_for(storage, destination.bucket if destination else bucket, tombstone)
    with CancelWatch(look, job.job_id) as watch:
        prediction = predictor.predict(job, on_step=lambda done, total: watch.check())
        encoded = time.monotonic()
        files = [_encode(picture, prediction) for picture in prediction.pictures]
        stored = time.monotonic()
        watch.check()
        images = tuple(
            _deliver(number, picture, *pair, destination, storage)
            for number, (picture, pair) in enumerate(zip(prediction.pictures, files, strict=True))
        )
    ended = time.monotonic()
    timings = {"encode": stored - encoded, "store": ended - stored, "total": ended - started}
    plan = prediction.plan
    return GenerationResult(
        job_id=job.job_id,
        images=images,
        width=plan.width,
        height=plan.height,
        steps=plan.steps,
        guidance=plan.guidance,
        scheduler=plan.scheduler,
        warnings=plan.warnings,
        timings_s={stage: round(seconds, 4) for stage, seconds in (prediction.timings_s | timings).items()},
        versions=prediction.versions,
    )


def _look_for(storage: Storage, bucket: str | None, key: str) -> Callable[[], bool] | None:
    if bucket is None:
        return None
    return lambda: storage.exists(bucket, key)


def _encode(picture: Picture, prediction: Prediction) -> tuple[PictureFile, PictureFile]:
    facts = picture_facts(prediction.plan, picture.seed, prediction.versions)
    return encode_picture(picture.image, prediction.plan.output_format, facts), encode_thumbnail(picture.image)


def _deliver(
    number: int,
    picture: Picture,
    file: PictureFile,
    thumbnail: PictureFile,
    destination: Destination | None,
    storage: Storage,
) -> GeneratedImage:
    key = thumbnail_key = inline = None
    if destination is None:
        inline = base64.b64encode(file.body).decode("ascii")
    else:
        key = f"{destination.prefix}{number}.{file.content_type.removeprefix('image/')}"  # .png, .jpeg or .webp
        thumbnail_key = f"{destination.prefix}{number}.jpg"
        storage.put(destination.bucket, key, file.body, file.content_type)
        storage.put(destination.bucket, thumbnail_key, thumbnail.body, thumbnail.content_type)
    return GeneratedImage(
        seed=picture.seed,
        width=file.width,
        height=file.height,
        size_bytes=len(file.body),
        sha256=hashlib.sha256(file.body).hexdigest(),
        content_type=file.content_type,
        key=key,
        thumbnail_key=thumbnail_key,
        flagged=picture.flagged,
        base64=inline,
    )
