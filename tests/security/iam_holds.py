"""What the functions of a hold may do; part of the table in `iam_table.py`."""

from __future__ import annotations

from security.iam_grant import NO_LEADING_KEYS, Grant

_ENDS = ("adapters/dynamodb/jobs.py:DynamoJobStore._end", "adapters/dynamodb/jobs.py:DynamoJobStore._write")
_GIVES_BACK = (
    "adapters/dynamodb/campaign_rows.py:settlements",
    "adapters/dynamodb/counters.py:releases",
    "adapters/dynamodb/strikes.py:strikes",
)

HOLD_GRANTS: tuple[Grant, ...] = (
    # HoldForReviewFunction
    Grant("HoldForReviewFunction", "HoldJob", "dynamodb:GetItem", ("adapters/dynamodb/jobs.py:DynamoJobStore._item",)),
    Grant(
        "HoldForReviewFunction", "HoldJob", "dynamodb:PutItem", ("adapters/dynamodb/holds.py:DynamoHoldStore.register",)
    ),
    Grant(
        "HoldForReviewFunction", "HoldJob", "dynamodb:UpdateItem", ("adapters/dynamodb/jobs.py:DynamoJobStore._write",)
    ),
    Grant(
        "HoldForReviewFunction",
        "AnswerToken",
        "states:SendTaskSuccess",
        ("adapters/step_functions.py:StepFunctionsWorkflow.succeed",),
    ),
    Grant(
        "HoldForReviewFunction",
        "AnswerToken",
        "states:SendTaskFailure",
        ("adapters/step_functions.py:StepFunctionsWorkflow.fail",),
    ),
    # RefuseHeldFunction
    Grant("RefuseHeldFunction", "EndJob", "dynamodb:GetItem", ("adapters/dynamodb/jobs.py:DynamoJobStore._item",)),
    Grant("RefuseHeldFunction", "EndJob", "dynamodb:UpdateItem", _ENDS),
    Grant("RefuseHeldFunction", "GiveQuotaBack", "dynamodb:UpdateItem", _GIVES_BACK, judged=NO_LEADING_KEYS),
    # HeldApiFunction
    Grant(
        "HeldApiFunction",
        "LookAtAndDecide",
        "dynamodb:GetItem",
        ("adapters/dynamodb/holds.py:DynamoHoldStore.find", "adapters/dynamodb/jobs.py:DynamoJobStore._item"),
    ),
    Grant(
        "HeldApiFunction",
        "LookAtAndDecide",
        "dynamodb:Query",
        ("adapters/dynamodb/attempts.py:DynamoAttemptStore.list_by_job",),
    ),
    Grant("HeldApiFunction", "LookAtAndDecide", "dynamodb:UpdateItem", _ENDS),
    Grant(
        "HeldApiFunction",
        "ReadAccount",
        "dynamodb:GetItem",
        ("adapters/dynamodb/accounts.py:DynamoAccountStore.find",),
        judged=NO_LEADING_KEYS,
    ),
    Grant("HeldApiFunction", "GiveQuotaBack", "dynamodb:UpdateItem", _GIVES_BACK, judged=NO_LEADING_KEYS),
    Grant("HeldApiFunction", "FindHeld", "dynamodb:Query", ("adapters/dynamodb/jobs.py:DynamoJobStore._items",)),
    Grant(
        "HeldApiFunction",
        "ReadResultAndQuarantine",
        "s3:GetObject",
        ("adapters/s3_quarantine.py:S3Quarantine._read", "adapters/s3_results.py:S3Results._read"),
    ),
    Grant(
        "HeldApiFunction",
        "AnswerToken",
        "states:SendTaskSuccess",
        ("adapters/step_functions.py:StepFunctionsWorkflow.succeed",),
    ),
)
