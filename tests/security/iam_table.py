"""Every action that a role of the template may take, where the code takes it, and who judges that locally.

`test_iam.py` holds the table both ways: no action in the template without a line here, no line without its call site in
the source, no call that a handler can reach without its action in the policy. What the local cloud cannot judge is held
by this table alone.
"""

from __future__ import annotations

from security.iam_campaign_door import CAMPAIGN_DOOR_GRANTS
from security.iam_campaigns import CAMPAIGN_GRANTS
from security.iam_grant import (
    NO_ENDPOINT,
    NO_LEADING_KEYS,
    NO_RAW_MAIL,
    NO_TAGS,
    NO_XRAY,
    NOT_ENFORCED_ROLE,
    OPEN_TOPIC,
    STAND_IN,
    Grant,
)
from security.iam_results import RESULT_GRANTS

GRANTS: tuple[Grant, ...] = (
    *RESULT_GRANTS,
    # RequestsApiFunction
    Grant(
        "RequestsApiFunction",
        "RecordAndRead",
        "dynamodb:PutItem",
        (
            "adapters/dynamodb/jobs.py:DynamoJobStore._put",
            "adapters/dynamodb/claims.py:claim_put",
        ),
    ),
    Grant(
        "RequestsApiFunction",
        "RecordAndRead",
        "dynamodb:GetItem",
        ("adapters/dynamodb/claims.py:find_claim", "adapters/dynamodb/jobs.py:DynamoJobStore._item"),
    ),
    Grant("RequestsApiFunction", "ListOwn", "dynamodb:Query", ("adapters/dynamodb/jobs.py:DynamoJobStore._items",)),
    Grant(
        "RequestsApiFunction",
        "ReadAccount",
        "dynamodb:GetItem",
        (
            "adapters/dynamodb/accounts.py:DynamoAccountStore.find",
            "adapters/dynamodb/accounts.py:DynamoAccountStore.usage",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant("RequestsApiFunction", "TakeQuota", "dynamodb:UpdateItem", ("adapters/dynamodb/counters.py:takings",)),
    Grant(
        "RequestsApiFunction",
        "StartWorkflow",
        "states:StartExecution",
        ("adapters/step_functions.py:StepFunctionsWorkflow.start",),
    ),
    Grant(
        "RequestsApiFunction",
        "FindOwnAddress",
        "cognito-idp:AdminGetUser",
        ("adapters/cognito.py:CognitoPeople.confirmed_address",),
    ),
    Grant(
        "RequestsApiFunction", "ReadSwitches", "ssm:GetParameter", ("adapters/parameters.py:OperatorParameters._get",)
    ),
    Grant("RequestsApiFunction", "PresignPublished", "s3:GetObject", ("adapters/s3_gallery.py:S3Gallery.presign",)),
    # AdminApiFunction
    Grant(
        "AdminApiFunction",
        "ReadRecords",
        "dynamodb:GetItem",
        (
            "adapters/dynamodb/accounts.py:DynamoAccountStore.find",
            "adapters/dynamodb/accounts.py:DynamoAccountStore.usage",
            "adapters/dynamodb/jobs.py:DynamoJobStore._item",
            "adapters/dynamodb/suppressions.py:DynamoSuppressionStore.find",
        ),
    ),
    Grant(
        "AdminApiFunction",
        "DecideAboutOwners",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/accounts.py:DynamoAccountStore._set",
            "adapters/dynamodb/owners.py:DynamoOwnerStore.begin_erasing",
        ),
    ),
    Grant(
        "AdminApiFunction",
        "FindOpenJobs",
        "dynamodb:Query",
        ("adapters/dynamodb/jobs.py:DynamoJobStore._items",),
    ),
    Grant(
        "AdminApiFunction",
        "AdministerPeople",
        "cognito-idp:ListUsers",
        ("adapters/cognito.py:CognitoDirectory.list_people",),
    ),
    Grant(
        "AdminApiFunction",
        "AdministerPeople",
        "cognito-idp:AdminGetUser",
        ("adapters/cognito.py:CognitoDirectory.find_person",),
    ),
    Grant(
        "AdminApiFunction",
        "AdministerPeople",
        "cognito-idp:AdminEnableUser",
        ("adapters/cognito.py:CognitoDirectory.switch",),
    ),
    Grant(
        "AdminApiFunction",
        "AdministerPeople",
        "cognito-idp:AdminDisableUser",
        ("adapters/cognito.py:CognitoDirectory.switch",),
    ),
    Grant(
        "AdminApiFunction",
        "AdministerPeople",
        "cognito-idp:AdminUserGlobalSignOut",
        ("adapters/cognito.py:CognitoDirectory.switch",),
    ),
    Grant(
        "AdminApiFunction",
        "ChangeSwitches",
        "ssm:GetParameter",
        (
            "adapters/admission_switch.py:AdmissionSwitch.read",
            "adapters/quotas_parameter.py:QuotasParameter.read",
        ),
    ),
    Grant(
        "AdminApiFunction",
        "ChangeSwitches",
        "ssm:PutParameter",
        (
            "adapters/admission_switch.py:AdmissionSwitch.write",
            "adapters/quotas_parameter.py:QuotasParameter.write",
        ),
    ),
    Grant(
        "AdminApiFunction",
        "StartErasing",
        "states:StartExecution",
        ("adapters/erasure_machines.py:ErasureMachines._start",),
    ),
    Grant(
        "AdminApiFunction",
        "LiftSuppression",
        "dynamodb:DeleteItem",
        ("adapters/dynamodb/suppressions.py:DynamoSuppressionStore.lift",),
    ),
    Grant(
        "AdminApiFunction",
        "LiftSuppressionOfAccount",
        "ses:DeleteSuppressedDestination",
        ("adapters/mail/ses_list.py:SesAccountList.forgive",),
    ),
    # ModeratePromptFunction
    Grant(
        "ModeratePromptFunction", "AdvanceJob", "dynamodb:GetItem", ("adapters/dynamodb/jobs.py:DynamoJobStore._item",)
    ),
    Grant(
        "ModeratePromptFunction",
        "AdvanceJob",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/jobs.py:DynamoJobStore._end",
            "adapters/dynamodb/jobs.py:DynamoJobStore._write",
        ),
    ),
    Grant(
        "ModeratePromptFunction",
        "GiveQuotaBack",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/campaign_rows.py:settlements",
            "adapters/dynamodb/counters.py:releases",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "ModeratePromptFunction", "ReadPolicy", "ssm:GetParameter", ("adapters/parameters.py:OperatorParameters._get",)
    ),
    # StartGenerationFunction
    Grant(
        "StartGenerationFunction",
        "AdvanceJobAndRegister",
        "dynamodb:PutItem",
        ("adapters/dynamodb/attempts.py:DynamoAttemptStore.register",),
    ),
    Grant(
        "StartGenerationFunction",
        "AdvanceJobAndRegister",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/attempts.py:DynamoAttemptStore.record_locations",
            "adapters/dynamodb/jobs.py:DynamoJobStore._write",
        ),
    ),
    Grant(
        "StartGenerationFunction",
        "WriteInput",
        "s3:PutObject",
        ("adapters/engines/sagemaker_async.py:SagemakerAsyncEngine.start",),
    ),
    Grant(
        "StartGenerationFunction",
        "Invoke",
        "sagemaker:InvokeEndpointAsync",
        ("adapters/engines/sagemaker_async.py:SagemakerAsyncEngine.start",),
        judged=STAND_IN,
    ),
    Grant(
        "StartGenerationFunction",
        "ReportFailure",
        "states:SendTaskFailure",
        ("adapters/step_functions.py:StepFunctionsWorkflow.fail",),
    ),
    # ResumeOnCompletionFunction
    Grant(
        "ResumeOnCompletionFunction",
        "SettleAttempt",
        "dynamodb:GetItem",
        ("adapters/dynamodb/attempts.py:DynamoAttemptStore.find",),
    ),
    Grant(
        "ResumeOnCompletionFunction",
        "SettleAttempt",
        "dynamodb:UpdateItem",
        ("adapters/dynamodb/attempts.py:DynamoAttemptStore.settle",),
    ),
    Grant("ResumeOnCompletionFunction", "ReadFailure", "s3:GetObject", ("adapters/s3_results.py:S3Results._read",)),
    Grant(
        "ResumeOnCompletionFunction",
        "AnswerToken",
        "states:SendTaskSuccess",
        ("adapters/step_functions.py:StepFunctionsWorkflow.succeed",),
    ),
    Grant(
        "ResumeOnCompletionFunction",
        "AnswerToken",
        "states:SendTaskFailure",
        ("adapters/step_functions.py:StepFunctionsWorkflow.fail",),
    ),
    Grant(
        "ResumeOnCompletionFunction",
        "TraceInference",
        "xray:PutTraceSegments",
        ("adapters/xray.py:XRay.put",),
        judged=NO_XRAY,
    ),
    # ReviewImagesFunction
    Grant(
        "ReviewImagesFunction",
        "AdvanceJob",
        "dynamodb:GetItem",
        ("adapters/dynamodb/attempts.py:DynamoAttemptStore.find", "adapters/dynamodb/jobs.py:DynamoJobStore._item"),
    ),
    Grant(
        "ReviewImagesFunction",
        "AdvanceJob",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/jobs.py:DynamoJobStore._end",
            "adapters/dynamodb/jobs.py:DynamoJobStore._write",
        ),
    ),
    Grant(
        "ReviewImagesFunction",
        "GiveQuotaBack",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/campaign_rows.py:settlements",
            "adapters/dynamodb/counters.py:releases",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "ReviewImagesFunction",
        "ReadResultAndQuarantine",
        "s3:GetObject",
        ("adapters/s3_gallery.py:S3Gallery.publish", "adapters/s3_results.py:S3Results._read"),
    ),
    Grant("ReviewImagesFunction", "Publish", "s3:PutObject", ("adapters/s3_gallery.py:S3Gallery.publish",)),
    Grant(
        "ReviewImagesFunction",
        "Publish",
        "s3:PutObjectTagging",
        ("adapters/s3_gallery.py:S3Gallery.publish",),
        judged=NO_TAGS,
    ),
    # NotifyRequesterFunction
    Grant(
        "NotifyRequesterFunction",
        "ReadJobAndSuppression",
        "dynamodb:GetItem",
        (
            "adapters/dynamodb/campaigns.py:DynamoCampaignStore.get_row",
            "adapters/dynamodb/jobs.py:DynamoJobStore._item",
            "adapters/dynamodb/suppressions.py:DynamoSuppressionStore.find",
        ),
    ),
    Grant(
        "NotifyRequesterFunction",
        "CloseJob",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/jobs.py:DynamoJobStore._end",
            "adapters/dynamodb/jobs.py:DynamoJobStore._write",
            "adapters/dynamodb/jobs.py:DynamoJobStore.swap_notice",
        ),
    ),
    Grant(
        "NotifyRequesterFunction",
        "GiveQuotaBack",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/campaign_rows.py:settlements",
            "adapters/dynamodb/counters.py:releases",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "NotifyRequesterFunction", "MakeLinks", "dynamodb:PutItem", ("adapters/dynamodb/links.py:DynamoLinkStore._put",)
    ),
    Grant(
        "NotifyRequesterFunction",
        "ReadThumbnails",
        "s3:GetObject",
        ("adapters/s3_gallery.py:S3Gallery.read_thumbnail",),
    ),
    Grant(
        "NotifyRequesterFunction",
        "ReadLinkLifetime",
        "ssm:GetParameter",
        ("adapters/parameters.py:OperatorParameters._get",),
    ),
    Grant("NotifyRequesterFunction", "SendMail", "ses:SendEmail", ("adapters/mail/ses.py:SesMailer.send",)),
    Grant(
        "NotifyRequesterFunction",
        "SendMail",
        "ses:SendRawEmail",
        ("adapters/mail/ses.py:SesMailer.send",),
        judged=NO_RAW_MAIL,
    ),
    # RecordMailOutcomeFunction
    Grant(
        "RecordMailOutcomeFunction",
        "NoteOnJob",
        "dynamodb:GetItem",
        ("adapters/dynamodb/jobs.py:DynamoJobStore._item",),
    ),
    Grant(
        "RecordMailOutcomeFunction",
        "NoteOnJob",
        "dynamodb:UpdateItem",
        ("adapters/dynamodb/jobs.py:DynamoJobStore.swap_notice",),
    ),
    Grant(
        "RecordMailOutcomeFunction",
        "Suppress",
        "dynamodb:PutItem",
        ("adapters/dynamodb/suppressions.py:DynamoSuppressionStore.put",),
    ),
    # PublicLinkFunction
    Grant("PublicLinkFunction", "FindLink", "dynamodb:GetItem", ("adapters/dynamodb/links.py:DynamoLinkStore.find",)),
    Grant("PublicLinkFunction", "PresignPublished", "s3:GetObject", ("adapters/s3_gallery.py:S3Gallery.presign",)),
    # OwnerApiFunction
    Grant(
        "OwnerApiFunction", "EndAndEraseJob", "dynamodb:GetItem", ("adapters/dynamodb/jobs.py:DynamoJobStore._item",)
    ),
    Grant(
        "OwnerApiFunction",
        "EndAndEraseJob",
        "dynamodb:Query",
        (
            "adapters/dynamodb/attempts.py:DynamoAttemptStore.list_by_job",
            "adapters/dynamodb/links.py:DynamoLinkStore._pointers",
        ),
    ),
    Grant(
        "OwnerApiFunction", "EndAndEraseJob", "dynamodb:PutItem", ("adapters/dynamodb/links.py:DynamoLinkStore._put",)
    ),
    Grant(
        "OwnerApiFunction",
        "EndAndEraseJob",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/jobs.py:DynamoJobStore._end",
            "adapters/dynamodb/jobs.py:DynamoJobStore._write",
            "adapters/dynamodb/jobs.py:DynamoJobStore.swap_notice",
        ),
    ),
    Grant(
        "OwnerApiFunction",
        "EndAndEraseJob",
        "dynamodb:DeleteItem",
        (
            "adapters/dynamodb/attempts.py:DynamoAttemptStore.erase",
            "adapters/dynamodb/jobs.py:DynamoJobStore.erase",
            "adapters/dynamodb/links.py:DynamoLinkStore.erase",
        ),
    ),
    Grant(
        "OwnerApiFunction",
        "ReadAccount",
        "dynamodb:GetItem",
        ("adapters/dynamodb/accounts.py:DynamoAccountStore.find",),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "OwnerApiFunction",
        "GiveQuotaBackAndMarkOwner",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/campaign_rows.py:settlements",
            "adapters/dynamodb/counters.py:releases",
            "adapters/dynamodb/owners.py:DynamoOwnerStore.begin_erasing",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "OwnerApiFunction",
        "EraseClaim",
        "dynamodb:DeleteItem",
        ("adapters/dynamodb/claims.py:erase_claim",),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "OwnerApiFunction",
        "MakeAndEndLinks",
        "dynamodb:PutItem",
        ("adapters/dynamodb/links.py:DynamoLinkStore._put",),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "OwnerApiFunction",
        "MakeAndEndLinks",
        "dynamodb:DeleteItem",
        ("adapters/dynamodb/links.py:DynamoLinkStore.erase",),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "OwnerApiFunction", "LeaveTombstone", "s3:PutObject", ("adapters/s3_job_objects.py:S3JobObjects.put_tombstone",)
    ),
    Grant("OwnerApiFunction", "FindObjects", "s3:ListBucket", ("adapters/s3_erasing.py:keys_below",)),
    Grant("OwnerApiFunction", "EraseObjects", "s3:DeleteObject", ("adapters/s3_erasing.py:delete",)),
    Grant(
        "OwnerApiFunction",
        "StopWorkflow",
        "states:StopExecution",
        ("adapters/step_functions.py:StepFunctionsWorkflow.stop",),
    ),
    Grant(
        "OwnerApiFunction",
        "StartErasing",
        "states:StartExecution",
        ("adapters/erasure_machines.py:ErasureMachines._start",),
    ),
    # EraseLeftoversFunction
    Grant(
        "EraseLeftoversFunction", "EraseJob", "dynamodb:GetItem", ("adapters/dynamodb/jobs.py:DynamoJobStore._item",)
    ),
    Grant(
        "EraseLeftoversFunction",
        "EraseJob",
        "dynamodb:Query",
        (
            "adapters/dynamodb/attempts.py:DynamoAttemptStore.list_by_job",
            "adapters/dynamodb/links.py:DynamoLinkStore._pointers",
        ),
    ),
    Grant(
        "EraseLeftoversFunction",
        "EraseJob",
        "dynamodb:DeleteItem",
        (
            "adapters/dynamodb/attempts.py:DynamoAttemptStore.erase",
            "adapters/dynamodb/jobs.py:DynamoJobStore.erase",
            "adapters/dynamodb/links.py:DynamoLinkStore.erase",
        ),
    ),
    Grant(
        "EraseLeftoversFunction",
        "EraseClaimAndLinks",
        "dynamodb:DeleteItem",
        (
            "adapters/dynamodb/claims.py:erase_claim",
            "adapters/dynamodb/links.py:DynamoLinkStore.erase",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "EraseLeftoversFunction",
        "FindObjects",
        "s3:ListBucket",
        ("adapters/s3_erasing.py:keys_below",),
    ),
    Grant(
        "EraseLeftoversFunction",
        "EraseObjects",
        "s3:DeleteObject",
        ("adapters/s3_erasing.py:delete",),
    ),
    # EraseOwnerFunction
    Grant(
        "EraseOwnerFunction", "EndAndEraseJob", "dynamodb:GetItem", ("adapters/dynamodb/jobs.py:DynamoJobStore._item",)
    ),
    Grant(
        "EraseOwnerFunction",
        "EndAndEraseJob",
        "dynamodb:Query",
        (
            "adapters/dynamodb/attempts.py:DynamoAttemptStore.list_by_job",
            "adapters/dynamodb/links.py:DynamoLinkStore._pointers",
        ),
    ),
    Grant(
        "EraseOwnerFunction",
        "EndAndEraseJob",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/jobs.py:DynamoJobStore._end",
            "adapters/dynamodb/jobs.py:DynamoJobStore._write",
            "adapters/dynamodb/jobs.py:DynamoJobStore.swap_notice",
        ),
    ),
    Grant(
        "EraseOwnerFunction",
        "EndAndEraseJob",
        "dynamodb:DeleteItem",
        (
            "adapters/dynamodb/attempts.py:DynamoAttemptStore.erase",
            "adapters/dynamodb/jobs.py:DynamoJobStore.erase",
            "adapters/dynamodb/links.py:DynamoLinkStore.erase",
        ),
    ),
    Grant(
        "EraseOwnerFunction",
        "GiveQuotaBackAndMarkOwner",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/campaign_rows.py:settlements",
            "adapters/dynamodb/counters.py:releases",
            "adapters/dynamodb/owners.py:DynamoOwnerStore.end_erasing",
            "adapters/dynamodb/owners.py:DynamoOwnerStore.erase",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "EraseOwnerFunction",
        "EraseClaim",
        "dynamodb:DeleteItem",
        ("adapters/dynamodb/claims.py:erase_claim",),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "EraseOwnerFunction",
        "EraseLinks",
        "dynamodb:DeleteItem",
        ("adapters/dynamodb/links.py:DynamoLinkStore.erase",),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "EraseOwnerFunction",
        "LeaveTombstone",
        "s3:PutObject",
        ("adapters/s3_job_objects.py:S3JobObjects.put_tombstone",),
    ),
    Grant("EraseOwnerFunction", "FindObjects", "s3:ListBucket", ("adapters/s3_erasing.py:keys_below",)),
    Grant("EraseOwnerFunction", "EraseObjects", "s3:DeleteObject", ("adapters/s3_erasing.py:delete",)),
    Grant(
        "EraseOwnerFunction",
        "StopWorkflow",
        "states:StopExecution",
        ("adapters/step_functions.py:StepFunctionsWorkflow.stop",),
    ),
    Grant(
        "EraseOwnerFunction",
        "HaveLookedAgain",
        "states:StartExecution",
        ("adapters/erasure_machines.py:ErasureMachines._start",),
    ),
    Grant("EraseOwnerFunction", "FindRequests", "dynamodb:Query", ("adapters/dynamodb/jobs.py:DynamoJobStore._items",)),
    Grant(
        "EraseOwnerFunction",
        "EraseCounters",
        "dynamodb:Query",
        ("adapters/dynamodb/owners.py:DynamoOwnerStore.erase",),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "EraseOwnerFunction",
        "EraseCounters",
        "dynamodb:DeleteItem",
        ("adapters/dynamodb/owners.py:DynamoOwnerStore.erase",),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "EraseOwnerFunction", "EraseSignIn", "cognito-idp:AdminDeleteUser", ("adapters/cognito.py:CognitoPeople.erase",)
    ),
    # RecordFailureFunction
    Grant("RecordFailureFunction", "CloseJob", "dynamodb:GetItem", ("adapters/dynamodb/jobs.py:DynamoJobStore._item",)),
    Grant(
        "RecordFailureFunction",
        "CloseJob",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/jobs.py:DynamoJobStore._end",
            "adapters/dynamodb/jobs.py:DynamoJobStore._write",
            "adapters/dynamodb/jobs.py:DynamoJobStore.swap_notice",
        ),
    ),
    Grant(
        "RecordFailureFunction",
        "GiveQuotaBack",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/campaign_rows.py:settlements",
            "adapters/dynamodb/counters.py:releases",
        ),
        judged=NO_LEADING_KEYS,
    ),
    # CloseLostJobFunction
    Grant("CloseLostJobFunction", "CloseJob", "dynamodb:GetItem", ("adapters/dynamodb/jobs.py:DynamoJobStore._item",)),
    Grant(
        "CloseLostJobFunction",
        "CloseJob",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/jobs.py:DynamoJobStore._end",
            "adapters/dynamodb/jobs.py:DynamoJobStore._write",
            "adapters/dynamodb/jobs.py:DynamoJobStore.swap_notice",
        ),
    ),
    Grant(
        "CloseLostJobFunction",
        "GiveQuotaBack",
        "dynamodb:UpdateItem",
        (
            "adapters/dynamodb/campaign_rows.py:settlements",
            "adapters/dynamodb/counters.py:releases",
        ),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "CloseLostJobFunction", "HaveTold", "lambda:InvokeFunction", ("adapters/lambda_teller.py:LambdaTeller.tell",)
    ),
    # CloseAdmissionFunction
    Grant(
        "CloseAdmissionFunction",
        "WriteSwitch",
        "ssm:PutParameter",
        ("adapters/admission_switch.py:AdmissionSwitch.close",),
    ),
    # SweepOpenJobsFunction
    Grant(
        "SweepOpenJobsFunction",
        "FindOpenJobs",
        "dynamodb:Query",
        ("adapters/dynamodb/jobs.py:DynamoJobStore._items",),
    ),
    Grant(
        "SweepOpenJobsFunction",
        "LookAtJobAndAttempts",
        "dynamodb:GetItem",
        ("adapters/dynamodb/jobs.py:DynamoJobStore._item",),
    ),
    Grant(
        "SweepOpenJobsFunction",
        "LookAtJobAndAttempts",
        "dynamodb:Query",
        ("adapters/dynamodb/attempts.py:DynamoAttemptStore.list_by_job",),
    ),
    Grant(
        "SweepOpenJobsFunction",
        "LookAtJobAndAttempts",
        "dynamodb:UpdateItem",
        ("adapters/dynamodb/jobs.py:DynamoJobStore.forget_ended",),
    ),
    Grant("SweepOpenJobsFunction", "SeeResults", "s3:GetObject", ("adapters/s3_results.py:S3Results.exists",)),
    Grant(
        "SweepOpenJobsFunction",
        "RestartWorkflow",
        "states:StartExecution",
        ("adapters/step_functions.py:StepFunctionsWorkflow.start",),
    ),
    Grant(
        "SweepOpenJobsFunction",
        "AskWorkflow",
        "states:DescribeExecution",
        ("adapters/step_functions.py:StepFunctionsWorkflow.status",),
    ),
    Grant(
        "SweepOpenJobsFunction",
        "HaveClosed",
        "lambda:InvokeFunction",
        ("adapters/lambda_closer.py:LambdaCloser.close",),
    ),
    Grant(
        "SweepOpenJobsFunction",
        "HaveHeard",
        "lambda:InvokeFunction",
        ("adapters/lambda_messenger.py:LambdaMessenger.repeat",),
    ),
    # StartScheduledRequestFunction
    Grant(
        "StartScheduledRequestFunction",
        "RecordAndRead",
        "dynamodb:PutItem",
        (
            "adapters/dynamodb/jobs.py:DynamoJobStore._put",
            "adapters/dynamodb/claims.py:claim_put",
        ),
    ),
    Grant(
        "StartScheduledRequestFunction",
        "RecordAndRead",
        "dynamodb:GetItem",
        ("adapters/dynamodb/claims.py:find_claim", "adapters/dynamodb/jobs.py:DynamoJobStore._item"),
    ),
    Grant(
        "StartScheduledRequestFunction",
        "ReadAccount",
        "dynamodb:GetItem",
        ("adapters/dynamodb/accounts.py:DynamoAccountStore.find",),
        judged=NO_LEADING_KEYS,
    ),
    Grant(
        "StartScheduledRequestFunction", "TakeQuota", "dynamodb:UpdateItem", ("adapters/dynamodb/counters.py:takings",)
    ),
    Grant(
        "StartScheduledRequestFunction",
        "StartWorkflow",
        "states:StartExecution",
        ("adapters/step_functions.py:StepFunctionsWorkflow.start",),
    ),
    Grant(
        "StartScheduledRequestFunction",
        "ReadSwitches",
        "ssm:GetParameter",
        ("adapters/parameters.py:OperatorParameters._get",),
    ),
    # ImageRequestRole
    Grant(
        "ImageRequestRole",
        "Trace",
        "xray:PutTraceSegments",
        ("template.yaml:Tracing: {Enabled: true}",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "ImageRequestRole",
        "Trace",
        "xray:PutTelemetryRecords",
        ("template.yaml:Tracing: {Enabled: true}",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "ImageRequestRole",
        "Trace",
        "xray:GetSamplingRules",
        ("template.yaml:Tracing: {Enabled: true}",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "ImageRequestRole",
        "Trace",
        "xray:GetSamplingTargets",
        ("template.yaml:Tracing: {Enabled: true}",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "ImageRequestRole",
        "InvokeStates",
        "lambda:InvokeFunction",
        ("statemachine/image_request.asl.json:arn:aws:states:::lambda:invoke",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "ImageRequestRole",
        "DeliverLogs",
        "logs:CreateLogDelivery",
        ("template.yaml:CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt ImageRequestLogGroup.Arn}",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "ImageRequestRole",
        "DeliverLogs",
        "logs:GetLogDelivery",
        ("template.yaml:CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt ImageRequestLogGroup.Arn}",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "ImageRequestRole",
        "DeliverLogs",
        "logs:UpdateLogDelivery",
        ("template.yaml:CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt ImageRequestLogGroup.Arn}",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "ImageRequestRole",
        "DeliverLogs",
        "logs:DeleteLogDelivery",
        ("template.yaml:CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt ImageRequestLogGroup.Arn}",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "ImageRequestRole",
        "DeliverLogs",
        "logs:ListLogDeliveries",
        ("template.yaml:CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt ImageRequestLogGroup.Arn}",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "ImageRequestRole",
        "DeliverLogs",
        "logs:PutResourcePolicy",
        ("template.yaml:CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt ImageRequestLogGroup.Arn}",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "ImageRequestRole",
        "DeliverLogs",
        "logs:DescribeResourcePolicies",
        ("template.yaml:CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt ImageRequestLogGroup.Arn}",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "ImageRequestRole",
        "DeliverLogs",
        "logs:DescribeLogGroups",
        ("template.yaml:CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt ImageRequestLogGroup.Arn}",),
        judged=NOT_ENFORCED_ROLE,
    ),
    # EraseLeftoversRole, EraseOwnerRole
    Grant(
        "EraseOwnerRole",
        "InvokeStates",
        "lambda:InvokeFunction",
        ("statemachine/erase_owner.asl.json:arn:aws:states:::lambda:invoke",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "EraseLeftoversRole",
        "InvokeStates",
        "lambda:InvokeFunction",
        ("statemachine/erase_leftovers.asl.json:arn:aws:states:::lambda:invoke",),
        judged=NOT_ENFORCED_ROLE,
    ),
    *(
        Grant(
            role,
            "DeliverLogs",
            action,
            (f"template.yaml:LogGroupArn: !GetAtt {role.removesuffix('Role')}MachineLogGroup.Arn",),
            judged=NOT_ENFORCED_ROLE,
        )
        for role in ("EraseLeftoversRole", "EraseOwnerRole")
        for action in (
            "logs:CreateLogDelivery",
            "logs:GetLogDelivery",
            "logs:UpdateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups",
        )
    ),
    # SampleScheduleRole
    Grant(
        "SampleScheduleRole",
        "StartRequest",
        "lambda:InvokeFunction",
        ("template.yaml:Arn: !GetAtt StartScheduledRequestFunction.Arn",),
        judged=NOT_ENFORCED_ROLE,
    ),
    Grant(
        "SampleScheduleRole",
        "KeepWhatFailed",
        "sqs:SendMessage",
        ("template.yaml:DeadLetterConfig: {Arn: !GetAtt DeadLetters.Arn}",),
        judged=NOT_ENFORCED_ROLE,
    ),
    # ModelRole
    Grant(
        "ModelRole",
        "ReadJobs",
        "s3:GetObject",
        (
            "model/afterimage_model/storage.py:self._client.head_object(",
            "model/afterimage_model/storage.py:self._client.get_object(",
        ),
    ),
    Grant(
        "ModelRole", "WritePictures", "s3:PutObject", ("model/afterimage_model/storage.py:self._client.put_object(",)
    ),
    Grant(
        "ModelRole",
        "WriteProgress",
        "s3:PutObject",
        (
            "model/afterimage_model/generate.py:storage.put(bucket, progress_key(job_id)",
            "model/afterimage_model/storage.py:self._client.put_object(",
        ),
    ),
    Grant(
        "ModelRole",
        "WriteResults",
        "s3:PutObject",
        ("template.yaml:S3OutputPath: !Sub s3://${Bucket}/inference/output/",),
    ),
    Grant(
        "ModelRole",
        "WriteResults",
        "s3:AbortMultipartUpload",
        ("template.yaml:S3OutputPath: !Sub s3://${Bucket}/inference/output/",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "ModelRole",
        "AnswerMissingKeys",
        "s3:ListBucket",
        ("model/afterimage_model/storage.py:self._client.head_object(",),
    ),
    Grant(
        "ModelRole",
        "Publish",
        "sns:Publish",
        ("template.yaml:NotificationConfig: {SuccessTopic: !Ref SuccessTopic, ErrorTopic: !Ref ErrorTopic}",),
        judged=OPEN_TOPIC,
    ),
    Grant("ModelRole", "ReadModel", "s3:GetObject", ("template.yaml:S3Uri: !Ref ModelDataPrefix",), judged=NO_ENDPOINT),
    Grant(
        "ModelRole", "ListModel", "s3:ListBucket", ("template.yaml:S3Uri: !Ref ModelDataPrefix",), judged=NO_ENDPOINT
    ),
    Grant(
        "ModelRole",
        "PullImage",
        "ecr:BatchGetImage",
        ("template.yaml:Image: !Ref ContainerImageUri",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "ModelRole",
        "PullImage",
        "ecr:GetDownloadUrlForLayer",
        ("template.yaml:Image: !Ref ContainerImageUri",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "ModelRole",
        "PullImage",
        "ecr:BatchCheckLayerAvailability",
        ("template.yaml:Image: !Ref ContainerImageUri",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "ModelRole",
        "LogInToRegistry",
        "ecr:GetAuthorizationToken",
        ("template.yaml:Image: !Ref ContainerImageUri",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "ModelRole",
        "WriteLogs",
        "logs:CreateLogGroup",
        ("template.yaml:Type: AWS::SageMaker::Endpoint",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "ModelRole",
        "WriteLogs",
        "logs:CreateLogStream",
        ("template.yaml:Type: AWS::SageMaker::Endpoint",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "ModelRole",
        "WriteLogs",
        "logs:PutLogEvents",
        ("template.yaml:Type: AWS::SageMaker::Endpoint",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "ModelRole",
        "WriteLogs",
        "logs:DescribeLogStreams",
        ("template.yaml:Type: AWS::SageMaker::Endpoint",),
        judged=NO_ENDPOINT,
    ),
    Grant(
        "ModelRole",
        "WriteMetrics",
        "cloudwatch:PutMetricData",
        ("template.yaml:Type: AWS::SageMaker::Endpoint",),
        judged=NO_ENDPOINT,
    ),
    # Campaigns
    *CAMPAIGN_GRANTS,
    *CAMPAIGN_DOOR_GRANTS,
)
