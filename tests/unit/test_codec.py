"""Shapes between processes: what goes in comes out, and what is wrong is named by its path."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from afterimage.contracts.codec import ContractError, from_document, from_json, to_document, to_json
from afterimage.contracts.completion import Completion
from afterimage.contracts.generation import (
    MAX_SEED,
    GeneratedImage,
    GenerationJob,
    GenerationResult,
    GenerationWarning,
    ModelError,
    ModelProblem,
)
from afterimage.domain.job import Attempt, ImageSpec, Job, Notice, Picture
from afterimage.domain.links import Link
from afterimage.domain.moderation import Action, Decision, packaged_policy
from afterimage.domain.request import ImageRequest
from afterimage.ports import IdempotencyClaim
from fakes.samples import a_job, a_result, an_attempt, pictures
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(max_size=20)
SEEDS = st.lists(st.integers(0, MAX_SEED), min_size=1, max_size=4).map(tuple)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
JOBS = st.builds(
    GenerationJob,
    seeds=SEEDS,
    guidance=st.none() | FINITE,
    output_prefix=st.none() | TEXT.map(lambda text: f"s3://bucket/{text}/"),
)
RESULTS = st.builds(
    GenerationResult,
    images=st.lists(st.builds(GeneratedImage), max_size=3).map(tuple),
    guidance=FINITE,
    timings_s=st.dictionaries(TEXT, FINITE, max_size=3),
)
OTHERS = st.one_of(
    st.builds(GenerationWarning),
    st.builds(ModelProblem),
    st.builds(ModelError),
    st.builds(Completion),
    st.builds(Picture),
    st.builds(Attempt),
    st.builds(Link),
    st.builds(IdempotencyClaim),
    st.builds(ImageRequest, guidance=st.none() | FINITE),
    st.builds(ImageSpec, guidance=FINITE, seeds=SEEDS),
    st.builds(
        Decision,
        scores=st.none() | st.dictionaries(TEXT, FINITE, max_size=2),
        threshold=st.none() | FINITE,
        categories=st.lists(TEXT, max_size=2).map(tuple),
    ),
)


@given(st.one_of(JOBS, RESULTS, OTHERS))
def test_every_shape_survives_the_journey(value: Any) -> None:
    assert from_json(type(value), to_json(value)) == value
    assert from_document(type(value), json.loads(json.dumps(to_document(value)))) == value


def test_a_whole_job_survives_the_journey() -> None:
    job = a_job(pictures=pictures(), decisions=(Decision(stage="p", action="block", policy_version="", at_ms=1),))  # type: ignore[arg-type]
    assert from_json(Job, to_json(job)) == job
    assert from_json(type(packaged_policy()), to_json(packaged_policy())) == packaged_policy()


@given(JOBS)
def test_equal_values_have_equal_bytes(value: GenerationJob) -> None:
    document = to_document(value)
    backwards = from_document(GenerationJob, dict(reversed(document.items())))
    assert to_json(backwards) == to_json(value)


def test_left_out_optionals_take_their_defaults() -> None:
    job = from_document(GenerationJob, {"job_id": "1", "prompt": "a cat", "seeds": [7]})
    assert job == GenerationJob(job_id="1", prompt="a cat", seeds=(7,))


ATTEMPT = an_attempt(a_job())
RESULT = to_document(a_result(a_job(), ATTEMPT))


def changed(*path: Any, to: Any) -> Any:
    """Return RESULT with the value at `path` replaced; `...` takes it away."""
    document = json.loads(json.dumps(RESULT))
    here = document
    for step in path[:-1]:
        here = here[step]
    if to is ...:
        del here[path[-1]]
    else:
        here[path[-1]] = to
    return document


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (None, "$ must be an object"),
        ([], "$ must be an object"),
        ("text", "$ must be an object"),
        (changed("job_id", to=...), "$.job_id is missing"),
        (changed("job_id", to=None), "$.job_id must be str"),
        (changed("job_id", to=5), "$.job_id must be str"),
        (changed("width", to="64"), "$.width must be int"),
        (changed("width", to=64.0), "$.width must be int"),
        (changed("width", to=True), "$.width must be int"),
        (changed("guidance", to=True), "$.guidance must be float"),
        (changed("guidance", to="3"), "$.guidance must be float"),
        (changed("surprise", to=1), "$ has unknown fields: surprise"),
        (changed("images", to={}), "$.images must be a list"),
        (changed("images", to="ab"), "$.images must be a list"),
        (changed("images", 1, to=None), "$.images[1] must be an object"),
        (changed("images", 1, "seed", to=...), "$.images[1].seed is missing"),
        (changed("images", 1, "seed", to="7"), "$.images[1].seed must be int"),
        (changed("images", 0, "flagged", to=1), "$.images[0].flagged must be bool"),
        (changed("images", 0, "surprise", to=1), "$.images[0] has unknown fields: surprise"),
        (changed("timings_s", to=[]), "$.timings_s must be an object"),
        (changed("timings_s", "denoise", to="fast"), "$.timings_s.denoise must be float"),
        (changed("versions", "model", to=None), "$.versions.model must be str"),
        (changed("warnings", 0, "code", to=[]), "$.warnings[0].code must be str"),
    ],
)
def test_a_wrong_shape_is_named_by_its_path(document: Any, complaint: str) -> None:
    with pytest.raises(ContractError) as caught:
        from_document(GenerationResult, document)
    assert str(caught.value) == complaint


# ── Stored records: an older or a newer version wrote them ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path",
    [
        ("surprise",),
        ("spec", "surprise"),
        ("pictures", 1, "surprise"),
        ("decisions", 0, "surprise"),
        ("timeline", 0, "surprise"),
        ("notice", "surprise"),
    ],
)
def test_a_stored_record_with_a_field_of_another_version_is_read_without_it(path: tuple[Any, ...]) -> None:
    decision = Decision(stage="prompt", action=Action.ALLOW, policy_version="1", at_ms=1)
    job = a_job(pictures=pictures(), decisions=(decision,), notice=Notice(state="sent", at_ms=1))
    document = to_document(job)
    here = document
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = {"any": ["thing"]}
    assert from_document(Job, document, lenient=True) == job
    with pytest.raises(ContractError, match="has unknown fields: surprise"):
        from_document(Job, document)


@pytest.mark.parametrize("path", [("owner",), ("spec", "prompt"), ("timeline", 0, "at_ms")])
def test_a_stored_record_without_a_needed_field_is_still_refused(path: tuple[Any, ...]) -> None:
    document = to_document(a_job())
    here = document
    for step in path[:-1]:
        here = here[step]
    del here[path[-1]]
    with pytest.raises(ContractError, match="is missing"):
        from_document(Job, document, lenient=True)


def test_a_stored_record_without_an_optional_field_takes_its_default() -> None:
    document = to_document(a_job())
    for name in ("notice", "failure", "warnings", "pictures", "decisions", "recipient"):
        document.pop(name, None)
    job = from_document(Job, document, lenient=True)
    assert (job.notice, job.failure, job.warnings, job.pictures, job.decisions, job.recipient) == (
        None,
        None,
        (),
        (),
        (),
        None,
    )


def test_a_stored_record_of_wrong_types_is_still_refused() -> None:
    with pytest.raises(ContractError, match=r"^\$\.spec\.width must be int$"):
        document = to_document(a_job())
        document["spec"]["width"] = "64"
        from_document(Job, document, lenient=True)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"seeds": []}, "$: seeds must name at least one seed"),
        ({"seeds": [-1]}, f"$: each seed must lie between 0 and {MAX_SEED}"),
        ({"seeds": [MAX_SEED + 1]}, f"$: each seed must lie between 0 and {MAX_SEED}"),
        ({"output_prefix": "s3://bucket/no-slash"}, "$: output_prefix must look like s3://bucket/prefix/"),
        ({"output_prefix": "https://bucket/"}, "$: output_prefix must look like s3://bucket/prefix/"),
    ],
)
def test_what_a_job_itself_forbids_is_a_contract_error(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ContractError) as caught:
        from_document(GenerationJob, {"job_id": "1", "prompt": "a cat", "seeds": [7]} | changes)
    assert str(caught.value) == complaint


@pytest.mark.parametrize("text", ["", "{", "nonsense", b"\xff\xfe", b"\x80", "[" * 3])
def test_broken_json_is_a_contract_error(text: str | bytes) -> None:
    with pytest.raises(ContractError, match="not JSON"):
        from_json(GenerationResult, text)


def test_an_unknown_value_of_an_enumeration_names_the_known_ones() -> None:
    document = to_document(a_job()) | {"status": "DONE"}
    with pytest.raises(ContractError, match=r"^\$\.status must be one of: QUEUED, MODERATING"):
        from_document(Job, document)


def test_no_complaint_repeats_a_value() -> None:
    with pytest.raises(ContractError) as caught:
        from_document(GenerationJob, {"job_id": "1", "prompt": ["secret words"], "seeds": [1]})
    assert "secret" not in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | FINITE | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
    )
)
def test_any_document_is_read_or_refused_and_never_another_error(document: Any) -> None:
    for cls in (GenerationJob, GenerationResult, ModelError, Job):
        try:
            assert dataclasses.is_dataclass(from_document(cls, document))
        except ContractError as refused:
            assert str(refused).startswith("$")


def test_a_number_too_large_for_a_float_is_a_wrong_shape() -> None:
    with pytest.raises(ContractError, match=r"\$\.guidance must be a smaller number"):
        from_json(GenerationJob, '{"job_id":"1","prompt":"a cat","seeds":[1],"guidance":1' + "0" * 400 + "}")
