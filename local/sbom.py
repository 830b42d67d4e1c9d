"""`make sbom`: what is deployed and what is in the container, as CycloneDX JSON, by cyclonedx-py from the locked lists.

Equal lists give equal bytes: no time and no random number is in them. Each bill is compared with its list before it is
kept, so that a package which the tool did not understand is not left out in silence; `make check` does the same.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from local.settings import ROOT, Settings

BILLS = {
    "functions": ("functions/requirements.txt",),
    "imaging": ("imaging/requirements.txt", "imaging/requirements-sealing.txt"),
    "container": ("model/requirements-image.txt", "model/requirements-torch.txt"),
}
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


class BillError(RuntimeError):
    """Raised when a bill does not say what its lists say."""


def pins(text: str) -> dict[str, str]:
    """Return the packages of a list by their normalised names."""
    return {_normalised(name): version for name, version in _PIN.findall(text)}


def differences(bill: dict[str, Any], wanted: dict[str, str]) -> list[str]:
    """Return what is missing from a bill, too much in it, or of another version."""
    found = {_normalised(component["name"]): component.get("version") for component in bill.get("components", [])}
    return sorted(
        f"{name}: {wanted.get(name)} is pinned, {found.get(name)} is listed"
        for name in wanted.keys() | found.keys()
        if wanted.get(name) != found.get(name)
    )


def make(tool: Path, name: str) -> str:
    """Return one bill. Raises BillError."""
    text = "".join((ROOT / path).read_text(encoding="utf-8") for path in BILLS[name])
    argv = [str(tool), "requirements", "--output-reproducible", "--pyproject", str(ROOT / "pyproject.toml"), "-"]
    # A way into a package index may hold a password, and the tool writes down the one that it knows.
    environment = {key: value for key, value in os.environ.items() if not key.upper().startswith("PIP_")}
    done = subprocess.run(argv, input=text, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BillError(done.stderr)
    wrong = differences(json.loads(done.stdout), pins(text))
    if wrong:
        raise BillError("\n".join(wrong))
    return done.stdout


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main(arguments: list[str]) -> int:
    tool = Settings.from_environment().environments / "audit" / "bin" / "cyclonedx-py"
    folder = ROOT / ".afterimage" / "sbom"
    try:
        bills = {name: make(tool, name) for name in BILLS}
    except BillError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if "--check" not in arguments:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in bills.items():
            path = folder / f"{name}.cdx.json"
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
