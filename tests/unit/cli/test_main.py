"""What holds for every command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import Result

from cli.commands.cloud import away_from_real_accounts
from cli.main import app
from local.settings import ROOT


def test_every_command_has_help_and_every_option_a_text() -> None:
    group = get_command(app)
    groups = [group.commands[name].commands.values() for name in ("mail", "admin", "model")]  # type: ignore[attr-defined]
    groups.append(group.commands["admin"].commands["held"].commands.values())  # type: ignore[attr-defined]
    commands = [*group.commands.values(), *(command for commands in groups for command in commands)]
    assert len(commands) == 41
    for command in commands:
        assert command.help, command.name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{command.name} {parameter.name}"


def test_an_account_in_the_environment_does_not_reach_the_local_cloud(
    cloud_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    with away_from_real_accounts():
        assert "AWS_PROFILE" not in os.environ
        assert os.environ.get("AWS_ACCESS_KEY_ID") != "AKIAREAL"
    assert os.environ["AWS_PROFILE"] == "production"


def test_down_without_a_running_cloud_is_no_error(run: Callable[..., Result]) -> None:
    done = run("down")
    assert (done.exit_code, done.stdout) == (0, "The local cloud was not running.\n")


def test_a_port_that_is_none_is_a_sentence(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_PORT", "many")
    done = run("status")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: AFTERIMAGE_PORT must be a port")


def test_status_of_a_stopped_cloud_ends_with_1_and_says_how_to_start_it(run: Callable[..., Result]) -> None:
    done = run("status")
    assert done.exit_code == 1
    assert done.stdout.count("  stopped  ") == 4
    assert "afterimage up" in done.stdout


def test_the_script_of_a_checkout_works_from_any_folder(tmp_path: Path) -> None:
    if Path(sys.executable) != ROOT / ".afterimage" / "env" / "dev" / "bin" / "python":
        pytest.skip("the script takes the environment that `make setup` made")
    done = subprocess.run([ROOT / "afterimage", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "generate" in done.stdout


def test_the_script_says_what_to_do_before_the_environments_are_made(tmp_path: Path) -> None:
    script = tmp_path / "afterimage"
    script.write_bytes((ROOT / "afterimage").read_bytes())
    script.chmod(0o755)
    done = subprocess.run([script, "up"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "make -C" in done.stderr
