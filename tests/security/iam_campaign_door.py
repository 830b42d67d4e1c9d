"""The permissions of what callers, schedules and the sweep do with campaigns."""

from __future__ import annotations

from security.iam_grant import NO_ENDPOINT, NO_LEADING_KEYS, NO_PASS_ROLE, NOT_ENFORCED_ROLE, Grant

_STORE = "adapters/dynamodb/campaigns.py:DynamoCampaignStore"
_FILES = "adapters/s3_campaign_files.py:S3CampaignFiles"
_LINKS = "adapters/s3_campaign_links.py:S3CampaignLinks"
_SCHEDULES = "adapters/campaign_schedules.py:EventBridgeSchedules"
_CAPACITY = "adapters/endpoint_capacity.py:EndpointCapacity"
_ACCOUNTS = "adapters/dynamodb/accounts.py:DynamoAccountStore"
_MACHINE = "adapters/campaign_machine.py:CampaignMachine"

CAMPAIGN_DOOR_GRANTS = (
    Grant("EraseOwnerFunction", "StopAndEraseCampaign", "dynamodb:GetItem", (f"{_STORE}.get",), judged=NO_LEADING_KEYS),
    Grant(
        "EraseOwnerFunction",
        "StopAndEraseCampaign",
        "dynamodb:DeleteItem",
        (f"{_STORE}.erase",),
        judged=NO_LEADING_KEYS,
    ),
    Grant("EraseOwnerFunction", "ReadRun", "dynamodb:GetItem", (f"{_STORE}.get_run",), judged=NO_LEADING_KEYS),
    Grant(
        "EraseOwnerFunction",
        "ErasePointers",
        "dynamodb:DeleteItem",
        (f"{_STORE}.erase", f"{_STORE}.forget"),
        judged=NO_LEADING_KEYS,
    ),
    Grant("EraseOwnerFunction", "EraseSchedules", "scheduler:DeleteSchedule", (f"{_SCHEDULES}.remove",)),
    Grant(
        "CampaignsApiFunction",
        "KeepCampaign",
        "dynamodb:GetItem",
        (
            f"{_ACCOUNTS}.find",
            f"{_ACCOUNTS}.usage",
            f"{_STORE}.get",
            "adapters/dynamodb/claims.py:find_claim",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "CampaignsApiFunction",
        "KeepCampaign",
        "dynamodb:PutItem",
        (
            f"{_STORE}._changes",
            f"{_STORE}.begin_run",
            f"{_STORE}.put",
            "adapters/dynamodb/claims.py:claim_put",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "CampaignsApiFunction",
        "KeepCampaign",
        "dynamodb:DeleteItem",
        (
            f"{_STORE}.erase",
            "adapters/dynamodb/claims.py:erase_claim",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "CampaignsApiFunction", "BeginAndMoveRun", "dynamodb:GetItem", (f"{_STORE}.get_run",), judged=NO_LEADING_KEYS
    ),
    Grant(
        "CampaignsApiFunction", "BeginAndMoveRun", "dynamodb:Query", (f"{_STORE}.list_rows",), judged=NO_LEADING_KEYS
    ),
    Grant(
        "CampaignsApiFunction", "BeginAndMoveRun", "dynamodb:PutItem", (f"{_STORE}.begin_run",), judged=NO_LEADING_KEYS
    ),
    Grant("CampaignsApiFunction", "BeginAndMoveRun", "dynamodb:UpdateItem", (f"{_STORE}._set",)),
    Grant(
        "CampaignsApiFunction",
        "PointAtCampaign",
        "dynamodb:PutItem",
        (
            f"{_STORE}._changes",
            f"{_STORE}.put",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "CampaignsApiFunction", "PointAtCampaign", "dynamodb:DeleteItem", (f"{_STORE}.erase",), judged=NO_LEADING_KEYS
    ),
    Grant(
        "CampaignsApiFunction",
        "MarkActive",
        "dynamodb:PutItem",
        (
            f"{_STORE}.begin_run",
            f"{_STORE}.next_leg",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "CampaignsApiFunction",
        "AskWhetherErasing",
        "dynamodb:ConditionCheckItem",
        ("adapters/dynamodb/counters.py:not_erasing",),
    ),
    Grant("CampaignsApiFunction", "ReadDay", "dynamodb:GetItem", (f"{_ACCOUNTS}.usage",), judged=NO_LEADING_KEYS),
    Grant(
        "CampaignsApiFunction", "FindCampaignsAndRuns", "dynamodb:Query", (f"{_STORE}._names",), judged=NO_LEADING_KEYS
    ),
    Grant(
        "CampaignsApiFunction",
        "TakeUpload",
        "s3:PutObject",
        (
            f"{_FILES}._send_part",
            f"{_FILES}._write_parts",
            f"{_FILES}.write",
            f"{_LINKS}.upload",
        ),
    ),
    Grant("CampaignsApiFunction", "TakeUpload", "s3:AbortMultipartUpload", (f"{_FILES}._write_parts",)),
    Grant(
        "CampaignsApiFunction",
        "ReadAndPresign",
        "s3:GetObject",
        (
            f"{_FILES}._body",
            f"{_FILES}.size",
            f"{_LINKS}.download",
        ),
    ),
    Grant(
        "CampaignsApiFunction",
        "FindFiles",
        "s3:ListBucket",
        (
            f"{_LINKS}.names",
            "adapters/s3_erasing.py:keys_below",
        ),
    ),
    Grant("CampaignsApiFunction", "EraseFiles", "s3:DeleteObject", ("adapters/s3_erasing.py:delete",)),
    Grant("CampaignsApiFunction", "StartRun", "states:StartExecution", (f"{_MACHINE}.start",)),
    Grant(
        "CampaignsApiFunction",
        "HavePicturesPacked",
        "lambda:InvokeFunction",
        ("adapters/lambda_campaign_zips.py:LambdaCampaignZips.begin",),
    ),
    Grant(
        "CampaignsApiFunction",
        "HaveRowsRead",
        "lambda:InvokeFunction",
        ("adapters/lambda_campaign_checks.py:LambdaCampaignChecks._invoke",),
    ),
    Grant("CampaignsApiFunction", "ScheduleCampaigns", "scheduler:CreateSchedule", (f"{_SCHEDULES}.put",)),
    Grant("CampaignsApiFunction", "ScheduleCampaigns", "scheduler:UpdateSchedule", (f"{_SCHEDULES}.put",)),
    Grant("CampaignsApiFunction", "ScheduleCampaigns", "scheduler:DeleteSchedule", (f"{_SCHEDULES}.remove",)),
    Grant("CampaignsApiFunction", "LendScheduleRole", "iam:PassRole", (f"{_SCHEDULES}.put",), judged=NO_PASS_ROLE),
    Grant(
        "CampaignsApiFunction",
        "FindOwnAddress",
        "cognito-idp:AdminGetUser",
        ("adapters/cognito.py:CognitoPeople.confirmed_address",),
    ),
    Grant(
        "CampaignsApiFunction", "ReadSwitches", "ssm:GetParameter", ("adapters/parameters.py:OperatorParameters._get",)
    ),
    Grant(
        "StartScheduledCampaignFunction",
        "KeepCampaign",
        "dynamodb:GetItem",
        (
            f"{_ACCOUNTS}.find",
            f"{_STORE}.get",
            f"{_STORE}.get_run",
        ),
    ),
    Grant(
        "StartScheduledCampaignFunction",
        "KeepCampaign",
        "dynamodb:PutItem",
        (
            f"{_STORE}._changes",
            f"{_STORE}.begin_run",
            f"{_STORE}.put",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "StartScheduledCampaignFunction",
        "PointAndMark",
        "dynamodb:PutItem",
        (
            f"{_STORE}._changes",
            f"{_STORE}.begin_run",
            f"{_STORE}.put",
            "adapters/dynamodb/claims.py:claim_put",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "StartScheduledCampaignFunction",
        "AskWhetherErasing",
        "dynamodb:ConditionCheckItem",
        ("adapters/dynamodb/counters.py:not_erasing",),
    ),
    Grant("StartScheduledCampaignFunction", "WriteRows", "s3:GetObject", (f"{_FILES}.size",)),
    Grant(
        "StartScheduledCampaignFunction",
        "WriteRows",
        "s3:PutObject",
        (
            f"{_FILES}._send_part",
            f"{_FILES}._write_parts",
            f"{_FILES}.write",
        ),
    ),
    Grant("StartScheduledCampaignFunction", "WriteRows", "s3:AbortMultipartUpload", (f"{_FILES}._write_parts",)),
    Grant("StartScheduledCampaignFunction", "StartRun", "states:StartExecution", (f"{_MACHINE}.start",)),
    Grant(
        "StartScheduledCampaignFunction",
        "HaveRowsRead",
        "lambda:InvokeFunction",
        ("adapters/lambda_campaign_checks.py:LambdaCampaignChecks._invoke",),
    ),
    Grant(
        "StartScheduledCampaignFunction",
        "ReadSwitches",
        "ssm:GetParameter",
        ("adapters/parameters.py:OperatorParameters._get",),
    ),
    Grant("SweepCampaignRunsFunction", "ReadCampaign", "dynamodb:GetItem", (f"{_STORE}.get",), judged=NO_LEADING_KEYS),
    Grant("SweepCampaignRunsFunction", "SettleRun", "dynamodb:GetItem", (f"{_STORE}.get_run",), judged=NO_LEADING_KEYS),
    Grant("SweepCampaignRunsFunction", "SettleRun", "dynamodb:UpdateItem", (f"{_STORE}._set",), judged=NO_LEADING_KEYS),
    Grant("SweepCampaignRunsFunction", "FindActive", "dynamodb:Query", (f"{_STORE}.list_active",)),
    Grant("SweepCampaignRunsFunction", "ForgetActive", "dynamodb:DeleteItem", (f"{_STORE}.forget_active",)),
    Grant("SweepCampaignRunsFunction", "LookAndStart", "states:StartExecution", (f"{_MACHINE}.start",)),
    Grant("SweepCampaignRunsFunction", "LookAtExecution", "states:DescribeExecution", (f"{_MACHINE}.status",)),
    Grant("SweepCampaignRunsFunction", "FindFiles", "s3:ListBucket", ("adapters/s3_erasing.py:keys_below",)),
    Grant("SweepCampaignRunsFunction", "EraseFiles", "s3:DeleteObject", ("adapters/s3_erasing.py:delete",)),
    Grant(
        "SweepCampaignRunsFunction",
        "LetEndpointGo",
        "dynamodb:UpdateItem",
        (f"{_CAPACITY}._change",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "SweepCampaignRunsFunction",
        "KeepMachine",
        "application-autoscaling:RegisterScalableTarget",
        (f"{_CAPACITY}._keep",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "SweepCampaignRunsFunction",
        "ChangeVariant",
        "sagemaker:DescribeEndpoint",
        (f"{_CAPACITY}._keep",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "SweepCampaignRunsFunction",
        "ChangeVariant",
        "sagemaker:DescribeEndpointConfig",
        (f"{_CAPACITY}._keep",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "SweepCampaignRunsFunction",
        "ChangeVariant",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
        (f"{_CAPACITY}._keep",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "CampaignScheduleRole",
        "StartCampaign",
        "lambda:InvokeFunction",
        ("template.yaml:Arn: !GetAtt StartScheduledCampaignFunction.Arn",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "CampaignScheduleRole",
        "KeepWhatFailed",
        "sqs:SendMessage",
        ("functions/afterimage/adapters/campaign_schedules.py:DeadLetterConfig",),
        judged=NOT_ENFORCED_ROLE,
    ),
)
