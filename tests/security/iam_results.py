"""The permissions of whatever tells what became of a campaign."""

from __future__ import annotations

from security.iam_grant import Grant

RESULT_GRANTS = (
    # DrawContactSheetFunction
    Grant(
        "DrawContactSheetFunction",
        "ReadPlanAndThumbnails",
        "s3:GetObject",
        ("imaging/afterimage_imaging/draw_contact_sheet.py:self.client.get_object(",),
    ),
    Grant(
        "DrawContactSheetFunction",
        "WriteSheet",
        "s3:PutObject",
        ("imaging/afterimage_imaging/draw_contact_sheet.py:self.client.put_object(",),
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
