"""Every place of the local cloud that may keep something, as text, so that a test can look for what must be gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from integration.conftest import LocalCloud


def sightings(cloud: LocalCloud, canaries: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Return, for each canary by its name, the kinds of place in which it was seen."""
    seen: dict[str, set[str]] = {name: set() for name in canaries}
    for kind, text in (*_table(cloud), *_bucket(cloud), *_queue(cloud), *_logs(cloud), *_histories(cloud)):
        for name, canary in canaries.items():
            if canary.lower() in text.lower():
                seen[name].add(kind)
    return {name: tuple(sorted(kinds)) for name, kinds in seen.items()}


def _table(cloud: LocalCloud) -> Iterator[tuple[str, str]]:
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.outputs["TableName"])
    for page in pages:
        for item in page["Items"]:
            yield "table", json.dumps(item, ensure_ascii=False, default=str)


def _bucket(cloud: LocalCloud) -> Iterator[tuple[str, str]]:
    s3, bucket = cloud.client("s3"), cloud.outputs["BucketName"]
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            yield "bucket", json.dumps(version, default=str)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", ()):
            found = s3.get_object(Bucket=bucket, Key=entry["Key"])
            tags = s3.get_object_tagging(Bucket=bucket, Key=entry["Key"])["TagSet"]
            yield "bucket", f"{entry['Key']} {tags} {found['Metadata']} {found['Body'].read().decode('latin-1')}"


def _queue(cloud: LocalCloud) -> Iterator[tuple[str, str]]:
    answer = cloud.client("sqs").receive_message(
        QueueUrl=cloud.outputs["DeadLettersUrl"], MaxNumberOfMessages=10, VisibilityTimeout=0
    )
    for message in answer.get("Messages", ()):
        yield "dead letters", json.dumps(message)


def _logs(cloud: LocalCloud) -> Iterator[tuple[str, str]]:
    logs = cloud.client("logs")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            for events in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                for event in events["events"]:
                    yield "logs", event["message"]
    for name in ("model.log", "runtime.log"):
        yield "logs", (cloud.settings.logs / name).read_text(encoding="utf-8", errors="replace")


def _histories(cloud: LocalCloud) -> Iterator[tuple[str, str]]:
    states = cloud.client("stepfunctions")
    for machine in states.list_state_machines()["stateMachines"]:
        executions = states.get_paginator("list_executions").paginate(stateMachineArn=machine["stateMachineArn"])
        for page in executions:
            for execution in page["executions"]:
                arn = execution["executionArn"]
                history = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
                yield "histories", json.dumps([states.describe_execution(executionArn=arn), history], default=str)
