"""The permissions of the functions and the machine of campaigns."""

from __future__ import annotations

from security.iam_grant import NO_ENDPOINT, NOT_ENFORCED_ROLE, Grant

_STORE = "adapters/dynamodb/campaigns.py:DynamoCampaignStore"
_CAPACITY = "adapters/endpoint_capacity.py:EndpointCapacity"
_FILES = "adapters/s3_campaign_files.py:S3CampaignFiles"
_MACHINE = "statemachine/campaign.asl.json"
_WORKFLOW = "adapters/step_functions.py:StepFunctionsWorkflow"

_ROWS = (
    Grant("BeginCampaignRunFunction", "ReadRun", "dynamodb:GetItem", (f"{_STORE}.get", f"{_STORE}.get_run")),
    Grant(
        "RunCampaignRowFunction",
        "ReadRunAndJob",
        "dynamodb:GetItem",
        (
            "adapters/dynamodb/accounts.py:DynamoAccountStore.find",
            f"{_STORE}.get_row",
            f"{_STORE}.get_run",
            "adapters/dynamodb/jobs.py:DynamoJobStore._item",
        ),
    ),
    Grant(
        "RunCampaignRowFunction", "RecordJob", "dynamodb:PutItem", ("adapters/dynamodb/jobs.py:DynamoJobStore._put",)
    ),
    Grant(
        "RunCampaignRowFunction",
        "ClaimAndCount",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/campaign_rows.py:claimings",
            f"{_STORE}._set",
            f"{_STORE}.attach",
            "adapters/dynamodb/counters.py:takings",
        ),
    ),
    Grant(
        "RunCampaignRowFunction", "ReadRow", "s3:GetObject", ("adapters/s3_campaign_files.py:S3CampaignFiles._body",)
    ),
    Grant(
        "RunCampaignRowFunction",
        "ReadAdmissionAndQuotas",
        "ssm:GetParameter",
        ("adapters/parameters.py:OperatorParameters._get",),
    ),
    Grant("RunCampaignRowFunction", "StartRequest", "states:StartExecution", (f"{_WORKFLOW}.start",)),
    Grant("RunCampaignRowFunction", "AnswerToken", "states:SendTaskSuccess", (f"{_WORKFLOW}.succeed",)),
    Grant("RunCampaignRowFunction", "AnswerToken", "states:SendTaskFailure", (f"{_WORKFLOW}.fail",)),
    Grant("SettleCampaignRunFunction", "SettleRun", "dynamodb:GetItem", (f"{_STORE}.get_run",)),
    Grant("SettleCampaignRunFunction", "SettleRun", "dynamodb:UpdateItem", (f"{_STORE}._set",)),
    Grant("NotifyRequesterFunction", "TellCampaign", "states:SendTaskSuccess", (f"{_WORKFLOW}.succeed",)),
)
_CHECK = (
    Grant(
        "CheckCampaignFunction",
        "ReadCampaignAndAccount",
        "dynamodb:GetItem",
        ("adapters/dynamodb/accounts.py:DynamoAccountStore.find", f"{_STORE}.get"),
    ),
    Grant("CheckCampaignFunction", "ConcludeCheck", "dynamodb:PutItem", (f"{_STORE}._changes",)),
    Grant("CheckCampaignFunction", "ReadUpload", "s3:GetObject", (f"{_FILES}._body",)),
    Grant(
        "CheckCampaignFunction",
        "WriteCheck",
        "s3:PutObject",
        (f"{_FILES}._send_part", f"{_FILES}._write_parts", f"{_FILES}.write"),
    ),
    Grant("CheckCampaignFunction", "WriteCheck", "s3:AbortMultipartUpload", (f"{_FILES}._write_parts",)),
    Grant(
        "CheckCampaignFunction",
        "ReadQuotasAndPolicy",
        "ssm:GetParameter",
        ("adapters/parameters.py:OperatorParameters._get",),
    ),
)
_ENDPOINT = (
    Grant(
        "BeginCampaignRunFunction", "HoldEndpoint", "dynamodb:UpdateItem", (f"{_CAPACITY}._change",), judged=NO_ENDPOINT
    ),
    Grant(
        "SettleCampaignRunFunction",
        "LetEndpointGo",
        "dynamodb:UpdateItem",
        (f"{_CAPACITY}._change",),
        judged=NO_ENDPOINT,
    ),
    *(
        Grant(function, sid, action, (f"{_CAPACITY}._keep",), judged=NO_ENDPOINT)
        for function in ("BeginCampaignRunFunction", "SettleCampaignRunFunction")
        for sid, action in (
            ("KeepMachine", "application-autoscaling:RegisterScalableTarget"),
            ("ChangeVariant", "sagemaker:DescribeEndpoint"),
            ("ChangeVariant", "sagemaker:DescribeEndpointConfig"),
            ("ChangeVariant", "sagemaker:UpdateEndpointWeightsAndCapacities"),
        )
    ),
)
_ROLE = tuple(
    Grant("CampaignRole", sid, action, (site,), judged=NOT_ENFORCED_ROLE)
    for sid, site, actions in (
        ("InvokeStates", f"{_MACHINE}:arn:aws:states:::lambda:invoke", ("lambda:InvokeFunction",)),
        ("ReadIndex", f"{_MACHINE}:arn:aws:states:::s3:getObject", ("s3:GetObject",)),
        (
            "WriteMapResults",
            f"{_MACHINE}:ResultWriter",
            ("s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"),
        ),
        ("StartChildren", f"{_MACHINE}:DISTRIBUTED", ("states:StartExecution",)),
        ("FollowChildren", f"{_MACHINE}:DISTRIBUTED", ("states:DescribeExecution", "states:StopExecution")),
        (
            "Trace",
            "template.yaml:Tracing: {Enabled: true}",
            (
                "xray:PutTraceSegments",
                "xray:PutTelemetryRecords",
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
            ),
        ),
        (
            "DeliverLogs",
            "template.yaml:CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt CampaignLogGroup.Arn}",
            (
                "logs:CreateLogDelivery",
                "logs:GetLogDelivery",
                "logs:UpdateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:DescribeResourcePolicies",
                "logs:DescribeLogGroups",
            ),
        ),
    )
    for action in actions
)
CAMPAIGN_GRANTS = (*_CHECK, *_ROWS, *_ENDPOINT, *_ROLE)
