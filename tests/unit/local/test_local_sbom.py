"""A bill of materials is compared with the lists that it was made from."""

from __future__ import annotations

from importlib.metadata import distributions
from typing import Any

from local.sbom import BILLS, differences, pins
from local.settings import ROOT

LIST = "# words\n--require-hashes\nJinja2==3.1.6 \\\n    --hash=sha256:00\ntyping_extensions==4.16.0 ; os_name == 'x'\n"


def bill(**packages: str) -> dict[str, Any]:
    return {"components": [{"name": name, "version": version} for name, version in packages.items()]}


def test_equal_packages_are_no_difference_whatever_the_spelling() -> None:
    assert differences(bill(jinja2="3.1.6", typing_extensions="4.16.0"), pins(LIST)) == []


def test_what_is_missing_too_much_or_another_version_is_named() -> None:
    found = differences(bill(jinja2="3.1.5", six="1.17.0"), pins(LIST))
    assert [line.partition(":")[0] for line in found] == ["jinja2", "six", "typing-extensions"]


def test_the_bills_are_of_what_is_deployed() -> None:
    functions, imaging, container = (pins("".join((ROOT / path).read_text() for path in BILLS[name])) for name in BILLS)
    assert {"pydantic", "jinja2", "aws-lambda-powertools"} <= functions.keys()
    assert "boto3" not in functions, "it comes with the runtime"
    assert set(imaging) == {"pillow", "c2pa-python"}
    assert {"torch", "diffusers", "boto3"} <= container.keys()
    here = {found.metadata["Name"].lower().replace("_", "-"): found.version for found in distributions()}
    assert {name: here.get(name) for name in functions} == functions
