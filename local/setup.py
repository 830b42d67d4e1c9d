"""Create the virtual environments under `.afterimage/env`, once: `python3 -m local.setup [NAME ...]`.

Four of them, because their pins exclude each other: `dev` (tests, checks, command line), `cloud` (emulator), `sam`
(aws-sam-cli), `model` (torch). This module runs on whatever `python3` a person has, so it uses nothing but the standard
library and no syntax newer than what it must be able to complain about.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".afterimage" / "env"
OLDEST, NEWEST = (3, 11), (3, 13)
FILES = {
    "dev": ROOT / "requirements" / "dev.txt",
    "cloud": ROOT / "requirements" / "cloud.txt",
    "sam": ROOT / "requirements" / "sam.txt",
    "model": ROOT / "model" / "requirements.txt",
}
_INCLUDE = re.compile(r"^-r\s+(\S+)", re.MULTILINE)


class SetupError(RuntimeError):
    """Raised when an environment cannot be made; the message says what to do."""


def find_python() -> str:
    """Return an interpreter between OLDEST and NEWEST. Raises SetupError when there is none."""
    names = ["python3.%d" % minor for minor in range(OLDEST[1], NEWEST[1] + 1)]
    for candidate in [sys.executable, *filter(None, map(shutil.which, names))]:
        version = _version(candidate)
        if version is not None and OLDEST <= version <= NEWEST:
            return candidate
    raise SetupError(
        "Afterimage needs Python %d.%d to %d.%d, and this is %d.%d. Install one of them and call "
        "`make PYTHON=python3.12 ...`." % (*OLDEST, *NEWEST, *sys.version_info[:2])
    )


def _version(python: str) -> tuple[int, ...] | None:
    # A version manager's shim may be on PATH without the interpreter behind it, so ask instead of trusting the name.
    command = [python, "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2])"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else None


def digest(requirements: Path, version: tuple[int, ...]) -> str:
    """What an environment was made from: interpreter version, requirement file and the files it includes."""
    text = requirements.read_text()
    parts = [repr(version), text]
    parts += [(requirements.parent / name).read_text() for name in _INCLUDE.findall(text)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def make(name: str, python: str) -> float | None:
    """Make or complete one environment; return the seconds it took, None when there was nothing to do."""
    began = time.monotonic()
    requirements, folder = FILES[name], ENVIRONMENTS / name
    if not requirements.exists():
        raise SetupError("%s is missing." % requirements.relative_to(ROOT))
    version = _version(python)
    wanted = digest(requirements, version or ())
    stamp, interpreter = folder / ".made-from", folder / "bin" / "python"
    alive = interpreter.exists() and _version(str(interpreter)) == version
    if alive and stamp.exists() and stamp.read_text() == wanted:
        return None
    log = ENVIRONMENTS / ("%s.log" % name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        if not alive:
            _run([python, "-m", "venv", "--clear", str(folder)], output, name, log)
        pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        install = ["install", "--progress-bar", "off", "--requirement", str(requirements)]
        _run([*pip, *install], output, name, log)
    stamp.write_text(wanted)
    return time.monotonic() - began


def _run(argv: list[str], output, name: str, log: Path) -> None:  # type: ignore[no-untyped-def]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(argv, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment)
    if done.returncode != 0:
        output.flush()
        tail = "\n".join("    " + line for line in log.read_text(errors="replace").splitlines()[-12:])
        raise SetupError("The environment %s could not be made.\n%s\nThe whole log: %s" % (name, tail, log))


def main(names: list[str]) -> int:
    try:
        python = find_python()
        wanted = names or list(FILES)
        if unknown := sorted(set(wanted) - set(FILES)):
            raise SetupError("No such environment: %s. There are %s." % (", ".join(unknown), ", ".join(FILES)))
        began = time.monotonic()
        # Downloads of one overlap with the unpacking of another; more than two at once only wait for the disk.
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            futures = {pool.submit(make, name, python): name for name in sorted(wanted, key="model dev sam cloud".find)}
            pending = {name for name in wanted if not (ENVIRONMENTS / name / ".made-from").exists()}
            if pending:
                names_text = ", ".join(sorted(pending))
                print("Making environments: %s. The first time takes a few minutes." % names_text, flush=True)
            for future in concurrent.futures.as_completed(futures):
                seconds = future.result()
                if seconds is not None:
                    print("  %s ready after %.0f s" % (futures[future], seconds), flush=True)
        if pending:
            print("All environments are ready after %.0f s." % (time.monotonic() - began), flush=True)
    except SetupError as error:
        print("error: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
