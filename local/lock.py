"""`make lock`: write the lists with hashes (`*.txt`) from the lists that people read and edit (`*.in`).

Every `.in` pins everything already, so nothing is resolved here: uv asks the index for the hashes of those files only,
and pip then takes no other file. Run as `python -m local.lock`; a test holds each pair against each other
without a network.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from local.settings import ROOT, Settings

LISTS = (
    "functions/requirements",
    "imaging/requirements",
    "imaging/requirements-sealing",
    "model/requirements",
    "model/requirements-image",
    "requirements/audit",
    "requirements/checkov",
    "requirements/cloud",
    "requirements/dev",
    "requirements/sagemaker",
    "requirements/sam",
)
HEADER = "# Written by `make lock` from {name}; edit that one.\n--require-hashes\n"


def lock(uv: Path, name: str, root: Path = ROOT) -> str:
    """Return the text of `{name}.txt`. Raises CalledProcessError, after uv has said why."""
    source = f"{name}.in"
    argv = [str(uv), "pip", "compile", "--no-config", "--quiet", "--no-deps", "--generate-hashes", "--universal"]
    argv += ["--python-version", "3.11", "--no-header", "--no-annotate", source]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("UV_")}
    done = subprocess.run(argv, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return HEADER.format(name=Path(source).name) + done.stdout


def main() -> int:
    uv = Settings.from_environment().environments / "audit" / "bin" / "uv"
    for name in LISTS:
        (ROOT / f"{name}.txt").write_text(lock(uv, name), encoding="utf-8")
        print(f"{name}.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
