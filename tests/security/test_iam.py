"""Each role may do what its code does, and no more."""

from __future__ import annotations

import re
from typing import Any

import pytest
from security import calls
from security.iam_grant import EVALUATED, STAND_IN, Grant
from security.iam_table import GRANTS
from security.template import ROOT, as_list, functions, policies, resources, template, text

# Those of imaging/ are another build; the table names their call sites as texts.
HANDLERS = {
    name: properties["Handler"].split(".")[-2]
    for name, properties in functions().items()
    if "CodeUri" not in properties
}
WRITTEN = [(holder, statement) for holder, statements in policies().items() for statement in statements]
STATEMENTS = [(holder, statement) for holder, statement in WRITTEN if statement["Effect"] == "Allow"]
BY_NAME = [pytest.param(statement, id=f"{holder}-{statement['Sid']}") for holder, statement in STATEMENTS]


def actions(function: str) -> set[str]:
    return {action for statement in policies()[function] for action in as_list(statement["Action"])}


def test_the_table_has_a_line_for_every_action_of_the_template() -> None:
    written = {
        (holder, statement["Sid"], action)
        for holder, statement in STATEMENTS
        for action in as_list(statement["Action"])
    }
    listed = [(grant.holder, grant.sid, grant.action) for grant in GRANTS]
    assert sorted(listed) == sorted(written)


@pytest.mark.parametrize("function", HANDLERS)
def test_the_call_sites_of_a_function_are_those_of_its_source(function: str) -> None:
    found = {
        (action, f"{site.file}:{site.symbol}")
        for site in calls.reachable(HANDLERS[function])
        for action in calls.ACTIONS[site.operation]
    }
    listed = {(grant.action, site) for grant in GRANTS if grant.holder == function for site in grant.sites}
    assert listed == found


@pytest.mark.parametrize("function", HANDLERS)
def test_every_call_that_a_function_can_reach_is_granted_and_nothing_else(function: str) -> None:
    needed = {action for site in calls.reachable(HANDLERS[function]) for action in calls.ACTIONS[site.operation]}
    assert actions(function) == needed


@pytest.mark.parametrize(
    "grant",
    [grant for grant in GRANTS if grant.holder not in HANDLERS],
    ids=lambda grant: f"{grant.holder}-{grant.action}",
)
def test_what_a_role_of_aws_or_of_the_container_does_stands_where_the_table_says(grant: Grant) -> None:
    for site in grant.sites:
        file, _, wanted = site.partition(":")
        assert wanted in (ROOT / file).read_text(encoding="utf-8")


def test_every_function_has_a_statement_that_is_judged_locally() -> None:
    judged = {grant.holder for grant in GRANTS if grant.judged in (EVALUATED, STAND_IN)}
    assert set(functions()) <= judged


@pytest.mark.parametrize("function", HANDLERS)
def test_a_function_reaches_the_partitions_of_the_table_that_it_touches_and_no_others(function: str) -> None:
    """The emulator knows no dynamodb:LeadingKeys, so a key outside the condition would fail on AWS only."""
    granted = set()
    for statement in policies()[function]:
        on_items = [action for action in as_list(statement["Action"]) if action.startswith("dynamodb:")]
        if not on_items or on_items == ["dynamodb:Query"]:
            continue
        assert statement["Resource"] == {"GetAtt": "Table.Arn"}
        allowed = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        granted |= {(action, key.removesuffix("*")) for action in on_items for key in allowed}
    assert granted == calls.partitions(HANDLERS[function])


@pytest.mark.parametrize("function", HANDLERS)
def test_a_query_is_granted_on_an_index_or_within_known_partitions(function: str) -> None:
    for statement in policies()[function]:
        if "dynamodb:Query" in as_list(statement["Action"]):
            if statement["Resource"] == {"GetAtt": "Table.Arn"}:
                assert statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] in (
                    ["JOB#*"],
                    ["OWNER#*"],
                    ["RUN#*"],
                    ["ACTIVE-RUNS"],
                    ["OWNER#*", "CAMPAIGNS", "CAMPAIGN#*"],
                )
                continue
            assert as_list(statement["Action"]) == ["dynamodb:Query"]
            assert re.fullmatch(r"\$\{Table.Arn\}/index/[a-z-]+", statement["Resource"]["Sub"])


def test_the_container_may_write_what_it_made_and_not_what_is_sealed() -> None:
    (refusal,) = [(holder, statement) for holder, statement in WRITTEN if statement["Effect"] != "Allow"]
    sealed = {"Sub": "${Bucket.Arn}/quarantine/*/sealed/*"}
    denied = {"Sid": "LeaveSealsAlone", "Effect": "Deny", "Action": "s3:PutObject", "Resource": sealed}
    assert refusal == ("ModelRole", denied)


@pytest.mark.parametrize("statement", BY_NAME)
def test_a_statement_allows_named_actions(statement: dict[str, Any]) -> None:
    assert not {"NotAction", "NotResource", "NotPrincipal"} & set(statement)
    for action in as_list(statement["Action"]):
        assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+", action), action


def test_a_resource_of_a_star_has_a_reason_above_it() -> None:
    lines = text().splitlines()
    stars = [number for number, line in enumerate(lines) if re.search(r"""Resource: (["'])\*\1""", line)]
    counted = sum(statement["Resource"] == "*" for _, statement in STATEMENTS)
    assert len(stars) == counted > 0
    for number in stars:
        while not lines[number].lstrip().startswith(("- Sid:", "- {Sid:")):
            number -= 1
        assert re.match(r"\s*# .{20,}", lines[number - 1]), lines[number]


@pytest.mark.parametrize("statement", BY_NAME)
def test_a_resource_is_named_by_what_it_is(statement: dict[str, Any]) -> None:
    """A star inside an ARN stands for keys, ids and names below a resource, never for the resource."""
    for resource in as_list(statement["Resource"]):
        if resource == "*":
            continue
        (value,) = resource.values()
        arn = value[0] if isinstance(value, list) else value
        assert not str(arn).startswith("*")
        if "*" in str(arn):
            assert re.search(
                r"(\$\{[\w.]+\}/[\w/]+/\*(/[\w.]+(/\*)?)?|[:/][\w./${}-]+[:/]\*|\$\{Path\}\*)$", str(arn)
            ), arn


def test_every_function_has_a_role_of_its_own() -> None:
    for name, properties in functions().items():
        assert "Role" not in properties, f"{name} shares a role"
        assert all(isinstance(policy, dict) for policy in properties["Policies"]), f"{name} takes a managed policy"
    for resource in resources("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in resource["Properties"]


def test_every_role_can_be_bounded() -> None:
    bounded = {"If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
    assert template()["Globals"]["Function"]["PermissionsBoundary"] == bounded
    for name, resource in resources("AWS::IAM::Role").items():
        assert resource["Properties"]["PermissionsBoundary"] == bounded, name


def test_a_service_may_take_a_role_for_this_account_only() -> None:
    for name, resource in resources("AWS::IAM::Role").items():
        for statement in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
            if "If" in statement:  # the container's principal, which a parameter names
                assert statement["If"][0] == "HasContainerPrincipal", name
                continue
            assert list(statement["Principal"]) == ["Service"], name
            assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}, name


def test_a_service_may_invoke_a_function_from_one_source_only() -> None:
    permissions = resources("AWS::Lambda::Permission")
    assert permissions
    for name, resource in permissions.items():
        assert resource["Properties"]["Action"] == "lambda:InvokeFunction", name
        assert resource["Properties"]["SourceArn"], name
