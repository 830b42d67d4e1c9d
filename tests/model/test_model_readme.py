"""The README names every option, variable and field that there is, and none that there is not."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from afterimage_model import errors
from afterimage_model.errors import ModelFault
from afterimage_model.folder import ModelNotes
from afterimage_model.serve.settings import settings_from

README = (Path(__file__).parents[2] / "model" / "README.md").read_text()


def section(title: str) -> str:
    """The text under a heading, up to the next one of any level."""
    return re.split(r"^#+ ", README.split(f"{title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_the_fields_of_afterimage_json_are_the_readmes() -> None:
    rows = re.findall(r"^\| (`.*?) \|", section("## afterimage.json: limits of a model"), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == {
        field.name for field in fields(ModelNotes)
    }


def test_the_options_and_variables_are_the_readmes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        settings_from(["--help"], {})
    shown = capsys.readouterr().out
    rows = re.findall(r"^\| (`--.*?) \| `(AFTERIMAGE_\w+)` \|", section("## Run it locally"), re.MULTILINE)
    documented = {option for options, _ in rows for option in re.findall(r"--[\w-]+", options)}
    assert documented == set(re.findall(r"^  (?:-h, )?(--[\w-]+)", shown, re.MULTILINE)) - {"--help"} | {
        "--no-warm-up",
        "--no-watermark",
    }
    assert {variable for _, variable in rows} == set(re.findall(r"AFTERIMAGE_\w+", shown))


def test_the_codes_and_statuses_are_the_readmes() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \| (.*) \|$", section("## What it promises"), re.MULTILINE)
    documented = {
        (int(status), code)
        for statuses, codes in rows
        for status in statuses.split(",")
        for code in re.findall(r"`([a-z_0-9]+)`", codes)
    }
    faults = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, ModelFault)]
    assert documented == {(fault.status, fault.code) for fault in faults}


def test_the_command_line_wins_over_the_environment_and_that_over_the_default() -> None:
    environment = {"AFTERIMAGE_PORT": "9000", "AFTERIMAGE_QUEUE_SIZE": "7", "AFTERIMAGE_WARM_UP": "0"}
    settings = settings_from(["--port", "9001"], environment)
    assert (settings.port, settings.queue_size, settings.warm_up) == (9001, 7, False)
    assert (settings.model, settings.host, settings.bucket) == ("/opt/ml/model", "127.0.0.1", None)
    assert settings_from([], {"SAGEMAKER_BIND_TO_PORT": "8123"}).port == 8123


@pytest.mark.parametrize(
    "arguments",
    [["--port", "70000"], ["--port", "http"], ["--threads", "0"], ["--queue-size", "-1"], ["--bukcet", "b"]],
)
def test_a_wrong_setting_ends_the_start(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        settings_from(arguments, {})
    assert caught.value.code == 2
