"""Which stack is spoken to, and with whose credentials it is looked up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ProfileNotFound

from cli.errors import CliError
from cli.stacks import Choice, find_stack

OUTPUTS = {"ApiBaseUrl": "https://abc.execute-api.eu-west-1.amazonaws.com/", "UserPoolClientId": "client"}


class Account:
    """Stands in for boto3.Session: an AWS account with stacks by name."""

    def __init__(self) -> None:
        self.stacks: dict[str, dict[str, str]] = {"prod": dict(OUTPUTS)}
        self.sessions: list[dict[str, Any]] = []
        self.region_name = "eu-west-1"

    def session(self, **options: Any) -> Account:
        if options.get("profile_name") == "unknown":
            raise ProfileNotFound(profile="unknown")
        self.sessions.append(options)
        return self

    def client(self, service: str, **_: Any) -> Account:
        assert service == "cloudformation"
        return self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        if StackName not in self.stacks:
            error = {"Error": {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}}
            raise ClientError(error, "DescribeStacks")  # type: ignore[arg-type]
        pairs = self.stacks[StackName].items()
        return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in pairs]}]}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Account:
    account = Account()
    monkeypatch.setattr(boto3, "Session", account.session)
    monkeypatch.setattr("typer.get_app_dir", lambda name: str(tmp_path / "config" / name))
    return account


def test_a_deployed_stack_is_read_from_its_outputs(account: Account) -> None:
    stack = find_stack(Choice(stack="prod", profile="work", region="eu-west-1"))
    assert (stack.api_base, stack.client_id) == ("https://abc.execute-api.eu-west-1.amazonaws.com", "client")
    assert account.sessions == [{"profile_name": "work", "region_name": "eu-west-1"}]
    assert stack.demo_user is None


def test_a_known_stack_needs_no_aws_credentials(account: Account) -> None:
    choice = Choice(stack="prod", profile="work")
    first = find_stack(choice)
    again = find_stack(choice)
    assert len(account.sessions) == 1
    assert (again.api_base, again.client_id, again.token_file) == (first.api_base, first.client_id, first.token_file)


def test_fresh_asks_again(account: Account) -> None:
    find_stack(Choice(stack="prod"))
    account.stacks["prod"]["UserPoolClientId"] = "another"
    assert find_stack(Choice(stack="prod"), fresh=True).client_id == "another"
    assert find_stack(Choice(stack="prod")).client_id == "another"


def test_stacks_of_one_name_do_not_share_a_sign_in(account: Account) -> None:
    choices = [
        Choice(stack="prod"),
        Choice(stack="prod", profile="work"),
        Choice(stack="prod", profile="work", region="eu-west-1"),
    ]
    assert len({find_stack(choice).token_file for choice in choices}) == 3


def test_a_name_cannot_leave_the_folder(account: Account, tmp_path: Path) -> None:
    account.stacks["../../x"] = dict(OUTPUTS)
    assert find_stack(Choice(stack="../../x")).token_file.resolve().is_relative_to(tmp_path / "config")


def test_an_unknown_stack_is_a_sentence(account: Account) -> None:
    with pytest.raises(CliError, match="does not exist") as caught:
        find_stack(Choice(stack="nowhere"))
    assert "--region" in caught.value.hint


def test_an_unknown_profile_is_a_sentence(account: Account) -> None:
    with pytest.raises(CliError, match="unknown"):
        find_stack(Choice(stack="prod", profile="unknown"))


def test_a_stack_of_something_else_is_recognised(account: Account) -> None:
    account.stacks["other"] = {"BucketName": "b"}
    with pytest.raises(CliError, match="not an Afterimage stack"):
        find_stack(Choice(stack="other"))


def test_the_local_stack_comes_from_its_state_and_asks_no_account(account: Account, cloud_folder: Path) -> None:
    stack = find_stack(Choice())
    assert stack.is_local
    assert stack.token_file == cloud_folder / "state" / "sign_in.json"
    assert stack.demo_user == "demo@afterimage.example"
    assert account.sessions == []


def test_hints_lead_back_to_the_same_stack() -> None:
    assert Choice(stack="prod", profile="work", region="eu-west-1").words() == (
        " --stack prod --profile work --region eu-west-1"
    )
    assert Choice().words() == ""
