"""The permissions of whatever tells what became of a campaign."""

from __future__ import annotations

from security.iam_grant import NO_RAW_MAIL, Grant

_TELL = "TellCampaignFunction"
_ZIP = "ZipCampaignPicturesFunction"
_FILES = "adapters/s3_campaign_files.py:S3CampaignFiles"
_STORES = "adapters/dynamodb/"

RESULT_GRANTS = (
    # ZipCampaignPicturesFunction
    Grant(_ZIP, "ReadResultsAndPictures", "s3:GetObject", (f"{_FILES}._body",)),
    Grant(
        _ZIP,
        "WriteZips",
        "s3:PutObject",
        (f"{_FILES}._send_part", f"{_FILES}._write_parts", f"{_FILES}.write"),
    ),
    Grant(_ZIP, "WriteZips", "s3:AbortMultipartUpload", (f"{_FILES}._write_parts",)),
    # TellCampaignFunction
    Grant(
        _TELL,
        "ReadRunAndWhoIsLeftAlone",
        "dynamodb:GetItem",
        (
            f"{_STORES}campaign_notices.py:DynamoCampaignNotices.find",
            f"{_STORES}campaigns.py:DynamoCampaignStore.get",
            f"{_STORES}campaigns.py:DynamoCampaignStore.get_run",
            f"{_STORES}suppressions.py:DynamoSuppressionStore.find",
            f"{_STORES}unsubscribes.py:DynamoUnsubscribeStore.has_left",
        ),
    ),
    Grant(
        _TELL,
        "NoteWhoWasTold",
        "dynamodb:UpdateItem",
        (f"{_STORES}campaign_notices.py:DynamoCampaignNotices.swap",),
    ),
    Grant(
        _TELL,
        "MakeLinks",
        "dynamodb:PutItem",
        (
            f"{_STORES}links.py:DynamoLinkStore._put",
            f"{_STORES}unsubscribes.py:DynamoUnsubscribeStore.put_link",
        ),
    ),
    Grant(
        _TELL,
        "ReadResults",
        "s3:GetObject",
        (
            "adapters/s3_campaign_files.py:S3CampaignFiles._body",
            "adapters/s3_campaign_files.py:S3CampaignFiles.size",
        ),
    ),
    Grant(_TELL, "ReadLinkLifetime", "ssm:GetParameter", ("adapters/parameters.py:OperatorParameters._get",)),
    Grant(_TELL, "SendMail", "ses:SendEmail", ("adapters/mail/ses.py:SesMailer._send",)),
    Grant(_TELL, "SendMail", "ses:SendRawEmail", ("adapters/mail/ses.py:SesMailer._send",), judged=NO_RAW_MAIL),
    Grant(
        "PublicLinkFunction",
        "Unsubscribe",
        "dynamodb:PutItem",
        (f"{_STORES}unsubscribes.py:DynamoUnsubscribeStore.unsubscribe",),
    ),
    # DrawContactSheetFunction
    Grant(
        "DrawContactSheetFunction",
        "ReadPlanAndThumbnails",
        "s3:GetObject",
        ("imaging/afterimage_imaging/storage.py:self.client.get_object(",),
    ),
    Grant(
        "DrawContactSheetFunction",
        "WriteSheet",
        "s3:PutObject",
        ("imaging/afterimage_imaging/storage.py:self.client.put_object(",),
    ),
    # WriteCampaignResultsFunction
    Grant(
        "WriteCampaignResultsFunction",
        "ReadCampaign",
        "dynamodb:GetItem",
        ("adapters/dynamodb/campaigns.py:DynamoCampaignStore.get",),
    ),
    Grant(
        "WriteCampaignResultsFunction",
        "ReadRun",
        "dynamodb:GetItem",
        ("adapters/dynamodb/campaigns.py:DynamoCampaignStore.get_run",),
    ),
    Grant(
        "WriteCampaignResultsFunction",
        "ReadRun",
        "dynamodb:Query",
        ("adapters/dynamodb/campaigns.py:DynamoCampaignStore.list_rows",),
    ),
    Grant(
        "WriteCampaignResultsFunction",
        "ReadJobs",
        "dynamodb:BatchGetItem",
        ("adapters/dynamodb/jobs.py:DynamoJobStore._batch",),
    ),
    Grant(
        "WriteCampaignResultsFunction",
        "MakeLinks",
        "dynamodb:PutItem",
        ("adapters/dynamodb/links.py:DynamoLinkStore._put",),
    ),
    Grant(
        "WriteCampaignResultsFunction",
        "ReadRowsAndParts",
        "s3:GetObject",
        ("adapters/s3_campaign_files.py:S3CampaignFiles._body",),
    ),
    Grant(
        "WriteCampaignResultsFunction",
        "WriteResults",
        "s3:PutObject",
        (
            "adapters/s3_campaign_files.py:S3CampaignFiles._send_part",
            "adapters/s3_campaign_files.py:S3CampaignFiles._write_parts",
            "adapters/s3_campaign_files.py:S3CampaignFiles.write",
        ),
    ),
    Grant(
        "WriteCampaignResultsFunction",
        "WriteResults",
        "s3:AbortMultipartUpload",
        ("adapters/s3_campaign_files.py:S3CampaignFiles._write_parts",),
    ),
    Grant(
        "WriteCampaignResultsFunction",
        "ReadLinkLifetime",
        "ssm:GetParameter",
        ("adapters/parameters.py:OperatorParameters._get",),
    ),
)
