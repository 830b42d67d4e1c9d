"""`afterimage verify`: what a picture file says about itself, and whether that still holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import AsJson
from cli.stacks import local_settings
from cli.terminal import emit_json
from cli.verification import files as reading
from cli.verification.findings import exit_code
from cli.verification.show import show


def verify(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="PNG, JPEG or WebP files.", show_default=False)],
    trust: Annotated[
        list[Path] | None,
        typer.Option(
            "--trust",
            metavar="PEM",
            exists=True,
            dir_okay=False,
            help="Certificates that vouch for signers, besides the local cloud's own. May be repeated.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what picture files tell of their making, and whether they were altered. Nothing is sent anywhere.

    Exit codes, of several files the first of 1, 5, 3, 4, 0:
    0 unchanged since a known signer signed it
    1 altered
    2 wrong usage
    3 no mark found
    4 marked, and nothing shows whether it was altered
    5 not read
    """
    settings = local_settings()
    anchors = reading.trusted(settings, trust or [])
    reports = []
    for number, file in enumerate(files):
        reports.append(reading.verify(settings, file, anchors))
        if not as_json:
            show(reports[-1], first=number == 0)
    if as_json:
        emit_json({"files": [report.document() for report in reports]})
    raise typer.Exit(exit_code(reports))
