"""What is deployed: it imports alone, holds what it says it holds, and stays small."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes.png import png_of

from local.digest import digest_of, files_of
from local.settings import ROOT
from local.signing_key import new_signing_key

# One build for all: two processes would write it into one folder.
pytestmark = pytest.mark.xdist_group("artifact")

Interpreter = Callable[[str, tuple[Path, ...]], "subprocess.CompletedProcess[str]"]
HANDLERS = sorted(path.stem for path in (ROOT / "functions" / "afterimage" / "handlers").glob("[!_]*.py"))
UNREACHABLE = ("torch", "numpy", "sagemaker", "diffusers", "transformers", "PIL", "safetensors", "pytest")
MAX_ZIP_BYTES = 6 * 1024 * 1024
FUNCTION = "AWS::Serverless::Function"


def distributions(folder: Path) -> dict[str, str]:
    """Name → version of what is installed in a folder."""
    return {
        normalised(found.metadata["Name"]): found.version
        for found in importlib.metadata.distributions(path=[str(folder)])
    }


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements() -> dict[str, str]:
    lines = (ROOT / "functions" / "requirements.in").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line.strip() and not line.startswith("#")]
    pinned = [re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][0-9A-Za-z.]*)", line) for line in wanted]
    assert all(pinned), f"not pinned: {[line for line, match in zip(wanted, pinned, strict=True) if not match]}"
    return {normalised(match[1]): match[2] for match in pinned if match}


@pytest.mark.parametrize("handler", HANDLERS)
def test_the_handler_imports_from_the_artifact_and_the_runtime_alone(
    handler: str, artifact: Path, runtime: Path, bare: Interpreter
) -> None:
    program = (
        "import importlib, importlib.util, os\n"
        f"module = importlib.import_module('afterimage.handlers.{handler}')\n"
        "assert callable(module.lambda_handler)\n"
        f"assert module.__file__.startswith({str(artifact)!r}), module.__file__\n"
        f"found = [name for name in {UNREACHABLE!r} if name in sys.modules or importlib.util.find_spec(name)]\n"
        "assert not found, found\n"
        "assert set(os.environ) <= {'LC_CTYPE'}, sorted(os.environ)\n"  # Python itself coerces a missing locale
    )
    done = bare(program, (artifact, runtime))
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "an import says nothing"


def test_the_handlers_import_where_they_are_developed_with_nothing_set(bare: Interpreter) -> None:
    """All in one process: that each imports alone, the artifact shows."""
    site_packages = Path(str(importlib.metadata.distribution("boto3").locate_file("")))
    program = "\n".join(f"import afterimage.handlers.{handler}" for handler in HANDLERS)
    done = bare(program, (ROOT / "functions", site_packages))
    assert done.returncode == 0, done.stderr


def test_the_bare_interpreter_sees_nothing_of_the_environment_of_the_tests(runtime: Path, bare: Interpreter) -> None:
    done = bare("import boto3, importlib.util; print(importlib.util.find_spec('pytest'))", (runtime,))
    assert (done.returncode, done.stdout) == (0, "None\n"), done.stderr
    assert bare("import aws_lambda_powertools", (runtime,)).returncode == 1


def test_all_functions_are_one_build(built: Path, built_template: dict[str, Any]) -> None:
    functions = {
        name: resource["Properties"]
        for name, resource in built_template["Resources"].items()
        if resource["Type"] == FUNCTION
    }
    drawing, sealing = functions.pop("DrawContactSheetFunction"), functions.pop("SealPicturesFunction")
    assert {properties["Handler"].split(".")[-2] for properties in functions.values()} == set(HANDLERS)
    folders = {properties["CodeUri"] for properties in functions.values()}
    assert len({drawing["CodeUri"], sealing["CodeUri"]} - folders) == 2
    assert len({digest_of([built / folder], relative_to=built / folder) for folder in folders}) == 1
    # One build, not equal ones: SAM writes down what it built for whom.
    definitions = (built.parent / "build.toml").read_text(encoding="utf-8")
    assert definitions.count("\nfunctions = [") == 3, "and two of imaging/, which need different things"


def test_the_zip_is_at_most_six_megabytes(artifact: Path, tmp_path: Path) -> None:
    path = tmp_path / "artifact.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:  # as SAM zips
        for file in files_of(artifact):
            target.write(file, file.relative_to(artifact))
    assert 1024 * 1024 < path.stat().st_size <= MAX_ZIP_BYTES


def test_the_requirements_are_what_is_in_the_artifact(artifact: Path) -> None:
    assert distributions(artifact) == requirements()


def test_what_draws_imports_from_its_own_artifact_and_stays_below_ten_megabytes(
    built: Path, runtime: Path, bare: Interpreter, tmp_path: Path
) -> None:
    drawing = built / "DrawContactSheetFunction"
    program = (
        "from afterimage_imaging import draw_contact_sheet, sheet\n"
        "import importlib.util\n"
        "assert importlib.util.find_spec('afterimage') is None\n"
        "heading = sheet.Heading(title='a', day='today', sheet=1, sheets=1, left_out=0)\n"
        "assert sheet.draw(heading, (), lambda key: None)[:2] == b'\\xff\\xd8'\n"
    )
    done = bare(program, (drawing, runtime))
    assert (done.returncode, done.stderr) == (0, "")
    wanted = (ROOT / "imaging" / "requirements.in").read_text(encoding="utf-8").splitlines()
    assert [f"{name}=={version}" for name, version in distributions(drawing).items()] == wanted[2:]
    assert (drawing / "afterimage_imaging" / "fonts" / "LICENSE").exists()
    with zipfile.ZipFile(tmp_path / "drawing.zip", "w", zipfile.ZIP_DEFLATED) as target:
        for file in files_of(drawing):
            target.write(file, file.relative_to(drawing))
    assert (tmp_path / "drawing.zip").stat().st_size <= 10 * 1024 * 1024


def test_what_seals_signs_from_its_own_artifact_and_holds_nothing_that_nobody_loads(
    built: Path, runtime: Path, bare: Interpreter, tmp_path: Path
) -> None:
    sealing = built / "SealPicturesFunction"
    (tmp_path / "key.json").write_text(new_signing_key(datetime.now(UTC))[0])
    (tmp_path / "picture.png").write_bytes(png_of())
    program = (
        "import importlib.util, pathlib, time\n"
        "from afterimage_imaging import png, seal_pictures, signing\n"
        "assert 'c2pa' not in sys.modules, 'a stack without a key loads no library'\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "signer = signing.C2paSigner((folder / 'key.json').read_text(), int(time.time()))\n"
        "signed = signer.sign((folder / 'picture.png').read_bytes(), png.CONTENT_TYPE)\n"
        "assert [kind for kind, _ in png.chunks(signed)].count(b'caBX') == 1\n"
        "assert not [name for name in ('PIL', 'afterimage', 'cryptography') if importlib.util.find_spec(name)]\n"
    )
    done = bare(program, (sealing, runtime))
    assert (done.returncode, done.stderr) == (0, "")
    wanted = (ROOT / "imaging" / "requirements-sealing.in").read_text(encoding="utf-8").splitlines()
    assert [f"{name}=={version}" for name, version in distributions(sealing).items()] == wanted[1:]
    assert {path.name for path in (sealing / "c2pa" / "libs").iterdir()} == {"libc2pa_c.so"}
    source = ROOT / "imaging" / "afterimage_imaging"
    for file in files_of(source):
        assert (sealing / "afterimage_imaging" / file.relative_to(source)).read_bytes() == file.read_bytes()
    with zipfile.ZipFile(tmp_path / "sealing.zip", "w", zipfile.ZIP_DEFLATED) as target:
        for file in files_of(sealing):
            target.write(file, file.relative_to(sealing))
    assert (tmp_path / "sealing.zip").stat().st_size <= 11 * 1024 * 1024


def test_the_tests_run_on_the_versions_of_the_artifact() -> None:
    here = {name: importlib.metadata.version(name) for name in requirements()}
    assert here == requirements()


def test_boto3_is_left_to_the_runtime(artifact: Path) -> None:
    assert not {"boto3", "botocore"} & {path.name for path in artifact.iterdir()}


def test_the_artifact_holds_the_sources_and_their_data(artifact: Path) -> None:
    source = ROOT / "functions"
    wanted = {file.relative_to(source): file.read_bytes() for file in files_of(source)}
    assert {path.suffix for path in wanted} >= {".py", ".json", ".j2", ".txt"}
    for path, content in wanted.items():
        assert (artifact / path).read_bytes() == content, path
    assert {path.name for path in artifact.glob("*") if path.is_dir()}.isdisjoint({"tests", "local", "model", "cli"})
