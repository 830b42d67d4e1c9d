"""The model's own environment, asked about a model folder as a process: the command line itself knows no torch."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.errors import CliError
from local.environment import clean_environment
from local.settings import Settings

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a check found. `findings` are code, sentence and whether it is a warning only."""

    well: bool
    findings: list[dict[str, Any]]
    facts: dict[str, Any]


def model_python(settings: Settings) -> Path:
    """The interpreter of the model's environment. Raises CliError when it was never made."""
    python = settings.python("model")
    if not python.exists():
        raise CliError("The model's environment is not there.", "Make it: make setup")
    return python


def resolve(settings: Settings, model: str, revision: str | None = None) -> tuple[Path, str | None]:
    """The folder of `model` and, for a hub id, the commit that was fetched. Raises CliError."""
    folder = Path(model).expanduser()
    if folder.exists() or _HUB_ID.fullmatch(model) is None:
        if revision is not None:
            raise CliError("A revision goes with a hub id, OWNER/NAME.")
        return folder.resolve(), None
    into = settings.folder / "models" / model.replace("/", "--")
    arguments = ["fetch", model, "--into", str(into)] + (["--revision", revision] if revision else [])
    answer = _ask(settings, arguments, quiet=False)
    if "error" in answer:
        hint = f"There is no folder {model} either. For a hub id look at its spelling, the network and HF_TOKEN."
        raise CliError(str(answer["error"]), hint)
    return Path(answer["folder"]), str(answer["commit"])


def check(settings: Settings, folder: Path, *options: str) -> Report:
    """Have `folder` checked. Raises CliError when the check itself did not come to an end."""
    answer = _ask(settings, ["check", str(folder), *options], quiet=True)
    return Report(well=answer["well"], findings=answer["findings"], facts=answer["facts"])


def _ask(settings: Settings, arguments: list[str], *, quiet: bool) -> dict[str, Any]:
    paths = os.pathsep.join(str(settings.root / name) for name in ("functions", "model"))
    done = subprocess.run(
        [str(model_python(settings)), "-m", "afterimage_model", *arguments],
        env=clean_environment(settings) | {"PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if quiet else None,
        text=True,
        check=False,
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as exc:
        last = (done.stderr or "").strip().splitlines()[-1:]
        killed = "it was killed, perhaps for want of memory" if done.returncode < 0 else f"exit code {done.returncode}"
        raise CliError("\n".join([f"The model's environment gave no answer: {killed}.", *last])) from exc
    return answer
