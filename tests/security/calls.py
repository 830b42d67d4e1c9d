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

from security.template import ROOT

PACKAGE = ROOT / "functions" / "afterimage"

# boto3 operation → the IAM actions that AWS asks for. Source: Service Authorization Reference.
ACTIONS: dict[str, tuple[str, ...]] = {
    "admin_get_user": ("cognito-idp:AdminGetUser",),
    "copy_object": ("s3:GetObject", "s3:PutObject", "s3:PutObjectTagging"),  # tags are replaced, so none are read
    "describe_execution": ("states:DescribeExecution",),
    "get_item": ("dynamodb:GetItem",),
    "get_object": ("s3:GetObject",),
    "get_parameter": ("ssm:GetParameter",),
    "head_object": ("s3:GetObject",),
    "invoke": ("lambda:InvokeFunction",),
    "invoke_endpoint_async": ("sagemaker:InvokeEndpointAsync",),
    "put_item": ("dynamodb:PutItem",),
    "put_object": ("s3:PutObject",),
    "query": ("dynamodb:Query",),
    "send_email": ("ses:SendEmail", "ses:SendRawEmail"),  # SES v2 asks for both when the content is raw
    "send_task_failure": ("states:SendTaskFailure",),
    "send_task_success": ("states:SendTaskSuccess",),
    "start_execution": ("states:StartExecution",),
    "transact_write_items": ("dynamodb:PutItem",),  # each item as the action that it performs; ours are puts
    "update_item": ("dynamodb:UpdateItem",),
}
# Clients that are not boto3's own, and what their one method asks of AWS.
WRAPPED = {("_provider", "get"): "get_parameter"}
CLIENTS = ("_client", "_s3", "_runtime")


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


def _methods(adapter: ast.ClassDef, start: str) -> Iterator[ast.FunctionDef]:
    """The method and what it calls on itself."""
    methods = {node.name: node for node in adapter.body if isinstance(node, ast.FunctionDef)}
    seen: set[str] = set()
    pending = [start]
    while pending:
        name = pending.pop()
        if name in seen or name not in methods:
            continue
        seen.add(name)
        yield methods[name]
        for node in ast.walk(methods[name]):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                pending.append(node.attr)


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


def _reachable_methods(handler: Path) -> set[tuple[Path, str, str]]:
    """File, class and method of every adapter method that the handler can reach."""
    adapters = _adapters(handler)
    return {
        (adapters[receiver][0], adapters[receiver][1].name, method.name)
        for _, function in _reached(handler)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and (receiver := _last_name(node.value)) in adapters
        for method in _methods(adapters[receiver][1], node.attr)
    }


def _method(path: Path, adapter: str, name: str) -> ast.FunctionDef:
    (found,) = [
        method
        for node in _tree(path).body
        if isinstance(node, ast.ClassDef) and node.name == adapter
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name == name
    ]
    return found


def reachable(handler: str) -> set[Site]:
    """Every operation that `handlers/{handler}.py` can reach. An operation without an entry above is an error."""
    return {
        Site(operation=operation, file=str(path.relative_to(PACKAGE)), symbol=f"{adapter}.{method}")
        for path, adapter, method in _reachable_methods(PACKAGE / "handlers" / f"{handler}.py")
        for operation in _operations(_method(path, adapter, method))
    }


def partitions(handler: str, operations: set[str]) -> set[str]:
    """The prefixes of the partition keys (`JOB#`) that a handler touches by these operations."""
    found: set[str] = set()
    for path, adapter, name in _reachable_methods(PACKAGE / "handlers" / f"{handler}.py"):
        method = _method(path, adapter, name)
        if operations.isdisjoint(_operations(method)):
            continue
        keys = _functions(_tree(path))
        for node in ast.walk(method):
            if isinstance(node, ast.Name) and node.id.endswith("_key") and node.id in keys:
                found |= {
                    str(part.values[0].value)
                    for part in ast.walk(keys[node.id])
                    if isinstance(part, ast.JoinedStr)
                    and isinstance(part.values[0], ast.Constant)
                    and len(part.values) > 1
                    and str(part.values[0].value).endswith("#")
                    and str(part.values[0].value) != "ATTEMPT#"
                }
    return found
