"""The built artifact and what a Lambda's runtime adds to it, once per run."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from local import build
from local.settings import Settings

# What AWS documents for its Python runtimes: boto3 with its dependencies. Nothing else may be taken for granted.
RUNTIME_DISTRIBUTIONS = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
Interpreter = Callable[[str, tuple[Path, ...]], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder that `sam build` made: a folder per function, and the template that names them."""
    settings = Settings.from_environment()
    build.build(settings)
    return settings.build / "out"


@pytest.fixture(scope="session")
def built_template(built: Path) -> dict[str, Any]:
    """The template as SAM wrote it, without the short tags."""
    document: dict[str, Any] = yaml.safe_load((built / "template.yaml").read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="session")
def artifact(built: Path) -> Path:
    """What every function's zip holds; a test shows that they are all the same."""
    return built / "RequestsApiFunction"


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with boto3 and what it needs, and nothing else of the environment that the tests run in."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME_DISTRIBUTIONS:
        distribution = importlib.metadata.distribution(name)
        tops = {Path(file).parts[0] for file in distribution.files or []} - {"..", "__pycache__"}
        for top in tops:
            (folder / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder


@pytest.fixture(scope="session")
def bare() -> Interpreter:
    """Run a program in a new interpreter that sees the standard library, the given folders, and no variable at all.

    `-I` and `-S` keep site-packages, PYTHONPATH and the working directory away.
    """

    def run(program: str, folders: tuple[Path, ...]) -> subprocess.CompletedProcess[str]:
        paths = [str(folder) for folder in folders]
        return subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", f"import sys; sys.path[:0] = {paths!r}\n{program}"],
            env={},
            capture_output=True,
            text=True,
            check=False,
        )

    return run
