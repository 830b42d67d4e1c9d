"""Rules for misbehaviour apply to whom they should, as often as they should."""

import datetime
from typing import Any

import pytest

from local.sagemaker_runtime.faults import FaultError, FaultList
from local.sagemaker_runtime.invocation import Invocation

NOW = datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.UTC)


def invocation(inference_id: str = "job-1") -> Invocation:
    return Invocation(
        endpoint_name="endpoint",
        inference_id=inference_id,
        input_location="s3://bucket/jobs/1/input.json",
        output_location="s3://bucket/out/1.out",
        failure_location="s3://bucket/fail/1-error.out",
        content_type="application/json",
        accept="*/*",
        custom_attributes="",
        ttl_s=60,
        timeout_s=60,
        received=NOW,
    )


def rules(*documents: dict[str, Any]) -> FaultList:
    faults = FaultList()
    faults.replace(list(documents))
    return faults


def test_a_rule_meets_one_request_by_default() -> None:
    faults = rules({"kind": "lose"})
    assert set(faults.take(invocation())) == {"lose"}
    assert faults.take(invocation()) == {}


def test_a_rule_is_counted_down_and_null_never_ends() -> None:
    faults = rules({"kind": "lose", "times": 2}, {"kind": "silence", "times": None})
    assert [set(faults.take(invocation())) for _ in range(3)] == [{"lose", "silence"}, {"lose", "silence"}, {"silence"}]


def test_rules_of_one_kind_are_used_in_order_one_per_request() -> None:
    faults = rules({"kind": "delay", "seconds": 1}, {"kind": "delay", "seconds": 2})
    assert [faults.take(invocation())["delay"].seconds for _ in range(2)] == [1, 2]


def test_a_match_spares_other_requests() -> None:
    faults = rules({"kind": "fail", "match": "job-2"})
    assert faults.take(invocation("job-1")) == {}
    assert set(faults.take(invocation("job-2"))) == {"fail"}


def test_a_match_looks_at_the_input_location_too() -> None:
    assert set(rules({"kind": "fail", "match": "jobs/1/"}).take(invocation("other"))) == {"fail"}


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "explode"},
        {"seconds": 1},
        {"kind": "lose", "twice": True},
        {"kind": "delay"},
        {"kind": "delay", "seconds": 1, "at": "after"},
        {"kind": "lose", "at": "before"},
        "lose",
    ],
)
def test_a_rule_that_is_not_understood_is_refused_and_the_old_ones_stay(document: Any) -> None:
    faults = rules({"kind": "lose"})
    with pytest.raises(FaultError):
        faults.replace([document])
    assert [rule["kind"] for rule in faults.remaining()] == ["lose"]


def test_clearing_forgets_every_rule() -> None:
    faults = rules({"kind": "lose", "times": None})
    faults.clear()
    assert faults.remaining() == []


def test_a_rule_for_a_document_meets_only_requests_whose_document_holds_it() -> None:
    faults = rules({"kind": "fail", "document": "700000002"})
    assert faults.ask_for_the_document
    assert faults.take(invocation(), '{"seeds":[700000001]}') == {}
    assert set(faults.take(invocation(), '{"seeds":[700000002]}')) == {"fail"}
    assert not faults.ask_for_the_document
