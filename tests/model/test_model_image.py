"""What the Dockerfile copies is enough to run, and it starts as SageMaker starts it. No Docker is needed here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "model" / "Dockerfile").read_text()
PINNED = re.compile(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+")


@pytest.fixture(scope="module")
def image_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the COPY lines put below /opt/afterimage."""
    root = tmp_path_factory.mktemp("image")
    for source, target in re.findall(r"^COPY (\S+) /opt/afterimage/(\S+)$", DOCKERFILE, re.MULTILINE):
        path = root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, path)
        else:
            shutil.copy(ROOT / source, path)
    return root


def run(image_root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(image_root)}
    command = (sys.executable, *command)
    return subprocess.run(command, check=False, cwd=image_root, env=environment, capture_output=True, text=True)


def test_every_module_that_serves_imports_from_the_image_alone(image_root: Path) -> None:
    code = "import afterimage_model.generate, afterimage_model.serve.__main__, afterimage as a; print(a.__file__)"
    done = run(image_root, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(image_root / "afterimage" / "__init__.py")


def test_the_http_layer_is_up_without_torch(image_root: Path) -> None:
    code = (
        "import sys, afterimage_model.serve.__main__; print(sorted({'torch', 'diffusers', 'boto3'} & set(sys.modules)))"
    )
    done = run(image_root, "-c", code)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_entry_point_takes_the_word_serve(image_root: Path) -> None:
    (line,) = re.findall(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)
    entry = json.loads(line)  # the exec form is JSON
    assert entry[0] == "python"
    done = run(image_root, *entry[1:], "serve", "--help")
    assert done.returncode == 0, done.stderr
    assert "AFTERIMAGE_MODEL_DIR" in done.stdout
    assert run(image_root, *entry[1:]).returncode == 2


def test_it_does_not_run_as_root_and_its_base_is_an_exact_version() -> None:
    assert re.search(r"^USER [1-9]\d*$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^FROM \S+:\d+\.\d+\.\d+\S*$", DOCKERFILE, re.MULTILINE)


def test_every_package_is_pinned() -> None:
    lines = (ROOT / "model" / "requirements-image.in").read_text().splitlines()
    lines += (ROOT / "model" / "requirements-torch.txt").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert len(packages) > 40
    assert [line for line in packages if not PINNED.fullmatch(line)] == []
    assert not any(line.startswith("pytest==") for line in packages)


def test_every_environment_variable_is_read_by_the_server(image_root: Path) -> None:
    named = set(re.findall(r"\b(AFTERIMAGE_[A-Z_]+)=", DOCKERFILE))
    shown = run(image_root, "-m", "afterimage_model", "serve", "--help").stdout
    assert named
    assert named <= set(re.findall(r"AFTERIMAGE_[A-Z_]+", shown))
