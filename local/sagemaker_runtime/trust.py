"""Take on a role as SageMaker does, which is a service and not a person.

The emulator lets its root act for a service that a trust policy names, but it knows no `aws:SourceAccount`, with which
a good trust policy guards against confused deputies. So this module judges that condition itself, as AWS would for a
call of this account, and shows the emulator the same policy without it while the role is taken on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

SERVICE = "sagemaker.amazonaws.com"
_EQUALS = ("StringEquals", "StringLike", "StringEqualsIfExists")


class UntrustedError(RuntimeError):
    """Raised when the role's trust policy does not let SageMaker of this account take it on."""


def assume(sts: Any, iam: Any, role_arn: str, session_name: str) -> dict[str, Any]:
    """Return credentials of `role_arn`. Raises UntrustedError."""
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    policy = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    judged = without_met_conditions(policy, account)
    if judged is None:
        raise UntrustedError(f"{role_arn} does not trust {SERVICE}")
    if judged != policy:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(judged))
    try:
        credentials: dict[str, Any] = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name)["Credentials"]
    except ClientError as exc:
        raise UntrustedError(str(exc)) from exc
    finally:
        if judged != policy:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(policy))
    return credentials


def without_met_conditions(policy: Mapping[str, Any], account: str) -> dict[str, Any] | None:
    """Return `policy` with the conditions removed that a call of `account` meets, or None when none lets it in."""
    statements = policy.get("Statement", [])
    statements = [statements] if isinstance(statements, dict) else statements
    judged = []
    trusted = False
    for statement in statements:
        services = statement.get("Principal", {}).get("Service", []) if statement.get("Effect") == "Allow" else []
        if SERVICE in ([services] if isinstance(services, str) else services):
            conditions = statement.get("Condition", {})
            if all(_met(operator, keys, account) for operator, keys in conditions.items()):
                statement = {name: value for name, value in statement.items() if name != "Condition"}
                trusted = True
        judged.append(statement)
    return {**policy, "Statement": judged} if trusted else None


def _met(operator: str, keys: Mapping[str, Any], account: str) -> bool:
    if operator not in _EQUALS or {name.lower() for name in keys} != {"aws:sourceaccount"}:
        return False  # what is not understood is not met
    values = next(iter(keys.values()))
    return account in ([values] if isinstance(values, str) else values)
