"""One job from document to result with a fake predictor and a fake store: keys, digests, cancelling, refusals."""

from __future__ import annotations

import base64
import datetime
import hashlib
import io
import threading
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest
from afterimage.contracts.codec import from_json, to_json
from afterimage.contracts.generation import GenerationJob, GenerationResult
from afterimage.contracts.progress import GenerationProgress
from afterimage_model.errors import Cancelled, InvalidDocument, ModelFault, OutsideLimits, StorageFailed
from afterimage_model.generate import generate
from afterimage_model.limits import Plan
from afterimage_model.predictor import Picture, Prediction
from afterimage_model.run import OnStep, Step
from afterimage_model.watch import JobWatch
from PIL import Image

PREFIX = "s3://pictures/quarantine/j-1/"


class FakeStorage:
    """A store in memory; `tombstones` exist, `broken` makes every call fail."""

    def __init__(self, *tombstones: str, broken: bool = False) -> None:
        self.objects: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.tombstones = {("pictures", key) for key in tombstones}
        self.broken = broken
        self.looked = threading.Event()

    def put(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        if self.broken:
            raise StorageFailed("a picture could not be stored")
        self.objects[bucket, key] = (body, content_type)

    def get(self, bucket: str, key: str, most_bytes: int) -> bytes | None:
        body, _ = self.objects.get((bucket, key), (None, ""))
        return body

    def exists(self, bucket: str, key: str) -> bool:
        self.looked.set()
        if self.broken:
            raise StorageFailed("the tombstone could not be looked for")
        return (bucket, key) in self.tombstones


class FakePredictor:
    """Makes one flat picture per seed and calls `on_step` once."""

    def __init__(self, before_step: Callable[[], None] = lambda: None) -> None:
        self.jobs: list[str] = []
        self.before_step = before_step

    versions: Mapping[str, str] = MappingProxyType({})

    def flags(self, pictures: Sequence[Image.Image]) -> bool | None:
        return None

    def plan(self, job: GenerationJob) -> Plan:
        return Plan(
            job_id=job.job_id,
            prompt=job.prompt,
            negative_prompt="",
            seeds=job.seeds,
            width=64,
            height=32,
            steps=1,
            guidance=7.5,
            scheduler="EulerDiscreteScheduler",
            output_format=job.output_format,
        )

    def predict_together(self, wanted: Sequence[tuple[Plan, OnStep]]) -> list[Prediction | ModelFault]:
        return [self._predict(plan, on_step) for plan, on_step in wanted]

    def _predict(self, plan: Plan, on_step: OnStep) -> Prediction | ModelFault:
        self.jobs.append(plan.job_id)
        self.before_step()
        try:
            on_step(Step(1, 1, 0, len(plan.seeds)))
        except ModelFault as fault:
            return fault
        pictures = [
            Picture(seed=seed, image=Image.new("RGB", (64, 32), (seed, 0, 0)), flagged=bool(seed % 2))
            for seed in plan.seeds
        ]
        versions = {"model": "fake", "model_version": "1"}
        return Prediction(plan=plan, pictures=tuple(pictures), timings_s={"generate": 0.5}, versions=versions)


def job(**values: Any) -> GenerationJob:
    return GenerationJob(**{"job_id": "j-1", "prompt": "a cat", "seeds": (3, 4), "output_prefix": PREFIX, **values})


def test_pictures_and_thumbnails_are_stored_under_the_prefix() -> None:
    storage = FakeStorage()
    result = generate(job(), FakePredictor(), storage, bucket="pictures")
    assert {key: content_type for (_, key), (_, content_type) in storage.objects.items()} == {
        "quarantine/j-1/0.png": "image/png",
        "quarantine/j-1/0.jpg": "image/jpeg",
        "quarantine/j-1/1.png": "image/png",
        "quarantine/j-1/1.jpg": "image/jpeg",
    }
    for image in result.images:
        assert image.key is not None
        body, _ = storage.objects["pictures", image.key]
        assert (image.sha256, image.size_bytes) == (hashlib.sha256(body).hexdigest(), len(body))
        assert image.base64 is None
    assert [(image.seed, image.flagged) for image in result.images] == [(3, True), (4, False)]
    assert [image.thumbnail_key for image in result.images] == ["quarantine/j-1/0.jpg", "quarantine/j-1/1.jpg"]


def test_a_jpeg_picture_does_not_share_its_key_with_its_thumbnail() -> None:
    storage = FakeStorage()
    (image,) = generate(job(seeds=(3,), output_format="jpeg"), FakePredictor(), storage).images
    assert (image.key, image.thumbnail_key) == ("quarantine/j-1/0.jpeg", "quarantine/j-1/0.jpg")
    assert len(storage.objects) == 2


def test_without_a_prefix_the_picture_comes_back_inline() -> None:
    storage = FakeStorage()
    (image,) = generate(job(seeds=(3,), output_prefix=None), FakePredictor(), storage).images
    assert image.base64 is not None
    body = base64.b64decode(image.base64)
    assert hashlib.sha256(body).hexdigest() == image.sha256
    assert Image.open(io.BytesIO(body)).text["seed"] == "3"  # type: ignore[attr-defined]
    assert (image.key, image.thumbnail_key, storage.objects) == (None, None, {})


def test_the_result_survives_the_contracts_codec() -> None:
    result = generate(job(), FakePredictor(), FakeStorage())
    assert from_json(GenerationResult, to_json(result)) == result
    assert set(result.timings_s) == {"generate", "watermark", "encode", "store", "total"}


def test_a_job_made_twice_leaves_the_same_objects() -> None:
    storage = FakeStorage()
    generate(job(), FakePredictor(), storage)
    first = dict(storage.objects)
    generate(job(), FakePredictor(), storage)
    assert storage.objects == first


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        ("s3://elsewhere/quarantine/j-1/", "bucket that this server writes to"),
        ("s3://pictures/images/j-1/", "begin with quarantine/"),
        ("s3://pictures/quarantine/../images/", "plain characters"),
        ("s3://pictures/quarantine//", "plain characters"),
        ("s3://pictures//quarantine/", "plain characters"),
        ("s3://Pictures/quarantine/j-1/", "plain characters"),
        ("s3://pictures/", "plain characters"),
    ],
)
def test_a_prefix_outside_the_quarantine_is_refused_before_work(prefix: str, reason: str) -> None:
    storage, predictor = FakeStorage(), FakePredictor()
    with pytest.raises(OutsideLimits, match=reason):
        generate(job(output_prefix=prefix), predictor, storage, bucket="pictures")
    assert (predictor.jobs, storage.objects) == ([], {})


@pytest.mark.parametrize("job_id", ["", "a/b", "../x", "x" * 81, "j 1"])
def test_a_job_id_that_is_no_plain_name_is_refused(job_id: str) -> None:
    with pytest.raises(InvalidDocument, match="job_id"):
        generate(job(job_id=job_id), FakePredictor(), FakeStorage())


def test_a_tombstone_ends_the_job_before_it_starts() -> None:
    predictor, storage = FakePredictor(), FakeStorage("jobs/j-1/cancel")
    with pytest.raises(Cancelled):
        generate(job(), predictor, storage)
    assert (predictor.jobs, storage.objects) == ([], {})


def test_an_inline_job_is_cancelled_through_the_servers_bucket() -> None:
    with pytest.raises(Cancelled):
        generate(job(output_prefix=None), FakePredictor(), FakeStorage("jobs/j-1/cancel"), bucket="pictures")


def test_a_tombstone_that_appears_ends_the_job_between_steps(until: Callable[[Callable[[], bool]], None]) -> None:
    there = threading.Event()
    with JobWatch(there.is_set, None, "j-1", every_s=0.001) as watch:
        watch.check()
        there.set()

        def cancelled() -> bool:
            try:
                watch.check()
            except Cancelled:
                return True
            return False

        until(cancelled)


def test_a_watch_stops_looking_when_the_job_has_ended() -> None:
    looks: list[int] = []
    with JobWatch(lambda: bool(looks.append(1)), None, "j-1", every_s=3600):
        pass
    assert len(looks) == 1
    assert not any(thread.name == "job-watch" and thread.is_alive() for thread in _after_join("job-watch"))


def _after_join(name: str) -> list[threading.Thread]:
    threads = [thread for thread in threading.enumerate() if thread.name == name]
    for thread in threads:
        thread.join(timeout=10)
    return threads


def test_a_store_that_cannot_be_asked_cancels_nothing_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    predictor = FakePredictor()
    result = generate(job(output_prefix=None), predictor, FakeStorage(broken=True), bucket="pictures")
    assert len(result.images) == 2
    assert [record.getMessage() for record in caplog.records] == ["tombstone_unreadable"]


def test_a_store_that_takes_nothing_is_a_fault_that_may_be_retried() -> None:
    with pytest.raises(StorageFailed) as caught:
        generate(job(), FakePredictor(), FakeStorage(broken=True))
    fault: ModelFault = caught.value
    assert (fault.code, fault.status, fault.retryable) == ("storage_failed", 500, True)


def test_progress_is_written_with_what_was_reached_last_and_only_when_it_has_changed(
    until: Callable[[Callable[[], bool]], None],
) -> None:
    told: list[GenerationProgress] = []
    looks: list[int] = []
    with JobWatch(lambda: bool(looks.append(1)), told.append, "j-1", every_s=0.001) as watch:
        until(lambda: len(looks) > 2)
        assert told == []
        watch.reached(Step(1, 8, 0, 2))
        until(lambda: len(told) == 1)
        seen = len(looks)
        until(lambda: len(looks) > seen + 2)
        assert len(told) == 1
        watch.reached(Step(5, 8, 1, 2))
        until(lambda: len(told) == 2)
    assert [(one.step, one.steps, one.picture, one.pictures) for one in told] == [(1, 8, 0, 2), (5, 8, 1, 2)]
    assert datetime.datetime.fromisoformat(told[0].at).utcoffset() == datetime.timedelta(0)


def test_progress_lies_where_the_contract_says(
    until: Callable[[Callable[[], bool]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FakeStorage()
    monkeypatch.setattr(JobWatch.__init__, "__defaults__", (0.001,))
    written = ("pictures", "jobs/j-1/progress.json")
    first: list[tuple[bytes, str]] = []

    class Slow(FakePredictor):
        def _predict(self, plan: Plan, on_step: OnStep) -> Prediction | ModelFault:
            on_step(Step(3, 4, 1, 2))
            until(lambda: written in storage.objects)
            first.append(storage.objects[written])
            return super()._predict(plan, on_step)

    generate(job(), Slow(), storage)
    ((body, content_type),) = first
    assert content_type == "application/json"
    assert from_json(GenerationProgress, body).step == 3


def test_a_store_that_takes_no_progress_stops_nothing_and_is_logged_once(
    until: Callable[[Callable[[], bool]], None], caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[int] = []

    def tell(progress: GenerationProgress) -> None:
        tried.append(progress.step)
        raise StorageFailed("progress.json could not be stored")

    with JobWatch(lambda: False, tell, "j-1", every_s=0.001) as watch:
        watch.reached(Step(1, 8, 0, 1))
        until(lambda: tried == [1])
        watch.reached(Step(2, 8, 0, 1))
        until(lambda: tried == [1, 2])
        watch.check()
    assert [record.getMessage() for record in caplog.records] == ["progress_unwritten"]
