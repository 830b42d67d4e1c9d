"""Options that several commands share, each described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.api import Api
from cli.sign_in import Session
from cli.stacks import Choice, Stack, find_stack

_WHERE = "Where"

StackName = Annotated[
    str | None,
    typer.Option(
        "--stack",
        help="A deployed stack by its CloudFormation name. Without it, the local cloud.",
        envvar="AFTERIMAGE_STACK",
        rich_help_panel=_WHERE,
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        help="The AWS profile that may describe that stack.",
        envvar="AFTERIMAGE_PROFILE",
        rich_help_panel=_WHERE,
    ),
]
Region = Annotated[
    str | None,
    typer.Option(
        "--region", help="The stack's region, if not the profile's.", envvar="AFTERIMAGE_REGION", rich_help_panel=_WHERE
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        min=1,
        metavar="SECONDS",
        help="Wait no longer. The request goes on all the same; an endpoint scaled to zero takes minutes to wake.",
    ),
]
Output = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="DIR", file_okay=False, help="The folder in which pictures are saved."),
]
DEFAULT_TIMEOUT_S = 1200.0


def connect(stack: Stack) -> Api:
    """Return the API of `stack` for the person who is signed in."""
    return Api(stack, Session(stack))


def api_of(stack: str | None, profile: str | None, region: str | None) -> Api:
    """Return the API that these options name. Raises CliError."""
    return connect(find_stack(Choice(stack=stack, profile=profile, region=region)))
