"""The stand-in takes on a role only where SageMaker of this account could."""

from typing import Any

import pytest

from local.sagemaker_runtime.trust import without_met_conditions

ACCOUNT = "000000000000"


def policy(**changes: Any) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    return {"Version": "2012-10-17", "Statement": [{**statement, **changes}]}


def test_a_met_condition_is_left_out_and_nothing_else() -> None:
    judged = without_met_conditions(policy(), ACCOUNT)
    expected = policy()
    del expected["Statement"][0]["Condition"]
    assert judged == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": "*"}}},
        {"Condition": {"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}},
        {"Principal": {"Service": "lambda.amazonaws.com"}},
        {"Effect": "Deny"},
    ],
)
def test_a_policy_that_would_not_let_sagemaker_in_is_not_trusted(changes: dict[str, Any]) -> None:
    assert without_met_conditions(policy(**changes), ACCOUNT) is None
