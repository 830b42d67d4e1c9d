"""`sam build`, skipped when nothing that goes into it has changed."""

from __future__ import annotations

import fcntl
import os
import platform
import subprocess
from pathlib import Path

from local.cloud import CloudError
from local.digest import digest_of
from local.environment import clean_environment
from local.settings import Settings

SOURCES = ("template.yaml", "functions", "imaging", "statemachine")


def parameters(settings: Settings) -> dict[str, str]:
    """Template parameters that say on what the functions run: the interpreter and machine of the emulator."""
    python = settings.python("cloud")
    version = subprocess.run(
        [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    architecture = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    runtime = f"python{version}"
    return {"PythonRuntime": runtime, "SealingPythonRuntime": runtime, "Architecture": architecture}


def override_list(values: dict[str, str]) -> list[str]:
    """What follows `--parameter-overrides`."""
    return [f"ParameterKey={name},ParameterValue={value}" for name, value in sorted(values.items())]


def sources_digest(settings: Settings) -> str:
    """The digest of everything that is built and deployed."""
    paths = [settings.root / name for name in SOURCES]
    return digest_of((path for path in paths if path.exists()), *override_list(parameters(settings)))


def build(settings: Settings) -> bool:
    """Build the template's functions into `settings.build`; return whether there was anything to do."""
    settings.build.mkdir(parents=True, exist_ok=True)
    with (settings.build / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two local clouds share the build
        wanted = sources_digest(settings)
        stamp = settings.build / "digest"
        if stamp.exists() and stamp.read_text() == wanted and (settings.build / "out" / "template.yaml").exists():
            return False
        stamp.unlink(missing_ok=True)
        argv = [str(settings.environments / "sam" / "bin" / "sam"), "build"]
        argv += ["--template-file", str(settings.root / "template.yaml"), "--cached"]
        argv += ["--build-dir", str(settings.build / "out"), "--cache-dir", str(settings.build / "cache")]
        argv += ["--parameter-overrides", *override_list(parameters(settings))]
        run_sam(settings, argv, clean_environment(settings), "sam build", settings.logs / "build.log")
        stamp.write_text(wanted)
        return True


def run_sam(settings: Settings, argv: list[str], environment: dict[str, str], name: str, log: Path) -> None:
    """Run `argv` with its output in `log`. Raises CloudError with the end of it when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # `sam build` looks for the functions' Python on PATH; the tools' own environment has the right one.
    path = os.pathsep.join([str(settings.environments / "sam" / "bin"), environment.get("PATH", os.defpath)])
    with log.open("wb") as output:
        done = subprocess.run(
            argv,
            env=environment | {"PATH": path},
            cwd=settings.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        tail = "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-30:])
        raise CloudError(f"`{name}` failed with exit status {done.returncode}.\n{tail}\nThe whole log: {log}")
