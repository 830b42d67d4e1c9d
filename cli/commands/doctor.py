"""`afterimage doctor`: what is well, what is not, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from cli.api import Api
from cli.checks import Finding, api_findings, local_findings, request_finding
from cli.commands.cloud import away_from_real_accounts
from cli.deployed_checks import deployed_findings, read_deployed
from cli.errors import FAILURE, CliError
from cli.mailbox import Mailbox
from cli.options import AsJson, Profile, Region, StackName, connect
from cli.stacks import Choice, find_stack, local_stack
from cli.terminal import BAD, GOOD, SOFT, WARN, emit_json, output, printable

_NAME_WIDTH = 19
_PATIENCE_S = 1200.0  # an endpoint at zero takes eight minutes to wake
OrderOne = Annotated[
    bool, typer.Option("--request", help="Order one picture as well, and wait for it. It costs what a picture costs.")
]


def doctor(
    as_json: AsJson = False,
    request: OrderOne = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Check machine and local cloud, or with --stack a deployed one with all it needs in its account, then sign-in and
    a link, and say what to do about what fails."""
    choice = Choice(stack=stack, profile=profile, region=region)
    findings = []
    for finding in _look(choice, order_one=request):
        findings.append(finding)
        if not as_json:
            _print(finding)
    unwell = [finding for finding in findings if not finding.well]
    if as_json:
        emit_json({"well": not unwell, "findings": [asdict(finding) for finding in findings]})
    else:
        warnings = sum(finding.warning for finding in findings)
        verdict = f"{len(unwell)} of {len(findings)} need attention." if unwell else "Everything is well."
        verdict += f" {warnings} to keep an eye on." if warnings else ""
        output().print(f"\n{verdict}", style="bold")
    if unwell:
        raise typer.Exit(FAILURE)


def _look(choice: Choice, *, order_one: bool) -> Iterable[Finding]:
    if not choice.is_local:
        try:
            found = find_stack(choice, fresh=True)
        except CliError as error:
            yield Finding(name="stack", well=False, sentence=error.sentence, remedy=error.hint)
            return
        yield Finding(name="stack", well=True, sentence=f"{choice.stack} is deployed")
        yield from _in_the_account(choice)
        yield from _through_the_api(connect(found), None, order_one=order_one)
        return
    with away_from_real_accounts() as settings:
        last = None
        for last in local_findings(settings):
            yield last
        if last is not None and last.well:  # the stack: without it there is nothing to ask
            yield from _through_the_api(connect(local_stack(settings)), Mailbox(settings.mail), order_one=order_one)


def _through_the_api(api: Api, mailbox: Mailbox | None, *, order_one: bool) -> Iterable[Finding]:
    last = None
    for last in api_findings(api, mailbox):
        yield last
    if order_one and last is not None and last.well:
        yield request_finding(api, _PATIENCE_S)


def _in_the_account(choice: Choice) -> Iterable[Finding]:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = boto3.Session(profile_name=choice.profile, region_name=choice.region)
    try:
        stack = read_deployed(session.client, str(choice.stack))
    except (BotoCoreError, ClientError) as exc:
        remedy = "Look with a profile that may list the stack's resources."
        sentence = f"the stack's resources may not be looked at: {type(exc).__name__}"
        yield Finding(name="account", well=True, warning=True, sentence=sentence, remedy=remedy)
        return
    yield from deployed_findings(session.client, stack)


def _print(finding: Finding) -> None:
    console = output()
    mark = Text("✗ ", f"bold {BAD}") if not finding.well else Text("! ", WARN) if finding.warning else Text("✓ ", GOOD)
    console.print(
        Text.assemble(mark, finding.name.ljust(_NAME_WIDTH), (printable(finding.sentence), SOFT)), soft_wrap=True
    )
    if finding.remedy and (finding.warning or not finding.well):
        console.print(Text.assemble("  → ", finding.remedy), soft_wrap=True)
