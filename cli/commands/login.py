"""`afterimage login`: sign in to a stack."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli.errors import CliError
from cli.options import Profile, Region, StackName
from cli.sign_in import Session
from cli.stacks import Choice, find_stack
from cli.terminal import output, printable


def login(
    email: Annotated[
        str | None,
        typer.Option(help="Your address. Left out: you are asked; on the local cloud, the demo user is taken."),
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from the first line of the standard input.")
    ] = False,
    stack: StackName = None,
    profile: Profile = None,
    region: Region = None,
) -> None:
    """Sign in. The sign-in is kept in a file that you alone can read, and renews itself."""
    found = find_stack(Choice(stack=stack, profile=profile, region=region), fresh=True)
    session = Session(found)
    if found.is_local and email is None:
        name = session.sign_in_demo_user()
    else:
        name = email or typer.prompt("E-mail")
        session.sign_in(name, _password(password_stdin), _ask_for_new_password)
    output().print(f"Signed in to {stack or 'the local cloud'} as {printable(name)}.", soft_wrap=True)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    if not sys.stdin.isatty():
        raise CliError("There is no terminal on which to ask for the password.", "Send it with --password-stdin.")
    return str(typer.prompt("Password", hide_input=True))


def _ask_for_new_password() -> str:
    if not sys.stdin.isatty():
        raise CliError("The pool wants a new password, and there is no terminal on which to ask for it.")
    return str(
        typer.prompt("The first password must be replaced. New password", hide_input=True, confirmation_prompt=True)
    )
