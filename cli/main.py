"""The command `afterimage`: its commands, and how each of them ends."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from cli.commands import (
    admin,
    campaign,
    cloud,
    demo,
    doctor,
    generate,
    jobs,
    login,
    mail,
    me,
    model,
    owner,
    presets,
    verify,
)
from cli.errors import INTERRUPTED, CliError
from cli.terminal import complain, complaints
from local.cloud import CloudError


class _Commands(TyperGroup):
    """Turns errors into a sentence and an exit code, in one place for all commands."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CliError as error:
            complain(error)
            raise typer.Exit(error.exit_code) from error
        except CloudError as error:
            complain(CliError(str(error)))
            raise typer.Exit(CliError.exit_code) from error
        except KeyboardInterrupt as error:
            complaints().print("\nInterrupted.")
            raise typer.Exit(INTERRUPTED) from error


app = typer.Typer(
    name="afterimage",
    cls=_Commands,
    help="Pictures from words, by an event-driven service: on this machine, or in your AWS account with --stack.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the request ended without a picture.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals hold tokens
    context_settings={"help_option_names": ["-h", "--help"]},
)
_PICTURES, _CLOUD = "Pictures", "Cloud on this machine"
app.command("generate", rich_help_panel=_PICTURES)(generate.generate)
app.command("jobs", rich_help_panel=_PICTURES)(jobs.jobs)
app.command("show", rich_help_panel=_PICTURES)(jobs.show)
app.command("cancel", rich_help_panel=_PICTURES)(owner.cancel)
app.command("delete", rich_help_panel=_PICTURES)(owner.delete)
app.command("share", rich_help_panel=_PICTURES)(owner.share)
app.command("unshare", rich_help_panel=_PICTURES)(owner.unshare)
app.command("presets", rich_help_panel=_PICTURES)(presets.presets)
app.command("verify", rich_help_panel=_PICTURES)(verify.verify)
app.command("erase-me", rich_help_panel=_PICTURES)(owner.erase_me)
app.command("me", rich_help_panel=_PICTURES)(me.me)
app.command("login", rich_help_panel=_PICTURES)(login.login)
app.command("demo", rich_help_panel=_CLOUD)(demo.demo)
app.command("up", rich_help_panel=_CLOUD)(cloud.up)
app.command("down", rich_help_panel=_CLOUD)(cloud.down)
app.command("status", rich_help_panel=_CLOUD)(cloud.status)
app.add_typer(mail.app, name="mail", rich_help_panel=_CLOUD)
app.add_typer(campaign.app, name="campaign", rich_help_panel=_PICTURES)
app.add_typer(model.app, name="model", rich_help_panel="Models")
app.add_typer(admin.app, name="admin", rich_help_panel="Administration")
app.command("doctor", rich_help_panel=_CLOUD)(doctor.doctor)


def main() -> None:
    """Run the command line of this process."""
    try:
        app(prog_name="afterimage")
    except BrokenPipeError:  # `afterimage jobs | head`
        sys.stderr.close()
        sys.exit(1)
