"""Files from names to reports, each read by a process that may fail alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from cli.errors import CliError
from cli.verification.findings import Report, Verdict, findings_from, judge
from local.environment import clean_environment
from local.settings import Settings
from local.signing_key import root_file

MOST_S = 90


class TrustError(CliError):
    """Raised for a file that was named as certificates and holds none."""

    exit_code = 2  # wrong usage; 1 would say that a picture was altered


def trusted(settings: Settings, files: list[Path]) -> str:
    """The certificates that are trusted, in PEM: those named, and the local cloud's own. Raises TrustError."""
    own = root_file(settings)
    texts = []
    for file in [*files, *([own] if own.is_file() else [])]:
        try:
            text = file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as exc:
            raise TrustError(f"{file} cannot be read as certificates in PEM.") from exc
        if "-----BEGIN CERTIFICATE-----" not in text:
            raise TrustError(f"{file} holds no certificate in PEM.")
        texts.append(text)
    return "\n".join(texts)


def verify(settings: Settings, file: Path, anchors: str) -> Report:
    """Read one file and judge it."""
    if not file.is_file():
        return _unreadable(file, "There is no such file.")
    paths = os.pathsep.join(str(settings.root / folder) for folder in ("", "model"))
    environment = clean_environment(settings) | {
        "PYTHONPATH": paths,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "cli.verification", str(file.resolve())],
            env=environment,
            input=anchors,
            capture_output=True,
            text=True,
            timeout=MOST_S,
            check=False,
        )
        document = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return _unreadable(file, f"Reading it took more than {MOST_S} seconds.")
    except ValueError:
        return _unreadable(file, "Reading it broke the reader.")
    if "refused" in document:
        return _unreadable(file, document["refused"])
    return judge(str(file), findings_from(document))


def _unreadable(file: Path, why: str) -> Report:
    return Report(name=str(file), verdict=Verdict.UNREADABLE, sentence=f"Not read: {why[0].lower()}{why[1:]}")
