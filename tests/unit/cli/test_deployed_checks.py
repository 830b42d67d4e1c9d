"""`afterimage doctor --stack`: each thing that may be wrong in the account is told, with what to do."""

from __future__ import annotations

import copy
import dataclasses
import datetime
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError
from fakes.stubbed import stubbed
from fakes.template import template

from cli.checks import Finding
from cli.deployed_checks import Deployed, deployed_findings, read_deployed

ARN = "arn:aws:sns:us-east-1:111122223333:"
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:signing-key-AbCdEf"
NAMES = [name for name in template()["Resources"] if name.endswith("Alarm")]
STACK = Deployed(
    name="afterimage",
    resources={name: f"afterimage-{name}" for name in NAMES}
    | {topic: ARN + topic for topic in ("SuccessTopic", "ErrorTopic", "MailTopic", "BreakerTopic")}
    | {
        "AdmissionParameter": "/afterimage/admission",
        "DeadLetters": "https://sqs.us-east-1.amazonaws.com/111122223333/dead",
        "SweepOpenJobsFunctionEveryMinute": "rule",
        "SampleSchedule": "schedule",
        "StartGenerationFunction": "start",
        "MailConfiguration": "set",
    },
    parameters={
        "AlarmTopicArn": ARN + "people",
        "SenderAddress": "studio@example.com",
        "DeployEndpoint": "true",
        "SigningSecretArn": SECRET,
        "InstanceType": "ml.g5.xlarge",
        "MaxInstances": "2",
    },
    outputs={"EndpointName": "images", "SuccessTopicArn": ARN + "SuccessTopic", "ErrorTopicArn": ARN + "ErrorTopic"},
)
NOW = datetime.datetime(2026, 11, 22, 9, 0, tzinfo=datetime.UTC)


def subscription(topic: str) -> dict[str, Any]:
    arn = ARN + topic
    return {
        "Subscriptions": [
            {"SubscriptionArn": f"{arn}:1", "TopicArn": arn, "Owner": "1", "Protocol": "lambda", "Endpoint": "arn"}
        ]
    }


def an_alarm(name: str, state: str = "OK") -> dict[str, Any]:
    return {"AlarmName": f"afterimage-{name}", "StateValue": state}


# In the order in which each service is asked.
WELL: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "ssm": [("get_parameter", {"Parameter": {"Name": "n", "Value": "open", "LastModifiedDate": NOW}})],
    "sqs": [("get_queue_attributes", {"Attributes": {"ApproximateNumberOfMessages": "0"}})],
    "cloudwatch": [("describe_alarms", {"MetricAlarms": [an_alarm(name) for name in NAMES]})],
    "events": [("describe_rule", {"State": "ENABLED", "ScheduleExpression": "rate(1 minute)"})],
    "scheduler": [("get_schedule", {"State": "DISABLED", "ScheduleExpression": "rate(1 day)"})],
    "sns": [
        ("list_subscriptions_by_topic", subscription(topic))
        for topic in ("SuccessTopic", "ErrorTopic", "MailTopic", "BreakerTopic")
    ],
    "sesv2": [
        (
            "get_account",
            {
                "SendingEnabled": True,
                "ProductionAccessEnabled": True,
                "SendQuota": {"SentLast24Hours": 3, "Max24HourSend": 50_000},
            },
        ),
        ("get_email_identity", {"VerifiedForSendingStatus": True}),
        (
            "get_configuration_set_event_destinations",
            {
                "EventDestinations": [
                    {
                        "Name": "outcomes",
                        "Enabled": True,
                        "MatchingEventTypes": ["BOUNCE", "COMPLAINT"],
                        "SnsDestination": {"TopicArn": ARN + "MailTopic"},
                    }
                ]
            },
        ),
    ],
    "lambda": [
        ("get_function_configuration", {"Environment": {"Variables": {"ENDPOINT_NAME": "images"}}}),
        ("get_account_settings", {"AccountLimit": {"ConcurrentExecutions": 1000}}),
    ],
    "sagemaker": [
        (
            "describe_endpoint",
            {
                "EndpointName": "images",
                "EndpointArn": "arn:aws:sagemaker:us-east-1:111122223333:endpoint/images",
                "EndpointConfigName": "config",
                "EndpointStatus": "InService",
                "CreationTime": NOW,
                "LastModifiedTime": NOW,
            },
        ),
        (
            "describe_endpoint_config",
            {
                "EndpointConfigName": "config",
                "EndpointConfigArn": "arn:aws:sagemaker:us-east-1:111122223333:endpoint-config/config",
                "ProductionVariants": [{"VariantName": "main"}],
                "CreationTime": NOW,
                "AsyncInferenceConfig": {
                    "OutputConfig": {
                        "S3OutputPath": "s3://bucket/inference/output/",
                        "S3FailurePath": "s3://bucket/inference/failure/",
                        "NotificationConfig": {
                            "SuccessTopic": ARN + "SuccessTopic",
                            "ErrorTopic": ARN + "ErrorTopic",
                        },
                    }
                },
            },
        ),
    ],
    "secretsmanager": [("describe_secret", {"ARN": SECRET, "Name": "signing-key"})],
    "service-quotas": [
        ("list_service_quotas", {"Quotas": [{"QuotaName": "ml.g5.xlarge for endpoint usage", "Value": 2.0}]})
    ],
}


def look(stack: Deployed = STACK, **changes: Any) -> dict[str, Finding]:
    """Return the findings by name. `changes` names an operation: what it answers, or an error's code."""
    clients = {}
    for service, answers in WELL.items():
        clients[service], stubber = stubbed(service)
        for operation, answer in copy.deepcopy(answers):
            change = changes.get(operation, answer)
            if isinstance(change, str):
                stubber.add_client_error(operation, change)
            else:
                stubber.add_response(operation, change)
    return {finding.name: finding for finding in deployed_findings(clients.__getitem__, stack)}


def merged(service: str, number: int, **changes: Any) -> dict[str, Any]:
    return copy.deepcopy(WELL[service][number][1]) | changes


def config(**output: Any) -> dict[str, Any]:
    document = merged("sagemaker", 1)
    document["AsyncInferenceConfig"]["OutputConfig"] |= output
    return {name: value for name, value in document.items() if value is not None}


def test_a_stack_that_is_well_has_no_remedy() -> None:
    findings = look()
    assert len(findings) == 13
    assert [finding for finding in findings.values() if not finding.well or finding.warning or finding.remedy] == []


ILL: list[tuple[str, str, Any, str]] = [
    (
        "admission",
        "get_parameter",
        {"Parameter": {"Value": "closed", "LastModifiedDate": NOW}},
        "since 2026-11-22 09:00",
    ),
    ("dead letters", "get_queue_attributes", {"Attributes": {"ApproximateNumberOfMessages": "3"}}, "3 wait"),
    ("alarms", "describe_alarms", {"MetricAlarms": [an_alarm(name, "ALARM") for name in NAMES]}, "FailedShareAlarm"),
    ("alarms", "describe_alarms", {"MetricAlarms": [an_alarm(name) for name in NAMES[1:]]}, f"missing: {NAMES[0]}"),
    ("sweep", "describe_rule", {"State": "DISABLED"}, "disabled"),
    ("topics", "list_subscriptions_by_topic", {"Subscriptions": []}, "nobody hears SuccessTopic"),
    (
        "topics",
        "list_subscriptions_by_topic",
        {
            "Subscriptions": [
                subscription("SuccessTopic")["Subscriptions"][0] | {"SubscriptionArn": "PendingConfirmation"}
            ]
        },
        "nobody hears",
    ),
    ("mail account", "get_account", {"SendingEnabled": False, "ProductionAccessEnabled": True}, "paused"),
    ("sender", "get_email_identity", {"VerifiedForSendingStatus": False}, "not confirmed"),
    ("mail events", "get_configuration_set_event_destinations", {"EventDestinations": []}, "told to nobody"),
    (
        "endpoint",
        "get_function_configuration",
        {"Environment": {"Variables": {"ENDPOINT_NAME": "other"}}},
        "call other, the stack says images",
    ),
    ("endpoint", "describe_endpoint", merged("sagemaker", 0, EndpointStatus="Failed"), "is Failed"),
    ("endpoint", "describe_endpoint_config", config(NotificationConfig={}), "SuccessTopic and ErrorTopic"),
    ("endpoint", "describe_endpoint_config", config(S3FailurePath=""), "S3FailurePath"),
    ("endpoint", "describe_endpoint", "ValidationException", "ValidationException"),
    ("instance quota", "list_service_quotas", {"Quotas": []}, "0 of ml.g5.xlarge, 2 needed"),
]


@pytest.mark.parametrize(("name", "operation", "answer", "words"), ILL)
def test_what_is_wrong_is_told_with_what_to_do(name: str, operation: str, answer: Any, words: str) -> None:
    findings = look(**{operation: answer})
    assert words in findings[name].sentence
    assert findings[name].remedy
    assert [other for other, finding in findings.items() if not finding.well] == [name]


@pytest.mark.parametrize(
    ("name", "operation", "answer", "words"),
    [
        ("mail account", "get_account", {"SendingEnabled": True, "ProductionAccessEnabled": False}, "sandbox"),
        ("concurrency", "get_account_settings", {"AccountLimit": {"ConcurrentExecutions": 10}}, "10 functions"),
    ],
)
def test_what_bears_watching_is_a_warning(name: str, operation: str, answer: Any, words: str) -> None:
    finding = look(**{operation: answer})[name]
    assert (finding.well, finding.warning) == (True, True)
    assert words in finding.sentence
    assert finding.remedy


OPERATIONS = [(service, operation) for service, answers in WELL.items() for operation, _ in answers]


@pytest.mark.parametrize(("service", "operation"), sorted(set(OPERATIONS)))
def test_what_may_not_be_looked_at_is_a_warning_and_no_crash(service: str, operation: str) -> None:
    code = "AuthorizationError" if service == "sns" else "AccessDeniedException"
    findings = look(**{operation: code})
    assert all(finding.well for finding in findings.values())
    (warned,) = [finding for finding in findings.values() if finding.warning]
    assert "may not be looked at" in warned.sentence


def test_an_alarm_that_tells_nobody_is_a_warning() -> None:
    parameters = {**STACK.parameters, "AlarmTopicArn": ""}
    finding = look(Deployed(**{**vars(STACK), "parameters": parameters}))["alarms"]
    assert (finding.well, finding.warning) == (True, True)


def test_a_stack_of_an_older_version_is_told_by_what_it_lacks() -> None:
    resources = {name: value for name, value in STACK.resources.items() if name != "BreakerTopic"}
    finding = look(Deployed(**{**vars(STACK), "resources": resources}))["topics"]
    assert not finding.well
    assert "BreakerTopic" in finding.sentence


def test_a_stack_without_an_endpoint_of_its_own_needs_no_quota() -> None:
    parameters = {**STACK.parameters, "DeployEndpoint": "false"}
    assert "makes no endpoint" in look(Deployed(**{**vars(STACK), "parameters": parameters}))["instance quota"].sentence


def test_without_credentials_everything_is_a_warning() -> None:
    def client(service: str) -> Any:
        raise NoCredentialsError()

    findings = list(deployed_findings(client, STACK))
    assert len(findings) == 13
    assert all(finding.well and finding.warning for finding in findings)


def test_the_stack_is_read_page_by_page() -> None:
    client, stubber = stubbed("cloudformation")
    stack = {
        "StackName": "afterimage",
        "CreationTime": NOW,
        "StackStatus": "CREATE_COMPLETE",
        "Parameters": [{"ParameterKey": "MaxInstances", "ParameterValue": "2"}],
        "Outputs": [{"OutputKey": "EndpointName", "OutputValue": "images"}],
    }
    stubber.add_response("describe_stacks", {"Stacks": [stack]})
    for name, token in (("A", {"NextToken": "more"}), ("B", {})):
        entry = {
            "LogicalResourceId": name,
            "PhysicalResourceId": name.lower(),
            "ResourceType": "T",
            "LastUpdatedTimestamp": NOW,
            "ResourceStatus": "CREATE_COMPLETE",
        }
        stubber.add_response("list_stack_resources", {"StackResourceSummaries": [entry], **token})
    found = read_deployed(lambda service: client, "afterimage")
    assert (found.resources, found.parameters) == ({"A": "a", "B": "b"}, {"MaxInstances": "2"})
    assert found.outputs == {"EndpointName": "images"}


def test_a_stack_without_a_key_is_told_that_nobody_signs() -> None:
    unsigned = dataclasses.replace(STACK, parameters=STACK.parameters | {"SigningSecretArn": ""})
    found = look(unsigned)["provenance"]
    assert found.warning
    assert "SigningSecretArn" in found.remedy


def test_a_key_that_is_being_deleted_is_a_failure() -> None:
    found = look(describe_secret={"ARN": SECRET, "Name": "signing-key", "DeletedDate": NOW})["provenance"]
    assert not found.well
