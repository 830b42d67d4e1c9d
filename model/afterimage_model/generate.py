"""Jobs from document to result: predict, encode, store. Every door (HTTP, queue) does exactly this."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from afterimage.contracts.codec import to_json
from afterimage.contracts.generation import IMG2IMG, GeneratedImage, GenerationJob, GenerationResult, GenerationWarning
from afterimage.contracts.progress import GenerationProgress, progress_key
from PIL import Image

from afterimage_model.errors import InputRefused, ModelFault
from afterimage_model.images import PictureFile, encode_picture, encode_thumbnail, picture_facts
from afterimage_model.inputs import MOST_BYTES, check_input_key, fit_input, read_input
from afterimage_model.limits import Plan
from afterimage_model.orders import Order
from afterimage_model.predictor import Picture, Prediction
from afterimage_model.run import OnStep, Step
from afterimage_model.storage import Destination, Storage, parse_destination, tombstone_key
from afterimage_model.watch import JobWatch
from afterimage_model.watermark import MARK, put_mark

Finish = Callable[[Callable[[], None]], object]
"""Runs the end of a job (encode, store, answer), now or on another thread while the next pictures are being made."""


class Predicts(Protocol):
    """The half of the predictor that is needed here."""

    def plan(self, job: GenerationJob) -> Plan:
        """Hold the job against the model's limits."""

    def flags(self, pictures: Sequence[Image.Image]) -> bool | None:
        """Whether the safety checker or the classifier flags any of these, None without both."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Model, libraries and hardware."""

    def predict_together(self, wanted: Sequence[tuple[Plan, OnStep]]) -> list[Prediction | ModelFault]:
        """Make the pictures of jobs that differ in texts and seeds only."""


@dataclass(frozen=True, kw_only=True)
class _Begun:
    order: Order
    plan: Plan
    destination: Destination | None
    watch: JobWatch
    started: float

    def step_ended(self, step: Step) -> None:
        """Between two steps: is it still wanted? Who does not want it any more is answered now, not with the others."""
        try:
            self.order.check()
            self.watch.check()
        except ModelFault as fault:
            self.watch.close()
            self.order.answer(fault)
            raise
        self.watch.reached(step)


def generate(
    job: GenerationJob, predictor: Predicts, storage: Storage, *, bucket: str | None = None, watermark: bool = True
) -> GenerationResult:
    """Make and store the pictures of one `job`, or return them inline when it has no output prefix.

    `bucket` is the one this server may write to, where tombstones lie and progress is written; None takes the prefix's
    own. Running it again writes the same objects again. Raises ModelFaults.
    """
    order = Order(job)
    generate_together([order], predictor, storage, bucket=bucket, watermark=watermark)
    return order.future.result()


def generate_together(
    orders: Sequence[Order],
    predictor: Predicts,
    storage: Storage,
    *,
    bucket: str | None = None,
    watermark: bool = True,
    finish: Finish = lambda end: end(),
) -> None:
    """Answer every order; they have one `share_key`. One that is refused, cancelled or left alone leaves the others.

    It returns when the pictures are made; marking, encoding and storing is left to `finish`.
    """
    with ExitStack() as watches:
        begun = []
        for order in orders:
            with _answering(order):
                one = _begin(order, predictor, storage, bucket)
                if one is not None:
                    watches.callback(one.watch.close)
                    begun.append(one)
        begun = [one for one in begun if _still_wanted(one)]
        outcomes = predictor.predict_together([(one.plan, one.step_ended) for one in begun]) if begun else []
        watches.pop_all()  # from here each watch is closed by the end of its job
    for one, outcome in zip(begun, outcomes, strict=True):
        finish(partial(_end, one, outcome, storage, watermark))


def _begin(order: Order, predictor: Predicts, storage: Storage, bucket: str | None) -> _Begun | None:
    """None when the order has its answer: from a flagged input picture nothing is made."""
    started = time.monotonic()
    job = order.job
    tombstone = tombstone_key(job.job_id)
    destination = parse_destination(job.output_prefix, bucket) if job.output_prefix else None
    plan = predictor.plan(job)
    order.check()
    if plan.mode == IMG2IMG:
        plan = _with_input(plan, job, predictor, storage, destination.bucket if destination else bucket)
        if plan.input_flagged:
            order.answer(_nothing_made(plan, predictor, started))
            return None
    watch = _watch(storage, destination.bucket if destination else bucket, job.job_id, tombstone)
    watch.open()
    return _Begun(order=order, plan=plan, destination=destination, watch=watch, started=started)


def _with_input(plan: Plan, job: GenerationJob, predictor: Predicts, storage: Storage, bucket: str | None) -> Plan:
    key = str(job.input_key)
    check_input_key(key, job.job_id)
    body = storage.get(bucket, key, MOST_BYTES) if bucket is not None else None
    if body is None:
        raise InputRefused("there is no input picture at the input_key")
    whole = read_input(body)
    picture, cut = fit_input(whole, plan.width, plan.height)
    warnings = plan.warnings
    if cut:
        message = f"The input picture was cut to the proportions of {plan.width} x {plan.height}."
        warnings += (GenerationWarning(code="input_cut", message=message, detail="input_key"),)
    # As it was sent, and as the network sees it: cutting can bring out what is small in the whole.
    flagged = predictor.flags([whole, picture])
    return replace(plan, input_picture=picture, input_flagged=flagged, warnings=warnings)


def _nothing_made(plan: Plan, predictor: Predicts, started: float) -> GenerationResult:
    return GenerationResult(
        job_id=plan.job_id,
        images=(),
        width=plan.width,
        height=plan.height,
        steps=plan.steps,
        guidance=plan.guidance,
        scheduler=plan.scheduler,
        warnings=plan.warnings,
        input_flagged=True,
        timings_s={"total": round(time.monotonic() - started, 4)},
        versions=dict(predictor.versions),
    )


@contextmanager
def _answering(order: Order) -> Iterator[None]:
    """Whatever goes wrong in here is this order's answer, and nobody else's."""
    try:
        yield
    except Exception as exc:
        order.answer(exc)


def _still_wanted(begun: _Begun) -> bool:
    with _answering(begun.order):
        begun.watch.wait_for_first_look()
    return not begun.order.answered


def _watch(storage: Storage, bucket: str | None, job_id: str, tombstone: str) -> JobWatch:
    if bucket is None:
        return JobWatch(None, None, job_id)

    def tell(progress: GenerationProgress) -> None:
        storage.put(bucket, progress_key(job_id), to_json(progress).encode(), "application/json")

    return JobWatch(lambda: storage.exists(bucket, tombstone), tell, job_id)


def _end(begun: _Begun, outcome: Prediction | ModelFault, storage: Storage, watermark: bool) -> None:
    with closing(begun.watch), _answering(begun.order):
        if isinstance(outcome, ModelFault):
            begun.order.answer(outcome)
        else:
            begun.order.answer(_deliver(begun, _marked(outcome) if watermark else outcome, storage))


def _marked(prediction: Prediction) -> Prediction:
    """The same pictures with the watermark, and its name among the versions."""
    began = time.monotonic()
    return replace(
        prediction,
        pictures=tuple(replace(picture, image=put_mark(picture.image)) for picture in prediction.pictures),
        versions=prediction.versions | {"watermark": MARK},
        timings_s=prediction.timings_s | {"watermark": time.monotonic() - began},
    )


def _deliver(begun: _Begun, prediction: Prediction, storage: Storage) -> GenerationResult:
    made = time.monotonic()
    files = [_encode(picture, prediction, thumbnail=begun.destination is not None) for picture in prediction.pictures]
    encoded = time.monotonic()
    begun.watch.check()
    images = tuple(
        _put(number, picture, *pair, begun.destination, storage)
        for number, (picture, pair) in enumerate(zip(prediction.pictures, files, strict=True))
    )
    ended = time.monotonic()
    timings = {"encode": encoded - made, "store": ended - encoded, "total": ended - begun.started}
    plan = prediction.plan
    return GenerationResult(
        job_id=plan.job_id,
        images=images,
        width=plan.width,
        height=plan.height,
        steps=plan.steps,
        guidance=plan.guidance,
        scheduler=plan.scheduler,
        warnings=plan.warnings,
        input_flagged=plan.input_flagged,
        timings_s={stage: round(seconds, 4) for stage, seconds in (prediction.timings_s | timings).items()},
        versions=prediction.versions,
    )


def _encode(picture: Picture, prediction: Prediction, *, thumbnail: bool) -> tuple[PictureFile, PictureFile | None]:
    facts = picture_facts(prediction.plan, picture.seed, prediction.versions)
    file = encode_picture(picture.image, prediction.plan.output_format, facts)
    return file, encode_thumbnail(picture.image) if thumbnail else None


def _put(
    number: int,
    picture: Picture,
    file: PictureFile,
    thumbnail: PictureFile | None,
    destination: Destination | None,
    storage: Storage,
) -> GeneratedImage:
    key = thumbnail_key = inline = None
    if destination is None or thumbnail is None:
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
