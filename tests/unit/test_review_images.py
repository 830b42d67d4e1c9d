"""The state ReviewImages: only pictures of this job, of this attempt, that passed, leave the quarantine."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from afterimage.contracts.generation import GenerationResult
from afterimage.contracts.sealing import SealedCopy, SealedPictures
from afterimage.domain.errors import (
    InvalidResultError,
    JobClosedError,
    ModeratorUnavailableError,
    StoreUnavailableError,
)
from afterimage.domain.holds import Ruling, Stage
from afterimage.domain.job import InputPicture, Job
from afterimage.domain.row_ref import CampaignId, RowRef
from afterimage.domain.status import JobStatus
from afterimage.domain.verdicts import Action, Verdict
from afterimage.http.held_schemas import held_detail
from afterimage.usecases.decide_hold import Desk, decide_hold
from afterimage.usecases.review_images import review_images
from fakes.faults import Crash
from fakes.outside import FakeGallery, FakeResults, FakeWorkflow, Ticker
from fakes.samples import ADMIN, SPEC, a_job, a_result, an_attempt, job_id, quarantined
from fakes.sealing import sealed
from fakes.stores import MemoryAttemptStore, MemoryHoldStore, MemoryJobStore

Change = Callable[[GenerationResult], GenerationResult]


class World:
    """A job whose pictures lie in quarantine."""

    def __init__(
        self, change: Change = lambda result: result, job: Job | None = None, moderators: tuple[Layer, ...] = ()
    ) -> None:
        self.moderators = moderators
        self.job = job or a_job(JobStatus.GENERATING)
        self.attempt = an_attempt(self.job, outcome="succeeded")
        self.result = change(a_result(self.job, self.attempt))
        self.jobs = MemoryJobStore(self.job)
        self.attempts = MemoryAttemptStore(self.attempt)
        self.results = FakeResults({self.attempt.output_location or "": self.result})
        self.gallery = FakeGallery(quarantined(self.result))
        self.fail_open = False

    def review(self, attempt_id: str | None = None) -> Job:
        return review_images(
            job_id(1),
            attempt_id or self.attempt.attempt_id,
            jobs=self.jobs,
            attempts=self.attempts,
            results=self.results,
            gallery=self.gallery,
            moderators=self.moderators,
            fail_open=self.fail_open,
            clock=Ticker(),
        )

    @property
    def record(self) -> Job:
        return self.jobs.records[job_id(1)]


def images(changes: dict[int, dict[str, Any]]) -> Change:
    """Return a change of single pictures, by number."""

    def change(result: GenerationResult) -> GenerationResult:
        changed = tuple(
            dataclasses.replace(image, **changes.get(number, {})) for number, image in enumerate(result.images)
        )
        return dataclasses.replace(result, images=changed)

    return change


def test_what_passes_is_published_and_recorded() -> None:
    world = World()
    job = world.review()
    assert job.status is JobStatus.DELIVERING
    assert [(picture.number, picture.seed) for picture in job.pictures] == [(0, 7), (1, 8)]
    copies = [(picture.own, picture.share) for picture in sealed(world.result).pictures]
    digests = [(picture.sha256, picture.share.sha256 if picture.share else "") for picture in job.pictures]
    assert digests == [(own.sha256, share.sha256) for own, share in copies]
    keys = [f"images/{job.gallery}/{n}-{digest[:32]}.png" for n, both in enumerate(digests) for digest in both]
    assert [key for picture in job.pictures for key in (picture.key, picture.share_key)] == keys
    assert [picture.thumbnail_key for picture in job.pictures] == [f"images/{job.gallery}/{n}.jpg" for n in (0, 1)]
    assert set(world.gallery.published) == {*keys, *(picture.thumbnail_key for picture in job.pictures)}
    assert [decision.action for decision in job.decisions] == [Action.ALLOW, Action.ALLOW]
    assert [(w.code, w.detail) for w in job.warnings] == [("prompt_cut", "at dusk")]


def test_each_published_object_carries_job_seed_and_model_but_neither_owner_nor_prompt() -> None:
    world = World(job=a_job(JobStatus.GENERATING, spec=dataclasses.replace(SPEC, preset="icon")))
    world.review()
    copy = sealed(world.result).pictures[1].share
    source, tags = world.gallery.published[f"images/{world.job.gallery}/1-{copy.sha256[:32]}.png"]
    assert source == copy.key
    assert (tags["job"], tags["seed"], tags["preset"], tags["model"]) == (job_id(1), "8", "icon", "demo-1")
    assert SPEC.prompt not in str(world.gallery.published)
    assert "ada" not in str(world.gallery.published)


def test_tags_obey_what_s3_allows() -> None:
    world = World()
    world.review()
    for _, tags in world.gallery.published.values():
        assert len(tags) <= 10
        assert all(0 < len(key) <= 128 and len(value) <= 256 for key, value in tags.items())


def test_a_flagged_picture_stays_in_quarantine_and_keeps_its_number_free() -> None:
    world = World(images({0: {"flagged": True}}))
    job = world.review()
    assert job.status is JobStatus.DELIVERING
    assert [(picture.number, picture.seed) for picture in job.pictures] == [(1, 8)]
    assert not [key for key in world.gallery.published if "/0-" in key or key.endswith("/0.jpg")]
    assert [decision.action for decision in job.decisions] == [Action.BLOCK, Action.ALLOW]


def test_when_nothing_passes_the_job_is_blocked_and_nothing_is_published() -> None:
    world = World(images({0: {"flagged": True}, 1: {"flagged": True}}))
    job = world.review()
    assert job.status is JobStatus.BLOCKED
    assert job.failure is not None
    assert job.failure.code == "pictures_blocked"
    assert (job.pictures, world.gallery.published) == ((), {})


def test_what_the_safety_checker_passed_says_so() -> None:
    world = World()
    job = world.review()
    assert [decision.policy_version for decision in job.decisions] == ["safety-checker-1"] * 2
    assert {tags["review"] for _, tags in world.gallery.published.values()} == {"passed"}


def test_without_a_safety_checker_pictures_pass_and_the_record_says_that_nobody_judged() -> None:
    world = World(images({0: {"flagged": None}, 1: {"flagged": None}}))
    job = world.review()
    assert len(job.pictures) == 2
    assert [(d.stage, d.action, d.policy_version) for d in job.decisions] == [("picture", Action.ALLOW, "none")] * 2
    assert len(world.gallery.published) == 6
    assert {tags["review"] for _, tags in world.gallery.published.values()} == {"not-judged"}


def test_each_picture_is_recorded_as_it_was_judged() -> None:
    world = World(images({0: {"flagged": True}, 1: {"flagged": None}}))
    job = world.review()
    assert [(d.action, d.policy_version) for d in job.decisions] == [
        (Action.BLOCK, "safety-checker-1"),
        (Action.ALLOW, "none"),
    ]


class Layer:
    """A managed moderator that judges pictures by their keys; what is not named passes, None is no answer."""

    name = "managed"

    def __init__(self, **actions: Action | None) -> None:
        self.actions = actions
        self.asked: list[str] = []

    def judge(self, key: str, /) -> Verdict:
        self.asked.append(key)
        action = self.actions.get("p" + key.rpartition("/")[2].partition(".")[0], Action.ALLOW)
        if action is None:
            raise ModeratorUnavailableError()
        return Verdict(layer=self.name, version="managed-1", action=action, scores={"sexual": 0.7})


def test_a_managed_layer_is_shown_each_picture_in_quarantine_that_the_container_passed() -> None:
    world = World(images({0: {"flagged": True}}))
    world.moderators = (Layer(),)
    job = world.review()
    assert world.moderators[0].asked == [f"{QUARANTINE}1.png"]
    assert [d.layers for d in job.decisions] == [("container",), ("container", "managed")]
    assert job.decisions[1].policy_version == "safety-checker-1+managed-1"
    assert job.decisions[1].scores == {"managed.sexual": 0.7}


def test_what_a_managed_layer_refuses_stays_in_quarantine() -> None:
    world = World(images({0: {"flagged": None}, 1: {"flagged": None}}))
    world.moderators = (Layer(p0=Action.BLOCK),)
    job = world.review()
    assert [picture.number for picture in job.pictures] == [1]
    assert {tags["review"] for _, tags in world.gallery.published.values()} == {"passed"}


def test_a_layer_that_does_not_answer_publishes_nothing() -> None:
    world = World()
    world.moderators = (Layer(p1=None),)
    with pytest.raises(ModeratorUnavailableError):
        world.review()
    assert (world.record.status, world.gallery.published) == (JobStatus.REVIEWING, {})


def test_a_deployment_that_goes_on_without_an_answer_says_so_on_record_and_picture() -> None:
    world = World()
    world.moderators, world.fail_open = (Layer(p1=None),), True
    job = world.review()
    assert [d.not_judged_by for d in job.decisions] == [(), ("managed",)]
    reviews = {key: tags["review"] for key, (_, tags) in world.gallery.published.items()}
    assert reviews[job.pictures[0].key] == "passed"
    assert reviews[job.pictures[1].key] == "not-judged"


# ── What waits for a person ────────────────────────────────────────────────────────────────────────────────────────


def release(world: World, ruling: Ruling = Ruling.RELEASE) -> None:
    world.jobs.advance(job_id(1), JobStatus.HELD, 1)
    desk = Desk(jobs=world.jobs, holds=MemoryHoldStore(), workflow=FakeWorkflow(), clock=Ticker())
    decide_hold(job_id(1), Stage.PICTURE, ruling, ADMIN, None, desk)


def test_when_one_picture_is_held_none_is_published_and_the_decisions_are_on_record() -> None:
    world = World(moderators=(Layer(p1=Action.HOLD),))
    job = world.review()
    assert job.status is JobStatus.REVIEWING
    assert [decision.action for decision in job.decisions] == [Action.ALLOW, Action.HOLD]
    assert (job.pictures, world.gallery.published) == ((), {})


def test_a_second_run_judges_nothing_again_and_still_waits() -> None:
    layer = Layer(p1=Action.HOLD)
    world = World(moderators=(layer,))
    first = world.review()
    assert world.review().decisions == first.decisions
    assert len(layer.asked) == 2
    assert world.gallery.published == {}


def test_after_the_release_all_that_was_not_refused_is_published_and_says_so() -> None:
    world = World(images({0: {"flagged": None}}), moderators=(Layer(p1=Action.HOLD),))
    world.review()
    release(world)
    job = world.review()
    assert job.status is JobStatus.DELIVERING
    assert [picture.number for picture in job.pictures] == [0, 1]
    assert [decision.stage for decision in job.decisions] == ["picture", "picture", "person"]
    assert world.gallery.published[job.pictures[1].key][1]["review"] == "released"


def test_a_write_that_the_sdk_made_twice_changes_nothing_about_the_release() -> None:
    world = World(moderators=(Layer(p1=Action.HOLD),))
    job = world.review()
    world.jobs.records[job_id(1)] = dataclasses.replace(job, decisions=job.decisions * 2)
    assert held_detail(dataclasses.replace(job, decisions=job.decisions * 2)).held_pictures == [1]
    release(world)
    job = world.review()
    assert (job.status, [picture.number for picture in job.pictures]) == (JobStatus.DELIVERING, [0, 1])


def test_a_release_does_not_publish_what_was_refused_beside_it() -> None:
    world = World(images({0: {"flagged": True}}), moderators=(Layer(p1=Action.HOLD),))
    world.review()
    release(world)
    job = world.review()
    assert [picture.number for picture in job.pictures] == [1]


def test_after_the_refusal_nothing_is_published() -> None:
    world = World(moderators=(Layer(p1=Action.HOLD),))
    world.review()
    release(world, Ruling.REFUSE)
    job = world.review()
    assert (job.status, world.gallery.published) == (JobStatus.BLOCKED, {})


@pytest.mark.parametrize(("flagged", "status"), [(False, JobStatus.DELIVERING), (True, JobStatus.BLOCKED)])
def test_a_campaign_waits_for_nobody_and_gets_what_passes(flagged: bool, status: JobStatus) -> None:
    row = RowRef(campaign_id=CampaignId("c"), run_id="r", row=1, attempt=1)
    world = World(
        images({0: {"flagged": flagged}}), a_job(JobStatus.GENERATING, row=row), moderators=(Layer(p1=Action.HOLD),)
    )
    job = world.review()
    assert job.status is status
    assert [picture.number for picture in job.pictures] == ([] if flagged else [0])
    assert (job.failure.code if job.failure else None) == ("needs_review" if flagged else None)


QUARANTINE = f"quarantine/{job_id(1)}/{'a' * 16}/"


@pytest.mark.parametrize(
    "change",
    [
        lambda result: dataclasses.replace(result, job_id=job_id(2)),
        lambda result: dataclasses.replace(result, images=()),
        lambda result: dataclasses.replace(result, images=result.images[:1]),
        lambda result: dataclasses.replace(result, images=result.images[::-1]),
        lambda result: dataclasses.replace(result, images=result.images * 2),
        images({0: {"seed": 99}}),
        images({0: {"key": None}}),
        images({0: {"thumbnail_key": None}}),
        images({0: {"key": f"images/{'9' * 32}/0.png"}}),
        images({0: {"key": f"quarantine/{job_id(2)}/{'a' * 16}/0.png"}}),
        images({0: {"key": f"quarantine/{job_id(1)}/{'b' * 16}/0.png"}}),
        images({1: {"thumbnail_key": "uploads/somebody/secret.jpg"}}),
        images({0: {"key": f"{QUARANTINE}../../../images/x.png"}}),
        images({0: {"key": f"/{QUARANTINE}0.png"}}),
    ],
    ids=[
        "another job",
        "no pictures",
        "too few",
        "another order",
        "too many",
        "another seed",
        "no key",
        "no thumbnail",
        "published key",
        "key of another job",
        "key of another attempt",
        "upload of somebody",
        "dots",
        "leading slash",
    ],
)
def test_a_foreign_result_is_refused_and_publishes_nothing(change: Change) -> None:
    world = World(change)
    with pytest.raises(InvalidResultError):
        world.review()
    assert world.gallery.published == {}
    assert world.record.status is JobStatus.REVIEWING
    assert world.record.pictures == ()


def copies(**changes: Any) -> Callable[[SealedPictures], SealedPictures]:
    """Return a change of the first picture's own copy."""

    def change(document: SealedPictures) -> SealedPictures:
        first = document.pictures[0]
        changed = dataclasses.replace(first, own=dataclasses.replace(first.own, **changes))
        return dataclasses.replace(document, pictures=(changed, *document.pictures[1:]))

    return change


FOREIGN_SEALS = {
    "another job": lambda found: dataclasses.replace(found, job_id=job_id(2)),
    "another attempt": lambda found: dataclasses.replace(found, attempt_id="b" * 16),
    "too few": lambda found: dataclasses.replace(found, pictures=found.pictures[:1]),
    "another order": lambda found: dataclasses.replace(found, pictures=found.pictures[::-1]),
    "made from another file": lambda found: dataclasses.replace(
        found, pictures=tuple(dataclasses.replace(one, source_sha256="0" * 64) for one in found.pictures)
    ),
    "the container's own file": copies(key=f"{QUARANTINE}0.png"),
    "a copy of another attempt": copies(key=f"quarantine/{job_id(1)}/{'b' * 16}/sealed/{'0' * 64}.png"),
    "another digest": copies(sha256="0" * 64),
    "a digest that is none": copies(key=f"{QUARANTINE}sealed/../../x.png", sha256="../../x"),
}


@pytest.mark.parametrize("name", FOREIGN_SEALS)
def test_a_foreign_seal_is_refused_and_publishes_nothing(name: str) -> None:
    world = World()
    found = world.results.sealed = FOREIGN_SEALS[name](sealed(world.result))
    # Every object that it names is there, so nothing but the check stands in the way.
    world.gallery.quarantined |= {
        copy.key: copy.size_bytes for picture in found.pictures for copy in (picture.own, picture.share)
    }
    with pytest.raises(InvalidResultError):
        world.review()
    assert world.gallery.published == {}
    assert world.record.pictures == ()


@pytest.mark.parametrize("certificate", ["c" * 64, None])
def test_the_record_says_whether_anybody_signed(certificate: str | None) -> None:
    world = World()
    world.results.sealed = sealed(world.result, certificate_sha256=certificate)
    assert [picture.signed for picture in world.review().pictures] == [certificate is not None] * 2


def test_what_is_sealed_anew_after_a_crash_is_published_beside_and_recorded_as_it_is() -> None:
    world = World()
    world.gallery.fail_next("publish", Crash(), skip=3)
    with pytest.raises(Crash):
        world.review()
    before = dict(world.gallery.published)
    second = sealed(world.result)
    digest = "e" * 64
    own = SealedCopy(key=f"{QUARANTINE}sealed/{digest}.png", size_bytes=5000, sha256=digest)
    world.gallery.quarantined[own.key] = 5000
    world.results.sealed = dataclasses.replace(
        second, pictures=(dataclasses.replace(second.pictures[0], own=own), *second.pictures[1:])
    )
    (first, _) = world.review().pictures
    assert (first.sha256, first.size_bytes) == (digest, 5000)
    assert world.gallery.published[first.key][0] == own.key
    assert {key: world.gallery.published[key] for key in before} == before, "nothing that was published has changed"


def test_an_object_of_another_size_than_stated_is_refused() -> None:
    world = World()
    world.gallery.quarantined[sealed(world.result).pictures[1].share.key] += 1
    with pytest.raises(InvalidResultError):
        world.review()
    assert world.record.pictures == ()


def test_a_picture_that_is_not_there_is_refused() -> None:
    world = World()
    del world.gallery.quarantined[f"{QUARANTINE}0.jpg"]
    with pytest.raises(InvalidResultError):
        world.review()
    assert world.record.status is JobStatus.REVIEWING


def test_an_unknown_attempt_or_one_without_output_is_refused() -> None:
    world = World()
    with pytest.raises(InvalidResultError):
        world.review("b" * 16)
    silent = World()
    silent.attempts = MemoryAttemptStore(dataclasses.replace(silent.attempt, output_location=None))
    with pytest.raises(InvalidResultError):
        silent.review()


@pytest.mark.parametrize("flagged", [False, True])
def test_a_second_run_changes_nothing(flagged: bool) -> None:
    world = World(images({0: {"flagged": flagged}, 1: {"flagged": flagged}}))
    first = world.review()
    world.gallery.published.clear()
    assert world.review() == first
    assert world.gallery.published == {}
    assert len(world.record.decisions) == 2


def test_a_run_after_the_delivery_finds_it_done() -> None:
    world = World()
    world.review()
    world.jobs.advance(job_id(1), JobStatus.SUCCEEDED, 1)
    assert world.review().status is JobStatus.SUCCEEDED


def test_a_crash_between_the_copies_is_mended_by_the_next_run() -> None:
    world = World()
    world.gallery.fail_next("publish", Crash(), skip=2)
    with pytest.raises(Crash):
        world.review()
    assert world.record.pictures == ()
    job = world.review()
    assert (job.status, len(job.pictures), len(job.decisions)) == (JobStatus.DELIVERING, 2, 2)


def test_a_crash_after_the_record_is_not_done_again() -> None:
    world = World()
    world.jobs.fail_next("advance", Crash(), skip=1, after=True)
    with pytest.raises(Crash):
        world.review()
    assert world.review().status is JobStatus.DELIVERING
    assert len(world.record.decisions) == 2


def test_a_store_that_is_down_is_told_so() -> None:
    world = World()
    world.gallery.fail_next("publish", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        world.review()


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.FAILED, JobStatus.EXPIRED, JobStatus.BLOCKED])
def test_a_job_that_ended_otherwise_publishes_nothing(status: JobStatus) -> None:
    world = World(job=a_job(status))
    with pytest.raises(JobClosedError):
        world.review()
    assert world.gallery.published == {}


def test_a_job_that_is_cancelled_during_the_review_delivers_nothing() -> None:
    world = World()

    class Slow(FakeGallery):
        def publish(self, *args: Any, **kwargs: Any) -> None:
            world.jobs.records[job_id(1)] = dataclasses.replace(world.record, status=JobStatus.CANCELLED)
            super().publish(*args, **kwargs)

    world.gallery = Slow(world.gallery.quarantined)
    with pytest.raises(JobClosedError):
        world.review()
    assert (world.record.status, world.record.pictures) == (JobStatus.CANCELLED, ())


FROM_A_PICTURE = a_job(
    JobStatus.GENERATING,
    spec=dataclasses.replace(
        SPEC, input=InputPicture(upload="u", etag="t", size_bytes=9, content_type="image/png"), strength=0.6
    ),
)


@pytest.mark.parametrize(("verdict", "policy"), [(False, "safety-checker-1"), (None, "none")])
def test_the_verdict_on_the_input_is_recorded_beside_those_on_the_pictures(verdict: bool | None, policy: str) -> None:
    world = World(lambda result: dataclasses.replace(result, input_flagged=verdict), FROM_A_PICTURE)
    decisions = world.review().decisions
    assert [(d.stage, d.action) for d in decisions] == [
        ("input", Action.ALLOW),
        ("picture", Action.ALLOW),
        ("picture", Action.ALLOW),
    ]
    assert decisions[0].policy_version == policy


@pytest.mark.parametrize("made", [False, True], ids=["nothing was made", "made all the same"])
def test_a_flagged_input_blocks_and_nothing_leaves_the_quarantine(made: bool) -> None:
    def flagged(result: GenerationResult) -> GenerationResult:
        return dataclasses.replace(result, input_flagged=True, images=result.images if made else ())

    world = World(flagged, FROM_A_PICTURE)
    job = world.review()
    assert job.status is JobStatus.BLOCKED
    assert job.failure is not None
    assert job.failure.code == "input_blocked"
    assert [(d.stage, d.action, d.categories) for d in job.decisions] == [("input", Action.BLOCK, ("unsafe_picture",))]
    assert world.gallery.published == {}
    assert world.review() == job  # the state runs again


def test_a_result_without_pictures_is_none_for_a_job_without_an_input() -> None:
    world = World(lambda result: dataclasses.replace(result, input_flagged=True, images=()))
    with pytest.raises(InvalidResultError):
        world.review()
