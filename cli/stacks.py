"""Which stack a command speaks to: the local one, or one in an account of the person.

A deployed stack is looked up once in CloudFormation with the person's own profile; after that its addresses are kept
beside the sign-in, and no command needs AWS credentials any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cli.errors import CliError
from cli.terminal import command
from local.deploy import read_stack
from local.environment import root_client
from local.settings import Settings, SettingsError

REQUIRED_OUTPUTS = ("ApiBaseUrl", "UserPoolClientId")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a person said about the stack; nothing means the local one."""

    stack: str | None = None
    profile: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        if self.stack is None and (self.profile or self.region):
            raise typer.BadParameter("--profile and --region go with --stack; the local cloud has neither.")

    @property
    def is_local(self) -> bool:
        return self.stack is None

    def words(self) -> str:
        """The options that lead to this stack again, for hints."""
        pairs = (("--stack", self.stack), ("--profile", self.profile), ("--region", self.region))
        return "".join(f" {name} {value}" for name, value in pairs if value)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack that can be spoken to. `cognito` makes the client that signs people in."""

    choice: Choice
    api_base: str
    client_id: str
    token_file: Path
    cognito: Callable[[], Any]
    demo_user: str | None = None
    demo_password_file: Path | None = None

    @property
    def is_local(self) -> bool:
        return self.choice.is_local


def local_settings() -> Settings:
    """The local cloud of this checkout. Raises CliError for a variable that cannot be understood."""
    try:
        return Settings.from_environment()
    except SettingsError as exc:
        raise CliError(str(exc)) from exc


def find_stack(choice: Choice, *, fresh: bool = False) -> Stack:
    """Return the stack of `choice`; `fresh` asks CloudFormation even for a known one. Raises CliError."""
    if not choice.is_local:
        return _deployed_stack(choice, fresh=fresh)
    return local_stack(local_settings())


def local_stack(settings: Settings) -> Stack:
    """The stack on the local cloud. Raises CliError when nothing is deployed."""
    document = read_stack(settings)
    if document is None:
        raise CliError("The local cloud is not running.", f"Start it: {command('up')}")
    return Stack(
        choice=Choice(),
        api_base=document["api_base"],
        client_id=document["outputs"]["UserPoolClientId"],
        token_file=settings.state / "sign_in.json",
        cognito=lambda: root_client(settings, "cognito-idp"),
        demo_user=document["user"]["username"],
        demo_password_file=Path(document["user"]["password_file"]),
    )


def _deployed_stack(choice: Choice, *, fresh: bool) -> Stack:
    folder = Path(typer.get_app_dir("afterimage")) / "stacks" / _slug(choice)
    known = folder / "stack.json"
    document = None if fresh else _read(known)
    if document is None:
        document = _look_up(choice)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        known.write_text(json.dumps(document, indent=2) + "\n")
    region = document["region"]
    return Stack(
        choice=choice,
        api_base=document["api_base"].rstrip("/"),
        client_id=document["client_id"],
        token_file=folder / "sign_in.json",
        cognito=lambda: _cognito(region),
    )


def _slug(choice: Choice) -> str:
    words = (choice.stack, choice.profile or "default-profile", choice.region or "default-region")
    return "@".join(re.sub(r"[^A-Za-z0-9._-]", "_", str(word)) for word in words)


def _read(path: Path) -> dict[str, str] | None:
    try:
        document: dict[str, str] = json.loads(path.read_text())
        return document if {"api_base", "client_id", "region"} <= set(document) else None
    except (OSError, ValueError, TypeError):
        return None


def _look_up(choice: Choice) -> dict[str, str]:
    """Read the outputs of a deployed stack with the person's own credentials."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        session = boto3.Session(profile_name=choice.profile, region_name=choice.region)
        stacks = session.client("cloudformation").describe_stacks(StackName=choice.stack)["Stacks"]
    except ClientError as exc:
        raise CliError(
            f"CloudFormation does not show the stack {choice.stack}: {exc.response['Error'].get('Message', exc)}",
            "Check the name, --profile and --region.",
        ) from exc
    except BotoCoreError as exc:
        raise CliError(f"AWS cannot be asked: {exc}", "Check --profile and --region.") from exc
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}
    if missing := [name for name in REQUIRED_OUTPUTS if name not in outputs]:
        raise CliError(
            f"The stack {choice.stack} has no output {' and no '.join(missing)}, so it is not an Afterimage stack."
        )
    return {
        "api_base": outputs["ApiBaseUrl"],
        "client_id": outputs["UserPoolClientId"],
        "region": session.region_name,
    }


def _cognito(region: str) -> Any:
    """A client for sign-in. Its calls are public: without a signature no credentials of the person are read."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    return boto3.Session().client("cognito-idp", region_name=region, config=Config(signature_version=UNSIGNED))
