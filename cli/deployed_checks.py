"""What `afterimage doctor --stack` looks at in the account: everything that a person would open the console for.

Each check reads and changes nothing. What the person may not look at is a warning with the name of the right, because
a stack can be well under somebody with few rights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cli.checks import Finding

Client = Callable[[str], Any]
_DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")
_TOPICS = ("SuccessTopic", "ErrorTopic", "MailTopic", "BreakerTopic")
# It wakes the endpoint and is no trouble.
_NO_TROUBLE = "BacklogWithoutCapacityAlarm"
_ENOUGH_CONCURRENCY = 100


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A stack as CloudFormation has it: logical to physical names, parameters and outputs."""

    name: str
    resources: dict[str, str]
    parameters: dict[str, str]
    outputs: dict[str, str]


def read_deployed(client: Client, name: str) -> Deployed:
    """Return what CloudFormation knows. Raises ClientError."""
    cloudformation = client("cloudformation")
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    resources = {
        entry["LogicalResourceId"]: entry["PhysicalResourceId"]
        for page in pages
        for entry in page["StackResourceSummaries"]
        if "PhysicalResourceId" in entry
    }
    return Deployed(
        name=name,
        resources=resources,
        parameters={entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in stack.get("Parameters", [])},
        outputs={entry["OutputKey"]: entry["OutputValue"] for entry in stack.get("Outputs", [])},
    )


def deployed_findings(client: Client, stack: Deployed) -> Iterator[Finding]:
    """Check a deployed stack from inside its account. One check's trouble is its own."""
    checks: tuple[tuple[str, Callable[[Client, Deployed], Finding]], ...] = (
        ("admission", _admission),
        ("dead letters", _dead_letters),
        ("alarms", _alarms),
        ("sweep", _sweep),
        ("schedule", _schedule),
        ("topics", _topics),
        ("mail account", _mail_account),
        ("sender", _sender),
        ("mail events", _mail_events),
        ("provenance", _provenance),
        ("endpoint", _endpoint),
        ("instance quota", _instance_quota),
        ("concurrency", _concurrency),
    )
    for name, look in checks:
        yield _looking(name, look, client, stack)


def _looking(name: str, look: Callable[[Client, Deployed], Finding], client: Client, stack: Deployed) -> Finding:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return look(client, stack)
    except ClientError as exc:
        code = exc.response.get("Error", {}).get("Code", "")
        if code in _DENIED:
            return _warn(name, f"may not be looked at ({exc.operation_name})", "Look with a profile that may read it.")
        return _ill(
            name, f"{exc.operation_name} answered {code}", "Deploy the stack anew, or see the service's console."
        )
    except BotoCoreError as exc:
        return _warn(name, f"could not be asked: {type(exc).__name__}", "Check --profile and --region.")
    except KeyError as exc:
        return _ill(name, f"the stack has no {exc.args[0]}", "Deploy the version of this checkout.")


def _well(name: str, sentence: str) -> Finding:
    return Finding(name=name, well=True, sentence=sentence)


def _warn(name: str, sentence: str, remedy: str) -> Finding:
    return Finding(name=name, well=True, warning=True, sentence=sentence, remedy=remedy)


def _ill(name: str, sentence: str, remedy: str) -> Finding:
    return Finding(name=name, well=False, sentence=sentence, remedy=remedy)


def _admission(client: Client, stack: Deployed) -> Finding:
    parameter = stack.resources["AdmissionParameter"]
    found = client("ssm").get_parameter(Name=parameter)["Parameter"]
    if found["Value"] == "open":
        return _well("admission", "open")
    since = f"{found['LastModifiedDate']:%Y-%m-%d %H:%M %Z}".strip()
    remedy = "See FailedShareAlarm in docs/operations.md; open it again when the cause is mended."
    return _ill("admission", f"closed since {since}: new requests get 503", remedy)


def _dead_letters(client: Client, stack: Deployed) -> Finding:
    name = "ApproximateNumberOfMessages"
    found = client("sqs").get_queue_attributes(QueueUrl=stack.resources["DeadLetters"], AttributeNames=[name])
    number = int(found["Attributes"][name])
    if number == 0:
        return _well("dead letters", "none")
    return _ill("dead letters", f"{number} wait to be looked at", "See DeadLettersAlarm in docs/operations.md.")


def _alarms(client: Client, stack: Deployed) -> Finding:
    wanted = {physical: logical for logical, physical in stack.resources.items() if logical.endswith("Alarm")}
    pages = client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNames=list(wanted))
    states = {alarm["AlarmName"]: alarm["StateValue"] for page in pages for alarm in page["MetricAlarms"]}
    if missing := sorted(logical for physical, logical in wanted.items() if physical not in states):
        return _ill("alarms", f"missing: {', '.join(missing)}", "Deploy the stack again.")
    ringing = sorted({wanted[name] for name, state in states.items() if state == "ALARM"} - {_NO_TROUBLE})
    if ringing:
        return _ill("alarms", f"ringing: {', '.join(ringing)}", "Each has its paragraph in docs/operations.md.")
    if not stack.parameters.get("AlarmTopicArn"):
        return _warn("alarms", f"{len(states)}, all quiet, and nobody would be told", "Deploy with AlarmTopicArn.")
    return _well("alarms", f"{len(states)}, all quiet")


def _sweep(client: Client, stack: Deployed) -> Finding:
    rule = client("events").describe_rule(Name=stack.resources["SweepOpenJobsFunctionEveryMinute"])
    if rule["State"] == "ENABLED":
        return _well("sweep", str(rule.get("ScheduleExpression", "runs")))
    return _ill("sweep", "its rule is disabled, so what is lost stays lost", "Enable the rule in EventBridge.")


def _schedule(client: Client, stack: Deployed) -> Finding:
    found = client("scheduler").get_schedule(Name=stack.resources["SampleSchedule"].rpartition("/")[2])
    return _well("schedule", f"{str(found['State']).lower()}, {found['ScheduleExpression']}")


def _topics(client: Client, stack: Deployed) -> Finding:
    sns = client("sns")
    deaf = []
    for topic in _TOPICS:
        found = sns.list_subscriptions_by_topic(TopicArn=stack.resources[topic])["Subscriptions"]
        if not any(entry["SubscriptionArn"].startswith("arn:") for entry in found):
            deaf.append(topic)
    if deaf:
        return _ill("topics", f"nobody hears {', '.join(deaf)}", "Deploy the stack again: its subscription is gone.")
    return _well("topics", f"{len(_TOPICS)}, each heard")


def _mail_account(client: Client, stack: Deployed) -> Finding:
    account = client("sesv2").get_account()
    if not account.get("SendingEnabled", False):
        return _ill("mail account", "SES has paused this account's mail", "See the SES console, Account dashboard.")
    if not account.get("ProductionAccessEnabled", False):
        remedy = "Only confirmed addresses get mail, 200 a day. Ask for production access in the SES console."
        return _warn("mail account", "in the sandbox", remedy)
    quota = account.get("SendQuota", {})
    return _well("mail account", f"{quota.get('SentLast24Hours', 0):.0f} of {quota.get('Max24HourSend', 0):.0f} today")


def _sender(client: Client, stack: Deployed) -> Finding:
    sender = stack.parameters["SenderAddress"]
    identity = client("sesv2").get_email_identity(EmailIdentity=sender)
    if identity.get("VerifiedForSendingStatus"):
        return _well("sender", f"{sender} is confirmed")
    return _ill("sender", f"{sender} is not confirmed", "Open the mail that SES sent to it, and follow its link.")


def _mail_events(client: Client, stack: Deployed) -> Finding:
    name = stack.resources["MailConfiguration"]
    found = client("sesv2").get_configuration_set_event_destinations(ConfigurationSetName=name)
    topic = stack.resources["MailTopic"]
    for entry in found.get("EventDestinations", []):
        told = entry.get("Enabled") and entry.get("SnsDestination", {}).get("TopicArn") == topic
        if told and {"BOUNCE", "COMPLAINT"} <= set(entry["MatchingEventTypes"]):
            return _well("mail events", "bounces and complaints are told")
    return _ill("mail events", "bounces and complaints are told to nobody", "Deploy the stack again.")


def _provenance(client: Client, stack: Deployed) -> Finding:
    """The certificate's end is watched by SigningCertificateAlarm: nobody has to read the key for that."""
    arn = stack.parameters.get("SigningSecretArn", "")
    if not arn:
        remedy = "Make a key and deploy with SigningSecretArn; see docs/provenance.md."
        return _warn("provenance", "pictures say what they are in text and XMP, and nobody signs that", remedy)
    found = client("secretsmanager").describe_secret(SecretId=arn)
    if "DeletedDate" in found:
        remedy = "Restore the secret: without it every request fails."
        return _ill("provenance", "the secret that signs pictures is being deleted", remedy)
    return _well("provenance", f"pictures are signed by {found['Name']}")


def _endpoint(client: Client, stack: Deployed) -> Finding:
    name = stack.outputs["EndpointName"]
    variables = client("lambda").get_function_configuration(FunctionName=stack.resources["StartGenerationFunction"])
    called = variables.get("Environment", {}).get("Variables", {}).get("ENDPOINT_NAME")
    if called != name:
        return _ill("endpoint", f"the functions call {called}, the stack says {name}", "Deploy the stack again.")
    sagemaker = client("sagemaker")
    found = sagemaker.describe_endpoint(EndpointName=name)
    if found["EndpointStatus"] != "InService":
        remedy = "Wait if it is being made or changed; else see its FailureReason in the SageMaker console."
        return _ill("endpoint", f"{name} is {found['EndpointStatus']}", remedy)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    output = config.get("AsyncInferenceConfig", {}).get("OutputConfig", {})
    told = output.get("NotificationConfig", {})
    wanted = {"SuccessTopic": stack.outputs["SuccessTopicArn"], "ErrorTopic": stack.outputs["ErrorTopicArn"]}
    if wrong := [topic for topic, arn in wanted.items() if told.get(topic) != arn]:
        remedy = "Without it requests wait for the sweep. Set the topics of this stack in its configuration."
        return _ill("endpoint", f"{name} does not tell this stack's {' and '.join(wrong)}", remedy)
    if not output.get("S3FailurePath"):
        return _ill("endpoint", f"{name} has no S3FailurePath", "Set it, or nobody learns why a picture failed.")
    return _well("endpoint", f"{name} is in service and tells both topics")


def _instance_quota(client: Client, stack: Deployed) -> Finding:
    if stack.parameters.get("DeployEndpoint") != "true":
        return _well("instance quota", "not of this stack: it makes no endpoint")
    wanted = f"{stack.parameters['InstanceType']} for endpoint usage"
    pages = client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    values = {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"]}
    allowed, needed = int(values.get(wanted, 0)), int(stack.parameters["MaxInstances"])
    if allowed >= needed:
        return _well("instance quota", f"{allowed} of {stack.parameters['InstanceType']}, {needed} needed")
    remedy = "Ask for more in the Service Quotas console; it may take days."
    return _ill("instance quota", f"{allowed} of {stack.parameters['InstanceType']}, {needed} needed", remedy)


def _concurrency(client: Client, stack: Deployed) -> Finding:
    limits = client("lambda").get_account_settings()["AccountLimit"]
    number = int(limits["ConcurrentExecutions"])
    if number < _ENOUGH_CONCURRENCY:
        remedy = "A burst of requests will be throttled. Ask for more in the Service Quotas console."
        return _warn("concurrency", f"{number} functions at a time in this account", remedy)
    return _well("concurrency", f"{number} functions at a time in this account")
