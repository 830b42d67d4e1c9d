"""`afterimage doctor`: what is well, what is not, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import typer
from rich.text import Text

from cli.checks import Finding, api_findings, local_findings
from cli.commands.cloud import away_from_real_accounts
from cli.errors import FAILURE, CliError
from cli.mailbox import Mailbox
from cli.options import AsJson, Profile, Region, StackName, connect
from cli.stacks import Choice, find_stack, local_stack
from cli.terminal import BAD, GOOD, SOFT, emit_json, output, printable

_NAME_WIDTH = 19


def doctor(as_json: AsJson = False, stack: StackName = None, profile: Profile = None, region: Region = None) -> None:
    """Check machine, local cloud, sign-in and a link, and say what to do about what fails."""
    choice = Choice(stack=stack, profile=profile, region=region)
    findings = []
    for finding in _look(choice):
        findings.append(finding)
        if not as_json:
            _print(finding)
    unwell = [finding for finding in findings if not finding.well]
    if as_json:
        emit_json({"well": not unwell, "findings": [asdict(finding) for finding in findings]})
    else:
        verdict = f"{len(unwell)} of {len(findings)} need attention." if unwell else "Everything is well."
        output().print(f"\n{verdict}", style="bold")
    if unwell:
        raise typer.Exit(FAILURE)


def _look(choice: Choice) -> Iterable[Finding]:
    if not choice.is_local:
        try:
            found = find_stack(choice, fresh=True)
        except CliError as error:
            yield Finding(name="stack", well=False, sentence=error.sentence, remedy=error.hint)
            return
        yield Finding(name="stack", well=True, sentence=f"{choice.stack} is deployed")
        yield from api_findings(connect(found), None)
        return
    with away_from_real_accounts() as settings:
        last = None
        for last in local_findings(settings):
            yield last
        if last is not None and last.well:  # the stack: without it there is nothing to ask
            yield from api_findings(connect(local_stack(settings)), Mailbox(settings.mail))


def _print(finding: Finding) -> None:
    console = output()
    mark = Text("✓ ", GOOD) if finding.well else Text("✗ ", f"bold {BAD}")
    console.print(
        Text.assemble(mark, finding.name.ljust(_NAME_WIDTH), (printable(finding.sentence), SOFT)), soft_wrap=True
    )
    if not finding.well and finding.remedy:
        console.print(Text.assemble("  → ", finding.remedy), soft_wrap=True)
