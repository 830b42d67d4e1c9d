"""Which AWS operations a handler can reach, read from the source: handler → use cases → ports → adapters → client.

A handler's `dependencies()` says which adapter class stands behind which name (`jobs=DynamoJobStore(...)`), and use
cases call these by the same name (`jobs.advance`, `post.jobs.get`). So following names is exact enough, and what it
cannot follow makes a test fail, not pass: an operation that is granted and not found here has no call site.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from afterimage.domain.status import JobStatus
from security.template import ROOT

PACKAGE = ROOT / "functions" / "afterimage"

# boto3 operation → the IAM actions that AWS asks for. Source: Service Authorization Reference.
ACTIONS: dict[str, tuple[str, ...]] = {
    "abort_multipart_upload": ("s3:AbortMultipartUpload",),
    "apply_guardrail": ("bedrock:ApplyGuardrail",),
    "admin_delete_user": ("cognito-idp:AdminDeleteUser",),
    "admin_disable_user": ("cognito-idp:AdminDisableUser",),
    "admin_enable_user": ("cognito-idp:AdminEnableUser",),
    "admin_get_user": ("cognito-idp:AdminGetUser",),
    "admin_user_global_sign_out": ("cognito-idp:AdminUserGlobalSignOut",),
    "batch_get_item": ("dynamodb:BatchGetItem",),
    "complete_multipart_upload": ("s3:PutObject",),
    "copy_object": ("s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"),  # tags are replaced, so none are read
    "create_multipart_upload": ("s3:PutObject",),
    "delete_item": ("dynamodb:DeleteItem",),
    "delete_objects": ("s3:DeleteObject",),
    "delete_suppressed_destination": ("ses:DeleteSuppressedDestination",),
    "detect_moderation_labels": ("rekognition:DetectModerationLabels", "s3:GetObject"),
    "detect_toxic_content": ("comprehend:DetectToxicContent",),
    "describe_execution": ("states:DescribeExecution",),
    "get_item": ("dynamodb:GetItem",),
    "get_object": ("s3:GetObject",),
    "get_parameter": ("ssm:GetParameter",),
    "head_object": ("s3:GetObject",),
    "invoke": ("lambda:InvokeFunction",),
    "invoke_endpoint_async": ("sagemaker:InvokeEndpointAsync",),
    "list_objects_v2": ("s3:ListBucket",),
    "list_users": ("cognito-idp:ListUsers",),
    "put_item": ("dynamodb:PutItem",),
    "put_object": ("s3:PutObject",),
    "put_parameter": ("ssm:PutParameter",),
    "put_trace_segments": ("xray:PutTraceSegments",),
    "query": ("dynamodb:Query",),
    "register_scalable_target": (
        "application-autoscaling:RegisterScalableTarget",
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
    ),
    "send_email": ("ses:SendEmail", "ses:SendRawEmail"),  # SES v2 asks for both when the content is raw
    "send_task_failure": ("states:SendTaskFailure",),
    "send_task_success": ("states:SendTaskSuccess",),
    "start_execution": ("states:StartExecution",),
    "stop_execution": ("states:StopExecution",),
    "create_schedule": (
        "scheduler:CreateSchedule",
        "iam:PassRole",
    ),
    "update_schedule": (
        "scheduler:UpdateSchedule",
        "iam:PassRole",
    ),
    "delete_schedule": ("scheduler:DeleteSchedule",),
    "generate_presigned_post": ("s3:PutObject",),
    "transact_write_items": (),  # each member as the action that it performs, by its name:
    "ConditionCheck": ("dynamodb:ConditionCheckItem",),
    "Delete": ("dynamodb:DeleteItem",),
    "Put": ("dynamodb:PutItem",),
    "Update": ("dynamodb:UpdateItem",),
    "update_item": ("dynamodb:UpdateItem",),
    "upload_part": ("s3:PutObject",),
}
# A write of an open status ends no job: what only an end does is not reached by it.
ENDS = {"advance": "_end"}
# Clients that are not boto3's own, and what their one method asks of AWS.
WRAPPED = {("_provider", "get"): "get_parameter"}
# Of this port a handler has several; a use case asks each of them by this name.
SEVERAL = "moderator"
CLIENTS = ("_client", "client", "_s3", "s3", "_runtime", "_autoscaling", "_dynamodb")


@dataclass(frozen=True, order=True)
class Site:
    """One call of one operation, in one method of an adapter."""

    operation: str
    file: str
    symbol: str


def _module(name: str) -> Path:
    return PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py")


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(tree: ast.Module, below: str) -> dict[str, str]:
    """Name in this module → the module below `below` that it comes from."""
    return {
        alias.asname or alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(below)
        for alias in node.names
    }


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _reached(path: Path, start: set[str] | None = None) -> Iterator[tuple[Path, ast.FunctionDef]]:
    """Every function of handler and use cases that may run, `dependencies` included for its lambdas."""
    seen: set[tuple[Path, str]] = set()
    pending = [(path, name) for name in (start or _functions(_tree(path)))]
    while pending:
        here, name = pending.pop()
        if (here, name) in seen or name not in _functions(_tree(here)):
            continue
        seen.add((here, name))
        function = _functions(_tree(here))[name]
        yield here, function
        imported = _imports(_tree(here), "afterimage.usecases")
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id in imported:
                pending.append((_module(imported[node.id]), node.id))
            elif isinstance(node, ast.Name):
                pending.append((here, node.id))


def _last_name(node: ast.expr) -> str | None:
    """`jobs` for `jobs`, `deps.jobs` and `_deps().door.jobs`."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


def _adapters(handler: Path) -> dict[str, tuple[Path, ast.ClassDef]]:
    """The name under which use cases know a port → the adapter class behind it in this handler."""
    tree = _tree(handler)
    imported = _imports(tree, "afterimage.adapters")
    found: dict[str, tuple[Path, ast.ClassDef]] = {}
    bindings: list[tuple[str, ast.expr]] = []
    for node in ast.walk(_functions(tree)["dependencies"]):
        if isinstance(node, ast.keyword) and node.arg:
            bindings.append((node.arg, node.value))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            bindings.append((node.targets[0].id, node.value))
    for name, value in bindings:
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in imported:
            path = _module(imported[value.func.id])
            for node in _tree(path).body:
                if isinstance(node, ast.ClassDef) and node.name == value.func.id:
                    found[name] = (path, node)
    return found


def _methods(adapter: ast.ClassDef, start: str, without: str | None = None) -> Iterator[ast.FunctionDef]:
    """The method and what it calls on itself, but for one that this call does not come to."""
    methods = {node.name: node for node in adapter.body if isinstance(node, ast.FunctionDef)}
    seen: set[str] = set()
    pending = [start]
    while pending:
        name = pending.pop()
        if name in seen or name not in methods or name == without:
            continue
        seen.add(name)
        yield methods[name]
        for node in ast.walk(methods[name]):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                pending.append(node.attr)


def _uses(function: ast.FunctionDef) -> Iterator[tuple[ast.Attribute, str | None]]:
    """Every `x.y` of a function, with the method that it does not come to: `jobs.advance(id, JobStatus.GENERATING, …)`
    names an open status, so it ends nothing."""
    spared: dict[ast.Attribute, str] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ENDS:
            status = node.args[1] if len(node.args) > 1 else None
            if (
                isinstance(status, ast.Attribute)
                and _last_name(status.value) == "JobStatus"
                and not JobStatus[status.attr].is_final
            ):
                spared[node.func] = ENDS[node.func.attr]
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute):
            yield node, spared.get(node)


def _operations(method: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(method):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            receiver = _last_name(node.func.value)
            if receiver in CLIENTS and node.func.attr != "generate_presigned_url":
                yield node.func.attr
            elif receiver and (receiver, node.func.attr) in WRAPPED:
                yield WRAPPED[receiver, node.func.attr]
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in ACTIONS:
            yield node.value  # an operation by its name: what a presigned URL opens, or how a token is answered


@dataclass(frozen=True)
class _Piece:
    """A method of an adapter, or a function of its technology that the method names."""

    path: Path
    symbol: str
    node: ast.FunctionDef


def _named(path: Path, function: ast.FunctionDef) -> Iterator[_Piece]:
    """The module's own functions and those of other adapters that a function names, and what these name."""
    pending, seen = [(path, function)], set()
    while pending:
        here, node = pending.pop()
        own, imported = _functions(_tree(here)), _imports(_tree(here), "afterimage.adapters")
        for name in {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}:
            there = _module(imported[name]) if name in imported else here
            found = own.get(name) or _functions(_tree(there)).get(name)
            if found and (there, name) not in seen:
                seen.add((there, name))
                pending.append((there, found))
                yield _Piece(there, name, found)


def _behind(receiver: str | None, adapters: dict[str, tuple[Path, ast.ClassDef]]) -> list[tuple[Path, ast.ClassDef]]:
    """What a use case may mean by a name."""
    if receiver == SEVERAL:
        return [found for found in adapters.values() if found[0].parent.name == f"{SEVERAL}s"]
    return [adapters[receiver]] if receiver in adapters else []


def _pieces(handler: Path) -> set[_Piece]:
    """What the handler can reach of the adapters behind its ports."""
    adapters = _adapters(handler)
    methods = {
        _Piece(path, f"{adapter.name}.{method.name}", method)
        for _, function in _reached(handler)
        for node, without in _uses(function)
        for path, adapter in _behind(_last_name(node.value), adapters)
        for method in _methods(adapter, node.attr, without)
    }
    return methods | {piece for method in methods for piece in _named(method.path, method.node)}


def reachable(handler: str) -> set[Site]:
    """Every operation that `handlers/{handler}.py` can reach. An operation without an entry above is an error."""
    return {
        Site(operation=operation, file=str(piece.path.relative_to(PACKAGE)), symbol=piece.symbol)
        for piece in _pieces(PACKAGE / "handlers" / f"{handler}.py")
        for operation in _operations(piece.node)
    }


def partitions(handler: str) -> set[tuple[str, str]]:
    """Every action on an item of the table that a handler can take, with the prefix of the partition key (`JOB#`)."""
    return {
        (action, prefix)
        for piece in _pieces(PACKAGE / "handlers" / f"{handler}.py")
        for operation in _operations(piece.node)
        for action in ACTIONS[operation]
        if action.startswith("dynamodb:")
        for prefix in _prefixes(piece)
    }


def _prefixes(piece: _Piece) -> Iterator[str]:
    """The beginnings of the partition keys whose functions (`_job_key`) a piece names: `key(f"JOB#{job_id}", …)`."""
    imported = _imports(_tree(piece.path), "afterimage.adapters")
    for node in ast.walk(piece.node):
        if isinstance(node, ast.Name) and node.id.endswith("_key"):
            there = _module(imported[node.id]) if node.id in imported else piece.path
            for call in ast.walk(_functions(_tree(there)).get(node.id, node)):
                if isinstance(call, ast.Call) and _last_name(call.func) == "key":
                    partition = call.args[0]
                    first = partition.values[0] if isinstance(partition, ast.JoinedStr) else partition
                    assert isinstance(first, ast.Constant)
                    yield str(first.value)
