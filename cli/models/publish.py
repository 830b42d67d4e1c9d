"""From a checked folder to an S3 prefix: the plan, the SDK's environment, the process that uploads."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cli.errors import CliError
from local.settings import Settings

DIGESTS_FILE = "digests.json"


def content_digest(files: Mapping[str, Mapping[str, Any]]) -> str:
    """One digest over names and digests of all files."""
    text = "\n".join(f"{entry['sha256']}  {name}" for name, entry in sorted(files.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def digests_document(files: Mapping[str, Mapping[str, Any]], commit: str | None) -> bytes:
    """The list that goes beside the files; `commit` is the hub's, for a model that came from there."""
    document = {"content_sha256": content_digest(files), "hub_commit": commit, "files": files}
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def make_environment(settings: Settings, say: Callable[[str], None]) -> Path:
    """The interpreter that has the SDK; the environment is made at its first use. Raises CliError."""
    argv = [str(settings.python("dev")), "-m", "local.setup", "sagemaker"]
    if not settings.python("sagemaker").exists():
        say("Making the environment of the SageMaker SDK, once: about 350 MB.")
    done = subprocess.run(
        argv, cwd=settings.root, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        raise CliError(done.stderr.removeprefix("error: ").strip() or "The SDK's environment could not be made.")
    return settings.python("sagemaker")


def upload(
    python: Path,
    settings: Settings,
    folder: Path,
    files: Mapping[str, Mapping[str, Any]],
    where: tuple[str, str],
    *,
    commit: str | None,
    profile: str | None,
    region: str | None,
    environment: Mapping[str, str],
    heard: Callable[[dict[str, Any]], None],
) -> None:
    """Upload every file and then the list of digests; `heard` gets a line per file. Raises CliError."""
    with tempfile.TemporaryDirectory() as temporary:
        listing = Path(temporary) / DIGESTS_FILE
        listing.write_bytes(digests_document(files, commit))
        entries = [{"name": name, "path": str(folder / name), **entry} for name, entry in sorted(files.items())]
        digest = hashlib.sha256(listing.read_bytes()).hexdigest()
        size = listing.stat().st_size
        entries.append({"name": DIGESTS_FILE, "path": str(listing), "sha256": digest, "size": size})
        plan = {"bucket": where[0], "prefix": where[1], "files": entries, "profile": profile, "region": region}
        problem = _run(python, settings, plan, environment, heard)
    if problem is not None:
        raise CliError(
            f"The model is not uploaded: {problem}", "What is there already is kept: the same command again."
        )


def _run(
    python: Path,
    settings: Settings,
    plan: dict[str, Any],
    environment: Mapping[str, str],
    heard: Callable[[dict[str, Any]], None],
) -> str | None:
    kept = {name: value for name, value in environment.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    process = subprocess.Popen(
        [str(python), "-m", "cli.models.upload"],
        cwd=settings.root,
        env=kept | {"PYTHONPATH": str(settings.root), "PYTHONWARNINGS": "ignore"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process was started without pipes")
        process.stdin.write(json.dumps(plan))
        process.stdin.close()
        problem = None
        for line in process.stdout:
            told = json.loads(line)
            problem = told.get("error", problem)
            heard(told)
    return problem or (f"exit code {process.returncode}" if process.returncode else None)


def environment_of(settings: Settings, *, is_local: bool) -> dict[str, str]:
    """A person's own environment for their account, the emulator's root for the local cloud."""
    from local.environment import root_environment

    return root_environment(settings) if is_local else dict(os.environ)
