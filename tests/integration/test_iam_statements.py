"""Every statement that the emulator evaluates is needed for what it allows: the role itself asks, with it and without.

`test_iam_enforced.py` sees a function fail without its statement; this asks for those too that no journey reaches in
good time, so that no statement of the template is a decoration. The emulator does not look at the beginning of a key,
so statements of a role that allow an action on the same table for other keys are taken away together; that each is
narrowed to the keys that are touched is held by `tests/security/test_iam.py`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import boto3
import botocore.exceptions
import pytest
from integration.journey import resource_name
from integration.test_iam_enforced import without
from security.iam_grant import EVALUATED
from security.iam_table import GRANTS

if TYPE_CHECKING:
    from integration.conftest import LocalCloud

Call = Callable[[Any, str, str], Any]
NOBODY = "nobody-at-all"
DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException")


def _key(partition: str) -> dict[str, Any]:
    return {"pk": {"S": f"{partition}{NOBODY}"}, "sk": {"S": NOBODY}}


def _bucket(arn: str) -> str:
    return arn.rpartition(":")[2].partition("/")[0]


def _object(arn: str) -> dict[str, str]:
    return {"Bucket": _bucket(arn), "Key": arn.partition("/")[2].replace("*", NOBODY)}


def _table(arn: str) -> str:
    return arn.partition("table/")[2].partition("/")[0]


_EXISTS = {"ConditionExpression": "attribute_exists(pk)"}
_NOTHING = json.dumps({"eventSource": "aws:sagemaker", "eventName": "TestNotification"})


def _pool(arn: str) -> dict[str, str]:
    return {"UserPoolId": arn.rpartition("/")[2]}


def _user(arn: str) -> dict[str, str]:
    return {**_pool(arn), "Username": NOBODY}


def _execution(arn: str) -> dict[str, str]:
    return {"executionArn": arn.replace("*", NOBODY)}


def _parameter(arn: str) -> str:
    return arn.partition(":parameter")[2]


def _group(arn: str) -> str:
    return arn.rpartition(":schedule/")[2].partition("/")[0]


def _schedule(arn: str) -> dict[str, Any]:
    """A schedule that is off; what is made is deleted in the same turn, by the next action in the order of names."""
    return {
        "Name": NOBODY,
        "GroupName": _group(arn),
        "State": "DISABLED",
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": arn, "RoleArn": f"arn:aws:iam::000000000000:role/{NOBODY}"},
    }


def _update(client: Any, arn: str, partition: str) -> Any:
    return client.update_item(TableName=_table(arn), Key=_key(partition), UpdateExpression="REMOVE nothing", **_EXISTS)


# Action → service, and a call that changes nothing when it is allowed. An error that is no denial is an answer too.
CALLS: dict[str, tuple[str, Call]] = {
    "cognito-idp:AdminDeleteUser": ("cognito-idp", lambda c, arn, _: c.admin_delete_user(**_user(arn))),
    "cognito-idp:AdminDisableUser": ("cognito-idp", lambda c, arn, _: c.admin_disable_user(**_user(arn))),
    "cognito-idp:AdminEnableUser": ("cognito-idp", lambda c, arn, _: c.admin_enable_user(**_user(arn))),
    "cognito-idp:AdminGetUser": ("cognito-idp", lambda c, arn, _: c.admin_get_user(**_user(arn))),
    "cognito-idp:AdminUserGlobalSignOut": ("cognito-idp", lambda c, arn, _: c.admin_user_global_sign_out(**_user(arn))),
    "cognito-idp:ListUsers": ("cognito-idp", lambda c, arn, _: c.list_users(**_pool(arn))),
    "dynamodb:BatchGetItem": (
        "dynamodb",
        lambda c, arn, p: c.batch_get_item(RequestItems={_table(arn): {"Keys": [_key(p)]}}),
    ),
    "dynamodb:ConditionCheckItem": (
        "dynamodb",
        lambda c, arn, p: c.transact_write_items(
            TransactItems=[{"ConditionCheck": {"TableName": _table(arn), "Key": _key(p), **_EXISTS}}]
        ),
    ),
    "dynamodb:DeleteItem": ("dynamodb", lambda c, arn, p: c.delete_item(TableName=_table(arn), Key=_key(p), **_EXISTS)),
    "dynamodb:GetItem": ("dynamodb", lambda c, arn, p: c.get_item(TableName=_table(arn), Key=_key(p))),
    "dynamodb:PutItem": ("dynamodb", lambda c, arn, p: c.put_item(TableName=_table(arn), Item=_key(p), **_EXISTS)),
    "dynamodb:Query": ("dynamodb", lambda c, arn, p: _query(c, arn, p)),
    "dynamodb:UpdateItem": ("dynamodb", _update),
    "lambda:InvokeFunction": ("lambda", lambda c, arn, _: c.invoke(FunctionName=arn, InvocationType="DryRun")),
    "s3:AbortMultipartUpload": ("s3", lambda c, arn, _: c.abort_multipart_upload(UploadId=NOBODY, **_object(arn))),
    "s3:DeleteObject": ("s3", lambda c, arn, _: c.delete_object(**_object(arn))),
    "s3:GetObject": ("s3", lambda c, arn, _: c.get_object(**_object(arn))),
    "s3:ListBucket": ("s3", lambda c, arn, p: c.list_objects_v2(Bucket=_bucket(arn), Prefix=f"{p}{NOBODY}")),
    "s3:PutObject": ("s3", lambda c, arn, _: c.put_object(Body=b"{}", **_object(arn))),
    "scheduler:CreateSchedule": ("scheduler", lambda c, arn, _: c.create_schedule(**_schedule(arn))),
    "scheduler:DeleteSchedule": (
        "scheduler",
        lambda c, arn, _: c.delete_schedule(Name=NOBODY, GroupName=_group(arn)),
    ),
    "scheduler:UpdateSchedule": ("scheduler", lambda c, arn, _: c.update_schedule(**_schedule(arn))),
    "ses:DeleteSuppressedDestination": (
        "sesv2",
        lambda c, *_: c.delete_suppressed_destination(EmailAddress="nobody@example.com"),
    ),
    "secretsmanager:GetSecretValue": ("secretsmanager", lambda c, arn, _: c.get_secret_value(SecretId=arn)),
    "ses:SendEmail": ("sesv2", lambda c, _, p: c.send_email(FromEmailAddress=p, Content={}, Destination={})),
    "sns:Publish": ("sns", lambda c, arn, _: c.publish(TopicArn=arn, Message=_NOTHING)),
    "ssm:GetParameter": ("ssm", lambda c, arn, _: c.get_parameter(Name=_parameter(arn))),
    "ssm:PutParameter": ("ssm", lambda c, arn, _: c.put_parameter(Name=_parameter(arn), Type="String", Value=NOBODY)),
    "states:DescribeExecution": ("stepfunctions", lambda c, arn, _: c.describe_execution(**_execution(arn))),
    "states:SendTaskFailure": ("stepfunctions", lambda c, *_: c.send_task_failure(taskToken=NOBODY)),
    "states:SendTaskSuccess": ("stepfunctions", lambda c, *_: c.send_task_success(taskToken=NOBODY, output="{}")),
    "states:StartExecution": (
        "stepfunctions",
        lambda c, arn, _: c.start_execution(stateMachineArn=arn, name="not a name", input="{}"),
    ),
    "states:StopExecution": ("stepfunctions", lambda c, arn, _: c.stop_execution(**_execution(arn))),
    "xray:PutTraceSegments": ("xray", lambda c, *_: c.put_trace_segments(TraceSegmentDocuments=["{}"])),
}


def _query(client: Any, arn: str, partition: str) -> Any:
    index = {"IndexName": arn.rpartition("/")[2]} if "/index/" in arn else {}
    name = {"by-owner": "owner", "open": "open"}.get(index.get("IndexName", ""), "pk")
    return client.query(
        TableName=_table(arn),
        KeyConditionExpression="#key = :key",
        ExpressionAttributeNames={"#key": name},
        ExpressionAttributeValues={":key": {"S": f"{partition}{NOBODY}"}},
        **index,
    )


def role_of(cloud: LocalCloud, holder: str) -> str:
    return resource_name(cloud, f"{holder}Role" if holder.endswith("Function") else holder)


def statements_of(cloud: LocalCloud, holder: str) -> dict[str, dict[str, Any]]:
    """The deployed statements of a role by their ids, the resources with their real names."""
    iam, role = cloud.client("iam"), role_of(cloud, holder)
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    return {
        statement["Sid"]: statement
        for document in documents
        for statement in document["Statement"]
        if "Sid" in statement
    }


def clients_of(cloud: LocalCloud, holder: str) -> Callable[[str], Any]:
    """Clients with a session of that role, as the emulator gives one to a function."""
    arn = cloud.client("iam").get_role(RoleName=role_of(cloud, holder))["Role"]["Arn"]
    given = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="statements")["Credentials"]
    session = boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name="us-east-1"
    )
    return lambda service: session.client(service, endpoint_url=cloud.settings.emulator_url)


def denied(call: Call, client: Any, arn: str, partition: str) -> bool:
    """Whether the call is refused for want of a right; any other answer is one."""
    try:
        call(client, arn, partition)
    except botocore.exceptions.ClientError as error:
        return str(error.response["Error"]["Code"]) in DENIED
    except botocore.exceptions.ParamValidationError as error:
        raise AssertionError("never sent") from error
    return False


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def partition_of(statement: dict[str, Any]) -> str:
    """A beginning of keys that the statement's condition permits."""
    for operator in statement.get("Condition", {}).values():
        for values in operator.values():
            return listed(values)[0].replace("*", "")
    return ""


JUDGED = sorted({(grant.holder, grant.sid) for grant in GRANTS if grant.judged == EVALUATED})


@pytest.mark.parametrize(("holder", "sid"), JUDGED, ids=lambda name: name.removesuffix("Function"))
def test_a_role_may_with_its_statement_and_may_not_without(cloud: LocalCloud, holder: str, sid: str) -> None:
    statements = statements_of(cloud, holder)
    statement, clients = statements[sid], clients_of(cloud, holder)
    arn, partition = listed(statement["Resource"])[0], partition_of(statement)
    actions = sorted(g.action for g in GRANTS if (g.holder, g.sid, g.judged) == (holder, sid, EVALUATED))

    def refused() -> list[str]:
        return [action for action in actions if denied(CALLS[action][1], clients(CALLS[action][0]), arn, partition)]

    def shares(other: dict[str, Any]) -> bool:
        return arn in listed(other["Resource"]) and not set(actions).isdisjoint(listed(other["Action"]))

    assert refused() == []
    with contextlib.ExitStack() as taken:
        for name in [name for name, other in statements.items() if shares(other)]:
            taken.enter_context(without(cloud, holder, name))
        assert refused() == actions
    assert refused() == []
