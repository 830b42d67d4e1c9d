"""Create the virtual environments under `.afterimage/env`, once: `python3 -m local.setup [NAME ...]`.

Apart from each other, because their pins exclude each other: `dev` (tests, checks, command line), `cloud` (emulator),
`sam` (aws-sam-cli), `model` (torch); and, made only where they are named, `audit` and `checkov`, which checks need, and
`sagemaker`, which `afterimage model publish` needs. The lists carry hashes, so pip takes the very files that
were there when they were written. This module runs on whatever `python3` a person has, so it uses nothing but the
standard library and no syntax that Python 3.7 does not know, so that an old one is told what it lacks.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".afterimage" / "env"
OLDEST, NEWEST = (3, 11), (3, 13)
FILES = {  # the largest first
    "model": ROOT / "model" / "requirements.txt",
    "sam": ROOT / "requirements" / "sam.txt",
    "dev": ROOT / "requirements" / "dev.txt",
    "cloud": ROOT / "requirements" / "cloud.txt",
    "checkov": ROOT / "requirements" / "checkov.txt",
    "audit": ROOT / "requirements" / "audit.txt",
    "sagemaker": ROOT / "requirements" / "sagemaker.txt",
}
EVERYDAY = ("model", "sam", "dev", "cloud")
# Installed after the list, without hashes: which file of torch is the right one depends on the machine.
AFTERWARDS = {"model": ROOT / "model" / "requirements-torch.txt"}


class SetupError(RuntimeError):
    """Raised when an environment cannot be made; the message says what to do."""


def find_python() -> tuple[str, tuple[int, ...]]:
    """Return an interpreter between OLDEST and NEWEST and its version. Raises SetupError when there is none."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable, tuple(sys.version_info[:2])
    for minor in range(OLDEST[1], NEWEST[1] + 1):
        candidate = shutil.which(f"python3.{minor}")
        # A version manager's shim may be on PATH without the interpreter behind it: ask instead of trusting the name.
        if candidate and _version(candidate) == (3, minor):
            return candidate, (3, minor)
    raise SetupError(
        f"Afterimage needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]}, and {sys.executable} is {sys.version.split()[0]}. "
        "Install one of them; if it is not found by itself, name it: make setup PYTHON=/path/to/python3.12"
    )


def _version(python: str) -> tuple[int, ...] | None:
    command = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else None


def digest(name: str, version: tuple[int, ...]) -> str:
    """What an environment was made from: interpreter version and lists."""
    lists = [path for path in (FILES[name], AFTERWARDS.get(name)) if path]
    return hashlib.sha256("\0".join([repr(version), *(path.read_text() for path in lists)]).encode()).hexdigest()


def is_made(name: str, version: tuple[int, ...]) -> bool:
    """True when the environment was made from the present requirements and its interpreter is still there."""
    requirements, folder = FILES[name], ENVIRONMENTS / name
    if not requirements.exists():
        raise SetupError(f"{requirements.relative_to(ROOT)} is missing.")
    stamp = folder / ".made-from"
    return (folder / "bin" / "python").exists() and stamp.exists() and stamp.read_text() == digest(name, version)


def make(name: str, python: str, version: tuple[int, ...]) -> float:
    """Make or complete one environment; return the seconds it took. Raises SetupError."""
    began = time.monotonic()
    folder = ENVIRONMENTS / name
    interpreter = folder / "bin" / "python"
    log = ENVIRONMENTS / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        if not interpreter.exists() or _version(str(interpreter)) != version:
            _run([python, "-m", "venv", "--clear", str(folder)], output, name, log)
        pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        # Compiling everything takes longer than compiling, on first use, the part that is used.
        install = [*pip, "install", "--no-compile", "--progress-bar", "off", "--requirement"]
        # The lists are complete, so pip has nothing to look for; it is asked afterwards whether anything is missing.
        _run([*install, str(FILES[name]), "--no-deps"], output, name, log)
        if name in AFTERWARDS:
            _run([*install, str(AFTERWARDS[name])], output, name, log)
        _run([*pip, "check"], output, name, log)
    (folder / ".made-from").write_text(digest(name, version))
    return time.monotonic() - began


def _run(argv: list[str], output: IO[str], name: str, log: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        argv, check=False, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment
    )
    if done.returncode != 0:
        output.flush()
        tail = "\n".join("    " + line for line in log.read_text(errors="replace").splitlines()[-12:])
        raise SetupError(f"The environment {name} could not be made.\n{tail}\nThe whole log: {log}")


def main(names: list[str]) -> int:
    try:
        python, version = find_python()
        unknown = sorted(set(names) - set(FILES))
        if unknown:
            raise SetupError(f"No such environment: {', '.join(unknown)}. There are {', '.join(FILES)}.")
        wanted = [name for name in FILES if name in (names or EVERYDAY) and not is_made(name, version)]
        if not wanted:
            return 0
        began = time.monotonic()
        print(f"Making environments: {', '.join(wanted)}. All of them take a few minutes.", flush=True)
        # Downloads of one overlap with the unpacking of another; more than two at once only wait for the disk.
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            futures = {pool.submit(make, name, python, version): name for name in wanted}
            for future in concurrent.futures.as_completed(futures):
                print(f"  {futures[future]} ready after {future.result():.0f} s", flush=True)
        print(f"The environments are ready after {time.monotonic() - began:.0f} s.", flush=True)
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
