"""The state ModeratePrompt: one decision per job, recorded before it is acted on."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from afterimage.domain.errors import (
    InputGoneError,
    JobClosedError,
    JobNotFoundError,
    ModeratorUnavailableError,
    StoreUnavailableError,
)
from afterimage.domain.job import Failure, InputPicture, Job
from afterimage.domain.moderation import Action, Category, Decision, Policy, packaged_policy, parse_policy
from afterimage.domain.row_ref import CampaignId, RowRef
from afterimage.domain.status import JobStatus
from afterimage.domain.verdicts import NamedText, Verdict
from afterimage.handlers import moderate_prompt as handler
from afterimage.usecases.moderate_prompt import moderate_prompt
from fakes.faults import Crash
from fakes.outside import FakeUploads, Ticker
from fakes.samples import HOLDING_POLICY, SPEC, a_job, job_id
from fakes.stores import MemoryJobStore

STRICTER = Policy(
    version="stricter",
    categories=(Category(name="all", action=Action.BLOCK, sentence="No.", terms=("lighthouse",)),),
)


def asked(prompt: str, status: JobStatus = JobStatus.QUEUED, **changes: Any) -> Job:
    return a_job(status, spec=dataclasses.replace(SPEC, prompt=prompt, model_prompt=prompt), **changes)


def moderate(
    jobs: MemoryJobStore, policy: Policy | None = None, uploads: FakeUploads | None = None, **more: Any
) -> Decision:
    uploads = FakeUploads() if uploads is None else uploads
    policy = policy or packaged_policy()
    return moderate_prompt(job_id(1), jobs=jobs, uploads=uploads, policy=policy, clock=Ticker(), **more)


def test_an_innocent_prompt_is_allowed_and_the_decision_is_recorded() -> None:
    jobs = MemoryJobStore(asked("a lighthouse"))
    decision = moderate(jobs)
    job = jobs.records[job_id(1)]
    assert decision.action is Action.ALLOW
    assert job.status is JobStatus.MODERATING
    assert job.decisions == (decision,)
    assert job.failure is None


def test_a_forbidden_prompt_ends_blocked_with_a_sentence_and_no_word_of_it() -> None:
    jobs = MemoryJobStore(asked("hardcore porn zebra"))
    assert moderate(jobs).action is Action.BLOCK
    job = jobs.records[job_id(1)]
    assert job.status is JobStatus.BLOCKED
    assert job.failure is not None
    assert job.failure.code == "prompt_blocked"
    assert "zebra" not in job.failure.sentence
    assert job.decisions[0].categories == ("sexual",)


def test_a_softened_prompt_is_what_the_model_will_read_and_the_written_one_stays() -> None:
    jobs = MemoryJobStore(asked("a bloody sunset"))
    decision = moderate(jobs)
    spec = jobs.records[job_id(1)].spec
    assert decision.action is Action.SOFTEN
    assert decision.softened_prompt == "a dramatic sunset"
    assert (spec.prompt, spec.model_prompt) == ("a bloody sunset", "a dramatic sunset")


def test_a_held_prompt_is_on_record_and_not_ended() -> None:
    jobs = MemoryJobStore(asked("a duck"))
    decision = moderate(jobs, parse_policy(HOLDING_POLICY))
    job = jobs.records[job_id(1)]
    assert (decision.action, job.status, job.failure) == (Action.HOLD, JobStatus.MODERATING, None)
    assert job.decisions == (decision,)


def test_a_run_that_comes_late_does_not_release_what_is_held_meanwhile() -> None:
    jobs = MemoryJobStore(asked("a duck"))
    moderate(jobs, parse_policy(HOLDING_POLICY))
    jobs.advance(job_id(1), JobStatus.HELD, 1)
    assert moderate(jobs, parse_policy(HOLDING_POLICY)).action is Action.HOLD
    assert jobs.records[job_id(1)].status is JobStatus.HELD


def test_a_campaign_waits_for_nobody() -> None:
    row = RowRef(campaign_id=CampaignId("c"), run_id="r", row=1, attempt=1)
    jobs = MemoryJobStore(dataclasses.replace(asked("a duck"), row=row))
    decision = moderate(jobs, parse_policy(HOLDING_POLICY))
    job = jobs.records[job_id(1)]
    assert job.failure
    assert (decision.action, job.status, job.failure.code) == (Action.BLOCK, JobStatus.BLOCKED, "needs_review")
    assert decision.categories == ("ducks",)


def test_the_frame_of_a_preset_is_judged_as_well() -> None:
    spec = dataclasses.replace(SPEC, prompt="a cat", model_prompt="a cat, naked")
    jobs = MemoryJobStore(a_job(spec=spec))
    assert moderate(jobs).action is Action.BLOCK


@pytest.mark.parametrize("prompt", ["a lighthouse", "a bloody sunset", "porn"])
def test_a_second_delivery_returns_the_recorded_decision(prompt: str) -> None:
    jobs = MemoryJobStore(asked(prompt))
    first = moderate(jobs)
    recorded = jobs.records[job_id(1)]
    assert moderate(jobs, STRICTER) == first
    after = jobs.records[job_id(1)]
    assert (after.status, after.decisions, after.spec, after.timeline) == (
        recorded.status,
        recorded.decisions,
        recorded.spec,
        recorded.timeline,
    )


def test_a_crash_before_the_decision_is_recorded_is_judged_again() -> None:
    jobs = MemoryJobStore(asked("a bloody sunset"))
    jobs.fail_next("advance", Crash(), skip=1)
    with pytest.raises(Crash):
        moderate(jobs)
    assert jobs.records[job_id(1)].decisions == ()
    assert moderate(jobs).action is Action.SOFTEN
    assert len(jobs.records[job_id(1)].decisions) == 1


@pytest.mark.parametrize("prompt", ["a bloody sunset", "porn"])
def test_a_crash_after_the_decision_was_recorded_does_not_double_it(prompt: str) -> None:
    jobs = MemoryJobStore(asked(prompt))
    jobs.fail_next("advance", Crash(), skip=1, after=True)
    with pytest.raises(Crash):
        moderate(jobs)
    moderate(jobs)
    assert len(jobs.records[job_id(1)].decisions) == 1


class Layer:
    """A managed moderator that says what it is told to, or does not answer."""

    name = "managed"

    def __init__(self, action: Action | None) -> None:
        self.action = action
        self.asked: list[tuple[NamedText, ...]] = []

    def judge(self, texts: tuple[NamedText, ...], /) -> Verdict:
        self.asked.append(texts)
        if self.action is None:
            raise ModeratorUnavailableError()
        return Verdict(layer=self.name, version="managed-1", action=self.action, categories=("hate",), sentence="No.")


def ask(jobs: MemoryJobStore, layer: Layer, *, fail_open: bool = False) -> Decision:
    return moderate_prompt(
        job_id(1),
        jobs=jobs,
        uploads=FakeUploads(),
        policy=packaged_policy(),
        moderators=(layer,),
        fail_open=fail_open,
        clock=Ticker(),
    )


def test_what_the_policy_allows_a_managed_layer_may_refuse() -> None:
    jobs = MemoryJobStore(asked("a lighthouse"))
    decision = ask(jobs, Layer(Action.BLOCK))
    job = jobs.records[job_id(1)]
    assert (decision.action, decision.categories, decision.layers) == (Action.BLOCK, ("hate",), ("policy", "managed"))
    assert (job.status, job.decisions) == (JobStatus.BLOCKED, (decision,))


def test_what_the_policy_refuses_is_sent_to_nobody() -> None:
    layer = Layer(Action.ALLOW)
    assert ask(MemoryJobStore(asked("porn")), layer).layers == ("policy",)
    assert layer.asked == []


def test_a_managed_layer_judges_what_the_model_would_read() -> None:
    layer = Layer(Action.ALLOW)
    spec = dataclasses.replace(SPEC, model_prompt="a bloody sunset", negative_prompt="blurry")
    decision = ask(MemoryJobStore(a_job(spec=spec)), layer)
    ((prompt, negative),) = layer.asked
    assert (prompt.text, prompt.wanted) == ("a dramatic sunset", True)
    assert (negative.text, negative.wanted) == ("blurry", False)
    assert (decision.action, decision.softened_prompt) == (Action.SOFTEN, "a dramatic sunset")
    assert [(change.found, change.put) for change in decision.replaced] == [("bloody", "dramatic")]


def test_a_layer_that_does_not_answer_leaves_the_job_to_be_judged_again() -> None:
    jobs = MemoryJobStore(asked("a lighthouse"))
    with pytest.raises(ModeratorUnavailableError):
        ask(jobs, Layer(None))
    assert (jobs.records[job_id(1)].status, jobs.records[job_id(1)].decisions) == (JobStatus.MODERATING, ())
    assert ask(jobs, Layer(Action.ALLOW)).action is Action.ALLOW


def test_a_deployment_that_goes_on_without_an_answer_records_that_it_did() -> None:
    jobs = MemoryJobStore(asked("a lighthouse"))
    ask(jobs, Layer(None), fail_open=True)
    (decision,) = jobs.records[job_id(1)].decisions
    assert (decision.action, decision.layers, decision.not_judged_by) == (Action.ALLOW, ("policy",), ("managed",))


def test_a_late_event_finds_the_decision_though_the_job_moved_on() -> None:
    jobs = MemoryJobStore(asked("a lighthouse"))
    first = moderate(jobs)
    jobs.advance(job_id(1), JobStatus.GENERATING, 1)
    assert moderate(jobs) == first
    assert jobs.records[job_id(1)].status is JobStatus.GENERATING


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.FAILED, JobStatus.EXPIRED])
def test_a_job_that_ended_before_it_was_judged_is_closed(status: JobStatus) -> None:
    jobs = MemoryJobStore(asked("a lighthouse", status))
    with pytest.raises(JobClosedError):
        moderate(jobs)
    assert jobs.records[job_id(1)].decisions == ()


def test_a_judgement_of_pictures_is_not_taken_for_one_of_the_prompt() -> None:
    picture = Decision(stage="picture", action=Action.ALLOW, policy_version="1", at_ms=1)
    jobs = MemoryJobStore(asked("porn", decisions=(picture,)))
    assert moderate(jobs).action is Action.BLOCK


def test_no_job_and_a_store_that_is_down_are_told_as_they_are() -> None:
    with pytest.raises(JobNotFoundError):
        moderate(MemoryJobStore())
    jobs = MemoryJobStore(asked("a lighthouse"))
    jobs.fail_next("advance", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        moderate(jobs)


INPUT = InputPicture(upload="up1", etag="tag", size_bytes=1000, content_type="image/png")


def from_a_picture(**changes: Any) -> Job:
    return a_job(spec=dataclasses.replace(SPEC, input=INPUT, strength=0.6), **changes)


def test_the_job_gets_its_own_copy_of_the_input_picture_before_the_decision_stands() -> None:
    jobs, uploads = MemoryJobStore(from_a_picture()), FakeUploads(up1="tag")
    uploads.fail_next("take", StoreUnavailableError())
    with pytest.raises(StoreUnavailableError):
        moderate(jobs, uploads=uploads)
    assert jobs.records[job_id(1)].decisions == ()
    moderate(jobs, uploads=uploads)
    assert uploads.taken == {job_id(1): "tag"}
    uploads.etags.clear()
    moderate(jobs, uploads=uploads)  # the state runs again when the upload is gone
    assert len(jobs.records[job_id(1)].decisions) == 1


@pytest.mark.parametrize("now", [{}, {"up1": "another"}], ids=["gone", "replaced"])
def test_a_picture_that_is_not_the_one_of_the_door_is_not_taken(now: dict[str, str]) -> None:
    jobs = MemoryJobStore(from_a_picture())
    with pytest.raises(InputGoneError):
        moderate(jobs, uploads=FakeUploads(**now))
    assert jobs.records[job_id(1)].decisions == ()


def test_a_refused_prompt_leaves_the_picture_where_it_is() -> None:
    spec = dataclasses.replace(SPEC, model_prompt="hardcore porn", input=INPUT, strength=0.6)
    jobs, uploads = MemoryJobStore(a_job(spec=spec)), FakeUploads(up1="tag")
    assert moderate(jobs, uploads=uploads).action is Action.BLOCK
    assert uploads.taken == {}


class Judge:
    """A moderator of pictures that says one thing; it notes what it was shown."""

    name = "judge"

    def __init__(self, action: Action) -> None:
        self.action = action
        self.shown: list[str] = []

    def judge(self, key: str) -> Verdict:
        self.shown.append(key)
        categories = () if self.action is Action.ALLOW else ("violence",)
        return Verdict(layer="judge", version="1", action=self.action, categories=categories, sentence="Not this.")


@pytest.mark.parametrize("action", [Action.ALLOW, Action.HOLD, Action.BLOCK])
def test_the_input_picture_is_judged_as_an_output_is_and_the_stricter_decides(action: Action) -> None:
    jobs, judge, uploads = MemoryJobStore(from_a_picture()), Judge(action), FakeUploads(up1="tag")
    decision = moderate(jobs, uploads=uploads, picture_moderators=(judge,))
    job = jobs.records[job_id(1)]
    assert judge.shown == [f"jobs/{job_id(1)}/input"]
    assert decision.action is action
    assert [(d.stage, d.action) for d in job.decisions] == [("prompt", Action.ALLOW), ("input", action)]
    assert moderate(jobs, uploads=uploads, picture_moderators=(judge,)) == decision  # the state runs again
    assert len(judge.shown) == 1


def test_a_refused_input_picture_ends_blocked_with_its_category_and_sentence() -> None:
    jobs = MemoryJobStore(from_a_picture())
    moderate(jobs, uploads=FakeUploads(up1="tag"), picture_moderators=(Judge(Action.BLOCK),))
    job = jobs.records[job_id(1)]
    assert job.status is JobStatus.BLOCKED
    assert job.failure == Failure(code="input_blocked", sentence="Not this.")
    assert job.decisions[1].categories == ("violence",)


def test_a_softened_prompt_is_kept_when_a_person_has_to_look_at_the_picture() -> None:
    spec = dataclasses.replace(SPEC, model_prompt="a bloody sunset", input=INPUT, strength=0.6)
    jobs = MemoryJobStore(a_job(spec=spec))
    moderate(jobs, uploads=FakeUploads(up1="tag"), picture_moderators=(Judge(Action.HOLD),))
    assert "bloody" not in jobs.records[job_id(1)].spec.model_prompt


def test_a_judge_of_pictures_that_does_not_answer_is_not_a_yes_unless_a_setting_says_so() -> None:
    class Silent(Judge):
        def judge(self, key: str) -> Verdict:
            raise ModeratorUnavailableError()

    silent, uploads = Silent(Action.ALLOW), FakeUploads(up1="tag")
    with pytest.raises(ModeratorUnavailableError):
        moderate(MemoryJobStore(from_a_picture()), uploads=uploads, picture_moderators=(silent,))
    open_to_all = {"picture_moderators": (silent,), "fail_open": True}
    decision = moderate(MemoryJobStore(from_a_picture()), uploads=uploads, **open_to_all)
    assert (decision.stage, decision.action, decision.not_judged_by) == ("input", Action.ALLOW, ("judge",))


def test_nobody_looks_where_there_is_no_picture() -> None:
    judge = Judge(Action.BLOCK)
    assert moderate(MemoryJobStore(a_job()), picture_moderators=(judge,)).action is Action.ALLOW
    assert judge.shown == []


@pytest.mark.parametrize("name", ["porn-hub-style", "n.u.d.e", "p0rn"])
def test_an_adapters_name_is_judged_as_a_text(name: str) -> None:
    jobs = MemoryJobStore(a_job(spec=dataclasses.replace(SPEC, adapter=name)))
    decision = moderate(jobs)
    assert (decision.action, decision.categories) == (Action.BLOCK, ("sexual",))
    assert jobs.records[job_id(1)].failure == Failure(code="prompt_blocked", sentence=decision.sentence)


def test_an_adapters_name_is_not_softened_but_refused() -> None:
    jobs = MemoryJobStore(a_job(spec=dataclasses.replace(SPEC, adapter="bloody-style")))
    assert moderate(jobs).action is Action.BLOCK


@pytest.mark.parametrize(
    ("changes", "layers"),
    [
        ({}, []),
        ({"GUARDRAIL_ID": "g1", "GUARDRAIL_PICTURES": "true"}, ["guardrail"]),
        ({"GUARDRAIL_ID": "g1"}, []),
        ({"USE_REKOGNITION": "true"}, ["rekognition"]),
        ({"GUARDRAIL_ID": "g1", "GUARDRAIL_PICTURES": "true", "USE_REKOGNITION": "true"}, ["guardrail", "rekognition"]),
    ],
)
def test_whoever_judges_what_is_made_judges_what_is_sent(
    changes: dict[str, str], layers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = dict.fromkeys(("TABLE_NAME", "BUCKET_NAME", "MODERATION_POLICY_PARAMETER", "GUARDRAIL_VERSION"), "x")
    variables |= {"MODERATION_HOLD_AT": "0.5", "MODERATION_BLOCK_AT": "0.8", "GUARDRAIL_ID": "none"}
    switches = ("GUARDRAIL_PICTURES", "USE_COMPREHEND", "USE_REKOGNITION", "MODERATION_FAIL_OPEN")
    variables |= dict.fromkeys(switches, "false") | changes
    monkeypatch.setattr(handler, "environment", lambda: variables)
    monkeypatch.setattr(handler, "client", lambda service, config=None: service)
    found = handler.dependencies.__wrapped__()
    assert [moderator.name for moderator in found.picture_moderators] == layers
    assert all(moderator._source == "INPUT" for moderator in found.picture_moderators if moderator.name == "guardrail")
